// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"fmt"
	"strings"
)

// Overlay puts n over whatever is at its path, as extracting an archive does:
// a directory keeps what it holds, anything else takes the place of all that
// was there. A parent that is no directory is a ConflictError.
func (t *Tree) Overlay(n Node) error {
	if err := CheckPath(n.Path); err != nil {
		return err
	}
	if err := t.makeParents(&n); err != nil {
		return err
	}
	if old := t.nodes[n.Path]; old != nil && (old.Type == Dir) != (n.Type == Dir) {
		if n.Path == "/" {
			return &PathError{n.Path, fmt.Sprintf("the root becomes a %s", n.Type)}
		}
		t.Remove(n.Path)
	}
	t.nodes[n.Path] = &n
	return nil
}

// Remove takes away the node at path and all below it.
func (t *Tree) Remove(path string) {
	delete(t.nodes, path)
	t.Empty(path)
}

// Empty takes away all below a directory.
func (t *Tree) Empty(dir string) {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	for p := range t.nodes {
		if strings.HasPrefix(p, prefix) && p != "/" {
			delete(t.nodes, p)
		}
	}
}
