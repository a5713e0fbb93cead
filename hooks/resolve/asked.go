// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/define"
)

// Asked is where the definitions of images and of their parents have packages from.
type Asked struct {
	Repositories []string // names, each once
	Files        []input.LocalFile
	Variables    []string // that the files declare
}

// Asked finds what the definitions ask for, in the order of the images. More are
// further images, or parents, that no file has to define.
func (r *Request) Asked(ctx context.Context, more ...string) (asked Asked, err error) {
	type source struct {
		define.Source
		dir string // of the file, as an absolute path
	}
	known := map[string]source{}
	read := func(path string) error {
		if strings.HasSuffix(path, ".conf") {
			return nil
		}
		text, err := until.Do(ctx, func() ([]byte, error) { return r.Files.read(path) })
		if err != nil {
			return &fault.UnreadError{Flag: "image-file", Path: path, Err: err}
		}
		dir, err := filepath.Abs(filepath.Dir(path))
		if err != nil {
			return err
		}
		sources, err := define.Sources(path, text, r.renamed(define.Target{Revision: "0.0", ABI: r.ABI, Set: r.Set}, path))
		for image, s := range sources {
			known[image] = source{s, dir}
		}
		if err != nil {
			return err
		}
		names, err := define.Variables(path, text)
		asked.Variables = append(asked.Variables, names...)
		return err
	}
	for _, path := range r.ImageFiles {
		if err := read(path); err != nil {
			return asked, err
		}
	}
	images := slices.Concat(r.Images, more)
	var seen []string
	for ; len(images) > 0; images = images[1:] {
		name := images[0]
		if name == "" || slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		if _, is := known[name]; !is && !define.IsReference(name) && !slices.Contains(define.StandardNames(), name) && !slices.Contains(r.Images, name) {
			if file := r.besideFiles("oci-image-" + name); file != "" {
				if err := read(file); err != nil {
					return asked, err
				}
			}
		}
		for _, repo := range known[name].Repositories {
			if !slices.Contains(asked.Repositories, repo) {
				asked.Repositories = append(asked.Repositories, repo)
			}
		}
		for _, path := range known[name].Files {
			asked.Files = append(asked.Files, input.LocalFile{Dir: known[name].dir, Path: path})
		}
		images = append(images, known[name].Parent)
	}
	return asked, nil
}
