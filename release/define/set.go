// SPDX-License-Identifier: BSD-2-Clause

// Package define has the definitions of images: what an image has on top of its
// parent. FreeBSD's five are in images/*.ucl, in the language described at
// Images.Read; a source tree has them as shell scripts,
// release/tools/oci-image-*.conf, which ReadConf understands if they consist of
// known calls.
package define

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release/oci"
)

// Path is the PATH of every image, from login.conf(5). It decides bytes.
const Path = "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

//go:embed images/*.ucl
var definitions embed.FS

// Image is what an image consists of, on top of its parent. Its JSON form is in
// locks.
type Image struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Parent      string   `json:"parent"`   // a name, or a reference as IsReference has it; "" for none
	Packages    []string `json:"packages"` // names, patterns, or alternatives "a | b"
	Mtree       []Mtree  `json:"mtree"`
	Files       []File   `json:"files"`
	Folders     []Folder `json:"folders"`
	Replaces    []string `json:"replaces"`     // paths, or "/folder/**", that the parent made or took and that a package replaces here
	SkipScripts bool     `json:"skip_scripts"` // unknown scripts are not an error
	// Packages and triggers whose unknown scripts are skipped, with reasons.
	SkippedScripts  map[string]string `json:"skipped_scripts,omitempty"`
	SkippedTriggers map[string]string `json:"skipped_triggers,omitempty"`
	Certificates    *Taken            `json:"certificates"` // a folder with the folders trusted and untrusted
	BaseConf        *Taken            `json:"base_conf"`    // pkg's FreeBSD.conf, from which to enable the base repository
	OSRelease       bool              `json:"os_release"`   // with os-release(5)
	Exceptions      Exceptions        `json:"exceptions"`
	Complete        bool              `json:"complete"` // nothing that a file needs may be missing, even without a run-time linker
	Cmd             []string          `json:"cmd"`      // nil: the parent's
	Env             []string          `json:"env"`
	Labels          map[string]string `json:"labels"`
	Entrypoint      []string          `json:"entrypoint,omitempty"` // nil: the parent's
	User            string            `json:"user,omitempty"`
	WorkDir         string            `json:"workdir,omitempty"`
	StopSignal      string            `json:"stop_signal,omitempty"`
	Expose          []string          `json:"expose,omitempty"`
	Volumes         []string          `json:"volumes,omitempty"`
	Unset           []oci.Setting     `json:"unset,omitempty"` // that the parent has and the image has not
	Layers          Layers            `json:"layers,omitzero"` // how the packages are split
	Departures
	Own
	FreeBSD     bool              `json:"freebsd"`     // one of Standard: no file can set it
	Tags        []string          `json:"tags"`        // of a registry; the first names it in its archive, too
	Version     string            `json:"version"`     // "" for none; FreeBSD's own have the release's
	Annotations map[string]string `json:"annotations"` // of the manifest, besides derived ones
}

// Layers says over how many layers an image's own packages are split.
type Layers struct {
	AtMost int `json:"at_most"` // the last of them has no packages; 0 or 1 for no split
}

// MaxLayers bounds the layers of an image: more than 127 no container engine mounts.
const MaxLayers = 127

// Split reports whether an image has packages in other layers than its last one.
func (l Layers) Split() bool { return l.AtMost > 1 }

// Taken is the origin of a file, or of a folder's files: a source tree, or the
// first of several packages that has it.
type Taken struct {
	Path   string   `json:"path"`   // in a package
	From   []string `json:"from"`   // packages
	Source string   `json:"source"` // in the source tree
	Folder bool     `json:"folder"`
}

// Folder is a folder of an image whose files none of its packages installs.
type Folder struct {
	Taken
	Target   string `json:"target"` // path in the image
	Optional bool   // may be omitted if nothing has it
}

// Mtree is an mtree(5) file and where its directories go.
type Mtree struct {
	Taken
	Prefix string `json:"prefix"`
}

// File is a file of an image that none of its packages installs there.
type File struct {
	Taken
	Target   string  `json:"target"`            // path in the image
	Mode     uint32  `json:"mode"`              // of one with Local 0 where none is given: see Owned
	Optional bool    `json:"optional"`          // may be omitted if nothing has it
	Local    string  `json:"local,omitempty"`   // below the definition's folder, instead of Taken
	Content  *string `json:"content,omitempty"` // itself, instead of Taken
	Owner    string  `json:"owner,omitempty"`   // "" for root
	Group    string  `json:"group,omitempty"`   // "" for wheel
}

// Images is a set of definitions by name.
type Images map[string]Image

// Standard returns the images that FreeBSD publishes, for a revision ("15.0").
func Standard(revision string) (Images, error) {
	all := Images{}
	files, err := fs.Glob(definitions, "images/*.ucl")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := definitions.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := all.Read(file, text, Target{Revision: revision}); err != nil {
			return nil, err
		}
	}
	for name, img := range all {
		img.FreeBSD, img.Annotations = true, freeBSDs()
		all[name] = img
	}
	return all, nil
}

// OfElderLock completes a definition from a lock that was written before
// definitions recorded their owner: then an image with one of FreeBSD's names
// was FreeBSD's own.
func (img Image) OfElderLock() Image {
	if slices.Contains(StandardNames(), img.Name) {
		img.FreeBSD, img.Annotations = true, freeBSDs()
	}
	return img
}

