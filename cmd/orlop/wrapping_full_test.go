// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	otherIndex  = "the layout around the image is not the one that orlop writes: index.json"
	otherLayout = "the layout around the image is not the one that orlop writes: oci-layout"
	refName     = "index.json: manifests.0.annotations.org.opencontainers.image.ref.name is "
)

// TestWrapping changes what is around an image. It is the same image: verify and
// diff end with 0 and tell the difference.
func TestWrapping(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--format", "dir", "-o", out, "dynamic"); status != 0 {
		t.Fatal(said)
	}
	original := filepath.Join(out, "container-image-dynamic")
	for _, tt := range []struct {
		name    string
		change  func(*opened)
		notes   string
		details string // that follow with -v
		diff    string // that diff tells, "" for nothing
	}{
		{"blob that nothing refers to", func(l *opened) { l.write("blobs/sha256/x", "x") }, "blobs/sha256/x is in the archive, but nothing refers to it", "blobs/sha256/x is in the archive, but nothing refers to it", ""},
		{"many such files", func(l *opened) {
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				l.write(name, "")
			}
		}, "a is in the archive, but nothing refers to it\nb is in the archive, but nothing refers to it\nc is in the archive, but nothing refers to it\nso are 2 more files",
			"a is in the archive, but nothing refers to it\nb is in the archive, but nothing refers to it\nc is in the archive, but nothing refers to it\nd is in the archive, but nothing refers to it\ne is in the archive, but nothing refers to it", ""},
		{"urls", index(func(d object) { d["urls"] = []any{"http://x"} }), otherIndex, `index.json: manifests.0.urls.0 is "http://x", its lock makes it absent`, `index manifests.0.urls.0: none -> "http://x"`},
		{"annotation", index(func(d object) { d["annotations"].(object)["a"] = "b" }), otherIndex, `index.json: manifests.0.annotations.a is "b", its lock makes it absent`, `index manifests.0.annotations.a: none -> "b"`},
		{"platform", index(func(d object) { d["platform"] = object{"os": "freebsd", "architecture": "amd64"} }), otherIndex,
			"index.json: manifests.0.platform.architecture is \"amd64\", its lock makes it absent\nindex.json: manifests.0.platform.os is \"freebsd\", its lock makes it absent", `index manifests.0.platform.os: none -> "freebsd"`},
		{"name", index(func(d object) {
			d["annotations"].(object)["org.opencontainers.image.ref.name"] = "v1"
		}), otherIndex, refName + `"v1", its lock makes it "freebsd-dynamic:15.0-RELEASE-p3-amd64"`, `ref.name: "freebsd-dynamic:15.0-RELEASE-p3-amd64" -> "v1"`},
		{"no name", index(func(d object) { delete(d, "annotations") }), otherIndex, refName + `absent, its lock makes it "freebsd-dynamic:15.0-RELEASE-p3-amd64"`, `ref.name: "freebsd-dynamic:15.0-RELEASE-p3-amd64" -> none`},
		{"no name and no lock", func(l *opened) {
			index(func(d object) { delete(d, "annotations") })(l)
			os.Remove(l.dir + ".lock.json")
		}, otherIndex, refName + `absent, orlop makes it "freebsd-dynamic:15.0-RELEASE-p3-amd64"`, ""},
		{"key of the index", documents(func(l *opened) { l.index["evil"] = 1 }), otherIndex, "index.json: evil is 1, its lock makes it absent", "index evil: none -> 1"},
		{"key of oci-layout", func(l *opened) { l.write("oci-layout", `{"imageLayoutVersion":"1.0.0","evil":1}`) }, otherLayout, "oci-layout: evil is 1, its lock makes it absent", "oci-layout evil: none -> 1"},
		{"blanks", func(l *opened) {
			l.edit(filepath.Join(l.dir, "index.json"), func(b []byte) []byte { return append(b, '\n') })
		}, otherIndex, "index.json: has the wanted values, but not in the bytes that orlop writes", "index as it is written: sha256 "},
		{"a second descriptor", documents(func(l *opened) {
			list := at[[]any](l.index, "manifests")
			l.index["manifests"] = append(list, list[0])
		}), otherIndex, "index.json: manifests.1.", "index manifests.1."},
		{"a second name", documents(func(l *opened) {
			list := at[[]any](l.index, "manifests")
			second := maps.Clone(list[0].(object))
			second["annotations"] = object{"org.opencontainers.image.ref.name": "v1"}
			l.index["manifests"] = append(list, second)
		}), "the image also has the name \"v1\"\n" + otherIndex, "index.json: manifests.1.", "index manifests.1."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := openLayout(t, original)
			tt.change(l)
			status, said := orlop(t, "verify", l.dir)
			notes := slices.DeleteFunc(strings.Split(strings.TrimSpace(strings.ReplaceAll(said, "orlop: "+l.dir+": ", "")), "\n"), func(line string) bool { return strings.HasPrefix(line, "there is no ") })
			if d := cmp.Diff(tt.notes, strings.Join(notes, "\n")); status != 0 || d != "" {
				t.Errorf("verify: status %d (-want +got):\n%s", status, d)
			}
			if status, said := orlop(t, "verify", "-v", l.dir); status != 0 || !strings.Contains(strings.ReplaceAll(said, "orlop: "+l.dir+": ", ""), tt.details) {
				t.Errorf("verify -v: status %d, said %s\nwanted %s", status, said, tt.details)
			}
			if status, said := orlop(t, "verify", "-q", l.dir); status != 0 || strings.Contains(said, tt.notes) {
				t.Errorf("verify -q: status %d, said %s", status, said)
			}
			var told, why bytes.Buffer
			status = run(t.Context(), []string{"orlop", "diff", original, l.dir}, &told, &why, func(string) (string, bool) { return "", false })
			if status != 0 || told.Len() > 0 || !strings.Contains(why.String(), tt.diff) {
				t.Errorf("diff: status %d; said %s%s\nwanted %s", status, &told, &why, tt.diff)
			}
		})
	}
}
