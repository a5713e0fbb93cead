// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/mattn/go-sqlite3"
)

// archiveDamages are ways in which an image may be wrong, one at a time.
var archiveDamages = []struct {
	name   string
	damage func(l *opened)
	faults string // all that verify says, digests and sums apart, a line each; "" where it must be content
	diff   string // what diff with the original says, among other things; "" where that is not asked
}{
	{"nothing", documents(func(*opened) {}), "", ""},
	{"nothing but other compression", inLayer(1, func(*opened) {}), "", "layer 2: same content, other compression"},

	// Bytes that are not what their digests say.
	{"bit of the index", flip("index.json"), "manifest: blob sha256:… is not in the archive", ""},
	{"bit of the manifest", func(l *opened) { l.flip(l.blob(l.manifestDigest())) }, "manifest: blob sha256:… is sha256:…, wanted sha256:…", ""},
	{"bit of the config", func(l *opened) { l.flip(l.blob(at[string](l.manifest, "config", "digest"))) }, "config: blob sha256:… is sha256:…, wanted sha256:…", ""},
	{"bit of a layer", func(l *opened) { l.flip(l.layerPath(1)) }, `layer 2: blob sha256:… is sha256:…, wanted sha256:…
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"manifest cut short", func(l *opened) { l.cut(l.blob(l.manifestDigest())) }, "manifest: size of blob sha256:… is 519, wanted 1038", ""},
	{"config cut short", func(l *opened) { l.cut(l.blob(at[string](l.manifest, "config", "digest"))) }, "config: size of blob sha256:… is 243, wanted 486", ""},
	{"layer cut short", func(l *opened) { l.cut(l.layerPath(0)) }, `layer 1: size of blob sha256:… is 57041, wanted 114083
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"layer absent", func(l *opened) { os.Remove(l.layerPath(0)) }, `layer 1: blob sha256:… is not in the archive
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"oci-layout absent", func(l *opened) { os.Remove(filepath.Join(l.dir, "oci-layout")) }, "has no oci-layout, which an OCI image layout has beside index.json (image-spec, image-layout.md)", ""},
	{"oci-layout of another version", func(l *opened) { l.write("oci-layout", `{"imageLayoutVersion":"9.9"}`) }, `version in oci-layout is "9.9", which this version does not read, wanted 1.0.0`, ""},

	{"first bit of a layer", func(l *opened) { l.edit(l.layerPath(1), func(b []byte) []byte { b[0] ^= 1; return b }) }, `layer 2: blob sha256:… is sha256:…, wanted sha256:…
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"config, oci-layout, layer and a stray file at once", func(l *opened) {
		l.flip(l.blob(at[string](l.manifest, "config", "digest")))
		l.write("oci-layout", `{"imageLayoutVersion":"9.9"}`)
		os.Remove(l.layerPath(0))
		l.write("stray", "x")
	}, `config: blob sha256:… is sha256:…, wanted sha256:…
version in oci-layout is "9.9", which this version does not read, wanted 1.0.0
layer 1: blob sha256:… is not in the archive
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"manifest and a stray file at once", func(l *opened) {
		l.flip(l.blob(l.manifestDigest()))
		l.write("stray", "x")
	}, `manifest: blob sha256:… is sha256:…, wanted sha256:…`, ""},

	// What no digest covers.
	{"platform in the index", index(func(d object) { d["platform"] = object{"os": "linux", "architecture": "arm64"} }), `platform in index.json is linux/arm64, wanted freebsd/amd64, which the config has`, ""},

	// Documents that lie, with right digests above them.
	{"lying size of a layer", documents(func(l *opened) { l.descriptors()[0].(object)["size"] = 5 }), `layer 1: size of blob sha256:… is 114083, wanted 5
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"lying size of the config", func(l *opened) {
		at[object](l.manifest, "config")["size"] = 5
		l.replace(at[[]any](l.index, "manifests")[0].(object), l.encode(l.manifest))
		l.write("index.json", string(l.encode(l.index)))
	}, "config: size of blob sha256:… is 486, wanted 5", ""},
	{"layers swapped", documents(func(l *opened) { slices.Reverse(l.descriptors()) }), `layer 1: the DiffID of its tar file is sha256:…, wanted sha256:…, which the config has
layer 2: the DiffID of its tar file is sha256:…, wanted sha256:…, which the config has
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"DiffIDs swapped", documents(func(l *opened) { slices.Reverse(at[[]any](l.config, "rootfs", "diff_ids")) }), `layer 1: the DiffID of its tar file is sha256:…, wanted sha256:…, which the config has
layer 2: the DiffID of its tar file is sha256:…, wanted sha256:…, which the config has
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"DiffID too many", documents(func(l *opened) {
		rootfs := at[object](l.config, "rootfs")
		rootfs["diff_ids"] = append(rootfs["diff_ids"].([]any), digestText(nil))
	}), `number of diff_ids in the config is 3, wanted 2, as many as the manifest has layers
config: rootfs.diff_ids.2 is "sha256:…", its lock makes it absent`, ""},
	{"media type of a layer", documents(func(l *opened) {
		l.descriptors()[0].(object)["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd"
	}), `layer 1: is packed with gzip, wanted zstd, as its media type has it
files, pkg database and packages were not checked: that needs every layer complete and in its place
manifest: layers.0.mediaType is "application/vnd.oci.image.layer.v1.tar+zstd", its lock makes it "application/vnd.oci.image.layer.v1.tar+gzip"`, ""},
	{"media type of the config", documents(func(l *opened) { at[object](l.manifest, "config")["mediaType"] = "text/plain" }), `manifest: its config is of type "text/plain", so it is not an OCI image`, ""},
	{"schemaVersion", documents(func(l *opened) { l.manifest["schemaVersion"] = 3 }), `schemaVersion of manifest is 3, wanted 2
manifest: schemaVersion is 3, its lock makes it 2`, ""},
	{"history too long", documents(func(l *opened) {
		l.config["history"] = append(l.config["history"].([]any), object{"created_by": "somebody"})
	}), `number of layers in the history is 3, wanted 2, as many as the manifest has
config: history.2.created_by is "somebody", its lock makes it absent`, ""},

	// Documents that say more than anybody reads.
	{"key of Docker's", documents(func(l *opened) { at[object](l.config, "config")["Healthcheck"] = object{"Test": []any{"x"}} }), `config: config.Healthcheck.Test.0 is "x", its lock makes it absent`, `config config.Healthcheck.Test.0: none -> "x"`},
	{"volume", documents(func(l *opened) { at[object](l.config, "config")["Volumes"] = object{"/x": object{}} }), "config: config.Volumes./x is {}, its lock makes it absent", `config config.Volumes./x: none -> {}`},
	{"key of the manifest", documents(func(l *opened) { l.manifest["subject"] = object{"digest": "x"} }), `manifest: subject.digest is "x", its lock makes it absent`, `manifest subject.digest: none -> "x"`},
	{"label that ends in size", documents(func(l *opened) { at[object](l.config, "config")["Labels"] = object{"a.size": "1"} }), `config: config.Labels.a.size is "1", its lock makes it absent`, `config config.Labels.a.size: none -> "1"`},
	{"key twice", func(l *opened) {
		l.edit(filepath.Join(l.dir, "index.json"), func(b []byte) []byte { return append([]byte(`{"schemaVersion":2,`), b[1:]...) })
	}, `index.json: has "schemaVersion" twice`, ""},

	// A definition that is not that of the lock.
	{"command", documents(func(l *opened) { at[object](l.config, "config")["Cmd"] = []string{"/evil"} }), `config: config.Cmd.0 is "/evil", its lock makes it absent`, ""},
	{"environment", documents(func(l *opened) { at[object](l.config, "config")["Env"] = []string{"PATH=/evil"} }), `config: config.Env.0 is "PATH=/evil", its lock makes it "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"`, ""},
	{"user", documents(func(l *opened) { at[object](l.config, "config")["User"] = "nobody" }), `config: config.User is "nobody", its lock makes it absent`, ""},
	{"architecture", documents(func(l *opened) { l.config["architecture"] = "arm64" }), `config: architecture is "arm64", its lock makes it "amd64"`, ""},
	{"time of creation", documents(func(l *opened) { l.config["created"] = "2001-01-01T00:00:00Z" }), `config: created is "2001-01-01T00:00:00Z", its lock makes it "2025-08-24T01:46:40Z"`, ""},
	{"label", documents(func(l *opened) { at[object](l.config, "config")["Labels"] = object{"a": "b"} }), `config: config.Labels.a is "b", its lock makes it absent`, ""},
	{"annotation", documents(func(l *opened) { at[object](l.manifest, "annotations")["org.freebsd.abi"] = "x" }), `manifest: annotations.org.freebsd.abi is "x", its lock makes it "FreeBSD:15:amd64"`, ""},

	{"unknown key in the config", documents(func(l *opened) { l.config["evil"] = "x" }), `config: evil is "x", its lock makes it absent`, ""},

	// Blobs of layers with right digests.
	{"bytes after a layer", blob(func(b []byte) []byte { return append(b, "evil"...) }), `layer 2: has data after its last gzip member
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"layer empty", blob(func([]byte) []byte { return nil }), `layer 2: is empty, wanted a gzip stream
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"layer cut short before it was hashed", blob(func(b []byte) []byte { return b[:len(b)-9] }), `layer 2: ends in the middle of a gzip member
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},

	// Layers packed anew, with all digests right.
	{"mode", inLayer(1, func(l *opened) { l.find(1, "lib/libc.so.7").Mode = 0o4755 }), "FreeBSD-clibs-15.0p3: /lib/libc.so.7: mode is 4755, wanted 0444, as the pkg database has it", ""},
	{"owner", inLayer(1, func(l *opened) { e := l.find(1, "lib/libc.so.7"); e.Uid, e.Uname = 2, "operator" }), "FreeBSD-clibs-15.0p3: /lib/libc.so.7: uname is operator, 2, wanted root, 0, as the pkg database has it", ""},
	{"time", inLayer(1, func(l *opened) { l.find(1, "lib/libc.so.7").ModTime = time.Unix(5, 0) }), "FreeBSD-clibs-15.0p3: /lib/libc.so.7: time is 5, wanted 1756000000, as the pkg database has it", ""},
	{"contents of the same size", inLayer(1, func(l *opened) { l.find(1, "lib/libc.so.7").body[9] ^= 1 }), "FreeBSD-clibs-15.0p3: /lib/libc.so.7: sum is …, wanted …, as the pkg database has it", ""},
	{"contents cut", inLayer(1, func(l *opened) { l.find(1, "lib/libc.so.7").set([]byte("x")) }), "FreeBSD-clibs-15.0p3: /lib/libc.so.7: sum is …, wanted …, as the pkg database has it", ""},
	{"file absent", inLayer(1, func(l *opened) { l.drop(1, "lib/libc.so.7") }), "FreeBSD-clibs-15.0p3: /lib/libc.so.7: file is absent, wanted one, as the pkg database has it", ""},
	{"file whited out", inLayer(1, func(l *opened) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "usr/share/zoneinfo/.wh.UTC", Typeflag: tar.TypeReg}})
	}), `layer 2: /usr/share/zoneinfo/.wh.UTC: is a whiteout, which orlop does not write
FreeBSD-zoneinfo-15.0: /usr/share/zoneinfo/UTC: file is absent, wanted one, as the pkg database has it`, ""},
	{"file of nobody", inLayer(1, func(l *opened) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "lib/evil", Mode: 0o4755, Uname: "root", Gname: "wheel", Typeflag: tar.TypeReg}})
	}), "layer 2: /lib/evil: file is there, wanted none: no package has it, and orlop does not make it", "/lib/evil: added"},
	{"accounts", inLayer(0, func(l *opened) {
		e := l.find(0, "etc/passwd")
		e.set(append(e.body, "evil:*:0:0::/:/bin/sh\n"...))
	}), "layer 1: /etc/passwd: sha256 is …, wanted …, as its lock has it", "+evil:*:0:0::/:/bin/sh"},
	{"entry twice", inLayer(1, func(l *opened) { l.layers[1] = append(l.layers[1], *l.find(1, "lib/libc.so.7")) }), "layer 2: /lib/libc.so.7: occurs twice in the layer, which image-spec's layer.md forbids", ""},
	{"path that leaves the root", inLayer(1, func(l *opened) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "../evil", Typeflag: tar.TypeReg}})
	}), `layer 2: ../evil: has ".." in its path, which may lead out of the root`, ""},
	{"hard link that leaves the layer", inLayer(1, func(l *opened) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "evil", Linkname: "../etc/passwd", Typeflag: tar.TypeLink}})
	}), `layer 2: evil: is a hard link to "../etc/passwd", which has ".." in its path, which may lead out of the root`, ""},
	{"device", inLayer(1, func(l *opened) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "dev/mem", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 1}})
	}), `layer 2: dev/mem has a header with other bytes, which orlop does not write
/dev/mem: its owners have numbers without names, and orlop writes both
layer 2: /dev/mem: file is there, wanted none: no package has it, and orlop does not make it`, ""},
	{"flags", inLayer(1, func(l *opened) {
		l.find(1, "lib/libc.so.7").PAXRecords = map[string]string{"SCHILY.fflags": "schg"}
	}), "FreeBSD-clibs-15.0p3: /lib/libc.so.7: flags is schg, wanted none, as the pkg database has it", "/lib/libc.so.7: flags is schg, was "},
	{"entry below an immutable folder", inLayer(0, func(l *opened) {
		l.find(0, "lib/").PAXRecords = map[string]string{"SCHILY.fflags": "schg"}
	}), `/lib/geom: comes after its directory /lib became immutable
layer 1: paths, modes, owners, times and flags of its directories: sha256 is …, wanted …`, ""},
	{"order of entries", inLayer(1, func(l *opened) {
		n := len(l.layers[1])
		l.layers[1][n-3], l.layers[1][n-2] = l.layers[1][n-2], l.layers[1][n-3]
	}), "", "layer 2: entry "},
	{"other compression", func(l *opened) {
		l.recompress(1)
		l.saveDocuments()
	}, "", "layer 2: same content, other compression"},

	{"uid", inLayer(1, func(l *opened) { l.find(1, "lib/libc.so.7").Uid = 1001 }), "/lib/libc.so.7: uid is 1001, wanted 0, that of the image's user root", ""},
	{"gid", inLayer(1, func(l *opened) { l.find(1, "lib/libc.so.7").Gid = 1001 }), "/lib/libc.so.7: gid is 1001, wanted 0, that of the image's group wheel", ""},
	{"owner that has no account", inLayer(1, func(l *opened) { l.find(1, "lib/").Uname = "evil" }), `/lib: its user "evil" is not in the image's accounts
layer 2: paths, modes, owners, times and flags of its directories: sha256 is …, wanted …`, ""},
	{"extended attribute", inLayer(1, func(l *opened) {
		l.find(1, "lib/libc.so.7").PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01\x00"}
	}), `layer 2: lib/libc.so.7 has the pax record SCHILY.xattr.security.capability="\x01\x00", which orlop does not write`,
		`/lib/libc.so.7: pax is SCHILY.xattr.security.capability="\x01\x00", was none`},
	{"part of a second", inLayer(1, func(l *opened) {
		e := l.find(1, "lib/libc.so.7")
		e.ModTime = e.ModTime.Add(5)
	}), `layer 2: lib/libc.so.7 has the pax record mtime="1756000000.000000005", which orlop does not write`, ""},
	{"flag on a hard link", inLayer(1, func(l *opened) {
		l.find(1, "lib/libm.so.5").PAXRecords = map[string]string{"SCHILY.fflags": "uarch"}
	}), "FreeBSD-clibs-15.0p3: /lib/libm.so.5: flags is uarch, wanted none, as the pkg database has it", ""},
	{"whiteout of nothing", addition(1, tar.Header{Name: "lib/.wh."}), `layer 2: lib/.wh.: is a whiteout of "", which is not a name`, ""},
	{"whiteout of the folder above", addition(1, tar.Header{Name: "lib/.wh..."}), `layer 2: lib/.wh...: is a whiteout of "..", which is not a name`, ""},
	{"whiteout of what is not there", addition(1, tar.Header{Name: "lib/.wh.x"}), "layer 2: /lib/.wh.x: is a whiteout, which orlop does not write", ""},
	{"opaque folder", addition(1, tar.Header{Name: "etc/.wh..wh..opq"}), "layer 2: /etc/.wh..wh..opq: is a whiteout, which orlop does not write", ""},
	{"hard link to an absolute path", addition(1, tar.Header{Name: "evil", Typeflag: tar.TypeLink, Linkname: "/lib/libc.so.7"}), `/evil: its owners have numbers without names, and orlop writes both
layer 2: /evil: file is there, wanted none: no package has it, and orlop does not make it`, ""},
	{"below a link of a lower layer", func(l *opened) {
		addition(0, tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: "/etc"})(l)
		addition(1, tar.Header{Name: "x/passwd"})(l)
	}, `/etc/passwd: its owners have numbers without names, and orlop writes both
/x: its owners have numbers without names, and orlop writes both
layer 1: /x: file is there, wanted none: no package has it, and orlop does not make it
layer 2: /etc/passwd: file is there, wanted none: no package has it, and orlop does not make it`, ""},
	{"two bad entries and a mode", inLayer(1, func(l *opened) {
		l.find(1, "lib/libc.so.7").Mode = 0o4755
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "/evil"}}, entry{Header: tar.Header{Name: "dev/mem", Typeflag: tar.TypeChar}})
	}), `layer 2: /evil has a header with other bytes, and 1 more differ, which orlop does not write
/dev/mem: its owners have numbers without names, and orlop writes both
/evil: its owners have numbers without names, and orlop writes both
layer 2: /evil: file is there, wanted none: no package has it, and orlop does not make it
layer 2: /dev/mem: file is there, wanted none: no package has it, and orlop does not make it
FreeBSD-clibs-15.0p3: /lib/libc.so.7: mode is 4755, wanted 0444, as the pkg database has it`, ""},
	{"file of another layer", inLayer(0, func(l *opened) {
		l.open(1)
		l.layers[0] = append(l.layers[0], *l.find(1, "lib/libc.so.7"))
	}), "layer 1: /lib/libc.so.7: file of FreeBSD-clibs is there, wanted it in the layer of dynamic", ""},
	{"folder", addition(1, tar.Header{Name: "evil/", Typeflag: tar.TypeDir, Mode: 0o777, Uname: "root", Gname: "wheel"}), "layer 2: paths, modes, owners, times and flags of its directories: sha256 is …, wanted …", ""},
	{"mode of the root", inLayer(0, func(l *opened) { l.find(0, "./").Mode = 0o777 }), "layer 1: paths, modes, owners, times and flags of its directories: sha256 is …, wanted …", ""},

	// Files that orlop makes.
	{"line in master.passwd, and no lock", inLayer(0, func(l *opened) {
		os.Remove(l.dir + ".lock.json")
		e := l.find(0, "etc/master.passwd")
		e.set(append(e.body, "evil::0:0::0:0::/:/bin/sh\n"...))
	}), `/etc/passwd: sha256 is …, wanted …, which is derived from other files in the image
/etc/pwd.db: sha256 is …, wanted …, which is derived from other files in the image
/etc/spwd.db: sha256 is …, wanted …, which is derived from other files in the image`, ""},
	{"spwd.db, and no lock", inLayer(0, func(l *opened) {
		os.Remove(l.dir + ".lock.json")
		l.find(0, "etc/spwd.db").set([]byte("x"))
	}), "/etc/spwd.db: sha256 is …, wanted …, which is derived from other files in the image", ""},
	{"mode of master.passwd", inLayer(0, func(l *opened) { l.find(0, "etc/master.passwd").Mode = 0o644 }), "layer 1: /etc/master.passwd: mode is 0644, wanted 0600, as its lock has it", ""},
	{"owner of master.passwd", inLayer(0, func(l *opened) { e := l.find(0, "etc/master.passwd"); e.Uid, e.Uname = 2, "operator" }), "layer 1: /etc/master.passwd: uname is operator, wanted root, as its lock has it", ""},
	{"time of master.passwd", inLayer(0, func(l *opened) { l.find(0, "etc/master.passwd").ModTime = time.Unix(5, 0) }), "layer 1: /etc/master.passwd: time is 5, wanted 1750000000, the layer's epoch", ""},
	{"line in master.passwd", inLayer(0, func(l *opened) {
		e := l.find(0, "etc/master.passwd")
		e.set(append(e.body, "evil::0:0::0:0::/:/bin/sh\n"...))
	}), "layer 1: /etc/master.passwd: sha256 is …, wanted …, as its lock has it", ""},
	{"line in group that is none", inLayer(0, func(l *opened) {
		e := l.find(0, "etc/group")
		e.set(append(e.body, "evil\n"...))
	}), `the image's accounts: group:40: found 1 fields, wanted 4
layer 1: /etc/group: sha256 is …, wanted …, as its lock has it`, ""},
	{"group too large", inLayer(0, func(l *opened) { l.find(0, "etc/group").set(make([]byte, 5<<20)) }), `layer 1: /etc/group: has 5242880 bytes, wanted at most 4194304
files, pkg database and packages were not checked: that needs every layer complete and in its place`, ""},
	{"passwd absent", inLayer(0, func(l *opened) { l.drop(0, "etc/passwd") }), "layer 1: /etc/passwd: file is absent, wanted the one that orlop made", ""},
	{"group absent", inLayer(0, func(l *opened) { l.drop(0, "etc/group") }), "layer 1: /etc/group: file is absent, wanted the one that orlop made", ""},
	{"link that orlop makes", inLayer(0, func(l *opened) { l.find(0, "etc/os-release").Linkname = "/evil" }), "layer 1: /etc/os-release: link is /evil, wanted ../var/run/os-release, as its lock has it", ""},
	{"file in place of a link", inLayer(0, func(l *opened) { e := l.find(0, "etc/os-release"); e.Typeflag, e.Linkname = tar.TypeReg, "" }), "layer 1: /etc/os-release: type is file, wanted link", ""},
	{"database of a lower layer", inLayer(0, func(l *opened) { l.find(0, "var/db/pkg/local.sqlite").set([]byte("x")) }), "layer 1: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it", ""},

	// Rows of the pkg database.
	{"row of a version", row(`UPDATE packages SET version = '9' WHERE name = 'FreeBSD-clibs'`), `FreeBSD-clibs-9: manifest digest is "2$…", wanted 2$…, which its rows give
package FreeBSD-clibs: found 9, requested, its lock has 15.0p3, requested
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it`, ""},
	{"row of a sum", row(`UPDATE files SET sha256 = '1$' || hex(zeroblob(32)) WHERE path = '/lib/libc.so.7'`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on
FreeBSD-clibs-15.0p3: /lib/libc.so.7: sum is 1$…, wanted 1$…, as the pkg database has it`, ""},
	{"row of a mode", row(`UPDATE files SET perm = 7 WHERE path = '/lib/libc.so.7'`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on
FreeBSD-clibs-15.0p3: /lib/libc.so.7: mode is 0444, wanted 0007, as the pkg database has it`, ""},
	{"row of automatic", row(`UPDATE packages SET automatic = 1 WHERE name = 'FreeBSD-clibs'`), `package FreeBSD-clibs: found 15.0p3, automatic, its lock has 15.0p3, requested
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"row of no package", row(`INSERT INTO pkg_script VALUES (999, 0, 1)`), `pkg database: table pkg_script: row {"package": "?999", "script": "?1", "type": 0}: its package is 999, which is not in packages
pkg database: table pkg_script: row {"package": "?999", "script": "?1", "type": 0}: its script is 1, which is not in script
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it`, ""},
	{"row absent", row(`DELETE FROM files WHERE path = '/lib/libc.so.7'`), `layer 2: /lib/libc.so.7: file is there, wanted none: no package has it, and orlop does not make it
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, "- file /lib/libc.so.7"},
	{"package absent", row(`PRAGMA foreign_keys = ON; DELETE FROM packages WHERE name = 'FreeBSD-openssl-lib'`), `package FreeBSD-openssl-lib: found none, its lock has 15.0p1, requested
layer 2: /lib/libcrypto.so.35: file is there, wanted none: no package has it, and orlop does not make it
layer 2: /usr/lib/libssl.so.35: file is there, wanted none: no package has it, and orlop does not make it
layer 2: /usr/lib/ossl-modules/fips.so: file is there, wanted none: no package has it, and orlop does not make it
layer 2: /usr/lib/ossl-modules/legacy.so: file is there, wanted none: no package has it, and orlop does not make it
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"index absent", row(`DROP INDEX deps_unique`), `pkg database: index deps_unique is missing, wanted one in schema 42
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it`, ""},
	{"lock left behind", row(`UPDATE pkg_lock SET exclusive = 1`), `pkg_lock: exclusive is 1, wanted 0, as when no pkg is running
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it`, ""},
	{"comment", row(`UPDATE packages SET comment = 'evil' WHERE name = 'FreeBSD-clibs'`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, "-> evil"},
	{"flags of a row", row(`UPDATE files SET fflags = 131072 WHERE path = '/lib/libc.so.7'`), `FreeBSD-clibs-15.0p3: /lib/libc.so.7: flags is none, wanted schg, as the pkg database has it
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"install time", row(`UPDATE packages SET time = 5`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: FreeBSD-clibs: package: time 1970-01-01T00:00:05Z -> 2025-08-24T01:46:40Z, and 2 more`, ""},
	{"size of a package", row(`UPDATE packages SET flatsize = 5 WHERE name = 'FreeBSD-clibs'`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"prefix", row(`UPDATE packages SET prefix = '/usr/local' WHERE name = 'FreeBSD-clibs'`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"locked", row(`UPDATE packages SET locked = 1 WHERE name = 'FreeBSD-clibs'`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"repository", row(`UPDATE annotation SET annotation = 'evil' WHERE annotation = 'FreeBSD-base'`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"annotations absent", row(`DELETE FROM pkg_annotation`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"folders absent", row(`DELETE FROM pkg_directories`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"text that no row refers to", row(`INSERT INTO script (script) VALUES ('evil')`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, "rows that no package refers to\n        + script {\"script\": \"evil\"}\n"},
	{"change counter", inLayer(1, func(l *opened) { l.find(1, "var/db/pkg/local.sqlite").body[27] ^= 1 }), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, "the same rows in other bytes\n        header: change counter is 0, was 1\n"},
	{"unused byte of a page", inLayer(1, func(l *opened) {
		body := l.find(1, "var/db/pkg/local.sqlite").body
		body[bytes.Index(body, make([]byte, 64))+32] = 'x'
	}), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 148 on`, "the same rows in other bytes\n        page "},
	{"leftovers in free pages", row(`CREATE TABLE evil (x); INSERT INTO evil VALUES (zeroblob(50000)); DROP TABLE evil`), `layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it
/var/db/pkg/local.sqlite: is not in its normal form: its rows would have other bytes, from byte 27 on`, ""},
	{"database absent", inLayer(1, func(l *opened) { l.drop(1, "var/db/pkg/local.sqlite") }), "layer 2: /var/db/pkg/local.sqlite: file is absent, wanted the one that orlop made", ""},
	{"database that is none", inLayer(1, func(l *opened) { l.find(1, "var/db/pkg/local.sqlite").set([]byte("x")) }), `pkg database: is not an SQLite database
layer 2: /var/db/pkg/local.sqlite: sha256 is …, wanted …, as its lock has it`, ""},
}

// masks hide what depends on a damage only by its bytes.
var masks = regexp.MustCompile(`\b([0-9a-f]{64}|2\$[a-z0-9]{100,})\b`)

// TestArchiveDamage wants each damage told as what it is, and nothing else said.
func TestArchiveDamage(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--format", "dir", "-o", out, "dynamic"); status != 0 {
		t.Fatal(said)
	}
	original := filepath.Join(out, "container-image-dynamic")
	for _, tt := range archiveDamages {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := openLayout(t, original)
			tt.damage(l)
			status, said := orlop(t, "verify", "-q", l.dir)
			faults := masks.ReplaceAllString(strings.TrimSpace(strings.ReplaceAll(said, "orlop: "+l.dir+": ", "")), "…")
			want := 0
			switch {
			case strings.Contains(tt.faults, "this version") && !strings.Contains(tt.faults, "blob"), strings.Contains(tt.faults, "not an OCI image"), strings.Contains(tt.faults, "wanted at most"):
				want = exitFailed
			case tt.faults != "":
				want = exitWrong
			}
			if status != want {
				t.Errorf("verify: status %d, wanted %d", status, want)
			}
			if d := cmp.Diff(tt.faults, faults); d != "" {
				t.Errorf("faults (-want +got):\n%s", d)
			}
			if tt.diff != "" {
				var told, said bytes.Buffer
				status := run(t.Context(), []string{"orlop", "diff", original, l.dir}, &told, &said, func(string) (string, bool) { return "", false })
				if status != 1 || !strings.Contains(told.String(), tt.diff) {
					t.Errorf("diff: status %d; said %s%s\nwanted %s", status, &told, &said, tt.diff)
				}
			}
		})
	}
}
