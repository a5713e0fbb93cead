// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Bounds for an index: how deep others may nest in it, and the total number of
// manifests.
const (
	maxNested    = 4
	maxManifests = 1000
)

// candidates are the images that an index leads to.
type candidates struct {
	*reader
	*Contents
	seen   int
	images []candidate
	other  []error // what this version cannot read
}

// candidate is one image, and its names besides the first.
type candidate struct {
	v1.Descriptor
	others []string
}

// choose finds the one image that is wanted, by following the indexes. Several
// descriptors of one digest are one image. Of an image for another platform it reads
// nothing, if the index states that.
func (r *reader) choose(ctx context.Context, c *Contents, platform string) error {
	all := candidates{reader: r, Contents: c}
	if err := all.collect(ctx, c.Index, "", 1); err != nil {
		return err
	}
	images := all.images
	if len(images) > 1 {
		if err := all.look(ctx); err != nil {
			return err
		}
		images = all.images
	}
	if platform != "" && len(images) > 1 {
		found := platforms(images)
		if images = slices.DeleteFunc(images, func(i candidate) bool { return !fits(platform, *i.Platform) }); len(images) == 0 {
			return &PlatformError{platform, found}
		}
	}
	switch {
	case len(images) > 1 && platform == "":
		return fault.Unsupportedf("has %d images, wanted one; --platform chooses: %s", len(images), strings.Join(platforms(images), ", "))
	case len(images) > 1:
		return fault.Unsupportedf("has %d images for %s, wanted one: %s", len(images), platform, strings.Join(digests(images), ", "))
	case len(images) == 0 && len(all.other) > 0:
		return all.other[0]
	case len(images) == 0 && len(c.PassedOver) > 0:
		return fault.Unsupportedf("index.json leads to no image, wanted one: %s", strings.Join(c.PassedOver, ", "))
	case len(images) == 0:
		return fault.Unsupportedf("index.json leads to no image, wanted one")
	}
	c.Descriptor = images[0].Descriptor
	for _, err := range all.other {
		c.PassedOver = append(c.PassedOver, err.Error())
	}
	for _, name := range images[0].others {
		c.PassedOver = append(c.PassedOver, fmt.Sprintf("the image also has the name %q", name))
	}
	return nil
}

// Platforms lists the platforms of a source's images, in the order of its index, so
// that each can be read. Of a source with one image the only one is "".
func Platforms(ctx context.Context, src Source) ([]string, error) {
	around, err := src.Index(ctx)
	if err != nil {
		return nil, errors.Join(err, around.Fault)
	}
	c := new(Contents)
	if err := parseIndex(ctx, around.Index, &c.Index); err != nil {
		return nil, err
	}
	all := candidates{reader: newReader(src, LayoutFiles{}), Contents: c}
	if err := all.collect(ctx, c.Index, "", 1); err != nil {
		return nil, err
	}
	if len(all.images) < 2 {
		return []string{""}, nil // Read says what is wrong
	}
	if err := all.look(ctx); err != nil {
		return nil, err
	}
	list := platforms(all.images)
	for i, p := range list {
		if slices.Contains(list[:i], p) {
			return nil, &TwiceError{p}
		}
	}
	if len(list) < 2 {
		return []string{""}, nil
	}
	return list, nil
}

// TwiceError is a platform for which there are two images.
type TwiceError struct{ Platform string }

func (e *TwiceError) Error() string { return "has two images for " + e.Platform + ", wanted one" }

// Unmet reports that the request cannot be met.
func (*TwiceError) Unmet() bool { return true }

// collect takes the descriptors of an index called name.
func (all *candidates) collect(ctx context.Context, index v1.Index, name string, depth int) error {
	for _, d := range index.Manifests {
		if err := ctx.Err(); err != nil {
			return err
		}
		if all.seen++; all.seen > maxManifests {
			return fault.Unsupportedf("has more than %d manifests, the most that this version searches", maxManifests)
		}
		refName := d.Annotations[v1.AnnotationRefName]
		if refName == "" {
			refName = name
		}
		switch kind := all.kind(d.MediaType); {
		case kind == "":
			return FormatErrorf("a descriptor of the index, of %q, has no mediaType, wanted one (image-spec, descriptor.md)", d.Digest)
		case isAttestation(d):
			all.passOver(ctx, d, "attestation manifest")
		case kind == v1.MediaTypeImageIndex:
			if err := all.nested(ctx, d, refName, depth); err != nil {
				return fmt.Errorf("index %s: %w", d.Digest, err)
			}
		case d.ArtifactType != "":
			all.passOver(ctx, d, "artifact of type "+d.ArtifactType)
		case kind != v1.MediaTypeImageManifest:
			all.other = append(all.other, fault.Unsupportedf("manifest: type of its descriptor is %q, which this version does not read, wanted %q", d.MediaType, v1.MediaTypeImageManifest))
		default:
			if err := all.image(ctx, d, refName); err != nil {
				return err
			}
		}
	}
	return nil
}

