// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/registry/registrytest"
)

const static = "freebsd/freebsd-static"

// pushedStatic builds an image of the sample and pushes it to a registry.
func pushedStatic(t *testing.T, s *registrytest.Server) (archive string, manifest v1.Manifest) {
	t.Helper()
	dir := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "-o", dir, "static"); status != 0 {
		t.Fatal(said)
	}
	archive = filepath.Join(dir, "container-image-static.txz")
	if status, said := orlop(t, "push", "-q", "--plain-http", "--tag", "t", archive, s.Host()+"/"+static); status != 0 {
		t.Fatal(said)
	}
	if err := json.Unmarshal(s.Manifest(static, s.Tag(static, "t")), &manifest); err != nil {
		t.Fatal(err)
	}
	return archive, manifest
}

// TestRemoteDamage verifies what a registry has changed, lost, or does not give.
func TestRemoteDamage(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.Profile{})
	archive, m := pushedStatic(t, s)
	name := "docker://" + s.Host() + "/" + static
	byTag, byDigest := name+":t", name+"@"+s.Tag(static, "t").String()
	layer, config := "/blobs/"+m.Layers[0].Digest.String(), "/blobs/"+m.Config.Digest.String()
	on, always := registrytest.On, registrytest.Always
	for _, tt := range []struct {
		name   string
		damage func()
		args   []string
		status int
		want   string
	}{
		{"nothing", func() {}, []string{"verify", byTag}, 0, ""},
		{"layer of other bytes", func() { s.Edit(always, on("GET", layer), registrytest.Spoil()) }, []string{"verify", byTag}, 5, "layer 1: blob sha256:"},
		{"layer longer", func() { s.Edit(always, on("GET", layer), registrytest.Longer(7)) }, []string{"verify", byTag}, 5, "size of blob sha256:"},
		{"layer endless", func() { s.Edit(always, on("GET", layer), registrytest.Longer(1<<50)) }, []string{"verify", byTag}, 5, "size of blob sha256:"},
		{"layer gone", func() { s.Handle(registrytest.Answer(always, 404, nil, "", on("GET", layer))) }, []string{"verify", byTag}, 4, "HTTP status 404 Not Found"},
		{"config of other bytes", func() { s.Edit(always, on("GET", config), registrytest.Spoil()) }, []string{"verify", byTag}, 5, "config: blob sha256:"},
		{"manifest of other bytes", func() { s.Edit(always, on("GET", "/manifests/"), registrytest.Spoil()) }, []string{"verify", byDigest}, 5, "manifest sha256:"},
		{"manifest re-formatted", func() { s.Edit(always, on("GET", "/manifests/"), registrytest.Reformat()) }, []string{"ls", byDigest}, 5, "manifest sha256:"},
		{"manifest endless", func() { s.Edit(always, on("GET", "/manifests/"), registrytest.Longer(1<<50)) }, []string{"verify", byTag}, 1, "has more than 4194304 bytes"},
		{"forbidden", func() {
			s.Handle(registrytest.Answer(always, 403, nil, registrytest.Errors("DENIED", "no\x1b[31m entry"), on("GET", "")))
		}, []string{"verify", byTag}, 4, "HTTP status 403 Forbidden: no[31m entry; it does not exist or is not yours"},
		{"an error with status 200", func() {
			s.Handle(registrytest.Answer(always, 200, nil, registrytest.Errors("UNKNOWN", "later"), on("GET", "/manifests/")))
		}, []string{"verify", byTag}, 4, "later"},
		{"no tag", func() {}, []string{"verify", name + ":other"}, 4, "HTTP status 404"},
		{"diff, layer gone", func() { s.DropBlob(static, m.Layers[0].Digest) }, []string{"diff", byTag, archive}, 0, ""}, // the archive has it
		{"diff, config gone", func() { s.Handle(registrytest.Answer(always, 404, nil, "", on("GET", config))) }, []string{"diff", byTag, archive}, 0, ""},
		{"layer dropped", func() {}, []string{"verify", byTag}, 4, "HTTP status 404"},
	} {
		s.Reset()
		tt.damage()
		status, said := orlop(t, append([]string{tt.args[0], "--plain-http"}, tt.args[1:]...)...)
		if status != tt.status || !strings.Contains(said, tt.want) || strings.Contains(said, "\x1b") {
			t.Errorf("%s: status %d, said %s; want %d, %s", tt.name, status, said, tt.status, tt.want)
		}
	}
}

