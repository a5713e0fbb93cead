// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package pkgfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// catalogues are not packages, for all their names.
var catalogues = []string{"data.pkg", "meta.pkg", "packagesite.pkg", "filesite.pkg"}

// TestPackShared packs every package that the real pkg(8) has made for tests.
func TestPackShared(t *testing.T) {
	t.Parallel()
	const repos = "../../../shared/repos"
	if _, err := os.Stat(repos); err != nil {
		t.Skip("the folder ../shared is not there; CI has it")
	}
	packages := 0
	err := filepath.WalkDir(repos, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".pkg" || slices.Contains(catalogues, d.Name()) {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		m, entries := withHeaders(t, file, path)
		packAgain(t, m, entries)
		packages++
		return nil
	})
	if err != nil || packages < 100 {
		t.Errorf("packed %d packages, %v", packages, err)
	}
}