// isAttestation recognizes what buildx stores next to an image.
func isAttestation(d v1.Descriptor) bool {
	return d.Annotations["vnd.docker.reference.type"] == "attestation-manifest" ||
		d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
}

func (all *candidates) passOver(ctx context.Context, d v1.Descriptor, what string) {
	text := fmt.Sprintf("%s %s was skipped", what, d.Digest)
	if slices.Contains(all.PassedOver, text) {
		return
	}
	all.PassedOver = append(all.PassedOver, text)
	all.reachImage(ctx, d)
}

// reachImage records the blobs of an image or artifact, whether or not it is the
// chosen one. The chosen one is read again, and its faults are reported then.
func (all *candidates) reachImage(ctx context.Context, d v1.Descriptor) {
	if all.reached == nil {
		return
	}
	var m v1.Manifest
	_, _ = all.document(ctx, d, all.kind(d.MediaType), &m, nil)
	all.reach(append([]v1.Descriptor{d, m.Config}, m.Layers...)...)
}

// nested follows an index inside another one.
func (all *candidates) nested(ctx context.Context, d v1.Descriptor, name string, depth int) error {
	if depth == maxNested {
		return fault.Unsupportedf("is nested in %d other indexes, the most that this version follows", depth)
	}
	var index v1.Index
	if _, err := all.document(ctx, d, v1.MediaTypeImageIndex, &index, indexMembers); err != nil {
		return err
	}
	all.reach(d)
	return all.collect(ctx, index, name, depth+1)
}

// image records an image, or another name of one.
func (all *candidates) image(ctx context.Context, d v1.Descriptor, name string) error {
	if name != "" && d.Annotations[v1.AnnotationRefName] == "" {
		d.Annotations = map[string]string{v1.AnnotationRefName: name}
	}
	for i := range all.images {
		if c := &all.images[i]; c.Digest == d.Digest {
			if c.Size != d.Size {
				return SizeMismatch(d.Digest, fmt.Sprint(d.Size)+" in one descriptor", c.Size)
			}
			c.named(d, name)
			return nil
		}
	}
	all.reachImage(ctx, d)
	all.images = append(all.images, candidate{d, nil})
	return nil
}

// named records another name of an image, which may have had none.
func (c *candidate) named(d v1.Descriptor, name string) {
	switch first := c.Annotations[v1.AnnotationRefName]; {
	case first == "" && name != "":
		c.Descriptor = d
	case name != "" && name != first && !slices.Contains(c.others, name):
		c.others = append(c.others, name)
	}
}

// look skips what is not an image, and determines platforms that the index does
// not state. It fails only if the context ends.
func (all *candidates) look(ctx context.Context) error {
	var list []candidate
	for _, i := range all.images {
		if i.Platform != nil && all.reached == nil { // to read each would cost an answer of the registry
			list = append(list, i)
			continue
		}
		var m v1.Manifest
		_, err := all.manifest(ctx, i.Descriptor, &m)
		if err == nil && i.Platform == nil {
			var config v1.Image
			_, err = all.document(ctx, m.Config, v1.MediaTypeImageConfig, &config, nil)
			i.Platform = &config.Platform
		}
		if err != nil {
			all.other = append(all.other, fmt.Errorf("manifest %s: %w", i.Digest, err))
			continue
		}
		list = append(list, i)
	}
	all.images = list
	return ctx.Err()
}

// platforms spells the platforms of images.
func platforms(images []candidate) []string {
	var list []string
	for _, i := range images {
		list = append(list, PlatformText(*i.Platform))
	}
	return list
}

func digests(images []candidate) []string {
	var list []string
	for _, i := range images {
		list = append(list, i.Digest.String())
	}
	return list
}
