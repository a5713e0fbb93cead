// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sign"
	"github.com/orlop/orlop/pkgdb/until"
)

// Bounds for what nobody vouches for yet, those of libpkg/pkg_repo.c.
const (
	maxSigners   = 8       // pairs of NAME.sig and NAME.pub; PKG_REPO_MAX_SIGNATURE_ENTRIES
	maxSignature = 1 << 20 // bytes of a member that signs; PKG_REPO_MAX_SIGNATURE_SIZE
	maxArchive   = 1 << 30 // bytes of a signed archive, which is held in memory; PKG_REPO_MAX_TEMP_SIZE
)

// archive is a catalogue's file.
type archive struct {
	file   io.ReadSeekCloser
	name   string
	forms  []form                               // what the payload may be
	form                                        // what it is, once unseal has found it
	sealed []byte                               // the whole file, where it is signed
	asked  bool                                 // whether its signature will be checked
	keys   map[string][]byte                    // of meta, for signers whose keys the archive does not have
	lookup func(digest [sha256.Size]byte) error // finds keys, of meta itself
}

// form is one that a catalogue's payload has.
type form struct {
	member string
	lines  bool // one JSON object a line
}

// openArchive finds the catalogue: data first, then packagesite, each in the
// file names that pkg has used.
func openArchive(ctx context.Context, repo Repo, files Opener, m meta) (*archive, error) {
	first := m.absent
	for _, one := range []struct {
		name string
		form
	}{{m.dataArchive, form{m.data, false}}, {m.manifestsArchive, form{m.manifests, true}}} {
		for _, ext := range []string{".pkg", ".tzst", ".txz", ".tgz", ".tbz", ".tar"} {
			f, err := files.Open(ctx, one.name+ext)
			if err == nil {
				return &archive{file: f, name: one.name + ext, forms: []form{one.form}}, nil
			}
			if first == nil { // the absence of data.pkg says it all
				first = err
			}
			if !notFound(err) {
				return nil, fmt.Errorf("repository %q: %w", repo.Name, err)
			}
		}
	}
	return nil, fmt.Errorf("repository %q: %w", repo.Name, first)
}

// notFound reports whether the repository has been asked and has no such file.
func notFound(err error) bool {
	var absent interface{ NotFound() bool }
	return errors.As(err, &absent) && absent.NotFound()
}

// checked reads the payload once its signature is checked, where trust is not nil.
// It leaves who signed, and returns the payload's sha256.
func (a *archive) checked(ctx context.Context, repo Repo, trust sign.Trust, signer *string, parse func(form, io.Reader) error) ([sha256.Size]byte, error) {
	a.asked = trust != nil
	e, err := a.unseal(ctx)
	if err != nil {
		return [sha256.Size]byte{}, a.fault(ctx, repo, err)
	}
	if trust != nil {
		if err := a.complete(e); err != nil {
			return e.payload.SHA256, a.fault(ctx, repo, err)
		}
		if *signer, err = trust.Check(e.Envelope, e.payload); err != nil {
			return e.payload.SHA256, fmt.Errorf("repository %q: %s: %w", repo.Name, a.name, err)
		}
	}
	err = a.read(ctx, e.payload.SHA256, func(r io.Reader) error { return parse(a.form, r) })
	if err != nil {
		return e.payload.SHA256, a.fault(ctx, repo, err)
	}
	return e.payload.SHA256, nil
}

// complete gives signers whose keys the archive does not have those of meta.
func (a *archive) complete(e *envelope) error {
	for i := range e.Signers {
		s := &e.Signers[i]
		if s.Pub != nil {
			continue
		}
		if a.lookup != nil && a.keys == nil {
			if err := a.lookup(e.payload.SHA256); err != nil {
				return err
			}
		}
		if s.Pub = a.keys[s.Name]; s.Pub != nil {
			a.sealed = nil // without meta it vouches for nothing
		}
	}
	return nil
}

// fault names the archive and its repository.
func (a *archive) fault(ctx context.Context, repo Repo, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, large := errors.AsType[*pkgfile.LimitError](err)
	if _, unread := errors.AsType[*pkgfile.UnsupportedError](err); large || unread {
		return fmt.Errorf("repository %q: %s: %w", repo.Name, a.name, err)
	}
	return &FormatError{repo.Name, fmt.Errorf("%s: %w", a.name, err)}
}

