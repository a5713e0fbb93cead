// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// archiveDamages are ways in which an image may be wrong, one at a time.
var archiveDamages = []struct {
	name   string
	damage func(l *layout)
	how    string // the command that finds it: verify, or diff with the original
	want   string // what that says
}{
	// Bytes that are not what their digests say.
	{"bit of the index", flip("index.json"), "verify", ""},
	{"bit of the manifest", func(l *layout) { l.flip(l.blob(l.manifestDigest())) }, "verify", "manifest: "},
	{"bit of the config", func(l *layout) { l.flip(l.blob(at[string](l.manifest, "config", "digest"))) }, "verify", "config: "},
	{"bit of a layer", func(l *layout) { l.flip(l.layerPath(1)) }, "verify", "layer 2: "},
	{"manifest cut short", func(l *layout) { l.cut(l.blob(l.manifestDigest())) }, "verify", "manifest: "},
	{"config cut short", func(l *layout) { l.cut(l.blob(at[string](l.manifest, "config", "digest"))) }, "verify", "config: "},
	{"layer cut short", func(l *layout) { l.cut(l.layerPath(0)) }, "verify", "layer 1: "},
	{"layer absent", func(l *layout) { os.Remove(l.layerPath(0)) }, "verify", "layer 1: "},
	{"oci-layout absent", func(l *layout) { os.Remove(filepath.Join(l.dir, "oci-layout")) }, "verify", "has no oci-layout"},
	{"oci-layout of another version", func(l *layout) { l.write("oci-layout", `{"imageLayoutVersion":"9.9"}`) }, "verify", `version in oci-layout is "9.9"`},
	{"blob that nothing refers to", func(l *layout) { l.write("blobs/sha256/"+strings.Repeat("0", 64), "x") }, "verify", "nothing refers to it"},

	// Documents that lie, with right digests above them.
	{"lying size of a layer", documents(func(l *layout) { l.descriptors()[0].(object)["size"] = 5 }), "verify", "layer 1: "},
	{"lying size of the config", func(l *layout) {
		at[object](l.manifest, "config")["size"] = 5
		l.replace(at[[]any](l.index, "manifests")[0].(object), l.encode(l.manifest))
		l.write("index.json", string(l.encode(l.index)))
	}, "verify", "config: "},
	{"layers swapped", documents(func(l *layout) { slices.Reverse(l.descriptors()) }), "verify", "DiffID"},
	{"DiffIDs swapped", documents(func(l *layout) { slices.Reverse(at[[]any](l.config, "rootfs", "diff_ids")) }), "verify", "DiffID"},
	{"DiffID too many", documents(func(l *layout) {
		rootfs := at[object](l.config, "rootfs")
		rootfs["diff_ids"] = append(rootfs["diff_ids"].([]any), digestText(nil))
	}), "verify", "number of diff_ids"},
	{"media type of a layer", documents(func(l *layout) {
		l.descriptors()[0].(object)["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd"
	}), "verify", "layer 1: "},
	{"media type of the config", documents(func(l *layout) { at[object](l.manifest, "config")["mediaType"] = "text/plain" }), "verify", `config: type of its descriptor is "text/plain"`},
	{"schemaVersion", documents(func(l *layout) { l.manifest["schemaVersion"] = 3 }), "verify", "schemaVersion of manifest is 3"},
	{"history too long", documents(func(l *layout) {
		l.config["history"] = append(l.config["history"].([]any), object{"created_by": "somebody"})
	}), "verify", "number of layers in the history is 3"},
	{"two manifests", documents(func(l *layout) {
		list := at[[]any](l.index, "manifests")
		l.index["manifests"] = append(list, list[0])
	}), "verify", "index.json has 2 manifests"},

	// Documents that say more than anybody reads.
	{"key of Docker's", documents(func(l *layout) { at[object](l.config, "config")["Healthcheck"] = object{"Test": []any{"x"}} }), "diff", `config config.Healthcheck.Test.0: none -> "x"`},
	{"volume", documents(func(l *layout) { at[object](l.config, "config")["Volumes"] = object{"/x": object{}} }), "diff", `config config.Volumes./x: none -> {}`},
	{"key of the manifest", documents(func(l *layout) { l.manifest["subject"] = object{"digest": "x"} }), "diff", `manifest subject.digest: none -> "x"`},
	{"key of the index", documents(func(l *layout) { l.index["evil"] = 1 }), "diff", `index evil: none -> 1`},
	{"label that ends in size", documents(func(l *layout) { at[object](l.config, "config")["Labels"] = object{"a.size": "1"} }), "diff", `config config.Labels.a.size: none -> "1"`},
	{"key twice", func(l *layout) {
		l.edit(filepath.Join(l.dir, "index.json"), func(b []byte) []byte { return append([]byte(`{"schemaVersion":2,`), b[1:]...) })
	}, "diff", `index schemaVersion again: none -> 2`},
	{"blanks", func(l *layout) {
		l.edit(filepath.Join(l.dir, "index.json"), func(b []byte) []byte { return append(b, '\n') })
	}, "diff", `index as it is written: sha256 `},
	{"key of oci-layout", func(l *layout) { l.write("oci-layout", `{"imageLayoutVersion":"1.0.0","evil":1}`) }, "diff", `oci-layout evil: none -> 1`},

	// A definition that is not that of the lock.
	{"command", documents(func(l *layout) { at[object](l.config, "config")["Cmd"] = []string{"/evil"} }), "verify", `config: config.Cmd.0 is "/evil", its lock makes it absent`},
	{"environment", documents(func(l *layout) { at[object](l.config, "config")["Env"] = []string{"PATH=/evil"} }), "verify", `config: config.Env.0 is "PATH=/evil"`},
	{"user", documents(func(l *layout) { at[object](l.config, "config")["User"] = "nobody" }), "verify", `config: config.User is "nobody"`},
	{"architecture", documents(func(l *layout) { l.config["architecture"] = "arm64" }), "verify", `config: architecture is "arm64"`},
	{"time of creation", documents(func(l *layout) { l.config["created"] = "2001-01-01T00:00:00Z" }), "verify", `config: created is "2001-01-01T00:00:00Z"`},
	{"label", documents(func(l *layout) { at[object](l.config, "config")["Labels"] = object{"a": "b"} }), "verify", `config: config.Labels.a is "b"`},
	{"annotation", documents(func(l *layout) { at[object](l.manifest, "annotations")["org.freebsd.abi"] = "x" }), "verify", `manifest: annotations.org.freebsd.abi is "x"`},
	{"name", documents(func(l *layout) {
		at[object](at[[]any](l.index, "manifests")[0].(object), "annotations")["org.opencontainers.image.ref.name"] = "freebsd-dynamic:other"
	}), "verify", `index.json: manifests.0.annotations.org.opencontainers.image.ref.name is "freebsd-dynamic:other"`},

	// Layers packed anew, with all digests right.
	{"mode", inLayer(1, func(l *layout) { l.find(1, "lib/libc.so.7").Mode = 0o4755 }), "verify", "/lib/libc.so.7: mode is 4755, wanted 0444"},
	{"owner", inLayer(1, func(l *layout) { e := l.find(1, "lib/libc.so.7"); e.Uid, e.Uname = 2, "operator" }), "verify", "/lib/libc.so.7: uname is operator, wanted root"},
	{"time", inLayer(1, func(l *layout) { l.find(1, "lib/libc.so.7").ModTime = time.Unix(5, 0) }), "verify", "/lib/libc.so.7: time is 5, wanted "},
	{"contents of the same size", inLayer(1, func(l *layout) { l.find(1, "lib/libc.so.7").body[9] ^= 1 }), "verify", "/lib/libc.so.7: sum is "},
	{"contents cut", inLayer(1, func(l *layout) { l.find(1, "lib/libc.so.7").set([]byte("x")) }), "verify", "/lib/libc.so.7: sum is "},
	{"file absent", inLayer(1, func(l *layout) { l.drop(1, "lib/libc.so.7") }), "verify", "/lib/libc.so.7: file is absent"},
	{"file whited out", inLayer(1, func(l *layout) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "usr/share/zoneinfo/.wh.UTC", Typeflag: tar.TypeReg}})
	}), "verify", "/usr/share/zoneinfo/UTC: file is absent"},
	{"file of nobody", inLayer(1, func(l *layout) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "lib/evil", Mode: 0o4755, Uname: "root", Gname: "wheel", Typeflag: tar.TypeReg}})
	}), "diff", "/lib/evil: added"},
	{"accounts", inLayer(0, func(l *layout) {
		e := l.find(0, "etc/passwd")
		e.set(append(e.body, "evil:*:0:0::/:/bin/sh\n"...))
	}), "diff", "+evil:*:0:0::/:/bin/sh"},
	{"entry twice", inLayer(1, func(l *layout) { l.layers[1] = append(l.layers[1], *l.find(1, "lib/libc.so.7")) }), "verify", "lib/libc.so.7: "},
	{"path that leaves the root", inLayer(1, func(l *layout) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "../evil", Typeflag: tar.TypeReg}})
	}), "verify", "layer 2: "},
	{"hard link that leaves the layer", inLayer(1, func(l *layout) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "evil", Linkname: "../etc/passwd", Typeflag: tar.TypeLink}})
	}), "verify", "layer 2: "},
	{"device", inLayer(1, func(l *layout) {
		l.layers[1] = append(l.layers[1], entry{Header: tar.Header{Name: "dev/mem", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 1}})
	}), "verify", "layer 2: "},
	{"flags", inLayer(1, func(l *layout) {
		l.find(1, "lib/libc.so.7").PAXRecords = map[string]string{"SCHILY.fflags": "schg"}
	}), "diff", "/lib/libc.so.7: flags is schg, was "},
	{"extended attribute", inLayer(1, func(l *layout) {
		l.find(1, "lib/libc.so.7").PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01\x00"}
	}), "diff", `/lib/libc.so.7: pax is SCHILY.xattr.security.capability="\x01\x00", was none`},
	{"entry below an immutable folder", inLayer(0, func(l *layout) {
		l.find(0, "lib/").PAXRecords = map[string]string{"SCHILY.fflags": "schg"}
	}), "verify", "/lib"},
	{"order of entries", inLayer(1, func(l *layout) {
		n := len(l.layers[1])
		l.layers[1][n-3], l.layers[1][n-2] = l.layers[1][n-2], l.layers[1][n-3]
	}), "diff", "layer 2: entry "},
	{"other compression", func(l *layout) {
		l.recompress(1)
		l.saveDocuments()
	}, "diff", "layer 2: same content, other compression"},

	// Rows of the pkg database.
	{"row of a version", row(`UPDATE packages SET version = '9' WHERE name = 'FreeBSD-clibs'`), "verify", "FreeBSD-clibs"},
	{"row of a sum", row(`UPDATE files SET sha256 = '1$' || hex(zeroblob(32)) WHERE path = '/lib/libc.so.7'`), "verify", "/lib/libc.so.7: sum is "},
	{"row of a mode", row(`UPDATE files SET perm = 7 WHERE path = '/lib/libc.so.7'`), "verify", "/lib/libc.so.7: mode is "},
	{"row of automatic", row(`UPDATE packages SET automatic = 1 WHERE name = 'FreeBSD-clibs'`), "verify", "package FreeBSD-clibs: found 15.0p3, automatic, its lock has 15.0p3, requested"},
	{"row of no package", row(`INSERT INTO pkg_script VALUES (999, 0, 1)`), "verify", "pkg_script"},
	{"row absent", row(`DELETE FROM files WHERE path = '/lib/libc.so.7'`), "diff", "- file /lib/libc.so.7"},
	{"package absent", row(`DELETE FROM packages WHERE name = 'FreeBSD-openssl-lib'`), "verify", "FreeBSD-openssl-lib"},
	{"index absent", row(`DROP INDEX deps_unique`), "verify", "deps_unique"},
	{"lock left behind", row(`UPDATE pkg_lock SET exclusive = 1`), "verify", "lock"},
	{"change counter", inLayer(1, func(l *layout) { l.find(1, "var/db/pkg/local.sqlite").body[27] ^= 1 }), "diff", "the same rows in other bytes\n        header: change counter is 0, was 1\n"},
	{"row that no package refers to", row(`INSERT INTO script (script) VALUES ('evil')`), "diff", "rows that no package refers to\n        + script {\"script\": \"evil\"}\n"},
	{"unused byte of a page", inLayer(1, func(l *layout) {
		body := l.find(1, "var/db/pkg/local.sqlite").body
		body[bytes.Index(body, make([]byte, 64))+32] = 'x'
	}), "diff", "the same rows in other bytes\n        page "},
	{"comment", row(`UPDATE packages SET comment = 'evil' WHERE name = 'FreeBSD-clibs'`), "diff", "-> evil"},
	{"database absent", inLayer(1, func(l *layout) { l.drop(1, "var/db/pkg/local.sqlite") }), "verify", "FreeBSD-clibs"},
	{"database that is none", inLayer(1, func(l *layout) { l.find(1, "var/db/pkg/local.sqlite").set([]byte("x")) }), "verify", "database"},
}

