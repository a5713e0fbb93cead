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

// compareLayers tells of layers at the same place what the bytes of their
// archives say.
func compareLayers(ctx context.Context, a, b *artifact.Artifact, lines int) ([]Difference, error) {
	var list []Difference
	for i := range max(len(a.Made), len(b.Made)) {
		x := Difference{Part: PartBytes, Subject: fmt.Sprintf("layer %d", i+1)}
		switch {
		case i >= len(a.Made):
			x.Change, x.Layer = "added", b.LayerName(i)
		case i >= len(b.Made):
			x.Change, x.Layer = "removed", a.LayerName(i)
		case a.Made[i].Digest == b.Made[i].Digest:
			continue
		case a.Made[i].DiffID == b.Made[i].DiffID:
			x.Layer, x.Old, x.New = a.LayerName(i), a.Made[i].Digest.String(), b.Made[i].Digest.String()
			x.Change = "same content, other compression"
		default:
			x.Layer, x.Old, x.New = a.LayerName(i), a.Made[i].DiffID.String(), b.Made[i].DiffID.String()
			if err := x.tars(ctx, a, b, i, lines); err != nil {
				return nil, err
			}
		}
		list = append(list, x)
	}
	return list, nil
}

// tars tells the first thing in which two layers differ, and then all that the
// files do not tell.
func (x *Difference) tars(ctx context.Context, a, b *artifact.Artifact, i, lines int) error {
	err := diffTars(ctx, a, b, i, func(c tarfile.Change) {
		if x.Change == "" {
			x.Change = c.String()
		} else if !slices.ContainsFunc(toldOfFiles, func(field string) bool { return strings.HasPrefix(c.Field, field) }) {
			x.Detail = append(x.Detail, c.String())
		}
	})
	x.Detail = firstLines(x.Detail, lines)
	return err
}

// toldOfFiles are the fields of entries that a comparison of trees tells.
var toldOfFiles = []string{"header field mode", "header field uid", "header field gid", "header field size", "header field mtime",
	"header field uname", "header field gname", "header field linkname", "contents", "added", "removed"}

// diffTars compares two layers entry by entry.
func diffTars(ctx context.Context, a, b *artifact.Artifact, i int, visit func(tarfile.Change)) error {
	old, err := a.Spool(ctx, i)
	if err != nil {
		return err
	}
	defer old.Close()
	now, err := b.Spool(ctx, i)
	if err != nil {
		return err
	}
	defer now.Close()
	return fault.Within(fmt.Sprintf("layer %d", i+1), tarfile.Diff(bufio.NewReader(until.Reader(ctx, old)), bufio.NewReader(until.Reader(ctx, now)), visit))
}