// StandardNames are the images that FreeBSD publishes, parents first.
func StandardNames() []string {
	return []string{"static", "dynamic", "runtime", "notoolchain", "toolchain"}
}

// imageName is what is allowed in both a file name and an OCI reference.
var imageName = regexp.MustCompile(`^[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

// Add puts a definition into the set.
func (all Images) Add(img Image) error {
	switch _, taken := all[img.Name]; {
	case !imageName.MatchString(img.Name):
		return fault.Usagef("image name %q: wanted lower-case letters and digits, joined by single . _ or -", img.Name)
	case strings.HasPrefix(img.Name, freeBSDPrefix):
		return fault.Usagef("image name %q: %s begins the names of FreeBSD's own images, and of no others", img.Name, freeBSDPrefix)
	case taken:
		return fault.Usagef("image %q is defined twice", img.Name)
	case len(img.Packages) == 0 && img.Parent == "":
		return fault.Usagef("image %q has neither a parent nor packages", img.Name)
	}
	all[img.Name] = img
	return nil
}

// Chain returns an image and its ancestors, the lowest first. A parent that is a
// reference is no definition, so the chain begins above it.
func (all Images) Chain(name string) ([]Image, error) {
	var chain []Image
	for name != "" && !IsReference(name) {
		img, ok := all[name]
		if !ok {
			if len(chain) > 0 {
				return nil, fault.Usagef("image %q: its parent %q is not defined%s", chain[len(chain)-1].Name, name, spelling.Hint(name, all.names()...))
			}
			return nil, undefined(name, all.names())
		}
		if slices.ContainsFunc(chain, func(i Image) bool { return i.Name == name }) {
			return nil, fault.Usagef("image %q is its own ancestor", name)
		}
		chain = append(chain, img)
		name = img.Parent
	}
	slices.Reverse(chain)
	return chain, nil
}

// undefined is the error for an unknown image.
func undefined(name string, known []string) error {
	known = slices.Sorted(slices.Values(known))
	return fault.Usagef("image %q is not defined, wanted one of %s%s", name, strings.Join(known, ", "), spelling.Hint(name, known...))
}

// Known requires images to be defined.
func Known(defined, images []string) error {
	var errs []error
	for _, name := range images {
		if !slices.Contains(defined, name) {
			errs = append(errs, undefined(name, defined))
		}
	}
	return errors.Join(errs...)
}

// UndefinedParents are parents that images of the set name but the set lacks.
func (all Images) UndefinedParents() []string {
	missing := map[string]bool{}
	for _, img := range all {
		if _, ok := all[img.Parent]; !ok && img.Parent != "" && !IsReference(img.Parent) {
			missing[img.Parent] = true
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

func (all Images) names() []string {
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Taken lists where the image's files and mtree files come from.
func (img Image) Taken() []Taken {
	var list []Taken
	for _, m := range img.Mtree {
		list = append(list, m.Taken)
	}
	for _, f := range img.Files {
		if !f.Given() {
			list = append(list, f.Taken)
		}
	}
	for _, f := range img.Folders {
		list = append(list, f.Taken)
	}
	for _, t := range []*Taken{img.Certificates, img.BaseConf} {
		if t != nil {
			list = append(list, *t)
		}
	}
	return list
}

// NamesRelease reports whether an image must know its whole release: one of
// FreeBSD's own, or one with a file that names it.
func (img Image) NamesRelease() bool {
	return img.FreeBSD || img.OSRelease || img.BaseConf != nil
}

// Replacing reports whether a package of the image may have a path that a parent
// made or took from elsewhere.
func (img Image) Replacing(path string) bool {
	return slices.ContainsFunc(img.Replaces, func(pattern string) bool { return matches(pattern, path) })
}

// Check finds what cannot be right in a definition.
func (img Image) Check() []error {
	errs := img.checkRest()
	for _, f := range img.Files {
		for _, err := range f.check() {
			errs = append(errs, fmt.Errorf("file %s: %w", f.Target, err))
		}
	}
	return append(errs, img.Own.check()...)
}

// checkRest is Check without what was checked where it was read, with its line.
func (img Image) checkRest() []error {
	errs := img.checkOwn()
	errs = append(errs, img.checkSettings()...)
	errs = append(errs, img.Departures.check()...)
	if n := img.Layers.AtMost; n < 0 || n > MaxLayers {
		errs = append(errs, fmt.Errorf("layers: at-most is %d, wanted 1 to %d", n, MaxLayers))
	}
	for _, f := range img.Folders {
		if f.Source == "" && len(f.From) == 0 {
			errs = append(errs, fmt.Errorf("folder %s has neither source nor from, wanted one of them", f.Target))
		}
	}
	for _, m := range img.Mtree {
		if m.Source == "" && len(m.From) == 0 {
			errs = append(errs, fmt.Errorf("mtree %s has neither source nor from, wanted one of them", m.Path))
		}
	}
	return errs
}

// Optional lists the files and folders that an image can do without.
func (img Image) Optional() []File {
	var list []File
	for _, f := range img.Files {
		if f.Optional {
			list = append(list, f)
		}
	}
	for _, f := range img.Folders {
		if f.Optional {
			list = append(list, File{Taken: f.Taken, Target: f.Target})
		}
	}
	return list
}
