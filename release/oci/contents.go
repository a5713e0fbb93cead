// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/pkgdb/until"
)

// Bounds for untrusted documents. Real ones stay far below.
const (
	MaxDocument = 4 << 20  // bytes of a JSON text, as in registries; the largest have about 100 KiB
	maxParsed   = 64 << 20 // bytes of all JSON parsed in one archive, which may hold many images
)

// Contents are the parsed documents of an image of an archive.
type Contents struct {
	Index    v1.Index
	Manifest v1.Manifest
	Config   v1.Image
	// Descriptor is the manifest's, with the name of the image as annotation.
	Descriptor v1.Descriptor
	// Texts are the documents as stored in the archive; that of an unreadable
	// config is nil.
	Texts Texts
	// PassedOver says what else the archive has: attestations, other names.
	PassedOver []string
	// Unreferenced are files that the index does not lead to; other tools leave
	// them there, and they are not part of the image.
	Unreferenced []string
}

// OwnName returns the name that the history gives the last layer, if orlop wrote that;
// "" for an image of others.
func (c *Contents) OwnName() string {
	name, _ := c.own()
	return name
}

// Below is how many of the lowest layers others made: those of the image that this one
// stands on.
func (c *Contents) Below() int {
	_, below := c.own()
	return below
}

// own reads the history from its end.
func (c *Contents) own() (name string, below int) {
	ours, own := 0, true
	for _, h := range slices.Backward(c.Config.History) {
		by, is := strings.CutPrefix(h.CreatedBy, "orlop ")
		if own = own && is && !h.EmptyLayer; own {
			if ours++; ours == 1 {
				name = by
			}
		}
		if !h.EmptyLayer {
			below++
		}
	}
	return name, below - ours
}

// reader reads documents from a source.
type reader struct {
	Source
	docker  bool            // docker's media types are read, too
	parsed  int64           // bytes of JSON so far
	reached map[string]bool // files that the index leads to, for any image; nil if a source has none
}

// Read reads the documents of a source's only image, or of the one for a
// platform, OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, and finds all faults of
// these and of the layout in one go. It does not parse a blob whose digest is
// wrong, or one that its descriptor calls something else. Along with an error it
// returns nil if there is no manifest; otherwise the result is complete except
// for an unreadable config.
//
// It leaves the bytes of the layers to Blob, and their contents to layer.Read:
// whoever compares DiffIDs reads them once, so each fault is reported once.
func Read(ctx context.Context, src Source, platform string) (*Contents, error) {
	around, err := src.Index(ctx)
	if err != nil {
		return nil, errors.Join(err, around.Fault)
	}
	r := newReader(src, around)
	c := new(Contents)
	c.Texts.Layout, c.Texts.Index = around.Layout, around.Index
	read, err := r.contents(ctx, c, platform)
	if !read {
		return nil, errors.Join(err, around.Fault)
	}
	c.Unreferenced = r.unreferenced(around.Files)
	return c, errors.Join(err, around.Fault, c.check())
}

func newReader(src Source, around LayoutFiles) *reader {
	_, docker := src.(alsoDockers)
	r := &reader{Source: src, docker: docker}
	if around.Files != nil {
		r.reached = map[string]bool{"oci-layout": true, "index.json": true}
	}
	return r
}

// contents reads index, manifest and config. It reports whether there is a manifest.
func (r *reader) contents(ctx context.Context, c *Contents, platform string) (read bool, err error) {
	if err := parseIndex(ctx, c.Texts.Index, &c.Index); err != nil {
		return false, err
	}
	c.Index.MediaType = r.kind(c.Index.MediaType)
	if err := r.choose(ctx, c, platform); err != nil {
		return false, err
	}
	if c.Texts.Manifest, err = r.manifest(ctx, c.Descriptor, &c.Manifest); err != nil {
		return false, fmt.Errorf("manifest: %w", err)
	}
	if c.Texts.Config, err = r.document(ctx, c.Manifest.Config, v1.MediaTypeImageConfig, &c.Config, nil); err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		c.Config = v1.Image{} // it may be partly filled
		return true, fmt.Errorf("config: %w", err)
	}
	if platform != "" && !fits(platform, c.Config.Platform) {
		return false, &PlatformError{platform, []string{PlatformText(c.Config.Platform)}}
	}
	return true, nil
}

