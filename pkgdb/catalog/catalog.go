// SPDX-License-Identifier: BSD-2-Clause

// Package catalog reads what repositories offer: pkg's repository
// configuration, a repository's meta.conf and its catalogue.
//
// A catalogue is an archive with one payload: data.pkg with the JSON document
// "data", or packagesite.pkg with a JSON object a line in "packagesite.yaml"
// (libpkg/pkg_repo_create.c, libpkg/repo/binary/update.c). Before it stand the
// members that sign it, which package sign checks.
package catalog

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sign"
	"github.com/orlop/orlop/pkgdb/sum"
)

// Opener opens a repository's files by their paths in it.
type Opener interface {
	Open(ctx context.Context, path string) (io.ReadSeekCloser, error)
}

// Package is a package that a repository offers. Its manifest has neither
// files nor scripts.
type Package struct {
	*pkgfile.Manifest
	Repo *Repo
	Path string // of the .pkg, inside the repository
	Sum  sum.Sum
	Size int64 // bytes of the .pkg
}

// Catalogue is all that one repository offers, by name, then version text.
type Catalogue struct {
	Repo     *Repo
	Digest   string // lower-case hex sha256 of the payload
	Signer   string // sha256 of the key that vouched for it, "" where none was asked
	Packages []*Package
}

// FormatError is a catalogue or meta.conf that breaks its format.
type FormatError struct {
	Repo string
	Err  error
}

func (e *FormatError) Error() string { return fmt.Sprintf("repository %q: %v", e.Repo, e.Err) }

// Unwrap returns the fault itself.
func (e *FormatError) Unwrap() error { return e.Err }

// Load reads the catalogue of a repository. Nothing of it is parsed before its
// signature is checked, where trust is not nil.
func Load(ctx context.Context, repo Repo, files Opener, trust sign.Trust) (*Catalogue, error) {
	m, err := loadMeta(ctx, repo, files)
	if err != nil {
		return nil, err
	}
	a, err := openArchive(ctx, repo, files, m)
	if err != nil {
		return nil, err
	}
	defer a.file.Close()
	fault := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &FormatError{repo.Name, fmt.Errorf("%s: %w", a.name, err)}
	}
	sealed, err := a.unseal(ctx)
	if err != nil {
		return nil, fault(err)
	}
	c := &Catalogue{Repo: &repo, Digest: hex.EncodeToString(sealed.payload.SHA256[:])}
	if trust != nil {
		if c.Signer, err = trust.Check(sealed.envelope, sealed.payload); err != nil {
			return nil, fmt.Errorf("repository %q: %s: %w", repo.Name, a.name, err)
		}
	}
	if err := a.read(ctx, sealed.payload.SHA256, c.parse(a.lines)); err != nil {
		return nil, fault(err)
	}
	slices.SortStableFunc(c.Packages, func(a, b *Package) int {
		if n := strings.Compare(a.Name, b.Name); n != 0 {
			return n
		}
		return strings.Compare(a.Version, b.Version)
	})
	return c, nil
}

// parse returns the reader of a form of the catalogue.
func (c *Catalogue) parse(lines bool) func(io.Reader) error {
	if lines {
		return c.readLines
	}
	return c.readData
}

func loadMeta(ctx context.Context, repo Repo, files Opener) (meta, error) {
	r, err := files.Open(ctx, "meta.conf")
	if err != nil {
		return meta{}, fmt.Errorf("repository %q: %w", repo.Name, err)
	}
	defer r.Close()
	m, err := parseMeta(r)
	if err != nil {
		return m, &FormatError{repo.Name, err}
	}
	return m, nil
}

// readLines reads packagesite.yaml.
func (c *Catalogue) readLines(r io.Reader) error {
	dec := json.NewDecoder(r)
	for dec.More() {
		if err := c.add(dec); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("byte %d: %w", dec.InputOffset(), err)
	}
	return nil
}

// readData reads data: {"groups":[…],"expired_packages":[…],"packages":[…]}.
func (c *Catalogue) readData(r io.Reader) error {
	dec := json.NewDecoder(r)
	if err := expect(dec, json.Delim('{')); err != nil {
		return err
	}
	found := false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		if key != "packages" {
			if err := dec.Decode(new(json.RawMessage)); err != nil {
				return err
			}
			continue
		}
		found = true
		if err := expect(dec, json.Delim('[')); err != nil {
			return err
		}
		for dec.More() {
			if err := c.add(dec); err != nil {
				return err
			}
		}
		if err := expect(dec, json.Delim(']')); err != nil {
			return err
		}
	}
	if err := expect(dec, json.Delim('}')); err != nil {
		return err
	}
	if !found {
		return errors.New(`has no "packages"`)
	}
	return nil
}

func expect(dec *json.Decoder, want json.Delim) error {
	t, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("byte %d: %w", dec.InputOffset(), err)
	}
	if t != want {
		return fmt.Errorf("byte %d: found %v, wanted %v", dec.InputOffset(), t, want)
	}
	return nil
}

// add reads the next package.
func (c *Catalogue) add(dec *json.Decoder) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("byte %d: %w", dec.InputOffset(), err)
	}
	m, err := pkgfile.ParseManifest(raw)
	if err != nil {
		return fmt.Errorf("package %d: %w", len(c.Packages)+1, err)
	}
	var file struct {
		Sum      string `json:"sum"`
		Path     string `json:"path"`
		RepoPath string `json:"repopath"`
		PkgSize  int64  `json:"pkgsize"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return fmt.Errorf("%s: %w", m.FullName(), err)
	}
	if file.RepoPath == "" {
		file.RepoPath = file.Path
	}
	if p := file.RepoPath; p == "" || path.Clean("/" + p)[1:] != p {
		return fmt.Errorf("%s: repopath %q is not a clean path inside the repository", m.FullName(), p)
	}
	s, err := sum.Parse(file.Sum)
	if err != nil {
		return fmt.Errorf("%s: %w", m.FullName(), err)
	}
	c.Packages = append(c.Packages, &Package{Manifest: m, Repo: c.Repo, Path: file.RepoPath, Sum: s, Size: file.PkgSize})
	return nil
}
