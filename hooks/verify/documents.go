// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/compare"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/jsondiff"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
)

// Documents compares config and manifest with the ones that a lock gives these layers.
// No digest covers the index, so a difference in it is only a note.
func Documents(a *oci.Contents, l *lock.Lock) Findings {
	docs, err := documentsOf(a, l)
	if err != nil {
		return Findings{Errs: []error{fault.Contentf("its lock: %w", err)}}
	}
	const by = "its lock makes it"
	f := checkLayout(a, docs.Index, by)
	if a.Texts.Config != nil { // else that is reported already
		f.add(compareDocument("config", a.Texts.Config, docs.Config, by)...)
	}
	f.add(compareDocument("manifest", a.Texts.Manifest, docs.Manifest, by)...)
	return f
}

// checkLayout notes how the layout around the image differs from the one that orlop
// writes. A tool that copies an image writes its own.
func checkLayout(a *oci.Contents, index []byte, by string) Findings {
	var f Findings
	if a.Texts.Layout == nil { // a registry has none
		return f
	}
	if list := a.Index.Manifests; len(list) == 1 && list[0].MediaType == v1.MediaTypeImageIndex {
		index = oci.IndexOf(list[0]) // of several platforms, which follows from no image alone
	}
	var names []string
	for _, d := range []struct {
		name          string
		found, wanted []byte
	}{{"index.json", a.Texts.Index, index}, {"oci-layout", a.Texts.Layout, []byte(oci.LayoutFile)}} {
		if changes := compareDocument(d.name, d.found, d.wanted, by); changes != nil {
			names = append(names, d.name)
			for _, c := range changes {
				f.Details = append(f.Details, c.Error())
			}
		}
	}
	if names != nil {
		f.Notes = []string{"the layout around the image is not the one that orlop writes: " + strings.Join(names, " and ")}
	}
	return f
}

// IsOf reports whether a lock may be of this image: its manifest has the same title,
// version and ABI. A copy may have changed the name in the index.
func IsOf(a *oci.Contents, l *lock.Lock) bool {
	image, err := lock.Image(l, nil)
	for _, key := range []string{v1.AnnotationTitle, v1.AnnotationVersion, define.AnnotationABI} {
		if err != nil || image.Annotations[key] != a.Manifest.Annotations[key] {
			return false
		}
	}
	return true
}

// compareDocument finds how a document differs from the wanted one, except in
// digests and sizes of others, whose faults are reported already.
func compareDocument(what string, found, wanted []byte, by string) []error {
	if bytes.Equal(found, wanted) {
		return nil
	}
	changes := jsondiff.Compare(json.RawMessage(wanted), json.RawMessage(found))
	if len(changes) == 0 {
		return []error{fault.Contentf("%s: has the wanted values, but not in the bytes that orlop writes", what)}
	}
	var errs []error
	for _, c := range changes {
		if !compare.Follows(c.Key) {
			errs = append(errs, fault.Contentf("%s: %s is %s, %s %s", what, c.Key, fault.Shown(c.New), by, fault.Shown(c.Old)))
		}
	}
	return errs
}

// documentsOf builds config, manifest and index from a lock and the layers of the
// archive.
func documentsOf(a *oci.Contents, l *lock.Lock) (oci.Documents, error) {
	written := l.Written()
	compression, err := layer.ParseCompression(l.Compression)
	if err != nil {
		return oci.Documents{}, err
	}
	var layers []oci.Layer
	below := l.Below()
	for i, d := range a.Manifest.Layers {
		if i < below {
			continue // the lock has its digest
		}
		made := oci.Layer{Layer: layer.Layer{MediaType: compression.MediaType(), Digest: d.Digest, Size: d.Size}}
		if i < len(a.Config.RootFS.DiffIDs) {
			made.DiffID = a.Config.RootFS.DiffIDs[i]
		}
		if own := i - below; own < len(written) {
			made.Created, made.CreatedBy = written[own].Epoch(), "orlop "+written[own].Step.Image
		}
		layers = append(layers, made)
	}
	if len(layers) != len(written) {
		return oci.Documents{}, fmt.Errorf("found %d layers, it has %d", len(a.Manifest.Layers), below+len(written))
	}
	image, err := lock.Image(l, layers)
	if err != nil {
		return oci.Documents{}, err
	}
	if lock.Elder(l.Layers[len(l.Layers)-1].Definition) { // the image may be as old, and lack these
		for _, key := range []string{v1.AnnotationURL, v1.AnnotationDocumentation} {
			if _, has := a.Manifest.Annotations[key]; !has {
				delete(image.Annotations, key)
			}
		}
	}
	return image.Documents(), nil
}
