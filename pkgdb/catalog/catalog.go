// SPDX-License-Identifier: BSD-2-Clause

// Package catalog reads what repositories offer: pkg's repository
// configuration, a repository's meta.conf and its catalogue.
//
// A catalogue is an archive with one payload: data.pkg with the JSON document
// "data", or packagesite.pkg with a JSON object a line in "packagesite.yaml"
// (libpkg/pkg_repo_create.c, libpkg/repo/binary/update.c). Members that sign
// the payload are passed over when the configuration asks for no signature. A
// configuration that asks for one is refused: signatures are not supported.
package catalog

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// Opener opens a repository's files by their paths in it.
type Opener interface {
	Open(ctx context.Context, path string) (io.ReadCloser, error)
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

// ErrSignature is returned for a repository whose catalogue must be checked
// against a signature.
var ErrSignature = errors.New("signatures cannot be checked by this version; a catalogue is never read unchecked")

// Load reads the catalogue of a repository.
func Load(ctx context.Context, repo Repo, files Opener) (*Catalogue, error) {
	if repo.Signature != "" && repo.Signature != "none" {
		return nil, fmt.Errorf("repository %q: signature_type is %s: %w", repo.Name, repo.Signature, ErrSignature)
	}
	m, err := loadMeta(ctx, repo, files)
	if err != nil {
		return nil, err
	}
	payload, err := openPayload(ctx, repo, files, m)
	if err != nil {
		return nil, err
	}
	defer payload.Close()
	c := &Catalogue{Repo: &repo}
	h := sha256.New()
	body := bufio.NewReaderSize(io.TeeReader(payload, h), 256<<10)
	if payload.lines {
		err = c.readLines(body)
	} else {
		err = c.readData(body)
	}
	if err != nil {
		return nil, &FormatError{repo.Name, fmt.Errorf("%s: %w", payload.name, err)}
	}
	if _, err := io.Copy(io.Discard, body); err != nil { // so that the digest is of every byte
		return nil, &FormatError{repo.Name, fmt.Errorf("%s: %w", payload.name, err)}
	}
	c.Digest = hex.EncodeToString(h.Sum(nil))
	slices.SortStableFunc(c.Packages, func(a, b *Package) int {
		if n := strings.Compare(a.Name, b.Name); n != 0 {
			return n
		}
		return strings.Compare(a.Version, b.Version)
	})
	return c, nil
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

// payload is a catalogue's document inside its archive.
type payload struct {
	io.Reader
	name  string
	lines bool // one JSON object a line
	close []io.Closer
}

func (p *payload) Close() {
	for _, c := range slices.Backward(p.close) {
		c.Close()
	}
}

// openPayload finds the catalogue: data first, then packagesite, each in the
// file names that pkg has used.
func openPayload(ctx context.Context, repo Repo, files Opener, m meta) (*payload, error) {
	var errs []error
	for _, form := range []struct {
		archive, member string
		lines           bool
	}{{m.dataArchive, m.data, false}, {m.manifestsArchive, m.manifests, true}} {
		for _, ext := range []string{".pkg", ".tzst", ".txz", ".tgz", ".tbz", ".tar"} {
			f, err := files.Open(ctx, form.archive+ext)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			p, err := member(f, form.member)
			if err != nil {
				f.Close()
				return nil, &FormatError{repo.Name, fmt.Errorf("%s: %w", form.archive+ext, err)}
			}
			p.lines = form.lines
			return p, nil
		}
	}
	return nil, fmt.Errorf("repository %q: %w", repo.Name, errs[0]) // the absence of data.pkg says it all
}

// member moves to the member of an archive that holds the payload.
func member(f io.ReadCloser, name string) (*payload, error) {
	plain, err := pkgfile.Decompress(f)
	if err != nil {
		return nil, err
	}
	t := tar.NewReader(plain)
	for {
		h, err := t.Next()
		switch {
		case err == io.EOF:
			plain.Close()
			return nil, fmt.Errorf("has no member %q", name)
		case err != nil:
			plain.Close()
			return nil, err
		case h.Name == name && h.Typeflag == tar.TypeReg:
			return &payload{Reader: t, name: name, close: []io.Closer{f, plain}}, nil
		}
	}
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
