// SPDX-License-Identifier: BSD-2-Clause

package family

import (
	"context"
	"io"
	"maps"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
)

// Write writes an archive, or a folder, of all members and their index, whose layout
// leads to the index alone. Path must not exist; after an error a part may remain.
func (f *Family) Write(ctx context.Context, path string, format layout.Format) error {
	blobs := []layout.Blob{layout.Text(f.IndexText)}
	for _, m := range f.Members {
		blobs = append(blobs, layout.Text(m.Texts.Manifest))
	}
	for _, b := range Blobs(f.Members) {
		blobs = append(blobs, layout.Blob{Digest: b.Digest, Size: b.Size, Open: func() (io.ReadCloser, error) { return b.Open(ctx) }})
	}
	return layout.WriteBlobs(ctx, path, format, f.created(), f.layoutIndex(), blobs)
}

// layoutIndex is the index.json around the index.
func (f *Family) layoutIndex() []byte {
	d := f.Index
	d.Annotations = maps.Clone(d.Annotations)
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	d.Annotations[v1.AnnotationRefName] = f.RefName()
	return oci.IndexOf(d)
}

// created is the time of the archive's entries, which decides its bytes: that of the
// newest member, in seconds.
func (f *Family) created() int64 {
	newest := int64(0)
	for _, m := range f.Members {
		if t := m.Config.Created; t != nil {
			newest = max(newest, t.Unix())
		}
	}
	return newest
}
