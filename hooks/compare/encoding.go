// SPDX-License-Identifier: BSD-2-Clause

package compare

import (
	"context"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/tarfile"
)

// OnlyForm reports whether two images differ only in what the libraries decide that
// orlop is built with: how layers are compressed, and how SQLite lays out the same
// rows.
func OnlyForm(ctx context.Context, a, b *artifact.Artifact) (bool, error) {
	for _, c := range imageChanges(a, b) {
		if !followsFromLayers(c.Key) {
			return false, nil
		}
	}
	if len(a.Read) != len(b.Read) {
		return false, nil
	}
	only := true
	for i := range a.Read {
		if a.Read[i].DiffID == b.Read[i].DiffID {
			continue
		}
		if err := diffTars(ctx, a, b, i, func(c tarfile.Change) { only = only && ofDatabase(c) }); err != nil || !only {
			return false, err
		}
		if a.Content == nil || b.Content == nil {
			return false, nil
		}
		if rows, err := otherRows(ctx, a.Content, b.Content); err != nil || len(rows) > 0 {
			return false, err
		}
	}
	return true, nil
}

// followsFromLayers reports whether a value in the documents is a digest or size of
// the layers, or of a document with these, or is not covered by the manifest's
// digest.
func followsFromLayers(key string) bool {
	document, key, _ := strings.Cut(key, " ")
	parts := strings.Split(key, ".")
	last := parts[len(parts)-1]
	switch document {
	case "config":
		return strings.HasPrefix(key, "rootfs.diff_ids.")
	case "manifest":
		return slices.Contains([]string{"config", "layers"}, parts[0]) && (last == "digest" || last == "size")
	}
	return true
}

// ofDatabase reports whether a change is in the bytes of the pkg database.
func ofDatabase(c tarfile.Change) bool {
	return "/"+c.Path == pkgdb.Path && (c.Field == "header field size" || strings.HasPrefix(c.Field, "contents"))
}