// keptArchive is an archive that is in memory already. Without a meta.conf, the
// payload has one of the names that pkg gives it.
func keptArchive(text []byte) *archive {
	return &archive{
		file: memory{bytes.NewReader(text)}, name: "kept archive", sealed: text,
		forms: []form{{"data", false}, {"packagesite.yaml", true}},
	}
}

// memory is a file in memory.
type memory struct{ *bytes.Reader }

// Close does nothing.
func (memory) Close() error { return nil }

// keep takes the whole archive into memory, and reads on from there: what is
// checked, what is parsed and what is kept are the same bytes.
func (a *archive) keep(ctx context.Context) error {
	size, err := a.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size > maxArchive {
		return fmt.Errorf("has %d bytes, wanted at most %d", size, maxArchive)
	}
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(until.Reader(ctx, a.file), text); err != nil {
		return err
	}
	a.sealed = text
	err = a.file.Close()
	a.file = memory{bytes.NewReader(text)}
	return err
}

// envelope is what an archive holds before it is known who made it.
type envelope struct {
	sign.Envelope
	payload sign.Payload
	signed  bool
}

// errSigned ends the first look at an archive that is not in memory.
var errSigned = errors.New("is signed")

// unseal goes through the archive and takes hashes of the payload, no more. A
// signed one is taken into memory first; that it is signed shows at its start,
// since pkg puts the payload last.
func (a *archive) unseal(ctx context.Context) (*envelope, error) {
	e, err := a.look(ctx)
	if errors.Is(err, errSigned) {
		if err := a.keep(ctx); err != nil {
			return nil, err
		}
		e, err = a.look(ctx)
	}
	if err == nil && !e.signed {
		a.sealed = nil
	}
	return e, err
}

// look is one way through the archive, to its end or to what shows that it is
// signed and should be in memory.
func (a *archive) look(ctx context.Context) (*envelope, error) {
	e := new(envelope)
	pairs := map[string]*sign.Pair{}
	var order []string
	var found []form
	err := a.members(ctx, func(name string, contents io.Reader) (err error) {
		for _, f := range a.forms {
			if name == f.member {
				found = append(found, f)
				return e.hash(contents, a.asked)
			}
		}
		stem, ext, _ := cutLast(name, ".")
		if name != "signature" && ext != "sig" && ext != "pub" {
			return nil
		}
		if a.sealed == nil {
			return errSigned
		}
		e.signed = true
		if name == "signature" {
			e.Signature, err = small(contents)
			return err
		}
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
	})
	if err != nil {
		return nil, err
	}
	for _, name := range order {
		e.Signers = append(e.Signers, *pairs[name])
	}
	return e, a.choose(found)
}

// choose takes the form of the payload that was found.
func (a *archive) choose(found []form) error {
	if len(found) == 1 {
		a.form = found[0]
		return nil
	}
	var names []string
	for _, f := range a.forms {
		names = append(names, strconv.Quote(f.member))
	}
	if len(found) > 1 {
		return fmt.Errorf("has the members %s, wanted one of them", strings.Join(names, " and "))
	}
	return fmt.Errorf("has no member %s", strings.Join(names, " or "))
}

// hash takes the payload's hashes, that for keys of pkg's own only if asked.
func (e *envelope) hash(contents io.Reader, asked bool) error {
	short := sha256.New()
	if !asked {
		_, err := io.Copy(short, contents)
		short.Sum(e.payload.SHA256[:0])
		return err
	}
	long, err := blake2b.New512(nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(short, long), contents)
	short.Sum(e.payload.SHA256[:0])
	long.Sum(e.payload.BLAKE2b[:0])
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
	plain, err := newBudget(ctx, a.file)
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
		case len(h.Name) > maxName:
			return fmt.Errorf("a member's name has %d bytes, wanted at most %d", len(h.Name), maxName)
		case pkgfile.CheckText(h.Name) != nil: // the name of a signer gets into messages
			return fmt.Errorf("a member's name: %w", pkgfile.CheckText(h.Name))
		case seen[h.Name]:
			return fmt.Errorf("member %q is there twice", h.Name)
		case len(seen) == 2*maxSigners+8:
			return fmt.Errorf("has more than %d members", len(seen))
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("member %q is no plain file", h.Name)
		case sparse(h): // its holes would cost no byte of the budget
			return fmt.Errorf("member %q is a sparse file", h.Name)
		}
		seen[h.Name] = true
		if err := visit(h.Name, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// sparse reports whether a member has holes, in the form of PAX; those of the
// older form have a type of their own.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
