// SPDX-License-Identifier: BSD-2-Clause

//go:build full && !race

package layer

import (
	"errors"
	"io"
	"testing"

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
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) || err.Error() != "has more than 2000000 entries, which is the most that this version reads" || visited != MaxEntries {
		t.Errorf("visited %d, got %v", visited, err)
	}
}
