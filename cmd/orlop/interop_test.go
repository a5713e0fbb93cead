// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// These tests hand finished images to other people's programs. They want every
// one of them: .ci/run installs what Debian has.

// TestToolVersions prints what the others are.
func TestToolVersions(t *testing.T) {
	for _, args := range [][]string{
		{"skopeo", "--version"}, {"umoci", "--version"}, {"podman", "--version"}, {"bsdtar", "--version"},
		{"xz", "--version"}, {"sqlite3", "--version"}, {"docker-registry", "--version"}, {"crane", "version"}, {"oras", "version"},
	} {
		t.Log(strings.SplitN(tool(t, args...), "\n", 2)[0])
	}
}

// tool runs a program and returns what it prints.
func tool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// images builds the sample's five images in one format and returns the
// folder and the manifest digest of each.
func images(t *testing.T, args ...string) (dir string, digests map[string]string) {
	t.Helper()
	return imagesOf(t, "sample", append(args, define.StandardNames()...)...)
}

func imagesOf(t *testing.T, repo string, args ...string) (dir string, digests map[string]string) {
	t.Helper()
	dir = t.TempDir()
	var out, said strings.Builder
	args = append([]string{"orlop", "build", "-q", "--exceptions", "sample/exceptions.ucl", "--repo", repo, "-o", dir}, args...)
	if code := run(t.Context(), args, &out, &said, func(string) (string, bool) { return "", false }); code != 0 {
		t.Fatalf("%v: status %d\n%s", args, code, said.String())
	}
	digests = map[string]string{}
	for line := range strings.Lines(out.String()) {
		name, digest, _ := strings.Cut(strings.TrimSpace(line), "\t")
		digests[name] = digest
	}
	return dir, digests
}

func TestInteropArchives(t *testing.T) {
	const repos = "../../../shared/repos/"
	all := define.StandardNames()
	for repo, images := range map[string][]string{
		"sample":                                  all,
		repos + "sha256/FreeBSD:15:amd64/15.0p3":  all,
		repos + "arm64/FreeBSD:15:aarch64/15.0p3": all[:3],
	} {
		if _, err := os.Stat(repo); err != nil && os.Getenv("CI") == "" {
			continue // CI has it, and fails without
		}
		dir, digests := imagesOf(t, repo, images...)
		if len(digests) != len(images) {
			t.Fatalf("%s: got %d images, want %d", repo, len(digests), len(images))
		}
		for name, digest := range digests {
			accepted(t, filepath.Join(dir, name), digest)
		}
	}
}

// accepted gives an archive to everybody who should be able to read it.
func accepted(t *testing.T, path, digest string) {
	t.Helper()
	tool(t, "xz", "-t", path)
	if list := tool(t, "bsdtar", "-tf", path); !strings.Contains(list, "\nindex.json\noci-layout\n") {
		t.Errorf("%s: bsdtar lists\n%s", path, list)
	}
	if got := tool(t, "skopeo", "inspect", "--format", "{{.Digest}} {{.Os}}", "oci-archive:"+path); strings.TrimSpace(got) != digest+" freebsd" {
		t.Errorf("%s: skopeo says %q, want %q", path, got, digest+" freebsd")
	}
	unpack(t, path)
}

// unpack copies with skopeo, keeping the digests, and unpacks with umoci.
func unpack(t *testing.T, path string) {
	t.Helper()
	work := t.TempDir()
	tool(t, "skopeo", "copy", "-q", "--preserve-digests", "oci-archive:"+path, "oci:"+work+"/layout:t")
	tool(t, "umoci", "raw", "unpack", "--rootless", "--image", work+"/layout:t", work+"/root")
	db := work + "/root/var/db/pkg/local.sqlite"
	if got := tool(t, "sqlite3", "-readonly", db, "PRAGMA integrity_check; PRAGMA foreign_key_check; PRAGMA user_version; PRAGMA journal_mode"); got != "ok\n42\ndelete\n" {
		t.Errorf("%s: sqlite3 says %q", path, got)
	}
	if _, err := os.Stat(work + "/root/usr/share/zoneinfo/UTC"); err != nil {
		t.Error(err)
	}
}

func TestInteropPodman(t *testing.T) {
	dir, _ := images(t)
	store := t.TempDir()
	podman := func(args ...string) string {
		return tool(t, append([]string{"podman", "--root", store + "/root", "--runroot", store + "/run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"}, args...)...)
	}
	for _, image := range define.StandardNames() {
		loaded := podman("load", "-q", "-i", filepath.Join(dir, release.ArtifactName(image)+".txz"))
		ref := "localhost/freebsd-" + image + ":15.0-RELEASE-p3-amd64"
		if !strings.Contains(loaded, ref) {
			t.Errorf("podman load says %q, want %s", loaded, ref)
		}
		got := podman("inspect", "--format", "{{.Os}} {{.Architecture}} {{.Config.Cmd}} {{len .RootFS.Layers}}", ref)
		want := map[string]string{"static": "freebsd amd64 [] 1\n", "dynamic": "freebsd amd64 [] 2\n", "runtime": "freebsd amd64 [/bin/sh] 3\n",
			"notoolchain": "freebsd amd64 [/bin/sh] 4\n", "toolchain": "freebsd amd64 [/bin/sh] 5\n"}[image]
		if got != want {
			t.Errorf("podman inspect %s: got %q, want %q", image, got, want)
		}
	}
}

// TestInteropFormats gives the other formats and compressions to skopeo.
func TestInteropFormats(t *testing.T) {
	for _, tt := range []struct {
		args      []string
		transport string
	}{
		{[]string{"--format", "tar"}, "oci-archive:"},
		{[]string{"--format", "tar.zst"}, "oci-archive:"},
		{[]string{"--format", "dir"}, "oci:"},
		{[]string{"--compression", "zstd"}, "oci-archive:"},
		{[]string{"--squash"}, "oci-archive:"},
	} {
		dir, digests := images(t, tt.args...)
		for name, digest := range digests {
			if got := tool(t, "skopeo", "inspect", "--format", "{{.Digest}}", tt.transport+filepath.Join(dir, name)); strings.TrimSpace(got) != digest {
				t.Errorf("%v %s: skopeo says %q, want %s", tt.args, name, got, digest)
			}
			if tt.args[0] != "--format" {
				tool(t, "skopeo", "copy", "-q", tt.transport+filepath.Join(dir, name), "dir:"+t.TempDir())
			}
		}
	}
}

// TestInteropRegistry pushes and pulls, with every digest kept.
func TestInteropRegistry(t *testing.T) {
	dir, digests := images(t)
	address := dockerRegistry(t)
	for name, digest := range digests {
		ref := fmt.Sprintf("docker://%s/%s:t", address, strings.TrimSuffix(name, ".txz"))
		tool(t, "skopeo", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false", "oci-archive:"+filepath.Join(dir, name), ref)
		if got := tool(t, "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", ref); strings.TrimSpace(got) != digest {
			t.Errorf("%s: the registry has %q, want %s", name, got, digest)
		}
	}
}
