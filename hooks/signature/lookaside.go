// SPDX-License-Identifier: BSD-2-Clause

package signature

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/secret"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
)

// Lookaside is a tree of files with signatures in podman's form, as
// containers-registries.d(5) has it: in a folder, or behind any web server.
type Lookaside struct {
	Place  string       // a folder, or a URL
	Client *http.Client // for a URL
}

// folderOf is where the signatures of a manifest are, below the place.
func folderOf(of registry.Reference, subject digest.Digest) string {
	return of.Repository + "@" + subject.Algorithm().String() + "=" + subject.Encoded()
}

// isURL reports whether the place is one.
func (l Lookaside) isURL() bool {
	return strings.HasPrefix(l.Place, "https://") || strings.HasPrefix(l.Place, "http://")
}

// Dir is the folder of the place, "" for a web server.
func (l Lookaside) Dir() string {
	if l.isURL() {
		return ""
	}
	return strings.TrimPrefix(l.Place, "file://")
}

// patience bounds the wait for all signatures of a manifest.
const patience = 2 * time.Minute

// Read reads the signatures of a manifest: signature-1 and so on, until there is none.
func (l Lookaside) Read(ctx context.Context, of registry.Reference, subject digest.Digest) (found []Found, notes []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for n := 1; ; n++ {
		name := path.Join(folderOf(of, subject), fmt.Sprintf("signature-%d", n))
		text, err := l.get(ctx, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return found, notes, nil
		case err != nil:
			return nil, nil, err
		case n > Most:
			return found, append(notes, fmt.Sprintf("lookaside %s has more than %d signatures, and the rest was not looked at", path.Dir(name), Most)), nil
		}
		found = append(found, Found{Signature: attest.Signature{Form: attest.FormPGP, Text: text}, Where: "lookaside " + name})
	}
}

// get reads a file. If there is none, the error is fs.ErrNotExist.
func (l Lookaside) get(ctx context.Context, name string) ([]byte, error) {
	if !l.isURL() {
		file := filepath.Join(l.Dir(), filepath.FromSlash(name))
		text, err := store.ReadRegularFile(file, attest.MaxSignature)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			err = fault.Contentf("%s: %w", file, fault.Reason(err))
		}
		return text, err
	}
	u, err := url.Parse(l.Place)
	var req *http.Request
	if err == nil {
		u = u.JoinPath(name)
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	}
	if err != nil {
		return nil, fault.Usagef("--lookaside: %s: is no URL", secret.Cut(l.Place))
	}
	resp, err := l.Client.Do(req)
	if outer, is := errors.AsType[*url.Error](err); is { // which has the URL, perhaps with a password
		err = outer.Err
	}
	if err != nil {
		return nil, &LookasideError{secret.Cut(u.String()), err}
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fs.ErrNotExist
	default:
		return nil, &LookasideError{secret.Cut(u.String()), fmt.Errorf("the server says %s", resp.Status)}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, attest.MaxSignature+1))
	if err != nil {
		return nil, &LookasideError{secret.Cut(u.String()), err}
	}
	if len(text) > attest.MaxSignature {
		return nil, fault.Contentf("%s: has more than %d bytes", secret.Cut(u.String()), attest.MaxSignature)
	}
	return text, nil
}

// LookasideError is a signature that could not be asked for: whether there is one, nobody
// knows.
type LookasideError struct {
	What string
	Err  error
}

func (e *LookasideError) Error() string { return e.What + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *LookasideError) Unwrap() error { return e.Err }

// Absent reports that bytes could not be obtained.
func (*LookasideError) Absent() bool { return true }

// Add adds signatures of a manifest to the tree in the folder, after those that are there.
// Each appears whole or not at all, and replaces none.
func (l Lookaside) Add(of registry.Reference, subject digest.Digest, list []attest.Signature) error {
	dir := filepath.Join(l.Dir(), filepath.FromSlash(folderOf(of, subject)))
	if len(list) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	n := 1
	for _, s := range list {
		var err error
		if n, err = addFile(dir, n, s.Text); err != nil {
			return err
		}
	}
	return output.SyncFolder(dir)
}

// addFile writes a file under the first free number from n on, and returns the next one.
func addFile(dir string, n int, text []byte) (int, error) {
	part, err := os.CreateTemp(dir, ".orlop-part-")
	if err != nil {
		return n, err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(text)
	err = errors.Join(err, part.Chmod(0o644), part.Sync(), part.Close())
	for ; err == nil; n++ {
		if n > Most {
			return n, fault.Unsupportedf("%s: has %d signatures, the most that this version writes", dir, Most)
		}
		err = os.Link(part.Name(), filepath.Join(dir, fmt.Sprintf("signature-%d", n)))
		if err == nil {
			return n + 1, nil
		}
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	return n, err
}
