// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"cmp"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Index writes the index of an image, given its name and manifest.
func Index(name string, manifest digest.Digest, size int64) []byte {
	return IndexOf(v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: manifest, Size: size,
		Annotations: map[string]string{v1.AnnotationRefName: name}})
}

// IndexOf writes the index of a layout that leads to one image, or to one image
// index.
func IndexOf(d v1.Descriptor) []byte {
	return encode(object{
		{"schemaVersion", 2},
		{"mediaType", v1.MediaTypeImageIndex},
		{"manifests", []any{descriptor(d.MediaType, d.Digest, d.Size, d.Annotations)}},
	})
}

// ImageIndex writes the index of one image for several platforms, whatever their order
// in the list. Each descriptor has a platform, and no other has the same. The order of
// members decides bytes, as does the choice of optional ones.
func ImageIndex(images []v1.Descriptor, annotations map[string]string) []byte {
	list := slices.SortedFunc(slices.Values(images), func(a, b v1.Descriptor) int {
		return cmp.Or(strings.Compare(a.Platform.Architecture, b.Platform.Architecture), strings.Compare(a.Platform.Variant, b.Platform.Variant),
			strings.Compare(a.Platform.OS, b.Platform.OS))
	})
	var manifests []any
	for _, d := range list {
		entry := descriptor(d.MediaType, d.Digest, d.Size, nil)
		manifests = append(manifests, append(entry, member{"platform", object{
			{"architecture", d.Platform.Architecture}, {"os", d.Platform.OS}, {"variant", optional(d.Platform.Variant)},
		}}))
	}
	return encode(object{
		{"schemaVersion", 2},
		{"mediaType", v1.MediaTypeImageIndex},
		{"manifests", manifests},
		{"annotations", sorted(annotations)},
	})
}

// DescriptorOf describes a document.
func DescriptorOf(mediaType string, text []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
}

// Attachment writes the manifest of something that is attached to another manifest:
// one file, with the empty config that stands for none (image-spec, manifest.md,
// Guidelines for Artifact Usage). Its name is the file's; "" for none.
func Attachment(artifactType, name string, file, subject v1.Descriptor, annotations map[string]string) []byte {
	return attachment(artifactType, v1.MediaTypeEmptyJSON, name, file, subject, annotations)
}

// PlainAttachment is Attachment for registries that refuse types they do not know: it
// has the type of an image's config, and no artifact type of its own.
func PlainAttachment(name string, file, subject v1.Descriptor, annotations map[string]string) []byte {
	return attachment("", v1.MediaTypeImageConfig, name, file, subject, annotations)
}

func attachment(artifactType, configType, name string, file, subject v1.Descriptor, annotations map[string]string) []byte {
	empty := v1.DescriptorEmptyJSON
	var title map[string]string
	if name != "" {
		title = map[string]string{v1.AnnotationTitle: name}
	}
	manifest := object{
		{"schemaVersion", 2},
		{"mediaType", v1.MediaTypeImageManifest},
		{"artifactType", optional(artifactType)},
		{"config", descriptor(configType, empty.Digest, empty.Size, nil)},
		{"layers", []any{descriptor(file.MediaType, file.Digest, file.Size, title)}},
		{"subject", descriptor(subject.MediaType, subject.Digest, subject.Size, nil)},
	}
	if len(annotations) > 0 {
		manifest = append(manifest, member{"annotations", sorted(annotations)})
	}
	return encode(manifest)
}
