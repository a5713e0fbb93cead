// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Contents are the parsed documents of an archive's one image.
type Contents struct {
	Index    v1.Index
	Manifest v1.Manifest
	Config   v1.Image
	// Descriptor is the manifest's, with the name of the image as annotation.
	Descriptor v1.Descriptor
	Texts      Texts
}

// Texts are the documents as they are written, which may say more than is
// parsed.
type Texts struct{ Layout, Index, Manifest, Config []byte }

// Contents reads the documents. A blob whose digest is wrong is not parsed,
// nor is one that its descriptor calls something else.
func (a *Archive) Contents() (*Contents, error) {
	c := new(Contents)
	var err error
	if c.Texts.Layout, err = a.read("oci-layout"); err != nil {
		return nil, err
	}
	if c.Texts.Index, err = a.read("index.json"); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(c.Texts.Index, &c.Index); err != nil {
		return nil, formatErrorf("index.json: %w", err)
	}
	if n := len(c.Index.Manifests); n != 1 {
		return nil, formatErrorf("index.json has %d manifests, wanted 1", n)
	}
	c.Descriptor = c.Index.Manifests[0]
	if c.Texts.Manifest, err = a.document(c.Descriptor, v1.MediaTypeImageManifest, &c.Manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if c.Texts.Config, err = a.document(c.Manifest.Config, v1.MediaTypeImageConfig, &c.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return c, nil
}

func (a *Archive) document(d v1.Descriptor, mediaType string, into any) ([]byte, error) {
	if d.MediaType != mediaType {
		return nil, typeMismatch("its descriptor", d.MediaType, mediaType)
	}
	if d.Size > maxDocument {
		return nil, formatErrorf("has %d bytes, wanted at most %d", d.Size, maxDocument)
	}
	r, err := a.Blob(d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, &FormatError{err}
	}
	return text, nil
}

func typeMismatch(what, found, wanted string) error {
	return &MismatchError{"type of " + what, fmt.Sprintf("%q", found), fmt.Sprintf("%q", wanted)}
}

// Check finds every fault of the layout and of the documents in one go. Of the
// layers it leaves the bytes to Blob and what they hold to layer.Read: whoever
// compares DiffIDs reads them once, and so each fault is said once.
func (a *Archive) Check(c *Contents) error {
	errs := []error{a.checkLayout()}
	for _, v := range []struct {
		what  string
		found int
	}{{"index.json", c.Index.SchemaVersion}, {"manifest", c.Manifest.SchemaVersion}} {
		if v.found != 2 {
			errs = append(errs, &MismatchError{"schemaVersion of " + v.what, fmt.Sprint(v.found), "2"})
		}
	}
	for _, t := range []struct {
		what, found, wanted string
		optional            bool
	}{
		{"index.json", c.Index.MediaType, v1.MediaTypeImageIndex, true},
		{"manifest", c.Manifest.MediaType, v1.MediaTypeImageManifest, true},
		{"config's rootfs", c.Config.RootFS.Type, "layers", false},
	} {
		if t.found != t.wanted && (t.found != "" || !t.optional) {
			errs = append(errs, typeMismatch(t.what, t.found, t.wanted))
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

// checkCounts compares the places that list the layers. An image need not have
// a history.
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

// checkReferences finds files that the index does not lead to. A layer with a
// bad digest leads nowhere; Blob says so.
func (a *Archive) checkReferences(c *Contents) error {
	known := map[string]bool{"oci-layout": true, "index.json": true}
	for _, d := range append([]v1.Descriptor{c.Descriptor, c.Manifest.Config}, c.Manifest.Layers...) {
		if checkDigest(d.Digest) == nil {
			known[blobName(d.Digest)] = true
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if !known[name] {
			errs = append(errs, formatErrorf("%s is in the archive, but nothing refers to it", name))
		}
	}
	return errors.Join(errs...)
}
