// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestRebuildVerdict rebuilds images that differ from what their locks make,
// although these have their sums, and whose locks name other versions: only what
// these decide is excused.
func TestRebuildVerdict(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--format", "dir", "-o", out, "dynamic"); status != 0 {
		t.Fatal(said)
	}
	nothing := func(*opened) {}
	text := inLayer(1, func(l *opened) {
		e := l.find(1, "var/run/os-release")
		e.set(bytes.Replace(e.body, []byte("NAME=FreeBSD"), []byte("NAME=evil"), 1))
	})
	compression := func(l *opened) {
		l.recompress(1)
		l.saveDocuments()
	}
	otherLibrary := func(lock object) { at[object](lock, "versions")["github.com/klauspost/compress"] = "v1.0.0" }
	otherOrlop := func(lock object) { lock["orlop"] = "v0.9.0" }
	for _, tt := range []struct {
		name   string
		damage func(*opened)
		lock   func(object)
		status int
		want   []string
	}{
		{"text", text, func(object) {}, 5, []string{`"result":"different"`, "+NAME=evil"}},
		{"text, another library", text, otherLibrary, 5, []string{`"result":"different"`, "+NAME=evil"}},
		{"text, another orlop", text, otherOrlop, 1, []string{`"result":"unsupported"`, "and orlop v0.9.0 made the image: rebuild it with that one", "+NAME=evil"}},
		{"compression", compression, func(object) {}, 5, []string{`"result":"different"`, "layer 2: same content, other compression"}},
		{"compression, another library", compression, otherLibrary, 1, []string{`"result":"unsupported"`, "with compress v1.0.0 made the image"}},
		{"order of rows", row("VACUUM"), func(object) {}, 5, []string{`"result":"different"`}},
		{"order of rows, another library", row("VACUUM"), otherLibrary, 1, []string{`"result":"unsupported"`}},
		{"row of no package, another library", row("INSERT INTO script (script) VALUES ('evil')"), otherLibrary, 5, []string{`"result":"different"`, "evil"}},
		{"row, another library", row("UPDATE packages SET comment = 'evil' WHERE name = 'FreeBSD-clibs'"), otherLibrary, 5, []string{`"result":"different"`, "-> evil"}},
		{"nothing, another orlop", nothing, otherOrlop, 0, []string{`"result":"reproduced"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := openLayout(t, out+"/container-image-dynamic")
			tt.damage(l)
			var lock object
			l.read(l.dir+".lock.json", &lock)
			l.vouch(lock)
			tt.lock(lock)
			changed, err := json.Marshal(lock)
			if err == nil {
				err = os.WriteFile(l.dir+".lock.json", changed, 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
			var told, said bytes.Buffer
			status := run(t.Context(), []string{"orlop", "verify", "-q", "--json", "--rebuild", "--repo", "sample", l.dir}, &told, &said,
				func(string) (string, bool) { return "", false })
			if status != tt.status {
				t.Errorf("status %d, wanted %d: %s%s", status, tt.status, told.String(), said.String())
			}
			for _, want := range tt.want {
				if !strings.Contains(told.String(), want) {
					t.Errorf("said %s%s\nwanted %s", told.String(), said.String(), want)
				}
			}
		})
	}
}

// vouch has a lock tell the sums of generated files that the layout has now.
func (l *opened) vouch(lock object) {
	for i, step := range at[[]any](lock, "layers") {
		for _, g := range at[[]any](step.(object), "generated") {
			path := at[string](g.(object), "path")
			for _, e := range l.layers[i] {
				if "/"+e.Name == path && e.Typeflag == tar.TypeReg {
					digest := sha256.Sum256(e.body)
					g.(object)["sha256"] = hex.EncodeToString(digest[:])
				}
			}
		}
	}
}
