// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sign"
)

// Bounds for what nobody vouches for yet, those of pkg.
const (
	maxSigners   = 8       // pairs of NAME.sig and NAME.pub
	maxSignature = 1 << 20 // bytes of a member that signs
	maxPayload   = 1 << 30 // bytes of a catalogue's document
)

// archive is a catalogue's file.
type archive struct {
	file   io.ReadSeekCloser
	name   string
	member string // the payload
	lines  bool   // one JSON object a line
}

// openArchive finds the catalogue: data first, then packagesite, each in the
// file names that pkg has used.
func openArchive(ctx context.Context, repo Repo, files Opener, m meta) (*archive, error) {
	var first error
	for _, form := range []archive{{name: m.dataArchive, member: m.data}, {name: m.manifestsArchive, member: m.manifests, lines: true}} {
		for _, ext := range []string{".pkg", ".tzst", ".txz", ".tgz", ".tbz", ".tar"} {
			f, err := files.Open(ctx, form.name+ext)
			if err == nil {
				return &archive{f, form.name + ext, form.member, form.lines}, nil
			}
			if first == nil { // the absence of data.pkg says it all
				first = err
			}
			var absent interface{ NotFound() bool }
			if !errors.As(err, &absent) || !absent.NotFound() {
				return nil, fmt.Errorf("repository %q: %w", repo.Name, err)
			}
		}
	}
	return nil, fmt.Errorf("repository %q: %w", repo.Name, first)
}

// sealed is what an archive holds before it is known who made it.
type sealed struct {
	envelope sign.Envelope
	payload  sign.Payload
}

// unseal goes through the archive once and takes hashes of the payload, no more.
func (a *archive) unseal(ctx context.Context) (*sealed, error) {
	s := new(sealed)
	pairs := map[string]*sign.Pair{}
	var order []string
	found := false
	err := a.members(ctx, func(name string, contents io.Reader) error {
		stem, ext, _ := cutLast(name, ".")
		switch {
		case name == a.member:
			found = true
			return s.hash(contents)
		case name == "signature":
			var err error
			s.envelope.Signature, err = small(contents)
			return err
		case ext == "sig" || ext == "pub":
			if pairs[stem] == nil {
				if len(pairs) == maxSigners {
					return fmt.Errorf("has more than %d signers", maxSigners)
				}
				pairs[stem] = &sign.Pair{Name: stem}
				order = append(order, stem)
			}
			text, err := small(contents)
			if ext == "sig" {
				pairs[stem].Sig = text
			} else {
				pairs[stem].Pub = text
			}
			return err
		}
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("has no member %q", a.member)
	}
	for _, name := range order {
		s.envelope.Signers = append(s.envelope.Signers, *pairs[name])
	}
	return s, err
}

func (s *sealed) hash(contents io.Reader) error {
	short := sha256.New()
	long, err := blake2b.New512(nil)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.MultiWriter(short, long), io.LimitReader(contents, maxPayload+1))
	if n > maxPayload {
		return fmt.Errorf("is larger than %d bytes", maxPayload)
	}
	short.Sum(s.payload.SHA256[:0])
	long.Sum(s.payload.BLAKE2b[:0])
	return err
}

// small reads a member that signs. It is never nil.
func small(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSignature+1))
	if len(text) > maxSignature {
		return nil, fmt.Errorf("is larger than %d bytes", maxSignature)
	}
	return append([]byte{}, text...), err
}

// read parses the payload. That it still is the one that was hashed shows at
// its end, before anybody has used what was parsed.
func (a *archive) read(ctx context.Context, want [sha256.Size]byte, parse func(io.Reader) error) error {
	return a.members(ctx, func(name string, contents io.Reader) error {
		if name != a.member {
			return nil
		}
		h := sha256.New()
		body := io.TeeReader(contents, h)
		err := parse(body)
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		if err == nil && [sha256.Size]byte(h.Sum(nil)) != want {
			err = errors.New("changed while it was read")
		}
		return err
	})
}

// members goes through the archive from its start. No name may stand twice.
func (a *archive) members(ctx context.Context, visit func(name string, contents io.Reader) error) error {
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	plain, err := pkgfile.Decompress(contextReader{ctx, a.file})
	if err != nil {
		return err
	}
	defer plain.Close()
	t := tar.NewReader(plain)
	seen := map[string]bool{}
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case seen[h.Name]:
			return fmt.Errorf("member %q is there twice", h.Name)
		case len(seen) == 2*maxSigners+8:
			return fmt.Errorf("has more than %d members", len(seen))
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("member %q is no plain file", h.Name)
		}
		seen[h.Name] = true
		if err := visit(h.Name, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// contextReader ends a long read when the run is interrupted.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
