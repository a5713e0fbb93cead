// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/registry"
)

// Ref is an image, or several, that the user names: a file or folder, or the docker://
// name of one that a registry has.
type Ref struct {
	Name   string          // as the user wrote it
	File   *layout.File    // nil for one of a registry
	Remote *registry.Image // nil for one on disk

	tag    string         // that chooses among the images of a layout; "" for none
	shared oci.Source     // in place of its own; nil for none
	keeps  *layout.Shared // to be closed with it
}

// Kinds of name, as skopeo(1) has them.
const (
	kindLayout  = "oci:"
	kindArchive = "oci-archive:"
)

// IsRemote reports whether a name is one of a registry.
func IsRemote(name string) bool { return strings.HasPrefix(name, registry.Scheme) }

// Find opens what a name means: docker://NAME, oci:FOLDER[:TAG], oci-archive:FILE[:TAG],
// or a path.
func Find(ctx context.Context, client *registry.Client, name string) (*Ref, error) {
	if IsRemote(name) {
		ref, err := registry.ParseReference(name)
		if err != nil {
			return nil, err
		}
		image, err := client.Image(ctx, ref)
		if err != nil {
			return nil, err
		}
		return &Ref{Name: name, Remote: image}, nil
	}
	path, tag := pathOf(name)
	file, err := layout.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return &Ref{Name: name, File: file, tag: tag}, nil
}

// pathOf returns the path in a name, and the tag behind it. Without a kind, all of it
// is a path.
func pathOf(name string) (path, tag string) {
	rest, is := strings.CutPrefix(name, kindLayout)
	if !is {
		rest, is = strings.CutPrefix(name, kindArchive)
	}
	if _, err := os.Lstat(name); !is || err == nil {
		return name, ""
	}
	if _, err := os.Lstat(rest); err == nil {
		return rest, ""
	}
	at := strings.IndexByte(rest, ':')
	if at <= 0 {
		return rest, ""
	}
	return rest[:at], rest[at+1:]
}

// Path returns the path of a file or folder, "" for one of a registry.
func (r *Ref) Path() string {
	if r.File == nil {
		return ""
	}
	return r.File.Name
}

// Close releases what was opened.
func (r *Ref) Close() error {
	var errs []error
	if r.keeps != nil {
		errs = append(errs, r.keeps.Close())
	}
	if r.File != nil {
		errs = append(errs, r.File.Close())
	}
	return errors.Join(errs...)
}

// Pool lets images of registries have the blobs of one another, and of those on disk,
// so that each is fetched once. The first must be closed last.
func Pool(ctx context.Context, refs ...*Ref) {
	var sources []oci.Source
	for _, r := range refs {
		source, err := r.Open(ctx)
		if err != nil {
			return // whoever reads it says what is wrong
		}
		sources = append(sources, source)
	}
	shared, err := layout.Share(ctx, sources...)
	if err != nil {
		return
	}
	for i, r := range refs {
		r.shared = shared.Source(i)
	}
	refs[0].keeps = shared
}

// Open returns the source of its images. It stays open until Close.
func (r *Ref) Open(ctx context.Context) (oci.Source, error) {
	if r.shared != nil {
		return r.shared, nil
	}
	if r.Remote != nil {
		return r.Remote, nil
	}
	source, err := r.File.Open(ctx)
	if err != nil || r.tag == "" {
		return source, err
	}
	return &tagged{source, r.tag}, nil
}

// tagged is the image of a layout that has a certain name.
type tagged struct {
	oci.Source
	tag string
}

// Index leaves out all other names.
func (t *tagged) Index(ctx context.Context) (oci.LayoutFiles, error) {
	files, err := t.Source.Index(ctx)
	if err != nil {
		return files, err
	}
	var index v1.Index
	if json.Unmarshal(files.Index, &index) != nil {
		return files, nil // oci.Read says what is wrong with it
	}
	var names []string
	for _, d := range index.Manifests {
		names = append(names, d.Annotations[v1.AnnotationRefName])
	}
	at := slices.Index(names, t.tag)
	if at < 0 {
		return files, &oci.AbsentError{Err: fmt.Errorf("has no image %q, found %q: %w", t.tag, names, fs.ErrNotExist)}
	}
	files.Index = oci.IndexOf(index.Manifests[at])
	return files, nil
}

// Platforms lists the platforms of its images, so that each can be read; the one that
// was asked for, if any.
func (r *Ref) Platforms(ctx context.Context, asked string) ([]string, error) {
	if asked != "" {
		return []string{asked}, nil
	}
	source, err := r.Open(ctx)
	if err != nil {
		return nil, err
	}
	list, err := oci.Platforms(ctx, source)
	if err != nil {
		return nil, fault.Within(r.Name, err)
	}
	return list, nil
}
