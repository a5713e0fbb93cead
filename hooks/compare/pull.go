// SPDX-License-Identifier: BSD-2-Clause

package compare

import (
	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/artifact"
)

// PartLayers is the part of Pull, between the image and the files.
const PartLayers Part = "layers"

// PulledLayer is a layer of an image that updates another.
type PulledLayer struct {
	Part   Part   `json:"part"`
	Layer  string `json:"layer"`  // what the history calls it, else its number
	Change string `json:"change"` // shared, and so not fetched, or new
	Digest string `json:"digest"`
	Size   int64  `json:"size"` // bytes of its blob
}

// Pull lists the layers of an image, and says which of them an update from the old
// one fetches. It lists none if either is no image.
func Pull(old, image *artifact.Artifact) []PulledLayer {
	if old.Contents == nil || image.Contents == nil {
		return nil
	}
	has := map[digest.Digest]bool{}
	for _, d := range old.Manifest.Layers {
		has[d.Digest] = true
	}
	var list []PulledLayer
	for i, d := range image.Manifest.Layers {
		l := PulledLayer{PartLayers, image.LayerName(i), "new", d.Digest.String(), d.Size}
		if has[d.Digest] {
			l.Change = "shared"
		}
		has[d.Digest] = true // nobody fetches one twice
		list = append(list, l)
	}
	return list
}