func parseIndex(ctx context.Context, text []byte, into *v1.Index) error {
	err := until.Try(ctx, func() error { return parse(text, into, indexMembers) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return FormatErrorf("index.json: %w", err)
	}
	return nil
}

// foreignTo are members by which a text of one kind could be taken for another
// (CVE-2021-41190).
type foreignTo []string

var (
	indexMembers    = foreignTo{"config", "layers", "fsLayers", "history"}
	manifestMembers = foreignTo{"manifests", "fsLayers", "history"}
)

// parse reads a document that has only one meaning.
func parse(text []byte, into any, foreign foreignTo) error {
	if err := strict.Unmarshal(text, into); err != nil {
		return err
	}
	if has := strict.Has(text, foreign...); len(has) > 0 {
		return fmt.Errorf(`has "%s", by which others take it for another kind of document (CVE-2021-41190)`, strings.Join(has, `", "`))
	}
	return nil
}

// manifest reads the manifest of an image.
func (r *reader) manifest(ctx context.Context, d v1.Descriptor, into *v1.Manifest) ([]byte, error) {
	text, err := r.document(ctx, d, v1.MediaTypeImageManifest, into, manifestMembers)
	into.MediaType = r.kind(into.MediaType)
	into.Config.MediaType = r.kind(into.Config.MediaType)
	for i := range into.Layers {
		into.Layers[i].MediaType = r.kind(into.Layers[i].MediaType)
	}
	if err == nil && into.Config.MediaType != v1.MediaTypeImageConfig && into.Config.MediaType != "" {
		return nil, fault.Unsupportedf("its config is of type %q, so it is not an OCI image", into.Config.MediaType)
	}
	return text, err
}

// document returns the text of a document, and parses it.
func (r *reader) document(ctx context.Context, d v1.Descriptor, mediaType string, into any, foreign foreignTo) ([]byte, error) {
	if d.MediaType == "" {
		return nil, typeMismatch("its descriptor", d.MediaType, mediaType)
	}
	if r.kind(d.MediaType) != mediaType {
		return nil, fault.Unsupportedf("type of its descriptor is %q, which this version does not read, wanted %q", d.MediaType, mediaType)
	}
	if d.Size > MaxDocument {
		return nil, fault.Unsupportedf("has %d bytes, wanted at most %d", d.Size, MaxDocument)
	}
	blob, err := r.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	text, err := io.ReadAll(blob)
	if err != nil {
		return nil, err
	}
	if r.parsed += d.Size; r.parsed > maxParsed {
		return nil, fault.Unsupportedf("has more than %d bytes of JSON with it, the most that this version reads of an archive", maxParsed)
	}
	err = until.Try(ctx, func() error { return parse(text, into, foreign) })
	switch {
	case err == nil:
		return text, nil
	case ctx.Err() == nil:
		err = &FormatError{err}
	}
	return nil, err
}

// reach records that the index leads to some blobs.
func (r *reader) reach(list ...v1.Descriptor) {
	for _, d := range list {
		if r.reached != nil && CheckDigest(d.Digest) == nil {
			r.reached[BlobName(d.Digest)] = true
		}
	}
}

// PlatformError is a platform for which an archive has no image.
type PlatformError struct {
	Wanted string
	Found  []string
}

func (e *PlatformError) Error() string {
	return fmt.Sprintf("has no image for %s, found %s", e.Wanted, strings.Join(e.Found, ", "))
}

// Unmet reports that the request cannot be met.
func (*PlatformError) Unmet() bool { return true }

// ParsePlatform checks the spelling of a platform.
func ParsePlatform(s string) error {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return errors.New("wanted OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, as in freebsd/arm64")
	}
	return nil
}

// PlatformText spells a platform as --platform does.
func PlatformText(p v1.Platform) string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}

// fits reports whether a platform is the wanted one. A wanted platform without a
// variant fits any.
func fits(wanted string, p v1.Platform) bool {
	return wanted == PlatformText(p) || wanted == p.OS+"/"+p.Architecture
}
