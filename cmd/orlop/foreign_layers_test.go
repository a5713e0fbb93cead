// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestForeignLayers changes an image as other tools may, and leaves it without
// its lock.
func TestForeignLayers(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--format", "dir", "-o", out, "dynamic"); status != 0 {
		t.Fatal(said)
	}
	original := filepath.Join(out, "container-image-dynamic")
	sizes := func(dir string) (int, string) {
		status, said := orlop(t, "ls", "--sizes", dir)
		for line := range strings.Lines(said) {
			if fields := strings.Fields(line); fields[0] == "all" {
				return status, fields[2] // files
			}
		}
		return status, said
	}
	_, files := sizes(original)
	for _, tt := range []struct {
		name   string
		change func(*opened)
		words  string // of ls, with the status
		status int
		files  string
	}{
		{"whiteout", addition(1, tar.Header{Typeflag: tar.TypeReg, Name: "etc/.wh.absent", Mode: 0o644}), "", 0, files},
		{"sha512", documents(func(l *opened) {
			at[[]any](l.config, "rootfs", "diff_ids")[0] = "sha512:" + strings.Repeat("0", 128)
		}), `layer 1: the DiffID of its tar file, in the config: digest "sha512:` + strings.Repeat("0", 128) + `" is not supported, wanted a sha256`, exitFailed, ""},
		{"no digest", documents(func(l *opened) { at[[]any](l.config, "rootfs", "diff_ids")[0] = "0" }),
			`layer 1: the DiffID of its tar file, in the config: digest "0": invalid checksum digest format`, exitWrong, ""},
	} {
		l := openLayout(t, original)
		if err := os.Remove(l.dir + ".lock.json"); err != nil {
			t.Fatal(err)
		}
		tt.change(l)
		if status, said := sizes(l.dir); status != tt.status || tt.files != "" && said != tt.files || !strings.Contains(said, tt.words) {
			t.Errorf("%s: status %d, wanted %d; said %s, wanted %s%s", tt.name, status, tt.status, said, tt.words, tt.files)
		}
	}
}
