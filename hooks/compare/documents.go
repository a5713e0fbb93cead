// SPDX-License-Identifier: BSD-2-Clause

package compare

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/jsondiff"
)

// maxParted bounds documents that are compared key by key. Real ones have some
// 100 KB.
const maxParted = 2 << 20

// imageChanges compares the documents of the images.
func imageChanges(a, b *artifact.Artifact) []jsondiff.Change {
	if a.Contents == nil || b.Contents == nil {
		return nil
	}
	return documentChanges([]documents{
		{"config", a.Texts.Config, b.Texts.Config}, {"manifest", a.Texts.Manifest, b.Texts.Manifest},
	})
}

// Layouts lists how the layouts around two images differ, which is no difference of
// the images.
func Layouts(a, b *artifact.Artifact) []string {
	if a.Contents == nil || b.Contents == nil || a.Texts.Layout == nil || b.Texts.Layout == nil { // layers and registries have none
		return nil
	}
	var list []string
	for _, c := range documentChanges([]documents{
		{"index", a.Texts.Index, b.Texts.Index}, {"oci-layout", a.Texts.Layout, b.Texts.Layout},
	}) {
		if !Follows(strings.TrimPrefix(c.Key, "index ")) {
			list = append(list, fmt.Sprintf("%s: %s -> %s", c.Key, cmp.Or(c.Old, "none"), cmp.Or(c.New, "none")))
		}
	}
	return list
}

// documents is a document of both images.
type documents struct {
	name     string
	old, now []byte
}

// documentChanges compares the texts of documents. The key of a change starts with
// the document's name.
func documentChanges(pairs []documents) []jsondiff.Change {
	var list []jsondiff.Change
	for _, doc := range pairs {
		var changes []jsondiff.Change
		if len(doc.old)+len(doc.now) <= maxParted && json.Valid(doc.old) && json.Valid(doc.now) {
			changes = jsondiff.Compare(json.RawMessage(doc.old), json.RawMessage(doc.now))
		}
		if len(changes) == 0 && !bytes.Equal(doc.old, doc.now) {
			changes = []jsondiff.Change{{Key: "as it is written", Old: "sha256 " + sum.HexSHA256(doc.old), New: "sha256 " + sum.HexSHA256(doc.now)}}
		}
		for _, c := range changes {
			list = append(list, jsondiff.Change{Key: doc.name + " " + c.Key, Old: c.Old, New: c.New})
		}
	}
	return list
}

// Follows reports whether a value changes only because others do, which are reported
// already.
func Follows(key string) bool {
	return slices.Contains([]string{"config.digest", "config.size", "manifests.0.digest", "manifests.0.size"}, key)
}
