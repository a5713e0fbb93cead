// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/trust"
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
	forms  []form // what the payload may be
	form          // what it is, once unseal has found it
	sealed []byte // the whole file, where it is signed
	asked  bool   // whether its signature will be checked
	hashing
	keys   map[string][]byte                    // of meta, for signers whose keys the archive does not have
	lookup func(digest [sha256.Size]byte) error // finds keys, of meta itself
}

// form is one that a catalogue's payload can take.
type form struct {
	member string
	lines  bool // one JSON object a line
}

// openArchive finds the catalogue: data first, then packagesite, each under the
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
			if first == nil { // report only the absence of data.pkg
				first = err
			}
			if !notFound(err) {
				return nil, fmt.Errorf("repository %q: %w", repo.Name, err)
			}
		}
	}
	return nil, fmt.Errorf("repository %q: %w", repo.Name, first)
}

// notFound reports whether the repository answered that it has no such file.
func notFound(err error) bool {
	var absent interface{ NotFound() bool }
	return errors.As(err, &absent) && absent.NotFound()
}

// vouched says what was read and who signed it.
type vouched struct {
	digest string // lower-case hex sha256 of the payload
	signer string // sha256 of the key, "" if none was required
}

// checked reads the payload after checking its signature, if trust is not nil.
func (a *archive) checked(ctx context.Context, repo Repo, believed trust.Trust, parse func(form, io.Reader) error) (vouched, error) {
	a.asked = believed != nil
	e, err := a.unseal(ctx)
	if err != nil {
		return vouched{}, a.fault(ctx, repo, err)
	}
	v, err := a.vouch(ctx, repo, believed, e)
	if err != nil {
		return vouched{}, err
	}
	return v, a.parse(ctx, repo, e, parse)
}

// vouch checks the signature of a payload, if trust is not nil.
func (a *archive) vouch(ctx context.Context, repo Repo, believed trust.Trust, e *envelope) (v vouched, err error) {
	v.digest = hex.EncodeToString(e.payload.SHA256[:])
	if believed == nil {
		return v, nil
	}
	if err := a.complete(e); err != nil {
		return v, a.fault(ctx, repo, err)
	}
	if v.signer, err = believed.Check(e.Envelope, e.payload); err != nil {
		return v, fmt.Errorf("repository %q: %s: %w", repo.Name, a.name, err)
	}
	return v, nil
}

// parse reads the payload.
func (a *archive) parse(ctx context.Context, repo Repo, e *envelope, parse func(form, io.Reader) error) error {
	err := a.read(ctx, e.payload.SHA256, func(r io.Reader) error { return parse(a.form, r) })
	if err != nil {
		return a.fault(ctx, repo, err)
	}
	return nil
}

// complete gives signers whose keys are not in the archive those from meta.
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
			a.sealed = nil // useless without meta
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
	if _, unread := errors.AsType[*fault.UnsupportedError](err); large || unread {
		return fmt.Errorf("repository %q: %s: %w", repo.Name, a.name, err)
	}
	return &FormatError{repo.Name, fmt.Errorf("%s: %w", a.name, err)}
}

// keptArchive is an archive already in memory. Without a meta.conf, the payload
// has one of the names that pkg gives it.
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

// keep takes the whole archive into memory and reads on from there: the same
// bytes are checked, parsed and kept.
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

// read parses the payload. At its end it checks that this is still the payload
// that was hashed, before anyone has used what was parsed.
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

// members goes through the archive from its start. Names must be unique.
func (a *archive) members(ctx context.Context, visit func(name string, contents io.Reader) error) error {
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	plain, err := newBudget(ctx, a.pass())
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
		case pkgfile.CheckText(h.Name) != nil: // a signer's name appears in messages
			return fmt.Errorf("a member's name: %w", pkgfile.CheckText(h.Name))
		case seen[h.Name]:
			return fmt.Errorf("member %q occurs twice", h.Name)
		case len(seen) == 2*maxSigners+8:
			return fmt.Errorf("has more than %d members", len(seen))
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("member %q is not a regular file", h.Name)
		case sparse(h): // its holes would cost no byte of the budget
			return fmt.Errorf("member %q is a sparse file", h.Name)
		}
		seen[h.Name] = true
		if err := visit(h.Name, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// sparse reports whether a member has holes, in the PAX format; those of the
// older format have a type of their own.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}
