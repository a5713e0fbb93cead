// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/lock"
)

// stranger is a parent that the programs of others made: a layer as FreeBSD's script
// makes it, with the database of pkg(8) itself, and one by umoci.
type stranger struct {
	*clients        // with keys, in a folder
	repo     string // of packages
	layout   string // oci: by umoci, with the tag t
	address  string // of a registry
}

// newStranger makes no parent yet.
func newStranger(t *testing.T) *stranger {
	t.Helper()
	const repo = "../../../shared/repos/unsigned/FreeBSD:15:amd64/15.0p3"
	if _, err := os.Stat(repo); err != nil {
		t.Skip("the folder ../shared is not there; CI has it")
	}
	dir := t.TempDir()
	return &stranger{clients: &clients{t: t, dir: dir}, repo: repo, layout: dir + "/layout", address: dockerRegistry(t)}
}

// pack makes the parent: bsdtar packs a root, as the script does, with a database of
// which a part is in a write-ahead log, and umoci records what has changed since.
func (s *stranger) pack() {
	s.t.Helper()
	db, err := os.ReadFile("../../../shared/golden/chain-runtime/local.sqlite")
	if err != nil {
		s.t.Fatal(err)
	}
	s.build("runtime", "--squash", "runtime")
	s.must("skopeo", "copy", "-q", "--dest-decompress", "oci-archive:runtime/container-image-runtime.txz", "dir:runtime/flat")
	s.must("mkdir", "root")
	s.must("bsdtar", "-xpf", "runtime/flat/"+s.layers("dir:runtime/flat")[0].Digest.Encoded(), "--no-fflags", "-C", "root")
	s.write("local.sqlite", string(db))
	s.must("sqlite3", "local.sqlite", "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; UPDATE packages SET locked = 1 WHERE name = 'FreeBSD-mtree'",
		".shell cp local.sqlite* root/var/db/pkg/") // while the log is there
	s.must("bsdtar", "-cf", "layer.tar", "-C", "root", ".")
	s.umoci("init", "--layout", "layout")
	s.umoci("new", "--image", "layout:t")
	s.umoci("config", "--image", "layout:t", "--os", "linux", "--architecture", "amd64", "--config.cmd", "/bin/sh", "--config.env", "PATH=/bin:/usr/bin")
	s.umoci("raw", "add-layer", "--image", "layout:t", "layer.tar")
	s.umoci("unpack", "--image", "layout:t", "bundle") // which refuses another os than linux
	s.must("dash", "-euc", "cd bundle/rootfs; rm -r media; mkdir srv; echo x >srv/data")
	s.umoci("repack", "--image", "layout:t", "bundle")
	s.umoci("config", "--image", "layout:t", "--os", "freebsd")
	s.umoci("gc", "--layout", "layout")
}

func (s *stranger) umoci(args ...string) {
	s.t.Helper()
	s.must(append([]string{"umoci"}, args...)...)
}

// skopeo copies without checking certificates.
func (s *stranger) skopeo(args ...string) {
	s.t.Helper()
	s.must(append([]string{"skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"}, args...)...)
}

// build builds into a folder, and returns the digest of the last image.
func (s *stranger) build(to string, args ...string) string {
	s.t.Helper()
	words := strings.Fields(succeeds(s.t, s.args(to, args...)...))
	return words[len(words)-1]
}

func (s *stranger) args(to string, args ...string) []string {
	return append([]string{"build", "-q", "--plain-http", "--cache", s.dir + "/store", "--repo", s.repo, "--exceptions", "../../../shared/repos/exceptions.ucl", "-o", filepath.Join(s.dir, to)}, args...)
}

// layers are those that skopeo finds in an image.
func (s *stranger) layers(image string) []v1.Descriptor {
	s.t.Helper()
	var m v1.Manifest
	if err := json.Unmarshal([]byte(s.must("skopeo", "inspect", "--raw", "--tls-verify=false", image)), &m); err != nil {
		s.t.Fatal(err)
	}
	return m.Layers
}

