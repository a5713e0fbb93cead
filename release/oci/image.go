// SPDX-License-Identifier: BSD-2-Clause

// Package oci makes and reads OCI images: configuration, manifest and index
// (OCI image-spec: config.md, manifest.md, image-index.md), the image layout
// and the archive that holds it (image-layout.md).
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
	Env, Cmd     []string
	Labels       map[string]string
	Annotations  map[string]string // of the manifest
	Layers       []Layer           // lowest first
}

// Layer is a layer and its line of the history.
type Layer struct {
	layer.Layer
	Created   int64 // seconds
	CreatedBy string
}

// Documents are the finished JSON texts of an image.
type Documents struct {
	Config, Manifest, Index []byte
	ConfigDigest, Digest    digest.Digest // Digest is the manifest's
}

// layoutFile is the content of oci-layout.
const layoutFile = `{"imageLayoutVersion":"` + v1.ImageLayoutVersion + `"}`

// Documents writes the configuration, the manifest and the index. The order of
// members is that of the tables in image-spec.
func (im *Image) Documents() Documents {
	var d Documents
	d.Config = encode(im.config())
	d.ConfigDigest = digest.FromBytes(d.Config)
	var layers []any
	for _, l := range im.Layers {
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
	name := map[string]string{v1.AnnotationRefName: im.Name}
	d.Index = encode(object{
		{"schemaVersion", 2},
		{"mediaType", v1.MediaTypeImageIndex},
		{"manifests", []any{descriptor(v1.MediaTypeImageManifest, d.Digest, int64(len(d.Manifest)), name)}},
	})
	return d
}

// config has os and architecture, what a container starts with, and the
// history; no user, working directory, entry point or os.version.
func (im *Image) config() object {
	var diffIDs, history []any
	for _, l := range im.Layers {
		diffIDs = append(diffIDs, l.DiffID.String())
		history = append(history, object{{"created", timestamp(l.Created)}, {"created_by", l.CreatedBy}})
	}
	return object{
		{"created", timestamp(im.Created)},
		{"architecture", im.Architecture},
		{"variant", optional(im.Variant)},
		{"os", "freebsd"},
		{"config", object{{"Env", texts(im.Env)}, {"Cmd", texts(im.Cmd)}, {"Labels", sorted(im.Labels)}}},
		{"rootfs", object{{"type", "layers"}, {"diff_ids", diffIDs}}},
		{"history", history},
	}
}

func descriptor(mediaType string, d digest.Digest, size int64, annotations map[string]string) object {
	return object{{"mediaType", mediaType}, {"digest", d.String()}, {"size", size}, {"annotations", sorted(annotations)}}
}

func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// timestamp writes seconds as RFC 3339 in UTC.
func timestamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// Timestamp is the spelling of a time in the image's documents.
func Timestamp(seconds int64) string { return timestamp(seconds) }
