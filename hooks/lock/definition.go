// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// Image is the image of a lock, of whatever layers.
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
	return Describe(rel, def, l.Annotations, l.Layers[top].Epoch, layers)
}

// Name is the name that a lock's image has in its archive, "" if the lock
// does not tell.
func Name(l *Lock) string {
	image, err := Image(l, nil)
	if err != nil {
		return ""
	}
	return image.Name
}

// Describe is the image of a definition. All of it decides bytes.
func Describe(r release.Release, def define.Image, given map[string]string, epoch int64, layers []oci.Layer) (oci.Image, error) {
	platform, err := r.Platform()
	annotations := def.ManifestAnnotations(r, given)
	annotations[v1.AnnotationCreated] = oci.Timestamp(epoch)
	return oci.Image{
		Name:         def.RefName(r),
		Architecture: platform.Architecture,
		Variant:      platform.Variant,
		Created:      epoch,
		Env:          append([]string{define.Path}, def.Env...),
		Cmd:          def.Cmd,
		Labels:       def.Labels,
		Annotations:  annotations,
		Layers:       layers,
	}, err
}

// Definition is that of a layer of a lock.
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
		return def, fmt.Errorf("layer %s: definition of image %q, wanted its own", l.Layers[i].Image, def.Name)
	}
	below := ""
	if i > 0 {
		below = l.Layers[i-1].Image
	}
	if def.Parent != below {
		return def, fmt.Errorf("layer %s: its definition has the parent %q, and it stands on %q", def.Name, def.Parent, below)
	}
	return def, nil
}

// Elder reports whether a definition is from before definitions said whose they
// are, which an earlier development of this version wrote.
func Elder(definition json.RawMessage) bool {
	var said struct {
		FreeBSD *bool `json:"freebsd"`
	}
	return json.Unmarshal(definition, &said) == nil && said.FreeBSD == nil
}