// TestRemoteLocks takes the lock that fits, says that another fits, too, and fails where
// none does.
func TestRemoteLocks(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.Profile{})
	archive, _ := pushedStatic(t, s)
	lock, err := os.ReadFile(strings.TrimSuffix(archive, ".txz") + ".lock.json")
	if err != nil {
		t.Fatal(err)
	}
	byTag := "docker://" + s.Host() + "/" + static + ":t"
	subject := s.Tag(static, "t")
	attach := func(text string) digest.Digest {
		file := s.PutBlob(static, []byte(text))
		s.PutBlob(static, []byte("{}"))
		file.MediaType = "application/vnd.orlop.lock.v1+json"
		m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, ArtifactType: file.MediaType, Config: v1.DescriptorEmptyJSON, Layers: []v1.Descriptor{file},
			Subject: &v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: subject, Size: int64(len(s.Manifest(static, subject)))}}
		m.SchemaVersion = 2
		m.Config.Data = nil
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return s.PutManifest(static, "", v1.MediaTypeImageManifest, body).Digest
	}
	attach("no lock at all")
	if status, said := orlop(t, "verify", "--plain-http", "--require", "lock", byTag); status != 0 {
		t.Errorf("beside something that is no lock: status %d, said %s", status, said)
	}
	attach(string(lock) + "\n")
	if status, said := orlop(t, "verify", "--plain-http", "--require", "lock", byTag); status != 0 || !strings.Contains(said, "2 attached locks fit the image and differ from one another") {
		t.Errorf("beside another that fits: status %d, said %s", status, said)
	}
	for _, d := range s.Manifests(static) {
		if d != subject {
			s.DropManifest(static, d)
		}
	}
	if status, said := orlop(t, "verify", "--plain-http", byTag); status != 0 || !strings.Contains(said, "no lock is attached, so it was compared with itself only") {
		t.Errorf("without: status %d, said %s", status, said)
	}
	if status, said := orlop(t, "verify", "--plain-http", "--rebuild", "--repo", "sample", byTag); status != 2 || !strings.Contains(said, "no lock: none is attached; give --lock") {
		t.Errorf("rebuilt without: status %d, said %s", status, said)
	}
	attach(strings.Replace(string(lock), `"branch": "RELEASE-p3"`, `"branch": "RELEASE-p4"`, 1))
	if status, said := orlop(t, "verify", "--plain-http", byTag); status != 5 {
		t.Errorf("with one that does not fit: status %d, said %s", status, said)
	}
}

// TestIndexOutputs writes no file that is half there: with too little room, into what
// cannot be written, and over what is not a file.
func TestIndexOutputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "-o", dir, "static"); status != 0 {
		t.Fatal(said)
	}
	archive := filepath.Join(dir, "container-image-static.txz")
	full := mounted(t, "size=16k")
	for file, want := range map[string]string{
		filepath.Join(full, "x.tar"):               "no space left on device",
		filepath.Join(mounted(t, "ro"), "x.tar"):   "cannot be written: read-only file system",
		filepath.Join(dir, "nowhere", "..", "..x"): "wanted a name that ends in .tar, .txz or .tar.zst",
	} {
		status, said := orlop(t, "index", archive, "-o", file)
		if status == 0 || !strings.Contains(said, want) {
			t.Errorf("%s: status %d, said %s, want %s", file, status, said, want)
		}
	}
	if left, err := os.ReadDir(full); len(left) > 0 || err != nil {
		t.Errorf("left %v, %v", left, err)
	}
}
