// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
)

// TestInteropParents builds on images that others made, and hands what comes out to others.
func TestInteropParents(t *testing.T) {
	s := newStranger(t)
	s.pack()
	for i, tt := range strangers {
		t.Run(tt.name, func(t *testing.T) {
			s := &stranger{&clients{t: t, dir: s.dir}, s.repo, s.layout, s.address}
			found, parent, flags := tt.make(s)
			dir := fmt.Sprint("web", i)
			made := s.build(dir, webOn(parent, flags...)...)
			archive := filepath.Join(s.dir, dir, "container-image-web.txz")
			succeeds(t, "verify", "-q", archive)
			p := lockOf(t, filepath.Dir(archive)).Parent
			if p == nil || p.Trust != tt.trust || p.Digest != s.digest(found) {
				t.Errorf("the lock has %+v, wanted %s by %s", p, s.digest(found), tt.trust)
			}
			s.asBelow(archive, found, tt.media)
			if got := s.digest("oci-archive:" + archive); got != made {
				t.Errorf("skopeo says %s, want %s", got, made)
			}
			s.published(archive, made, tt.trust != lock.OnDisk, i)
			if !strings.HasSuffix(tt.media, "zstd") { // which neither umoci nor crane reads
				s.unpacked(archive)
				s.must("crane", "validate", "--remote", s.pushed(i)+":1")
			}
		})
	}
}

// asBelow wants the lowest layers of an image to be its parent's, with the types of the
// image-spec, and its manifest to name that.
func (s *stranger) asBelow(archive, parent, media string) {
	s.t.Helper()
	below, all := s.layers(parent), s.layers("oci-archive:"+archive)
	if len(below) != 2 || len(all) != 3 {
		s.t.Fatalf("found %d layers on %d", len(all), len(below))
	}
	own := strings.NewReplacer("application/vnd.docker.image.rootfs.diff.tar.gzip", v1.MediaTypeImageLayerGzip)
	for i, l := range below {
		if l.MediaType != media || all[i].Digest != l.Digest || all[i].Size != l.Size || all[i].MediaType != own.Replace(media) {
			s.t.Errorf("layer %d is %+v, that of the parent %+v, wanted %s", i+1, all[i], l, media)
		}
	}
	var m v1.Manifest
	if err := json.Unmarshal([]byte(s.must("skopeo", "inspect", "--raw", "oci-archive:"+archive)), &m); err != nil {
		s.t.Fatal(err)
	}
	name := strings.TrimPrefix(parent, "docker://")
	if name == parent { // of one on disk there is only the digest
		name = ""
	} else if got := strings.TrimSpace(s.must("crane", "digest", name)); got != s.digest(parent) {
		s.t.Errorf("crane says that the parent is %s", got)
	}
	if m.Annotations[v1.AnnotationBaseImageName] != name || m.Annotations[v1.AnnotationBaseImageDigest] != s.digest(parent) {
		s.t.Errorf("the manifest has %v, wanted the name %q", m.Annotations, name)
	}
}

// unpacked wants what umoci makes of the image to be what orlop says, with one database
// in which nothing of the write-ahead log is lost.
func (s *stranger) unpacked(archive string) {
	s.t.Helper()
	root, spec := umociRoot(s.t, archive)
	if found := mtreeSays(s.t, root, spec); found != "" {
		s.t.Errorf("mtree finds\n%s", found)
	}
	left, err := filepath.Glob(root + pkgdb.Path + "*")
	if err != nil || len(left) != 1 {
		s.t.Errorf("found %v, %v; wanted only the database", left, err)
	}
	const query = "PRAGMA integrity_check; PRAGMA foreign_key_check; PRAGMA user_version; PRAGMA journal_mode; SELECT name FROM packages WHERE locked OR name = 'FreeBSD-telnet' ORDER BY name"
	if got := s.must("sqlite3", "-readonly", root+pkgdb.Path, query); got != "ok\n42\ndelete\nFreeBSD-mtree\nFreeBSD-telnet\n" {
		s.t.Errorf("sqlite3 says %q", got)
	}
	if text, err := os.ReadFile(root + "/srv/data"); err != nil || string(text) != "x\n" {
		s.t.Errorf("/srv/data: %q, %v", text, err)
	}
	if _, err := os.Stat(root + "/media"); !os.IsNotExist(err) {
		s.t.Errorf("/media, which the parent took away: %v", err)
	}
}

// pushed is where an image is pushed to.
func (s *stranger) pushed(i int) string { return fmt.Sprintf("%s/web%d/image", s.address, i) }

