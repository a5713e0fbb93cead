// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeepEntries has a thousand entries ask for two million directories. That
// is beyond this version, and nothing else is said of the image.
func TestDeepEntries(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--format", "dir", "-o", out, "dynamic"); status != 0 {
		t.Fatal(said)
	}
	l := openLayout(t, filepath.Join(out, "container-image-dynamic"))
	inLayer(0, func(l *opened) {
		for i := range 1001 {
			h := tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("%d%s/f", i, strings.Repeat("/a", 2000)), Mode: 0o644}
			l.layers[0] = append(l.layers[0], entry{Header: h})
		}
	})(l)
	if err := os.Remove(l.dir + ".lock.json"); err != nil {
		t.Fatal(err)
	}
	const full = "has entries in more than 2000000 directories without an entry, the most that this version makes\n"
	want := "orlop: " + l.dir + ": layer 1: " + full + "orlop: " + l.dir + ": layer 2: " + full
	if status, said := orlop(t, "ls", l.dir); status != exitFailed || said != want {
		t.Errorf("ls: status %d, said %s", status, said)
	}
	want += "orlop: " + l.dir + ": files, pkg database and packages were not checked: that needs every layer complete and in its place\n"
	if status, said := orlop(t, "verify", l.dir); status != exitFailed || said != want {
		t.Errorf("verify: status %d, said %.2000s", status, said)
	}
}
