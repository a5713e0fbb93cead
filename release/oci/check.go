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
	// Texts are the documents as they stand in the archive; that of a config
	// that could not be read is nil.
	Texts Texts
}

// Contents reads the documents. A blob whose digest is wrong is not parsed,
// nor is one that its descriptor calls something else. What it returns beside
// an error is nil where there is no manifest, else all but the config.
func (a *Archive) Contents() (*Contents, error) {
	c := new(Contents)
	c.Texts.Layout, _ = a.read("oci-layout") // of which Check tells the faults
	var err error
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
		c.Config = v1.Image{} // of which a part may be there
		return c, fmt.Errorf("config: %w", err)
	}
	return c, nil
}

// document returns the text of a document that it has parsed.
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

// Check finds every fault of the layout and of the documents in one go, as far
// as Contents could read them. Of the layers it leaves the bytes to Blob and what
// they hold to layer.Read: whoever compares DiffIDs reads them once, and so each
// fault is said once.
func (a *Archive) Check(c *Contents) error {
	errs := []error{a.checkLayout()}
	if c == nil {
		return errs[0]
	}
	errs = append(errs, checkVersion("index.json", c.Index.SchemaVersion), checkVersion("manifest", c.Manifest.SchemaVersion),
		checkType("index.json", c.Index.MediaType, v1.MediaTypeImageIndex), checkType("manifest", c.Manifest.MediaType, v1.MediaTypeImageManifest))
	if c.Texts.Config != nil {
		errs = append(errs, checkConfig(c))
	}
	return errors.Join(errs...)
}

func checkVersion(what string, found int) error {
	if found != 2 {
		return &MismatchError{"schemaVersion of " + what, fmt.Sprint(found), "2"}
	}
	return nil
}

// checkType accepts a document that does not say its own type.
func checkType(what, found, wanted string) error {
	if found != "" && found != wanted {
		return typeMismatch(what, found, wanted)
	}
	return nil
}

func checkConfig(c *Contents) error {
	var errs []error
	if found := c.Config.RootFS.Type; found != "layers" {
		errs = append(errs, typeMismatch("config's rootfs", found, "layers"))
	}
	if c.Config.OS == "" || c.Config.Architecture == "" {
		errs = append(errs, formatErrorf("config: os is %q and architecture %q, wanted both", c.Config.OS, c.Config.Architecture))
	}
	// Whether a variant is said, tools do not agree on.
	if p := c.Descriptor.Platform; p != nil && (p.OS != c.Config.OS || p.Architecture != c.Config.Architecture) {
		errs = append(errs, &MismatchError{"platform in index.json", p.OS + "/" + p.Architecture, c.Config.OS + "/" + c.Config.Architecture + ", which the config has"})
	}
	return errors.Join(append(errs, checkCounts(c))...)
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

// Strays finds files that the index does not lead to, which other tools leave
// there and which are no part of the image. Without Contents nobody knows which
// blobs are meant. A layer with a bad digest leads nowhere; Blob says so.
func (a *Archive) Strays(c *Contents) error {
	known := map[string]bool{"oci-layout": true, "index.json": true}
	if c != nil {
		for _, d := range append([]v1.Descriptor{c.Descriptor, c.Manifest.Config}, c.Manifest.Layers...) {
			if checkDigest(d.Digest) == nil {
				known[blobName(d.Digest)] = true
			}
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if !known[name] && (c != nil || !strings.HasPrefix(name, "blobs/")) {
			errs = append(errs, formatErrorf("%s is in the archive, but nothing refers to it", name))
		}
	}
	return errors.Join(errs...)
}
