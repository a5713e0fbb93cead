// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"context"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/define"
)

// AskedRepositories returns the names of repositories that the definitions of the
// images and of their parents ask for, each once, in the order of the images. More are
// further images, or parents, that no file has to define.
func (r *Request) AskedRepositories(ctx context.Context, more ...string) ([]string, error) {
	known := map[string]define.Source{}
	read := func(path string) error {
		if strings.HasSuffix(path, ".conf") {
			return nil
		}
		text, err := until.Do(ctx, func() ([]byte, error) { return r.Files.read(path) })
		if err != nil {
			return &fault.UnreadError{Flag: "image-file", Path: path, Err: err}
		}
		sources, err := define.Sources(path, text)
		for image, s := range sources {
			known[image] = s
		}
		return err
	}
	for _, path := range r.ImageFiles {
		if err := read(path); err != nil {
			return nil, err
		}
	}
	images := slices.Concat(r.Images, more)
	var asked, seen []string
	for ; len(images) > 0; images = images[1:] {
		name := images[0]
		if name == "" || slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		if _, is := known[name]; !is && !define.IsReference(name) && !slices.Contains(define.StandardNames(), name) && !slices.Contains(r.Images, name) {
			if file := r.besideFiles("oci-image-" + name); file != "" {
				if err := read(file); err != nil {
					return nil, err
				}
			}
		}
		for _, repo := range known[name].Repositories {
			if !slices.Contains(asked, repo) {
				asked = append(asked, repo)
			}
		}
		images = append(images, known[name].Parent)
	}
	return asked, nil
}
