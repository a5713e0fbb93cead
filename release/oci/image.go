// SPDX-License-Identifier: BSD-2-Clause

// Package oci makes and reads OCI images: configuration, manifest and index (OCI
// image-spec 1.1: config.md, manifest.md, image-index.md), the image layout
// (image-layout.md) and the archive that holds it: a tar file, plain or
// compressed, also called an oci-archive.
//
// An archive that orlop writes holds one whole image for one platform, and
// nothing else. One that it reads may have an index of several images, from
// which a platform chooses one, and of further indexes. Not supported: digests
// other than sha256, blobs stored elsewhere (urls), subject and referrers, and
// the archives of docker save.
package oci

import (
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/layer"
)

// Image is what the documents of an image say.
type Image struct {
	Name         string // org.opencontainers.image.ref.name
	Architecture string // GOARCH
	Variant      string
	Created      int64 // seconds
	Settings     v1.ImageConfig
	Annotations  map[string]string // of the manifest
	Base         *Base             // the image that it stands on; nil for none
	Layers       []Layer           // on those of Base, lowest first
}

// All are the layers of the image, and of the one that it stands on.
func (im *Image) All() []layer.Layer {
	var list []layer.Layer
	if im.Base != nil {
		list = append(list, im.Base.Layers...)
	}
	for _, l := range im.Layers {
		list = append(list, l.Layer)
	}
	return list
}

// Layer is a layer and its entry in the history.
type Layer struct {
	layer.Layer
	Created   int64 // seconds
	CreatedBy string
}

// Texts are the JSON texts of an image and its layout.
type Texts struct{ Config, Manifest, Index, Layout []byte }

// Documents are the finished documents.
type Documents struct {
	Texts
	ConfigDigest, Digest digest.Digest // Digest is the manifest's
}

// LayoutFile is the content of oci-layout.
const LayoutFile = `{"imageLayoutVersion":"` + v1.ImageLayoutVersion + `"}`

// Documents writes the configuration, the manifest and the index. The order of
// members decides bytes, as does the choice of optional ones.
//
// The descriptor in the index names the image but has no platform: with one
// manifest there is nothing to choose by it, and neither FreeBSD's own images
// nor those that skopeo copies into a layout have one.
func (im *Image) Documents() Documents {
	var d Documents
	d.Config = encode(im.config())
	d.ConfigDigest = digest.FromBytes(d.Config)
	var layers []any
	for _, l := range im.All() {
		layers = append(layers, descriptor(l.MediaType, l.Digest, l.Size, nil))
	}
	d.Manifest = encode(object{
		{"schemaVersion", 2},
		{"mediaType", v1.MediaTypeImageManifest},
		{"config", descriptor(v1.MediaTypeImageConfig, d.ConfigDigest, int64(len(d.Config)), nil)},
		{"layers", layers},
		{"annotations", sorted(im.Annotations)},
	})
	d.Digest = digest.FromBytes(d.Manifest)
	d.Index, d.Layout = Index(im.Name, d.Digest, int64(len(d.Manifest))), []byte(LayoutFile)
	return d
}

// config has os and architecture, what a container starts with, and the history. What
// else the base says of itself stays.
func (im *Image) config() object {
	var diffIDs, history []any
	for _, l := range im.All() {
		diffIDs = append(diffIDs, l.DiffID.String())
	}
	var base v1.Image
	if im.Base != nil {
		base, history = im.Base.Image, im.Base.history()
	}
	for _, l := range im.Layers {
		history = append(history, object{{"created", Timestamp(l.Created)}, {"created_by", l.CreatedBy}})
	}
	return object{
		{"created", Timestamp(im.Created)},
		{"author", optional(base.Author)},
		{"architecture", im.Architecture},
		{"variant", optional(im.Variant)},
		{"os", "freebsd"},
		{"os.version", optional(base.OSVersion)},
		{"os.features", texts(base.OSFeatures)},
		{"config", settings(&im.Settings)},
		{"rootfs", object{{"type", "layers"}, {"diff_ids", diffIDs}}},
		{"history", history},
	}
}

func descriptor(mediaType string, d digest.Digest, size int64, annotations map[string]string) object {
	return object{{"mediaType", mediaType}, {"digest", d.String()}, {"size", size}, {"annotations", sorted(annotations)}}
}

// optional omits an empty member.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Timestamp formats a time as in the documents: RFC 3339, in UTC.
func Timestamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
