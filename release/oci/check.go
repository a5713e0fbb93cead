// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Contents are the parsed documents of an archive's one image.
type Contents struct {
	Index    v1.Index
	Manifest v1.Manifest
	Config   v1.Image
	// Descriptor is the manifest's, with the name of the image as annotation.
	Descriptor v1.Descriptor
}

// Contents reads the documents. A blob whose digest is wrong is not parsed.
func (a *Archive) Contents() (*Contents, error) {
	c := new(Contents)
	text, err := a.read("index.json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &c.Index); err != nil {
		return nil, formatErrorf("index.json: %w", err)
	}
	if n := len(c.Index.Manifests); n != 1 {
		return nil, formatErrorf("index.json has %d manifests, wanted 1", n)
	}
	c.Descriptor = c.Index.Manifests[0]
	if err := a.document(c.Descriptor, &c.Manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := a.document(c.Manifest.Config, &c.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return c, nil
}

func (a *Archive) document(d v1.Descriptor, into any) error {
	if d.Size > maxDocument {
		return formatErrorf("has %d bytes, wanted at most %d", d.Size, maxDocument)
	}
	r, err := a.Blob(d)
	if err != nil {
		return err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return &FormatError{err}
	}
	return nil
}

// Check finds every fault of the layout and of the documents in one go. What
// the layers hold is for layer.Read to check.
func (a *Archive) Check(c *Contents) error {
	errs := []error{a.checkLayout()}
	if c.Manifest.SchemaVersion != 2 || c.Index.SchemaVersion != 2 {
		errs = append(errs, formatErrorf("schemaVersion is %d in the manifest and %d in the index, wanted 2", c.Manifest.SchemaVersion, c.Index.SchemaVersion))
	}
	for _, t := range []struct{ what, found, wanted string }{
		{"index.json", c.Index.MediaType, v1.MediaTypeImageIndex},
		{"manifest's descriptor", c.Descriptor.MediaType, v1.MediaTypeImageManifest},
		{"manifest", c.Manifest.MediaType, v1.MediaTypeImageManifest},
		{"config", c.Manifest.Config.MediaType, v1.MediaTypeImageConfig},
		{"config's rootfs", c.Config.RootFS.Type, "layers"},
	} {
		if t.found != t.wanted && (t.found != "" || t.what == "config's rootfs") {
			errs = append(errs, &MismatchError{"type of " + t.what, fmt.Sprintf("%q", t.found), fmt.Sprintf("%q", t.wanted)})
		}
	}
	if c.Config.OS == "" || c.Config.Architecture == "" {
		errs = append(errs, formatErrorf("config: os is %q and architecture %q, wanted both", c.Config.OS, c.Config.Architecture))
	}
	errs = append(errs, checkCounts(c), a.checkReferences(c))
	return errors.Join(errs...)
}

func (a *Archive) checkLayout() error {
	text, err := a.read("oci-layout")
	if err != nil {
		return err
	}
	var l v1.ImageLayout
	if err := json.Unmarshal(text, &l); err != nil {
		return formatErrorf("oci-layout: %w", err)
	}
	if l.Version != v1.ImageLayoutVersion {
		return &MismatchError{"version in oci-layout", fmt.Sprintf("%q", l.Version), v1.ImageLayoutVersion}
	}
	return nil
}

// checkCounts compares the places that list the layers.
func checkCounts(c *Contents) error {
	var errs []error
	layers, diffIDs, lines := len(c.Manifest.Layers), len(c.Config.RootFS.DiffIDs), 0
	for _, h := range c.Config.History {
		if !h.EmptyLayer {
			lines++
		}
	}
	if layers != diffIDs {
		errs = append(errs, &MismatchError{"number of diff_ids in the config", fmt.Sprint(diffIDs), fmt.Sprintf("%d, as many as the manifest has layers", layers)})
	}
	if len(c.Config.History) > 0 && lines != layers {
		errs = append(errs, &MismatchError{"number of layers in the history", fmt.Sprint(lines), fmt.Sprintf("%d, as many as the manifest has", layers)})
	}
	return errors.Join(errs...)
}

// checkReferences finds files that the index does not lead to.
func (a *Archive) checkReferences(c *Contents) error {
	known := map[string]bool{"oci-layout": true, "index.json": true,
		blobName(c.Descriptor.Digest): true, blobName(c.Manifest.Config.Digest): true}
	var errs []error
	for _, l := range c.Manifest.Layers {
		if err := l.Digest.Validate(); err != nil {
			errs = append(errs, formatErrorf("layer digest %q: %w", l.Digest, err))
			continue
		}
		known[blobName(l.Digest)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if !known[name] {
			errs = append(errs, formatErrorf("%s is in the archive, but nothing refers to it", strings.TrimPrefix(name, "./")))
		}
	}
	return errors.Join(errs...)
}