func flip(name string) func(*layout) {
	return func(l *layout) { l.flip(filepath.Join(l.dir, name)) }
}

func documents(change func(*layout)) func(*layout) {
	return func(l *layout) {
		change(l)
		l.saveDocuments()
	}
}

func inLayer(i int, change func(*layout)) func(*layout) {
	return func(l *layout) {
		l.open(i)
		change(l)
		l.save()
	}
}

// row changes the database of the upper layer.
func row(statement string) func(*layout) {
	return inLayer(1, func(l *layout) {
		l.t.Helper()
		e := l.find(1, "var/db/pkg/local.sqlite")
		path := filepath.Join(l.t.TempDir(), "local.sqlite")
		if err := os.WriteFile(path, e.body, 0o666); err != nil {
			l.t.Fatal(err)
		}
		db, err := sql.Open("sqlite3", path)
		if err == nil {
			_, err = db.Exec(statement)
			db.Close()
		}
		if err != nil {
			l.t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			l.t.Fatal(err)
		}
		e.set(text)
	})
}

// edit rewrites a file of the layout.
func (l *layout) edit(path string, change func([]byte) []byte) {
	l.t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o666)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *layout) flip(path string) {
	l.edit(path, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
}

func (l *layout) cut(path string) { l.edit(path, func(b []byte) []byte { return b[:len(b)/2] }) }

func (l *layout) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o666); err != nil {
		l.t.Fatal(err)
	}
}

