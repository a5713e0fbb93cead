// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sum"
)

// unpacked reads the archive in a file, whatever it is compressed with.
func unpacked(t *testing.T, file string) *tar.Reader {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	plain, err := packing.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	return tar.NewReader(plain)
}

// republish gives packages of a repository another version. What else becomes of
// the members of their archives, rewrite says.
func republish(t *testing.T, repo, version string, rewrite func(member string, text []byte) []byte, names ...string) {
	t.Helper()
	entries := packagesOf(t, repo)
	for _, e := range entries {
		entry := e.(object)
		name := at[string](entry, "name")
		if !slices.Contains(names, name) {
			continue
		}
		archive := rewritten(t, filepath.Join(repo, at[string](entry, "repopath")), func(member string, text []byte) []byte {
			if strings.HasPrefix(member, "+") {
				text = reversioned(t, text, version)
			}
			return rewrite(member, text)
		})
		file := name + "-" + version + ".pkg"
		if err := os.WriteFile(filepath.Join(repo, file), archive, 0o666); err != nil {
			t.Fatal(err)
		}
		entry["version"], entry["path"], entry["repopath"] = version, file, file
		entry["sum"], entry["pkgsize"] = string(sum.Of(sum.BLAKE2b, archive)), len(archive)
	}
	pkgtest.WriteCatalogue(repo, entries)
}

// asIs is a rewrite that changes nothing.
func asIs(_ string, text []byte) []byte { return text }

// rewritten is the archive in a file with other members.
func rewritten(t *testing.T, file string, rewrite func(member string, text []byte) []byte) []byte {
	t.Helper()
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	for in := unpacked(t, file); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		text, readErr := io.ReadAll(in)
		if err != nil || readErr != nil {
			t.Fatal(err, readErr)
		}
		text = rewrite(h.Name, text)
		h.Size = int64(len(text))
		if err = out.WriteHeader(h); err == nil {
			_, err = out.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// reversioned is a manifest with another version.
func reversioned(t *testing.T, text []byte, version string) []byte {
	t.Helper()
	var m object
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	m["version"] = version
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
