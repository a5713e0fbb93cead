// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// onStatic builds an image of its own on a parent, and returns the folder.
func onStatic(t *testing.T, parent string, flags ...string) (status int, said, dir string) {
	t.Helper()
	dir = t.TempDir()
	status, said = orlop(t, append([]string{"build", "-q", "--plain-http", "--cache", filepath.Join(dir, "store"), "--repo", "sample", "-o", dir, "--name", "web", "--package", "FreeBSD-telnet",
		"--exceptions", "sample/exceptions.ucl", "--parent", parent}, flags...)...)
	return status, said, dir
}

// lockOf reads the lock of web.
func lockOf(t *testing.T, dir string) *lock.Lock {
	t.Helper()
	return readLock(t, filepath.Join(dir, "container-image-web.lock.json"))
}

// TestParentTrust takes a parent from a registry by its digest, a key, or because the
// user says so.
func TestParentTrust(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	ref := f.publish(false)
	if status, said := orlop(t, "push", "-q", "--plain-http", "--tag", "t", "--key", f.key("ec.pem"), f.archive, f.here()); status != 0 {
		t.Fatal(said)
	}
	byDigest := "docker://" + f.here() + "@" + f.digest.String()
	for _, tt := range []struct {
		name, parent string
		flags        []string
		status       int
		want         string // of the message, or the trust in the lock
	}{
		{"nothing", ref, nil, 2, "who vouches for it?"},
		{"a digest", byDigest, nil, 0, "digest"},
		{"another digest", "docker://" + f.here() + "@sha256:" + strings.Repeat("0", 64), nil, 4, "404"},
		{"a key", ref, []string{"--parent-key", f.key("ec.pub")}, 0, "key"},
		{"another key", ref, []string{"--parent-key", f.key("other.pub")}, 5, "has no signature that counts"},
		{"no key", ref, []string{"--parent-key", "sample/README"}, 2, "--parent-key: sample/README"},
		{"the user", ref, []string{"--insecure-unsigned"}, 0, "unsigned"},
		{"a name of nothing", "docker://" + f.here() + ":none", []string{"--insecure-unsigned"}, 4, "404"},
	} {
		status, said, dir := onStatic(t, tt.parent, tt.flags...)
		if status != tt.status || status != 0 && !strings.Contains(said, tt.want) {
			t.Errorf("%s: status %d, said %s\nwanted %d, %s", tt.name, status, said, tt.status, tt.want)
			continue
		}
		if status != 0 {
			if left, _ := filepath.Glob(filepath.Join(dir, "container-image-*")); len(left) > 0 {
				t.Errorf("%s: left %v", tt.name, left)
			}
			continue
		}
		p := lockOf(t, dir).Parent
		if p == nil || string(p.Trust) != tt.want || p.Digest != f.digest.String() || p.Reference != tt.parent {
			t.Errorf("%s: the lock has %+v", tt.name, p)
		}
		manifest := annotationsOf(t, filepath.Join(dir, "container-image-web.txz"))
		if manifest[v1.AnnotationBaseImageDigest] != f.digest.String() || manifest[v1.AnnotationBaseImageName] != strings.TrimPrefix(tt.parent, "docker://") {
			t.Errorf("%s: annotations of the manifest: %v", tt.name, manifest)
		}
		if status, said := orlop(t, "verify", "-q", filepath.Join(dir, "container-image-web.txz")); status != 0 {
			t.Errorf("%s: verify: %s", tt.name, said)
		}
	}
	f.server.Handle(registrytest.Answer(registrytest.Always, 500, nil, "", registrytest.On("GET", "/manifests/sha256-")))
	f.server.Handle(registrytest.Answer(registrytest.Always, 500, nil, "", registrytest.On("GET", "/referrers/")))
	if status, said, _ := onStatic(t, ref, "--parent-key", f.key("ec.pub")); status != 4 {
		t.Errorf("signatures that cannot be asked for: status %d, said %s", status, said)
	}
}

// annotationsOf are those of an image's manifest.
func annotationsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := layout.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	source, err := file.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := oci.Read(t.Context(), source, "")
	if err != nil {
		t.Fatal(err)
	}
	return c.Manifest.Annotations
}