func (l *layout) drop(i int, name string) {
	l.layers[i] = slices.DeleteFunc(l.layers[i], func(e entry) bool { return e.Name == name })
}

// recompress keeps a layer's tar file.
func (l *layout) recompress(i int) {
	l.t.Helper()
	f, err := os.Open(l.layerPath(i))
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	from, err := gzip.NewReader(f)
	if err != nil {
		l.t.Fatal(err)
	}
	var b bytes.Buffer
	to := gzip.NewWriter(&b)
	if _, err := io.Copy(to, from); err != nil {
		l.t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		l.t.Fatal(err)
	}
	l.replace(l.descriptors()[i].(object), b.Bytes())
}

// TestArchiveDamage wants each damage found, told as what it is, and with exit
// status 5 of verify or 1 of diff.
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
			var told, said bytes.Buffer
			args, want := []string{"orlop", "verify", l.dir}, 5
			if tt.how == "diff" {
				args, want = []string{"orlop", "diff", original, l.dir}, 1
			}
			status := run(t.Context(), args, &told, &said, func(string) (string, bool) { return "", false })
			if text := told.String() + said.String(); status != want || !strings.Contains(text, tt.want) {
				t.Errorf("%s: status %d, wanted %d; said %s\nwanted %s", tt.how, status, want, text, tt.want)
			}
		})
	}
}
