// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Request is what images are asked for.
type Request struct {
	Images      []string      // names, at least one
	ImageFiles  []string      // further definitions
	TreeFiles   []string      // a source tree's own definitions of FreeBSD's images, instead of orlop's
	Custom      *define.Image // one more definition, made from flags
	ABI         string        // "" for the one that the catalogues have
	Revision    string        // "" for that of FreeBSD-runtime
	Branch      string
	Exceptions  define.Exceptions // in addition to those of the definitions
	SkipScripts bool              // unknown scripts are recorded in the lock and are no error
	// Annotations of the manifests, of what the definitions do not say. Of an image
	// from a lock, it is what the user says they should be.
	Annotations map[string]string
	Epoch       *int64 // seconds: no time is later than this; nil for no such bound
}

// named is what the user says of the release, or else the source tree where the
// version of FreeBSD-runtime does not tell, as that of a snapshot.
func (r *Request) named(ctx context.Context, tree input.Tree, version string) (revision, branch string, err error) {
	if tree.SrcDir == "" || release.Tells(version) {
		return r.Revision, r.Branch, nil
	}
	file := filepath.Join(tree.SrcDir, input.Newvers)
	text, err := until.Do(ctx, func() ([]byte, error) { return os.ReadFile(file) })
	if errors.Is(err, fs.ErrNotExist) {
		return r.Revision, r.Branch, nil
	}
	if err != nil {
		return "", "", err
	}
	v, err := release.ReadNewvers(file, text)
	return cmp.Or(r.Revision, v.Revision), cmp.Or(r.Branch, v.Branch), err
}

// definitions are FreeBSD's own, as orlop or a source tree has them, those of the
// files, the one of the flags, and those of the parents that these name.
func (r *Request) definitions(ctx context.Context, revision string) (*definitions, error) {
	images, err := define.Standard(revision)
	if err != nil {
		return nil, err
	}
	all := &definitions{images, images.PackageExceptions(), map[string][]string{}}
	for _, file := range r.definitionFiles() {
		if err := all.read(ctx, file, revision); err != nil {
			return nil, err
		}
	}
	if r.Custom != nil {
		if err := images.Add(*r.Custom); err != nil {
			return nil, err
		}
	}
	return all, r.readParents(ctx, all, revision)
}

// definitions are those that a request has to choose from.
type definitions struct {
	define.Images
	inherited define.Exceptions   // that images have with packages
	removes   map[string][]string // paths that must not stay as lower steps have them, by image
}

// definitionFile is a file with definitions, and the flag that names it.
type definitionFile struct{ flag, path string }

// definitionFiles are those that the user gives: of FreeBSD's images, then others.
func (r *Request) definitionFiles() []definitionFile {
	var list []definitionFile
	for _, path := range r.TreeFiles {
		list = append(list, definitionFile{"tree-file", path})
	}
	for _, path := range r.ImageFiles {
		list = append(list, definitionFile{"image-file", path})
	}
	return list
}

// read adds those of a file.
func (all *definitions) read(ctx context.Context, f definitionFile, revision string) error {
	text, err := until.Do(ctx, func() ([]byte, error) { return os.ReadFile(f.path) })
	if err != nil {
		return &fault.UnreadError{Flag: f.flag, Path: f.path, Err: err}
	}
	add := all.AddConf
	switch {
	case f.flag == "tree-file":
		add = all.ReadTree
	case !strings.HasSuffix(f.path, ".conf"):
		return all.Read(f.path, text, revision)
	}
	c, err := add(f.path, text, revision)
	all.removes[c.Image.Name] = c.Removes
	return err
}

// readParents looks beside the files for the parents that none of them defines.
// One that is not there either is an error only where it is needed.
func (r *Request) readParents(ctx context.Context, all *definitions, revision string) error {
	sought := map[string]bool{}
	for again := true; again; {
		again = false
		for _, name := range all.UndefinedParents() {
			file := r.besideFiles("oci-image-" + name)
			if file == "" || sought[name] {
				continue
			}
			if err := all.read(ctx, definitionFile{"image-file", file}, revision); err != nil {
				return err
			}
			sought[name], again = true, true
		}
	}
	return nil
}

// besideFiles finds a file of definitions in a folder that has another, "" for
// none.
func (r *Request) besideFiles(name string) string {
	for _, file := range r.ImageFiles {
		for _, ext := range []string{".ucl", ".conf"} {
			path := filepath.Join(filepath.Dir(file), name+ext)
			if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() { // which nobody has named
				return path
			}
		}
	}
	return ""
}
