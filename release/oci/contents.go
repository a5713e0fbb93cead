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

	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
)

// Contents are the parsed documents of an image of an archive.
type Contents struct {
	Index    v1.Index
	Manifest v1.Manifest
	Config   v1.Image
	// Descriptor is the manifest's, with the name of the image as annotation.
	Descriptor v1.Descriptor
	// Texts are the documents as they stand in the archive; that of a config
	// that could not be read is nil.
	Texts Texts
	// PassedOver says what else the archive has: attestations, other names.
	PassedOver []string

	reached map[string]bool // files that the index leads to, of whatever image
}

// Contents reads the documents of the archive's one image, or of that for a
// platform, OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT. A blob whose digest is
// wrong is not parsed, nor is one that its descriptor calls something else. What
// it returns beside an error is nil where there is no manifest, else all but the
// config.
func (a *Archive) Contents(ctx context.Context, platform string) (*Contents, error) {
	c := &Contents{reached: map[string]bool{"oci-layout": true, "index.json": true}}
	c.Texts.Layout, _ = a.read("oci-layout") // of which Check tells the faults
	var err error
	if c.Texts.Index, err = a.read("index.json"); err != nil {
		return nil, err
	}
	err = until.Try(ctx, func() error { return parse(c.Texts.Index, &c.Index, indexMembers) })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, formatErrorf("index.json: %w", err)
	}
	if err := a.choose(ctx, c, platform); err != nil {
		return nil, err
	}
	if c.Texts.Manifest, err = a.manifest(ctx, c.Descriptor, &c.Manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if c.Texts.Config, err = a.document(ctx, c.Manifest.Config, v1.MediaTypeImageConfig, &c.Config, nil); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c.Config = v1.Image{} // of which a part may be there
		return c, fmt.Errorf("config: %w", err)
	}
	if platform != "" && !fits(platform, c.Config.Platform) {
		return nil, &PlatformError{platform, []string{platformText(c.Config.Platform)}}
	}
	return c, nil
}

// foreignTo are members by which a text of one kind could be taken for another
// (CVE-2021-41190).
type foreignTo []string

var (
	indexMembers    = foreignTo{"config", "layers", "fsLayers", "history"}
	manifestMembers = foreignTo{"manifests", "fsLayers", "history"}
)

// parse reads a document that has one meaning only.
func parse(text []byte, into any, foreign foreignTo) error {
	if err := strict.Unmarshal(text, into); err != nil {
		return err
	}
	if has := strict.Has(text, foreign...); len(has) > 0 {
		return fmt.Errorf(`has "%s", by which others take it for another kind of document (CVE-2021-41190)`, strings.Join(has, `", "`))
	}
	return nil
}

// manifest reads that of an image.
func (a *Archive) manifest(ctx context.Context, d v1.Descriptor, into *v1.Manifest) ([]byte, error) {
	text, err := a.document(ctx, d, v1.MediaTypeImageManifest, into, manifestMembers)
	if err == nil && into.Config.MediaType != v1.MediaTypeImageConfig && into.Config.MediaType != "" {
		return nil, layer.Unsupportedf("its config is of type %q, so it is no OCI image", into.Config.MediaType)
	}
	return text, err
}

// document returns the text of a document that it has parsed.
func (a *Archive) document(ctx context.Context, d v1.Descriptor, mediaType string, into any, foreign foreignTo) ([]byte, error) {
	if d.MediaType == "" {
		return nil, typeMismatch("its descriptor", d.MediaType, mediaType)
	}
	if d.MediaType != mediaType {
		return nil, layer.Unsupportedf("type of its descriptor is %q, which this version does not read, wanted %q", d.MediaType, mediaType)
	}
	if d.Size > maxDocument {
		return nil, layer.Unsupportedf("has %d bytes, wanted at most %d", d.Size, maxDocument)
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
	if a.parsed += d.Size; a.parsed > maxParsed {
		return nil, layer.Unsupportedf("has more than %d bytes of JSON with it, the most that this version reads of an archive", maxParsed)
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

// reach notes that the index leads to some blobs.
func (c *Contents) reach(list ...v1.Descriptor) {
	for _, d := range list {
		if CheckDigest(d.Digest) == nil {
			c.reached[BlobName(d.Digest)] = true
		}
	}
}

// PlatformError is a platform that an archive has no image for.
type PlatformError struct {
	Wanted string
	Found  []string
}

func (e *PlatformError) Error() string {
	return fmt.Sprintf("has no image for %s, found %s", e.Wanted, strings.Join(e.Found, ", "))
}

// Unmet reports that the request cannot be met.
func (*PlatformError) Unmet() bool { return true }

// ParsePlatform checks how a platform is spelt.
func ParsePlatform(s string) error {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return errors.New("wanted OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, as in freebsd/arm64")
	}
	return nil
}

// platformText spells a platform as --platform does.
func platformText(p v1.Platform) string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}

// fits reports whether a platform is the one that is wanted. Who says no variant
// takes any.
func fits(wanted string, p v1.Platform) bool {
	return wanted == platformText(p) || wanted == p.OS+"/"+p.Architecture
}
