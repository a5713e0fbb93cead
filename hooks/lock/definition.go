// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// Image returns the image of a lock with the given layers.
func Image(l *Lock, layers []oci.Layer) (oci.Image, error) {
	rel, err := release.Locked(l.Revision, l.Branch, l.ABI)
	if err != nil {
		return oci.Image{}, err
	}
	top := len(l.Layers) - 1
	def, err := Definition(l, top)
	if err != nil {
		return oci.Image{}, err
	}
	return Describe(rel, def, l.Parent, l.Annotations, l.Layers[top].Epoch, layers)
}

// Name returns the name of a lock's image in its archive, "" if the lock does not
// say.
func Name(l *Lock) string {
	image, err := Image(l, nil)
	if err != nil {
		return ""
	}
	return image.Name
}

// Describe returns the image of a definition, on a parent if there is one. Everything in
// it decides bytes.
func Describe(r release.Release, def define.Image, parent *Parent, given map[string]string, epoch int64, layers []oci.Layer) (oci.Image, error) {
	platform, err := r.Platform()
	if err != nil {
		return oci.Image{}, err
	}
	annotations := def.ManifestAnnotations(r, given)
	annotations[v1.AnnotationCreated] = oci.Timestamp(epoch)
	var base *oci.Base
	if parent != nil {
		if base, err = parent.Base(); err != nil {
			return oci.Image{}, err
		}
		annotations[v1.AnnotationBaseImageDigest] = parent.Digest
		if define.Remote(parent.Reference) {
			annotations[v1.AnnotationBaseImageName] = strings.TrimPrefix(parent.Reference, "docker://")
		}
	}
	return oci.Image{
		Name:         def.RefName(r),
		Architecture: platform.Architecture,
		Variant:      platform.Variant,
		Created:      epoch,
		Settings:     Settled(def, parent),
		Annotations:  annotations,
		Base:         base,
		Layers:       layers,
	}, nil
}

// Settled are the settings of an image: those of its definition, and of the parent.
func Settled(def define.Image, parent *Parent) v1.ImageConfig {
	below := v1.ImageConfig{Env: []string{define.Path}}
	if parent != nil {
		if base, err := parent.Base(); err == nil { // else Describe reports it
			below = base.Image.Config
		}
	}
	return oci.Inherit(below, def.Settings(), def.Unset)
}

// Runs returns what a container of an image runs, with its arguments, and the variables
// that it has.
func Runs(def define.Image, parent *Parent) (command, env []string) {
	s := Settled(def, parent)
	return slices.Concat(s.Entrypoint, s.Cmd), s.Env
}

// Definition returns the definition of a layer of a lock.
func Definition(l *Lock, i int) (def define.Image, err error) {
	dec := json.NewDecoder(bytes.NewReader(l.Layers[i].Definition))
	dec.DisallowUnknownFields()
	if err = dec.Decode(&def); err == nil {
		err = strict.Check(l.Layers[i].Definition, &def)
	}
	if err != nil {
		return def, fmt.Errorf("layer %s: definition: %w", l.Layers[i].Image, err)
	}
	if Elder(l.Layers[i].Definition) {
		def = def.OfElderLock()
	}
	if err = errors.Join(def.Check()...); err != nil {
		return def, fmt.Errorf("layer %s: definition: %w", l.Layers[i].Image, err)
	}
	if err := (define.Images{}).Add(def); err != nil {
		return def, fmt.Errorf("layer %s: definition of image %q: %w", l.Layers[i].Image, def.Name, err)
	}
	if def.Name != l.Layers[i].Image {
		return def, fmt.Errorf("layer %s: the definition names image %q, wanted %q", l.Layers[i].Image, def.Name, l.Layers[i].Image)
	}
	if n := len(l.Layers[i].Parts); n > 0 && n >= def.Layers.AtMost {
		return def, fmt.Errorf("layer %s: its packages are in %d layers below it, and its definition has at most %d with it", def.Name, n, def.Layers.AtMost)
	}
	below := ""
	switch {
	case i > 0:
		below = l.Layers[i-1].Image
	case l.Parent != nil:
		below = l.Parent.Reference
	}
	if def.Parent != below {
		return def, fmt.Errorf("layer %s: its definition has parent %q, the layer below is %q", def.Name, def.Parent, below)
	}
	return def, nil
}

// Elder reports whether a definition lacks the key "freebsd", as those of an
// earlier development of this version do.
func Elder(definition json.RawMessage) bool {
	var said struct {
		FreeBSD *bool `json:"freebsd"`
	}
	return json.Unmarshal(definition, &said) == nil && said.FreeBSD == nil
}
