// SPDX-License-Identifier: BSD-2-Clause

//go:build full && !race

package layer

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/tree"
)

// TestReadBound reads as many entries as there may be, and one more.
func TestReadBound(t *testing.T) {
	t.Parallel()
	const mediaType = "application/vnd.oci.image.layer.v1.tar"
	visited := 0
	visit := func(*tree.Node, io.Reader) error { visited++; return nil }
	if l, err := Read(t.Context(), emptyFiles(MaxEntries), mediaType, visit); err != nil || visited != MaxEntries || l.DiffID == "" {
		t.Errorf("visited %d, got %v", visited, err)
	}
	visited = 0
	_, err := Read(t.Context(), emptyFiles(MaxEntries+1), mediaType, visit)
	var unsupported *fault.UnsupportedError
	if !errors.As(err, &unsupported) || err.Error() != "has more than 2000000 entries, the most that this version reads" || visited != MaxEntries {
		t.Errorf("visited %d, got %v", visited, err)
	}
}

// TestApplyBound makes as many directories without an entry as there may be, and
// some more: few entries can ask for many.
func TestApplyBound(t *testing.T) {
	t.Parallel()
	const deep = 1999 // so that each entry lies in 2000 of its own
	var nodes []*tree.Node
	for i := range MaxEntries / (deep + 1) {
		nodes = append(nodes, &tree.Node{Path: fmt.Sprintf("/%d%s/f", i, strings.Repeat("/a", deep)), Type: tree.File})
	}
	var s Stack
	if err := apply(t.Context(), &s, nodes); err != nil || s.Full() {
		t.Errorf("got %v", err)
	}
	more := []*tree.Node{{Path: "/x/f", Type: tree.File}, {Path: "/y/f", Type: tree.File}}
	err := apply(t.Context(), &s, more)
	var unsupported *fault.UnsupportedError
	if want := "has entries in more than 2000000 directories without an entry, the most that this version makes"; !errors.As(err, &unsupported) || err.Error() != want || !s.Full() {
		t.Errorf("got %v, want %s", err, want)
	}
}