// TestParentRebuilt makes an image on a parent again, and asks who vouches for that.
func TestParentRebuilt(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	ref := f.publish(false)
	definition := func(parent string) string {
		return f.file("web.ucl", []byte("image web { parent = \""+parent+"\"; packages = [ FreeBSD-telnet ] }\n"))
	}
	build := func(parent string, flags ...string) string {
		dir := t.TempDir()
		args := append([]string{"build", "-q", "--plain-http", "--repo", "sample", "-o", dir, "--exceptions", "sample/exceptions.ucl", "--image-file", definition(parent)}, flags...)
		if status, said := orlop(t, append(args, "web")...); status != 0 {
			t.Fatal(said)
		}
		return filepath.Join(dir, "container-image-web.txz")
	}
	byDigest := "docker://" + f.here() + "@" + f.digest.String()
	remote, pinned, local := build(ref, "--insecure-unsigned"), build(byDigest), build("./container-image-static.txz")
	for _, tt := range []struct {
		name, image, definition string
		flags                   []string
		status                  int
		want                    string
	}{
		{"a digest in the definition", pinned, byDigest, nil, 0, ""},
		{"a tag", remote, ref, nil, 4, "the parent of image web, " + ref + " with digest " + f.digest.String() + ", is the lock's"},
		{"a tag, and the digest", remote, ref, []string{"--parent", byDigest}, 0, ""},
		{"a tag, and the archive", remote, ref, []string{"--parent", f.archive}, 0, ""},
		{"a file, and no other", local, "./container-image-static.txz", nil, 4, "--parent names it"},
		{"a file", local, "./container-image-static.txz", []string{"--parent", f.archive}, 0, ""},
		{"a file that is made again, too", local, "./container-image-static.txz", []string{f.archive}, 0, ""},
		{"another file", local, "./container-image-static.txz", []string{"--parent", pinned}, 4, "--parent names it"},
	} {
		args := append([]string{"verify", "-q", "--plain-http", "--rebuild", "--repo", "sample", "--image-file", definition(tt.definition)}, tt.flags...)
		status, said := orlop(t, append(args, tt.image)...)
		if status != tt.status || !strings.Contains(said, tt.want) {
			t.Errorf("%s: status %d, said %s\nwanted %d, %s", tt.name, status, said, tt.status, tt.want)
		}
	}
}

// TestParentKept fetches the layers of a parent once, and again if the store's copy is
// damaged.
func TestParentKept(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.publish(false)
	parent := "docker://" + f.here() + "@" + f.digest.String()
	store := filepath.Join(t.TempDir(), "store")
	fetched := func() int {
		f.server.ResetRequests()
		status, said, _ := onStatic(t, parent, "--cache", store)
		if status != 0 {
			t.Fatal(said)
		}
		return f.server.Count("GET", "/blobs/")
	}
	first, second := fetched(), fetched()
	if first != 3 || second != 1 { // the config, which is small, whenever it is read
		t.Errorf("fetched %d blobs, then %d; wanted 3, then 1", first, second)
	}
	layers, err := filepath.Glob(filepath.Join(store, "layers", "*"))
	if err != nil || len(layers) == 0 {
		t.Fatal("the store has no layers", err)
	}
	for _, path := range layers {
		if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if again := fetched(); again < 3 {
		t.Errorf("fetched %d blobs although the store's are damaged", again)
	}
}

// TestParentPushed pushes an image to another repository of its parent's registry, which
// has the parent's layers already.
func TestParentPushed(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.publish(false)
	status, said, dir := onStatic(t, "docker://"+f.here()+"@"+f.digest.String())
	if status != 0 {
		t.Fatal(said)
	}
	f.server.ResetRequests()
	status, out, said := capture(t, "push", "-q", "--plain-http", "--json", "--tag", "t", filepath.Join(dir, "container-image-web.txz"), f.server.Host()+"/other/web")
	if status != 0 || !strings.Contains(out, `"blobs_mounted":1,`) {
		t.Errorf("status %d, printed %s, said %s; wanted one blob mounted", status, out, said)
	}
}