// published pushes the image twice: to another repository, which takes the parent's layers
// from where they are, and again; and lets others pull it.
func (s *stranger) published(archive, made string, lent bool, i int) {
	s.t.Helper()
	to := s.pushed(i)
	push := []string{"push", "-q", "--plain-http", "--json", "--tag", "1", archive, to}
	first, again := succeeds(s.t, push...), succeeds(s.t, push...)
	if strings.Contains(first, `"blobs_mounted":2,`) != lent {
		s.t.Errorf("the parent is in the registry: %t; the first push says %s", lent, first)
	}
	if !strings.Contains(again, `"blobs_sent":0,"blobs_mounted":0,`) {
		s.t.Errorf("the second push says %s", again)
	}
	s.skopeo("--preserve-digests", "docker://"+to+"@"+made, "dir:"+s.t.TempDir())
	podman := func(args ...string) string {
		return s.must(append([]string{"podman", "--root", s.dir + "/podman", "--runroot", s.dir + "/podman-run", "--storage-driver", "vfs"}, args...)...)
	}
	name := to + ":1"
	if lent {
		podman("pull", "-q", "--tls-verify=false", "--os", "freebsd", "--arch", "amd64", name)
	} else {
		name = strings.TrimPrefix(strings.TrimSpace(podman("load", "-q", "-i", archive)), "Loaded image: ")
	}
	if got := podman("inspect", "--format", "{{.Os}} {{.Config.Cmd}} {{.Config.Env}} {{len .RootFS.Layers}}", name); got != "freebsd [/bin/sh] [PATH=/bin:/usr/bin] 3\n" {
		s.t.Errorf("podman inspect says %q", got)
	}
}

// TestInteropParentLayers tells of a layer that podman on FreeBSD cannot extract, and
// refuses one that may not be with its image.
func TestInteropParentLayers(t *testing.T) {
	s := newStranger(t)
	s.pack()
	b := tarOf(t, []tar.Header{{Typeflag: tar.TypeReg, Name: "e", PAXRecords: map[string]string{"SCHILY.xattr.user.empty": ""}}}, "x")
	s.write("go.tar", string(b))
	s.must("bsdtar", "-cf", "e.tar", "@go.tar") // as bsdtar writes them
	s.umoci("raw", "add-layer", "--image", "layout:t", "--tag", "e", "e.tar")
	s.skopeo("oci:layout:e", "oci:empty:t")
	status, said := orlop(t, slices.Replace(s.args("empty-web", webOn(s.dir+"/empty")...), 1, 2, "-v")...)
	if status != 0 || !strings.Contains(said, "layer 3: an extended attribute of /e is empty: podman on FreeBSD cannot extract the layer") {
		t.Errorf("an empty attribute: status %d, said %s", status, said)
	}
	for _, media := range []string{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"} {
		s.must("rm", "-rf", "foreign")
		s.skopeo("oci:layout:t", "oci:foreign:t")
		old := s.must("skopeo", "inspect", "--raw", "oci:foreign")
		text := strings.Replace(old, "application/vnd.oci.image.layer.v1.tar+gzip", media, 1)
		s.write("foreign/blobs/sha256/"+digest.FromString(text).Encoded(), text)
		s.write("foreign/index.json", strings.NewReplacer(digest.FromString(old).Encoded(), digest.FromString(text).Encoded(), fmt.Sprint(len(old)), fmt.Sprint(len(text))).Replace(s.must("cat", "foreign/index.json")))
		if status, said := orlop(t, s.args("foreign-web", webOn(s.dir+"/foreign")...)...); status != exitFailed || !strings.Contains(said, media) {
			t.Errorf("%s: status %d, said %s", media, status, said)
		}
	}
}

// TestInteropParentTwoWays makes the same image by one chain in one run, and with the
// parent from a registry: its layers and its database are the same.
func TestInteropParentTwoWays(t *testing.T) {
	s := newStranger(t)
	definition := func(parent string) string {
		name := fmt.Sprintf("web%d.ucl", len(parent))
		s.write(name, fmt.Sprintf("image web { parent = %q; packages = [ FreeBSD-telnet ] }\n", parent))
		return filepath.Join(s.dir, name)
	}
	s.build("one", "--image-file", definition("runtime"), "runtime", "web")
	to := s.address + "/team/runtime"
	succeeds(t, "push", "-q", "--plain-http", "--tag", "1", s.dir+"/one/container-image-runtime.txz", to)
	s.build("two", "--image-file", definition("docker://"+to+"@"+s.digest("oci-archive:one/container-image-runtime.txz")), "web")
	const name = "container-image-web.txz"
	one, two := s.layers("oci-archive:one/"+name), s.layers("oci-archive:two/"+name)
	if !slices.EqualFunc(one, two, func(a, b v1.Descriptor) bool { return a.Digest == b.Digest && a.MediaType == b.MediaType }) || len(one) < 4 {
		t.Errorf("layers of one run %v, of two %v", one, two)
	}
	roots := [2]string{}
	for i, dir := range []string{"one", "two"} {
		roots[i], _ = umociRoot(t, filepath.Join(s.dir, dir, name))
	}
	s.must("cmp", roots[0]+pkgdb.Path, roots[1]+pkgdb.Path)
}
