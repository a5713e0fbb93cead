// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestInteropForeign lists, verifies and compares what other programs made of
// an image: which digests they changed, and that the tree is the same. Another
// layout around the same manifest is no difference, and is reported beside it.
func TestInteropForeign(t *testing.T) {
	dir, _ := images(t)
	work, original := t.TempDir(), filepath.Join(dir, "container-image-dynamic.txz")
	store := t.TempDir()
	podman := func(args ...string) {
		tool(t, append([]string{"podman", "--root", store + "/root", "--runroot", store + "/run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"}, args...)...)
	}
	podman("load", "-q", "-i", original)
	const ref = "localhost/freebsd-dynamic:15.0-RELEASE-p3-amd64"
	for _, tt := range []struct {
		name, path string
		make       func(path string)
		status     int    // of diff
		differ     string // of what it prints, or says where nothing differs
	}{
		{"skopeo layout", "layout", func(path string) {
			tool(t, "skopeo", "copy", "-q", "--preserve-digests", "oci-archive:"+original, "oci:"+path)
		}, 0, "orlop: the layouts around the images differ: index manifests.0.annotations.org.opencontainers.image.ref.name"},
		{"skopeo archive", "a.tar", func(path string) {
			tool(t, "skopeo", "copy", "-q", "--preserve-digests", "oci-archive:"+original, "oci-archive:"+path)
		}, 0, "orlop: the layouts around the images differ: index manifests.0.annotations.org.opencontainers.image.ref.name"},
		{"skopeo zstd", "z.tar", func(path string) {
			tool(t, "skopeo", "copy", "-q", "--dest-compress-format", "zstd", "--dest-compress", "oci-archive:"+original, "oci-archive:"+path)
		}, 1, "layer 1: same content, other compression"},
		{"podman save", "p.tar", func(path string) { podman("save", "-q", "--format", "oci-archive", "-o", path, ref) }, 1, "layer 1: same content, other compression"},
		{"umoci config", "u", func(path string) {
			tool(t, "skopeo", "copy", "-q", "--preserve-digests", "oci-archive:"+original, "oci:"+path+":t")
			tool(t, "umoci", "config", "--image", path+":t", "--config.label", "a=b", "--no-history")
			tool(t, "umoci", "gc", "--layout", path)
		}, 1, `config config.Labels.a: none -> "b"`},
	} {
		path := filepath.Join(work, tt.path)
		tt.make(path)
		for _, args := range [][]string{{"verify", path}, {"ls", path}, {"ls", "--files", path}} {
			if status, said := orlop(t, args...); status != 0 {
				t.Errorf("%s: %v: status %d: %s", tt.name, args, status, said)
			}
		}
		var told, said bytes.Buffer
		status := run(t.Context(), []string{"orlop", "diff", original, path}, &told, &said, func(string) (string, bool) { return "", false })
		text := told.String()
		if tt.status == 0 {
			text = said.String()
		}
		if status != tt.status || (told.Len() > 0) != (status == 1) || !strings.Contains(text, tt.differ) || strings.Contains(told.String(), "files:") || strings.Contains(told.String(), "packages:") {
			t.Errorf("%s: diff: status %d: %s%s", tt.name, status, told.String(), said.String())
		}
	}
	docker := filepath.Join(work, "docker.tar")
	podman("save", "-q", "--format", "docker-archive", "-o", docker, ref)
	for _, args := range [][]string{{"verify", docker}, {"ls", docker}, {"diff", docker, original}} {
		status, said := orlop(t, args...)
		if status == 0 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "podman save --format oci-archive") {
			t.Errorf("%v: status %d: %s", args, status, said)
		}
	}
}