// digest is the digest of an image, by skopeo.
func (s *stranger) digest(image string) string {
	s.t.Helper()
	return strings.TrimSpace(s.must("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", image))
}

// webOn are the flags of an image of its own on a parent.
func webOn(parent string, more ...string) []string {
	return append([]string{"--name", "web", "--package", "FreeBSD-telnet", "--parent", parent}, more...)
}

// strangers are the ways in which a parent comes, each by the program that does that. What
// make returns are the reference that skopeo has for it, that of the definition, and flags.
var strangers = []struct {
	name  string
	trust lock.Trust
	media string // of its layers
	make  func(s *stranger) (found, parent string, flags []string)
}{
	{"umoci's layout", lock.OnDisk, "application/vnd.oci.image.layer.v1.tar+gzip", func(s *stranger) (string, string, []string) {
		return "oci:" + s.layout, s.layout, nil
	}},
	{"skopeo's archive", lock.OnDisk, "application/vnd.oci.image.layer.v1.tar+gzip", func(s *stranger) (string, string, []string) {
		s.skopeo("oci:layout", "oci-archive:a.tar")
		at := "oci-archive:" + s.dir + "/a.tar"
		return at, at, nil
	}},
	{"skopeo's zstd", lock.OnDisk, "application/vnd.oci.image.layer.v1.tar+zstd", func(s *stranger) (string, string, []string) {
		s.skopeo("--dest-compress", "--dest-compress-format", "zstd", "oci:layout", "oci:zstd:t")
		return "oci:zstd", "oci:" + s.dir + "/zstd", nil
	}},
	{"docker's types by digest", lock.ByDigest, "application/vnd.docker.image.rootfs.diff.tar.gzip", func(s *stranger) (string, string, []string) {
		to := "docker://" + s.address + "/team/docker"
		s.skopeo("--format", "v2s2", "oci:layout", to+":1")
		byDigest := to + "@" + s.digest(to+":1")
		return byDigest, byDigest, nil
	}},
	{"zstd, unsigned", lock.Unsigned, "application/vnd.oci.image.layer.v1.tar+zstd", func(s *stranger) (string, string, []string) {
		s.skopeo("--dest-compress", "--dest-compress-format", "zstd", "oci:layout", "oci:zstd2:t")
		to := "docker://" + s.address + "/team/zstd:1"
		s.skopeo("--preserve-digests", "oci:zstd2", to)
		return to, to, []string{"--insecure-unsigned"}
	}},
	{"cosign 3", lock.ByKey, "application/vnd.docker.image.rootfs.diff.tar.gzip", func(s *stranger) (string, string, []string) {
		return s.signed("three", "cosign3", "--signing-config", "signing.json", "--trusted-root", "root.json")
	}},
	{"cosign 2", lock.ByKey, "application/vnd.docker.image.rootfs.diff.tar.gzip", func(s *stranger) (string, string, []string) {
		return s.signed("two", "cosign2", "--tlog-upload=false")
	}},
}

// signed pushes the parent, lets cosign make a key and sign, and wants another key of
// cosign's to be refused.
func (s *stranger) signed(name, cosign string, flags ...string) (found, parent string, more []string) {
	s.t.Helper()
	to := s.address + "/team/" + name
	s.skopeo("--format", "v2s2", "oci:layout", "docker://"+to+":1")
	s.write("root.json", `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)
	s.write("signing.json", `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}`)
	for _, key := range []string{name, name + "-other"} {
		s.must(cosign, "generate-key-pair", "--output-key-prefix", key)
	}
	s.must(append(append([]string{cosign, "sign", "--key", name + ".key", "-y", "--allow-insecure-registry"}, flags...), to+"@"+s.digest("docker://"+to+":1"))...)
	parent = "docker://" + to + ":1"
	if status, said := orlop(s.t, s.args("refused", webOn(parent, "--parent-key", filepath.Join(s.dir, name+"-other.pub"))...)...); status != exitWrong || !strings.Contains(said, "has no signature that counts") {
		s.t.Errorf("another key: status %d, said %s", status, said)
	}
	return parent, parent, []string{"--parent-key", filepath.Join(s.dir, name+".pub")}
}
