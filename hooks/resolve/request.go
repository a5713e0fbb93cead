// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Request says which images are wanted, and from which definitions.
type Request struct {
	Images     []string      // names, at least one
	ImageFiles []string      // further definitions
	TreeFiles  []string      // a source tree's own definitions of FreeBSD's images, instead of orlop's
	Custom     *define.Image // one more definition, made from flags
	Name       string        // of the only image of the only one of ImageFiles; "" for the one it has there
	// Set has values of variables that definitions declare.
	Set map[string]string
	// Copies has the paths of the files and folders that Custom names as if they were in
	// its folder, by their names there.
	Copies      map[string]string
	ABI         string // "" for the one that the catalogues have
	Revision    string // "" for FreeBSD-runtime's
	Branch      string
	Exceptions  define.Exceptions // in addition to those of the definitions
	SkipScripts bool              // unknown scripts are recorded in the lock and are no error
	// Annotations are those of the manifests that the definitions do not have. For an
	// image from a lock they are what the user expects.
	Annotations map[string]string
	Epoch       *int64 // seconds: no time is later than this; nil for no such bound
	Parents     parent.Finder
	// Files keeps what was read of ImageFiles and TreeFiles for the next request; nil to
	// read them each time.
	Files *Files
}

// Files has the texts of definitions, which may come through pipes, for several
// requests, one after the other.
type Files struct{ texts map[string][]byte }

// read reads a file, unless it was read before.
func (f *Files) read(path string) ([]byte, error) {
	if f == nil {
		return os.ReadFile(path)
	}
	text, known := f.texts[path]
	if known {
		return text, nil
	}
	text, err := os.ReadFile(path)
	if err == nil {
		f.texts[path] = text
	}
	return text, err
}

// NewFiles returns one that has read nothing.
func NewFiles() *Files { return &Files{map[string][]byte{}} }

// wants are the packages of an image by their names, also those that it has as files.
func wants(cats []*catalog.Catalogue, img define.Image) []string {
	names := map[string]string{}
	for _, c := range cats {
		if c.Repo.Local {
			for p := range c.All() {
				names[p.Path] = p.Name
			}
		}
	}
	var list []string
	for _, element := range img.Packages {
		if path, is := define.LocalPackage(element); is && names[path] != "" {
			element = names[path]
		}
		list = append(list, element)
	}
	return list
}

// renamed is the target of a file of definitions, whose only image may get another name.
func (r *Request) renamed(target define.Target, path string) define.Target {
	if r.Name != "" && slices.Equal(r.ImageFiles, []string{path}) {
		target.Name = r.Name
	}
	return target
}

// named returns the release that the user names. If the version of FreeBSD-runtime
// does not say one, as in a snapshot, the source tree fills the gaps.
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

// definitions reads FreeBSD's definitions, from orlop or a source tree, those in
// files, the one made from flags, and those of their parents. The ABI is "" if it is not
// known yet.
func (r *Request) definitions(ctx context.Context, revision, abi string) (*definitions, error) {
	images, err := define.Standard(revision)
	if err != nil {
		return nil, err
	}
	all := &definitions{images, images.PackageExceptions(), map[string][]string{}, map[string]string{}, map[string]string{},
		r, define.Target{Revision: revision, ABI: abi, Set: r.Set}}
	for _, file := range r.definitionFiles() {
		if err := all.read(ctx, file); err != nil {
			return nil, err
		}
	}
	if r.Custom != nil {
		if err := images.Add(*r.Custom); err != nil {
			return nil, err
		}
	}
	return all, r.readParents(ctx, all)
}

// definitions are the ones that a request chooses from.
type definitions struct {
	define.Images
	inherited define.Exceptions   // that images have with packages
	removes   map[string][]string // paths of lower steps that packages must replace, by image
	parents   map[string]string   // references as this run has to open them, by image
	folders   map[string]string   // of the definitions, as absolute paths by image

	request *Request
	target  define.Target
}

// definitionFile is a file with definitions, and the flag that names it.
type definitionFile struct{ flag, path string }

// definitionFiles lists the user's files: those of FreeBSD's images, then others.
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

// read adds the definitions of a file. Their parents on disk are relative to its folder.
func (all *definitions) read(ctx context.Context, f definitionFile) error {
	known := maps.Clone(all.Images)
	err := all.add(ctx, f)
	dir, no := filepath.Abs(filepath.Dir(f.path))
	for name, img := range all.Images {
		if _, old := known[name]; old {
			continue
		}
		if all.folders[name] = dir; define.IsReference(img.Parent) {
			all.parents[name] = define.Within(filepath.Dir(f.path), img.Parent)
		}
	}
	return cmp.Or(err, no)
}

func (all *definitions) add(ctx context.Context, f definitionFile) error {
	text, err := until.Do(ctx, func() ([]byte, error) { return all.request.Files.read(f.path) })
	if err != nil {
		return &fault.UnreadError{Flag: f.flag, Path: f.path, Err: err}
	}
	adds := all.AddConf
	switch {
	case f.flag == "tree-file":
		adds = all.ReadTree
	case !strings.HasSuffix(f.path, ".conf"):
		return all.Read(f.path, text, all.request.renamed(all.target, f.path))
	}
	c, err := adds(f.path, text, all.target.Revision)
	all.removes[c.Image.Name] = c.Removes
	return err
}

// readParents looks next to the files for parents that none of them defines. One
// that is not there is an error only if it is needed.
func (r *Request) readParents(ctx context.Context, all *definitions) error {
	sought := map[string]bool{}
	for again := true; again; {
		again = false
		for _, name := range all.UndefinedParents() {
			file := r.besideFiles("oci-image-" + name)
			if file == "" || sought[name] {
				continue
			}
			if err := all.read(ctx, definitionFile{"image-file", file}); err != nil {
				return err
			}
			sought[name], again = true, true
		}
	}
	return nil
}

// besideFiles finds a file of definitions next to the user's, "" for none.
func (r *Request) besideFiles(name string) string {
	for _, file := range r.ImageFiles {
		for _, ext := range []string{".ucl", ".conf"} {
			path := filepath.Join(filepath.Dir(file), name+ext)
			if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() { // it is not the user's choice
				return path
			}
		}
	}
	return ""
}
