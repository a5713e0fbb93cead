// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/define"
)

// patched is a rewrite for republish: every file has another time, and one file
// other contents.
func patched(t *testing.T, seconds int64, changed, body string) func(string, []byte) []byte {
	return func(member string, text []byte) []byte {
		if strings.TrimPrefix(member, "/") == strings.TrimPrefix(changed, "/") {
			return []byte(body)
		}
		if !strings.HasPrefix(member, "+") {
			return text
		}
		var m object
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		if files, ok := m["files"].(object); ok {
			for path, file := range files {
				if file.(object)["mtime"] = seconds; path == changed {
					file.(object)["sum"] = string(sum.Of(sum.BLAKE2b, []byte(body)))
				}
			}
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

// writableSample is a copy of the demo's repository.
func writableSample(t *testing.T) string {
	t.Helper()
	repo := filepath.Join(t.TempDir(), "repo")
	if err := os.CopyFS(repo, os.DirFS("sample")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"data.pkg", "meta.conf"} {
		if err := os.Chmod(filepath.Join(repo, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return repo
}

// atEpoch runs orlop with a SOURCE_DATE_EPOCH, "" for none.
func atEpoch(t *testing.T, epoch string, args ...string) (status int, stdout string) {
	t.Helper()
	var out, said bytes.Buffer
	status = run(t.Context(), append([]string{"orlop"}, args...), &out, &said, func(name string) (string, bool) {
		return epoch, name == "SOURCE_DATE_EPOCH"
	})
	if status != 0 && said.Len() > 0 {
		t.Logf("%v: %s", args, said.String())
	}
	return status, out.String()
}

// blobs are the digests of an image's layers, as build --json tells them.
func blobs(t *testing.T, built string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(built) {
		var image struct {
			Image  string
			Layers []struct{ Digest string }
		}
		if err := json.Unmarshal([]byte(line), &image); err != nil {
			t.Fatal(err)
		}
		for _, l := range image.Layers {
			all[image.Image] = append(all[image.Image], l.Digest)
		}
	}
	return all
}

// TestPatchLevels builds two patch levels in which one package differs, each with
// the time of its own commit, as make release does. What stands below that
// package is the same.
func TestPatchLevels(t *testing.T) {
	t.Parallel()
	repo, work := writableSample(t), t.TempDir()
	images := define.StandardNames()
	build := func(dir, epoch string) map[string][]string {
		args := append([]string{"build", "-q", "--json", "--repo", repo, "--exceptions", "sample/exceptions.ucl", "-o", filepath.Join(work, dir)}, images...)
		status, out := atEpoch(t, epoch, args...)
		if status != 0 {
			t.Fatalf("%s: status %d", dir, status)
		}
		return blobs(t, out)
	}
	before := build("before", "1756500000")
	republish(t, repo, "15.0p4", patched(t, 1757000000, "/bin/freebsd-version", "changed in 15.0p4\n"), "FreeBSD-runtime")
	after := build("after", "1757000000")
	for _, image := range images {
		for i := range after[image] {
			if same := before[image][i] == after[image][i]; same != (i < 2) {
				t.Errorf("%s: layer %d is the same: %v", image, i+1, same)
			}
		}
	}
	archive := func(dir, image string) string { return filepath.Join(work, dir, "container-image-"+image+".txz") }
	for image, want := range map[string]string{"static": "to fetch: 0 of 1, 0 of ", "dynamic": "to fetch: 0 of 2, 0 of ", "runtime": "to fetch: 1 of 3, "} {
		status, out := atEpoch(t, "", "diff", archive("before", image), archive("after", image))
		if status != 1 || !strings.Contains(out, "\n    "+want) || !strings.Contains(out, "    static: shared, ") || strings.Contains(out, "runtime: new, ") != (image == "runtime") {
			t.Errorf("%s: status %d, wanted %s in\n%s", image, status, want, out)
		}
	}
	status, out := atEpoch(t, "", "diff", "--json", archive("before", "runtime"), archive("after", "runtime"))
	for i, layer := range []string{"static", "dynamic", "runtime"} {
		change := map[bool]string{true: "shared", false: "new"}[i < 2]
		want := fmt.Sprintf(`{"part":"layers","layer":%q,"change":%q,"digest":%q,"size":`, layer, change, after["runtime"][i])
		if status != 1 || !strings.Contains(out, want) {
			t.Errorf("status %d, wanted %s in\n%s", status, want, out)
		}
	}
	if status, _ := atEpoch(t, "", "verify", "-q", "--rebuild", "--repo", repo, archive("after", "runtime"), archive("after", "static")); status != 0 {
		t.Errorf("made again: status %d", status)
	}
	if status, out := atEpoch(t, "", "diff", archive("after", "static"), archive("after", "static")); status != 0 || out != "" {
		t.Errorf("the same image: status %d, %s", status, out)
	}
}
