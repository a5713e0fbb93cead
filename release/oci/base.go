// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/layer"
)

// Base is the image that another stands on: the layers of its manifest, and what its
// config says. Both texts can be checked against the digest of the first.
type Base struct {
	Manifest, Config []byte
	Digest           digest.Digest // of the manifest
	Layers           []layer.Layer // lowest first, with the types that the image-spec has for them
	Image            v1.Image      // the config
}

// dockersTypes are docker's media types (image-manifest-v2-2), which registries still
// have, and what the image-spec calls the same things.
var dockersTypes = map[string]string{
	"application/vnd.docker.distribution.manifest.v2+json":      v1.MediaTypeImageManifest,
	"application/vnd.docker.container.image.v1+json":            v1.MediaTypeImageConfig,
	"application/vnd.docker.image.rootfs.diff.tar":              v1.MediaTypeImageLayer,
	"application/vnd.docker.image.rootfs.diff.tar.gzip":         v1.MediaTypeImageLayerGzip,
	"application/vnd.docker.image.rootfs.diff.tar.zstd":         v1.MediaTypeImageLayerZstd,
	"application/vnd.docker.distribution.manifest.list.v2+json": v1.MediaTypeImageIndex,
}

// OwnType returns the image-spec's name for a media type of docker, and any other as it
// is.
func OwnType(mediaType string) string {
	if own, is := dockersTypes[mediaType]; is {
		return own
	}
	return mediaType
}

// AlsoDockers is a source of which Read takes documents and layers with docker's media
// types for those of the image-spec, as they are the same.
func AlsoDockers(src Source) Source { return alsoDockers{src} }

type alsoDockers struct{ Source }

// kind is the media type by which a document or layer is read.
func (r *reader) kind(mediaType string) string {
	if r.docker {
		return OwnType(mediaType)
	}
	return mediaType
}

// ReadBase reads manifest and config of an image that others may stand on.
func ReadBase(manifest, config []byte) (*Base, error) {
	b := &Base{Manifest: manifest, Config: config, Digest: digest.FromBytes(manifest)}
	var m v1.Manifest
	if err := parse(manifest, &m, manifestMembers); err != nil {
		return nil, FormatErrorf("manifest: %w", err)
	}
	if err := parse(config, &b.Image, nil); err != nil {
		return nil, FormatErrorf("config: %w", err)
	}
	if found := digest.FromBytes(config); found != m.Config.Digest {
		return nil, &MismatchError{"digest of the config", found.String(), m.Config.Digest.String() + ", which the manifest has"}
	}
	if layers, ids := len(m.Layers), len(b.Image.RootFS.DiffIDs); layers != ids {
		return nil, &MismatchError{"number of diff_ids in the config", fmt.Sprint(ids), fmt.Sprintf("%d, as many as the manifest has layers", layers)}
	}
	for i, d := range m.Layers {
		l := layer.Layer{MediaType: OwnType(d.MediaType), Digest: d.Digest, DiffID: b.Image.RootFS.DiffIDs[i], Size: d.Size}
		if err := checkBaseLayer(&l, d); err != nil {
			return nil, fault.Within(fmt.Sprintf("layer %d", i+1), err)
		}
		b.Layers = append(b.Layers, l)
	}
	return b, nil
}

// checkBaseLayer refuses a layer that no image of ours can have.
func checkBaseLayer(l *layer.Layer, d v1.Descriptor) error {
	if len(d.URLs) > 0 {
		return fault.Unsupportedf("its bytes are at %s, not with the image", fault.Short(d.URLs[0]))
	}
	switch l.MediaType {
	case v1.MediaTypeImageLayer, v1.MediaTypeImageLayerGzip, v1.MediaTypeImageLayerZstd:
	default:
		return fault.Unsupportedf("is of type %q, which cannot be in an image of others", d.MediaType)
	}
	for _, x := range []digest.Digest{l.Digest, l.DiffID} {
		if err := CheckDigest(x); err != nil {
			return err
		}
	}
	return nil
}

// history is the base's, an entry for each layer at least.
func (b *Base) history() []any {
	var list []any
	layers := 0
	for _, h := range b.Image.History {
		o := object{{"created", moment(h.Created)}, {"created_by", optional(h.CreatedBy)}, {"author", optional(h.Author)}, {"comment", optional(h.Comment)}}
		if h.EmptyLayer {
			o = append(o, member{"empty_layer", true})
		} else {
			layers++
		}
		list = append(list, o)
	}
	for ; layers < len(b.Layers); layers++ { // a history is optional, but ours has one
		list = append(list, object{{"created", moment(b.Image.Created)}})
	}
	return list
}

// moment is a time of a base; nil for none.
func moment(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format(time.RFC3339Nano)
}
