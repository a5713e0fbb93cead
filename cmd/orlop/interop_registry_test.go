// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// realRegistries start the two registries that CI has: Debian's, without the referrers
// API, and that of scripts/tools, with it.
var realRegistries = map[string]func(*testing.T) string{"docker-registry": dockerRegistry, "referrers": referrersRegistry}

// dockerRegistry starts Debian's docker-registry on the loopback interface.
func dockerRegistry(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	conf := filepath.Join(t.TempDir(), "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", t.TempDir(), address)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return served(t, address, "docker-registry", "serve", conf)
}

// referrersRegistry starts the one with the referrers API, which .ci/run builds.
func referrersRegistry(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	return served(t, address, "registry", address)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// served runs a registry until the test ends.
func served(t *testing.T, address string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 100 {
		if r, err := http.Get("http://" + address + "/v2/"); err == nil {
			r.Body.Close()
			return address
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the registry does not answer")
	return ""
}

// succeeds runs orlop and returns what it prints.
func succeeds(t *testing.T, args ...string) string {
	t.Helper()
	var out, said strings.Builder
	args = append([]string{"orlop"}, args...)
	if code := run(t.Context(), args, &out, &said, func(string) (string, bool) { return "", false }); code != 0 {
		t.Fatalf("%v: status %d\n%s", args, code, said.String())
	}
	return out.String()
}

// threePlatforms builds one image for three machines: two from repositories that pkg(8)
// made, one from the tests' own packages.
func threePlatforms(t *testing.T) (archives []string, digests map[string]string) {
	t.Helper()
	riscv := filepath.Join(t.TempDir(), "FreeBSD:15:riscv64")
	if err := os.Mkdir(riscv, 0o777); err != nil {
		t.Fatal(err)
	}
	pkgtest.WriteRepo(riscv, pkgtest.Package{Name: "FreeBSD-zoneinfo", Version: "15.0", ABI: "FreeBSD:15:riscv64", Files: []pkgtest.File{{Path: "/usr/share/zoneinfo/UTC", Body: "TZif2"}}})
	const repos = "../../../shared/repos/"
	digests = map[string]string{}
	for arch, repo := range map[string]string{"amd64": repos + "unsigned/FreeBSD:15:amd64/15.0p3", "arm64": repos + "arm64/FreeBSD:15:aarch64/15.0p3", "riscv64": riscv} {
		dir := filepath.Join(t.TempDir(), arch)
		out := succeeds(t, "build", "-q", "--repo", repo, "--revision", "15.0", "--branch", "RELEASE", "--name", "zones", "--package", "FreeBSD-zoneinfo", "-o", dir)
		archive, digest, _ := strings.Cut(strings.TrimSpace(out), "\t")
		archives, digests[arch] = append(archives, filepath.Join(dir, archive)), digest
	}
	return archives, digests
}

// TestInteropPush publishes a family of three platforms, and lets everybody read it.
func TestInteropPush(t *testing.T) {
	archives, digests := threePlatforms(t)
	for name, start := range realRegistries {
		t.Run(name, func(t *testing.T) {
			repo := start(t) + "/team/zones"
			pushed := strings.TrimSpace(succeeds(t, append(append([]string{"push", "-q", "--plain-http", "--tag", "15.0"}, archives...), repo)...))
			index := strings.TrimPrefix(pushed, repo+"@")
			again := succeeds(t, append(append([]string{"push", "-q", "--plain-http", "--json", "--verify-remote", "--tag", "15.0"}, archives...), "docker://"+repo)...)
			if !strings.Contains(again, `"blobs_sent":0,"blobs_mounted":0,"bytes_sent":0,"manifests_sent":0}`) {
				t.Errorf("the second push says %s", again)
			}
			asSkopeo(t, repo, "15.0", index, digests)
			tool(t, "crane", "validate", "--remote", repo+":15.0")
			if got := strings.TrimSpace(tool(t, "crane", "digest", repo+":15.0")); got != index {
				t.Errorf("crane says the digest %s, want %s", got, index)
			}
			for arch, digest := range digests {
				// The registry with the API lists the config's type in place of the artifact's.
				if found := tool(t, "oras", "discover", "--plain-http", "--format", "json", repo+"@"+digest); strings.Count(found, `"artifactType"`) != 1 {
					t.Errorf("oras finds no lock of %s:\n%s", arch, found)
				}
			}
			store, err := os.MkdirTemp("", "podman") // which wants a short name
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(store)
			tool(t, "podman", "--root", store+"/root", "--runroot", store+"/run", "--storage-driver", "vfs", "pull", "-q", "--tls-verify=false", "--os", "freebsd", "--arch", "arm64", repo+":15.0")
			succeeds(t, "verify", "--plain-http", "--require", "lock", "docker://"+repo+":15.0")
			for _, archive := range archives {
				platform := "freebsd/" + filepath.Base(filepath.Dir(archive))
				succeeds(t, "diff", "--plain-http", "--platform", platform, "docker://"+repo+"@"+index, archive)
			}
		})
	}
}

// asSkopeo copies the index with all its platforms, and compares every digest.
func asSkopeo(t *testing.T, repo, tag, index string, digests map[string]string) {
	t.Helper()
	raw := tool(t, "skopeo", "inspect", "--raw", "--tls-verify=false", "docker://"+repo+":"+tag)
	var doc struct {
		Manifests []struct {
			Digest   string
			Platform struct{ Architecture, OS string }
		}
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil || len(doc.Manifests) != len(digests) {
		t.Fatalf("the index is %s: %v", raw, err)
	}
	for _, m := range doc.Manifests {
		if m.Platform.OS != "freebsd" || digests[m.Platform.Architecture] != m.Digest {
			t.Errorf("the index has %+v, want %s", m, digests[m.Platform.Architecture])
		}
	}
	back := t.TempDir()
	tool(t, "skopeo", "copy", "-q", "--all", "--preserve-digests", "--src-tls-verify=false", "docker://"+repo+"@"+index, "oci:"+back+"/layout:x")
	for _, d := range append(slices.Collect(maps.Values(digests)), index) {
		if _, err := os.Stat(back + "/layout/blobs/sha256/" + strings.TrimPrefix(d, "sha256:")); err != nil {
			t.Error(err)
		}
	}
}
