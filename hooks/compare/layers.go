// SPDX-License-Identifier: BSD-2-Clause

package compare

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tarfile"
)

// compareLayers compares the bytes of layers at the same position.
func compareLayers(ctx context.Context, a, b *artifact.Artifact, lines int) ([]Difference, error) {
	var list []Difference
	for i := range max(len(a.Read), len(b.Read)) {
		x := Difference{Part: PartBytes, Subject: fmt.Sprintf("layer %d", i+1)}
		switch {
		case i >= len(a.Read):
			x.Change, x.Layer = "added", b.LayerName(i)
		case i >= len(b.Read):
			x.Change, x.Layer = "removed", a.LayerName(i)
		case a.Read[i].Digest == b.Read[i].Digest:
			continue
		case a.Read[i].DiffID == b.Read[i].DiffID:
			x.Layer, x.Old, x.New = a.LayerName(i), a.Read[i].Digest.String(), b.Read[i].Digest.String()
			x.Change = "same content, other compression"
		default:
			x.Layer, x.Old, x.New = a.LayerName(i), a.Read[i].DiffID.String(), b.Read[i].DiffID.String()
			if err := x.tars(ctx, a, b, i, lines); err != nil {
				return nil, err
			}
		}
		list = append(list, x)
	}
	return list, nil
}

// tars reports the first difference of two layers, and then all that the comparison
// of files does not show.
func (x *Difference) tars(ctx context.Context, a, b *artifact.Artifact, i, lines int) error {
	err := diffTars(ctx, a, b, i, func(c tarfile.Change) {
		if x.Change == "" {
			x.Change = c.String()
		} else if !slices.ContainsFunc(fileFields, func(field string) bool { return strings.HasPrefix(c.Field, field) }) {
			x.Detail = append(x.Detail, c.String())
		}
	})
	x.Detail = firstLines(x.Detail, lines)
	return err
}

// fileFields are the fields of entries that the comparison of trees shows.
var fileFields = []string{"header field mode", "header field uid", "header field gid", "header field size", "header field mtime",
	"header field uname", "header field gname", "header field linkname", "contents", "added", "removed"}

// diffTars compares two layers entry by entry.
func diffTars(ctx context.Context, a, b *artifact.Artifact, i int, visit func(tarfile.Change)) error {
	old, err := a.Plain(ctx, i)
	if err != nil {
		return err
	}
	defer old.Close()
	now, err := b.Plain(ctx, i)
	if err != nil {
		return err
	}
	defer now.Close()
	return fault.Within(fmt.Sprintf("layer %d", i+1), tarfile.Diff(bufio.NewReader(until.Reader(ctx, old)), bufio.NewReader(until.Reader(ctx, now)), visit))
}
