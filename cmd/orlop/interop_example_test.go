// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestInteropExample builds the program in Go for three platforms by the commands of the
// examples' README, pushes the index, and lets skopeo and podman read it.
func TestInteropExample(t *testing.T) {
	work := t.TempDir()
	if err := os.CopyFS(filepath.Join(work, "hello"), os.DirFS(examplesDir+"/hello")); err != nil {
		t.Fatal(err)
	}
	repo := registrytest.New(t, registrytest.Profile{}).Host() + "/team/hello"
	repos := strings.Join(exampleRepositories(t), " ")
	pushed, digests := "", map[string]string{}
	for _, line := range exampleCommands(t)["hello"] {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "orlop build "):
			line += " -q " + repos
		case strings.HasPrefix(line, "orlop push "):
			line = strings.ReplaceAll(line, "registry.example.org/team/hello", repo) + " -q --plain-http"
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Dir, cmd.Stderr, cmd.Env = work, os.Stderr, append(os.Environ(), "XDG_CACHE_HOME="+work+"/cache")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		pushed = strings.TrimSpace(string(out))
		for _, folder := range []string{"amd64", "aarch64", "riscv64"} {
			if _, digest, built := strings.Cut(pushed, folder+"/container-image-hello.txz\t"); built {
				digests[strings.Replace(folder, "aarch64", "arm64", 1)], _, _ = strings.Cut(digest, "\n")
			}
		}
	}
	index := strings.TrimPrefix(pushed, repo+"@")
	asSkopeo(t, repo, "1.0", index, digests)
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		store, err := os.MkdirTemp("", "podman") // which wants a short name
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(store)
		podman := []string{"podman", "--root", store + "/root", "--runroot", store + "/run", "--storage-driver", "vfs"}
		tool(t, append(podman, "pull", "-q", "--tls-verify=false", "--os", "freebsd", "--arch", arch, repo+":1.0")...)
		want := "freebsd/" + arch + " nobody [/usr/local/bin/hello]"
		got := tool(t, append(podman, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}} {{.Config.User}} {{.Config.Entrypoint}}", repo+":1.0")...)
		if strings.TrimSpace(got) != want {
			t.Errorf("podman sees %s, wanted %s", got, want)
		}
	}
}
