// SPDX-License-Identifier: BSD-2-Clause

// Package catalog reads what repositories offer: pkg's repository configuration,
// a repository's meta.conf and its catalogue.
//
// A catalogue is an archive with one payload: data.pkg with the JSON document
// "data", or packagesite.pkg with one JSON object per line in "packagesite.yaml"
// (libpkg/pkg_repo_create.c, libpkg/repo/binary/update.c). Before it come the
// members that sign it, which package trust checks.
package catalog

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/trust"
)

// Opener opens a repository's files by their paths in it.
type Opener interface {
	Open(ctx context.Context, path string) (io.ReadSeekCloser, error)
}

// Package is a package that a repository offers.
type Package struct {
	pkgfile.Summary
	Repo *Repo
}

// Catalogue is all that one repository offers.
type Catalogue struct {
	Repo   *Repo
	Digest string // lower-case hex sha256 of the payload
	Signer string // sha256 of the key that vouched for it, "" if none was required
	// PublicURL is the one under which anyone finds the repository, with pkg's
	// variables for the release; "" if unknown.
	PublicURL string
	Remote    bool // it comes over a network
	// Earlier are catalogues of the same repository from before, of which some packages
	// are still wanted; nil for none.
	Earlier []*Catalogue
	// Sealed is the archive, byte for byte as received and checked, if it holds
	// a signature, whether required or not; else nil. Unseal reads it again.
	Sealed []byte

	*offers // nil for no package
}

// maxPackages bounds the packages of a catalogue, each of which takes about 500
// bytes in memory. FreeBSD's ports are 37,000.
const maxPackages = 1_000_000

// FormatError is a catalogue or meta.conf that breaks its format.
type FormatError struct {
	Repo string
	Err  error
}

func (e *FormatError) Error() string { return fmt.Sprintf("repository %q: %v", e.Repo, e.Err) }

// Wrong reports that the bytes exist and are wrong.
func (*FormatError) Wrong() bool { return true }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *FormatError) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), fmt.Sprintf("repository %q", e.Repo), "", ""
}

// Load reads the catalogue of a repository. If trust is not nil, its signature
// is checked before anything is parsed. Notes, which may be nil, keep for the next
// run what was read.
func Load(ctx context.Context, repo Repo, files Opener, believed trust.Trust, notes Notes) (*Catalogue, error) {
	m, err := loadMeta(ctx, repo, files, believed)
	if err != nil {
		return nil, err
	}
	a, err := openArchive(ctx, repo, files, m)
	if err != nil {
		return nil, err
	}
	defer func() { a.file.Close() }()
	a.keys = m.keys
	return a.catalogue(ctx, repo, believed, notes)
}

// Unseal reads a catalogue from a kept archive (see Catalogue.Sealed), as Load
// does. There is no meta.conf, so the payload must have the name that pkg gives
// it. The archive must not change afterwards.
func Unseal(ctx context.Context, repo Repo, archive []byte, believed trust.Trust, notes Notes) (*Catalogue, error) {
	return keptArchive(archive).catalogue(ctx, repo, believed, notes)
}

// catalogue checks the archive, and parses its payload unless an earlier run did.
func (a *archive) catalogue(ctx context.Context, repo Repo, believed trust.Trust, notes Notes) (*Catalogue, error) {
	a.asked = believed != nil
	key := ""
	if notes != nil {
		var err error
		if key, err = a.noteKey(ctx); err != nil {
			return nil, a.fault(ctx, repo, err)
		}
	}
	if key != "" {
		if n := a.recall(ctx, notes, key); n != nil {
			v, err := a.vouch(ctx, repo, believed, &n.envelope)
			if err != nil {
				return nil, err
			}
			return a.of(&repo, v, n.table), nil
		}
	}
	e, err := a.unseal(ctx)
	if err != nil {
		return nil, a.fault(ctx, repo, err)
	}
	envelope := appendEnvelope(nil, e) // without the keys of meta
	v, err := a.vouch(ctx, repo, believed, e)
	if err != nil {
		return nil, err
	}
	var r reading
	a.rehash()
	if err := a.parse(ctx, repo, e, r.parse); err != nil {
		return nil, err
	}
	if r.found > maxPackages {
		return nil, a.fault(ctx, repo, &pkgfile.LimitError{What: "packages", Found: r.found, Most: maxPackages})
	}
	t, _, err := r.table(ctx)
	if err != nil {
		return nil, err
	}
	if key != "" && a.same(ctx) {
		remember(ctx, notes, key, envelope, t)
	}
	return a.of(&repo, v, t), nil
}

// of is the catalogue of what was read.
func (a *archive) of(repo *Repo, v vouched, t *table) *Catalogue {
	return &Catalogue{Repo: repo, Digest: v.digest, Signer: v.signer, Sealed: a.sealed, offers: newOffers(t)}
}

// reading is a catalogue that is being read.
type reading struct {
	packer
	found int // packages, including those beyond the limit
}

// parse reads the catalogue in one of its forms.
func (r *reading) parse(f form, from io.Reader) error {
	d := &document{r: bufio.NewReaderSize(from, 256<<10)}
	var err error
	if f.lines {
		err = r.readLines(d)
	} else {
		err = r.readData(d)
	}
	if err == nil {
		err = d.end()
	}
	return err
}

// readLines reads packagesite.yaml.
func (r *reading) readLines(d *document) error {
	for {
		next, err := d.peek()
		if err != nil || next == 0 {
			return err
		}
		if err := r.add(d); err != nil {
			return err
		}
	}
}

// readData reads data: {"groups":[…],"expired_packages":[…],"packages":[…]}.
func (r *reading) readData(d *document) error {
	found := false
	err := d.list('{', '}', func() error {
		text, err := d.value()
		if err != nil {
			return err
		}
		var key string
		if json.Unmarshal(text, &key) != nil {
			return fmt.Errorf("byte %d: found %.40q, wanted the name of a member", d.at, text)
		}
		if err := d.expect(':'); err != nil {
			return err
		}
		if key != "packages" {
			_, err := d.value()
			return err
		}
		if found {
			return fmt.Errorf(`byte %d: has "packages" twice`, d.at)
		}
		found = true
		return d.list('[', ']', func() error { return r.add(d) })
	})
	if err == nil && !found {
		err = errors.New(`has no "packages"`)
	}
	return err
}

// add reads the next package.
func (r *reading) add(d *document) error {
	text, err := d.value()
	if err != nil {
		return err
	}
	if r.found++; r.found > maxPackages {
		return nil // only counted
	}
	s, err := pkgfile.ParseSummary(text)
	if err != nil {
		return fmt.Errorf("entry %d: %w", r.found, err)
	}
	if p := s.Path; p == "" || path.Clean("/" + p)[1:] != p {
		return fmt.Errorf("%s: repopath %q is not a clean path inside the repository", s.FullName(), p)
	}
	if _, err := sum.Parse(string(s.Sum)); err != nil {
		return fmt.Errorf("%s: %w", s.FullName(), err)
	}
	r.packer.add(&s)
	return nil
}
