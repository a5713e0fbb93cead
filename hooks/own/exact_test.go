// SPDX-License-Identifier: BSD-2-Clause

package own

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestExact wants names to be written as they are on the disk. A file system that minds
// no case is not at hand everywhere: what counts is that the folder lists the name.
func TestExact(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "Site/css"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("Site", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if info, err := exact(root, "Site/css"); err != nil || !info.IsDir() {
		t.Errorf("Site/css: %v", err)
	}
	for _, name := range []string{"site/css", "Site/CSS", "link/css", "Site/css/none"} {
		if _, err := exact(root, name); err == nil {
			t.Errorf("%s was found", name)
		}
	}
	for _, list := range [][]string{nil, {"site"}, {"SITE", "other"}} {
		if listed(entries(list), "Site") {
			t.Errorf("Site is among %v", list)
		}
	}
	if !listed(entries([]string{"other", "Site"}), "Site") {
		t.Error("Site is not among the names")
	}
}

type entry struct {
	fs.DirEntry
	name string
}

func (e entry) Name() string { return e.name }

func entries(names []string) []fs.DirEntry {
	var list []fs.DirEntry
	for _, name := range names {
		list = append(list, entry{name: name})
	}
	return list
}
