// SPDX-License-Identifier: BSD-2-Clause

package output_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/release/define"
)

// layout are the documents of an image layout as orlop writes it.
type layout struct {
	index    v1.Index
	manifest v1.Manifest
	blobs    map[digest.Digest]string
}

func newLayout() *layout {
	config, one := "config", "layer"
	l := &layout{blobs: map[digest.Digest]string{digest.FromString(config): config, digest.FromString(one): one}}
	l.manifest.Annotations = map[string]string{define.AnnotationABI: "FreeBSD:15:amd64"}
	l.manifest.Config.Digest = digest.FromString(config)
	l.manifest.Layers = []v1.Descriptor{{Digest: digest.FromString(one)}}
	l.index.Manifests = []v1.Descriptor{{Annotations: map[string]string{v1.AnnotationRefName: "image"}}}
	return l
}

// write makes the folder.
func (l *layout) write(t *testing.T, dir string) {
	t.Helper()
	manifest := text(t, l.manifest)
	if d := &l.index.Manifests[0]; d.Digest == "" {
		d.Digest = digest.FromString(manifest)
		l.blobs[d.Digest] = manifest
	}
	write(t, filepath.Join(dir, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`)
	write(t, filepath.Join(dir, "index.json"), text(t, l.index))
	for d, text := range l.blobs {
		write(t, filepath.Join(dir, "blobs", "sha256", d.Encoded()), text)
	}
}

func text(t *testing.T, document any) string {
	t.Helper()
	b, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// write makes a file, and the folders that it lies in.
func write(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// list are the files and folders below a folder, with the contents of files.
func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
		case d.Type().IsRegular():
			var text []byte
			text, err = os.ReadFile(path)
			found[name] = string(text)
		default:
			found[name] = d.Type().String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// newFolder prepares an output folder.
func newFolder(t *testing.T, out string) *output.Folder {
	t.Helper()
	s, err := output.NewFolder(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// prepare writes files into it.
func prepare(t *testing.T, s *output.Folder, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := s.Write(t.Context(), name, []byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPlace puts files and layouts into place, where there is nothing and where an
// earlier run has written: nothing else of either run is left.
func TestPlace(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "deep", "out")
	for round, texts := range []string{"first", "second"} {
		s := newFolder(t, out)
		prepare(t, s, map[string]string{"file": texts, "other": texts})
		write(t, s.Path("not placed"), texts)
		l := newLayout()
		l.blobs[digest.FromString(texts)] = texts
		l.manifest.Layers = append(l.manifest.Layers, v1.Descriptor{Digest: digest.FromString(texts)})
		l.write(t, s.Stage("layout"))
		want := list(t, s.Path("layout"))
		if err := s.Place(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Remove()
		if diff := cmp.Diff(want, list(t, filepath.Join(out, "layout"))); diff != "" {
			t.Errorf("round %d: layout (-want +got):\n%s", round, diff)
		}
		found := list(t, out)
		for name := range found {
			if name == "layout" || strings.HasPrefix(name, "layout/") {
				delete(found, name)
			}
		}
		if diff := cmp.Diff(map[string]string{"file": texts, "other": texts}, found); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", round, diff)
		}
	}
}

// TestPlaceChangesKind puts a file in place of a layout, and a layout in that of
// a file.
func TestPlaceChangesKind(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	newLayout().write(t, filepath.Join(out, "a"))
	write(t, filepath.Join(out, "b"), "old")
	s := newFolder(t, out)
	prepare(t, s, map[string]string{"a": "new"})
	newLayout().write(t, s.Stage("b"))
	want := list(t, s.Path("b"))
	if err := s.Place(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Remove()
	if diff := cmp.Diff(want, list(t, filepath.Join(out, "b"))); diff != "" {
		t.Errorf("b (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(filepath.Join(out, "a")); err != nil || string(got) != "new" {
		t.Errorf("a: got %q, %v, want the new", got, err)
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v, want a and b", entries, err)
	}
}

// TestPlaceAllOrNothing places nothing where one of the files would take the place
// of something that orlop did not write, and says so of each.
func TestPlaceAllOrNothing(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	write(t, filepath.Join(out, "a"), "old")
	write(t, filepath.Join(out, "b", "notes"), "somebody's")
	if err := os.Symlink("a", filepath.Join(out, "c")); err != nil {
		t.Fatal(err)
	}
	before := list(t, out)
	s := newFolder(t, out)
	prepare(t, s, map[string]string{"a": "new", "b": "new", "c": "new", "d": "new"})
	err := s.Place(t.Context())
	want := out + "/b: found a folder without index.json, wanted an image layout that orlop wrote, a regular file or nothing there\n" +
		out + "/c: found a symbolic link, wanted a regular file or nothing there"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	s.Remove()
	if diff := cmp.Diff(before, list(t, out)); diff != "" {
		t.Errorf("the output folder is changed:\n%s", diff)
	}
}

// TestPlaceAfterSignal places nothing for a run that has been told to end.
func TestPlaceAfterSignal(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	s := newFolder(t, out)
	prepare(t, s, map[string]string{"a": "new"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Place(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if err := s.Write(ctx, "b", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	s.Remove()
	if left := list(t, out); len(left) > 0 {
		t.Errorf("got %v, want an empty folder", left)
	}
}

// TestWriteOnce makes each file of a run once, and one without a name that is gone
// with the run.
func TestWriteOnce(t *testing.T) {
	t.Parallel()
	s := newFolder(t, t.TempDir())
	prepare(t, s, map[string]string{"a": "new"})
	if err := s.Write(t.Context(), "a", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want %v", err, fs.ErrExist)
	}
	before := list(t, s.Path("."))
	f, err := s.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("x"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, list(t, s.Path("."))); diff != "" {
		t.Errorf("a file without a name has one (-before +after):\n%s", diff)
	}
}

// TestNewFolderFaults wants a folder, or nothing there, and leaves none that it made
// for nothing.
func TestNewFolderFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "x")
	if err := errors.Join(os.Symlink("none", filepath.Join(dir, "broken")), os.Symlink(".", filepath.Join(dir, "here"))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"file":           "/file: found a regular file, wanted a folder for what is written",
		"file/":          "/file: found a regular file, wanted a folder for what is written",
		"file/out":       "/file: found a regular file, wanted a folder for what is written",
		"broken":         "/broken: found a dangling symbolic link, wanted a folder for what is written",
		"broken/out":     "/broken: found a dangling symbolic link, wanted a folder for what is written",
		"here":           "",
		"here/new/out":   "",
		"new/out/":       "",
		"new/out/../out": "",
	} {
		before := list(t, dir)
		s, err := output.NewFolder(t.Context(), dir+"/"+path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
		if err == nil {
			s.Remove()
		}
		if diff := cmp.Diff(before, list(t, dir)); diff != "" {
			t.Errorf("%s: left (-before +after):\n%s", path, diff)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := list(t, dir)
	if _, err := output.NewFolder(ctx, filepath.Join(dir, "late")); !errors.Is(err, context.Canceled) {
		t.Errorf("after a signal: got %v, want %v", err, context.Canceled)
	}
	if diff := cmp.Diff(before, list(t, dir)); diff != "" {
		t.Errorf("after a signal: left (-before +after):\n%s", diff)
	}
}

// TestSweep removes what killed runs have left: folders with orlop's mark, whole or
// cut short, and empty ones; not those of runs that go on, nor anybody else's.
func TestSweep(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	running := newFolder(t, out)
	prepare(t, running, map[string]string{"half": "x"})
	mark, err := os.ReadFile(running.Path("orlop"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		".orlop-part-1/orlop": string(mark), ".orlop-part-1/old": "x", ".orlop-part-1/deep/x": "y",
		".orlop-part-2/orlop": string(mark[:10]),
		".orlop-part-3/orlop": "", ".orlop-part-3/x": "y",
		".orlop-part-6/orlop": string(mark), ".orlop-part-6/old-file": "what orlop wrote",
		"kept/.orlop-part-8/orlop": string(mark),
		".orlop-part-a/notes":      "somebody's",
		".orlop-part-b/orlop":      string(mark) + "and more",
		".orlop-part-c/orlop":      "mine",
		".orlop-part-d/orlop":      string(mark), ".orlop-part-d/old-x/notes": "somebody's, which a run moved aside",
		".orlop-part-e":  "a file",
		".orlop-parts/x": "y",
		"file":           "x",
	} {
		write(t, filepath.Join(out, name), text)
	}
	newLayout().write(t, filepath.Join(out, ".orlop-part-7/old-layout"))
	write(t, filepath.Join(out, ".orlop-part-7/orlop"), string(mark))
	if err := errors.Join(os.Mkdir(filepath.Join(out, ".orlop-part-4"), 0o777), os.Mkdir(filepath.Join(out, ".orlop-part-f"), 0o777),
		os.Symlink("../file", filepath.Join(out, ".orlop-part-f", "orlop")), os.Symlink("kept", filepath.Join(out, ".orlop-part-g"))); err != nil {
		t.Fatal(err)
	}
	newFolder(t, out).Remove()
	var names []string
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); filepath.Join(out, name) != running.Path("") {
			names = append(names, name)
		}
	}
	want := []string{".orlop-part-a", ".orlop-part-b", ".orlop-part-c", ".orlop-part-d", ".orlop-part-e", ".orlop-part-f", ".orlop-part-g", ".orlop-parts", "file", "kept"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	for _, name := range []string{running.Path("half"), filepath.Join(out, ".orlop-part-d/old-x/notes"), filepath.Join(out, "kept/.orlop-part-8/orlop")} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

// TestRemoveKeepsOthers removes the folders that were made for nothing, and none in
// which there is something by now.
func TestRemoveKeepsOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newFolder(t, filepath.Join(dir, "a", "b", "c"))
	write(t, filepath.Join(dir, "a", "notes"), "x")
	s.Remove()
	if diff := cmp.Diff(map[string]string{"a": "d---------", "a/notes": "x"}, list(t, dir)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// TestCheck judges what stands where an output is to be written.
func TestCheck(t *testing.T) {
	t.Parallel()
	const wanted = ", wanted an image layout that orlop wrote, a regular file or nothing there"
	sum := func(text string) string { return "blobs/sha256/" + digest.FromString(text).Encoded() }
	for name, tt := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"nothing":         {func(*testing.T, string) {}, ""},
		"a file":          {func(t *testing.T, path string) { write(t, path, "x") }, ""},
		"a layout":        {func(t *testing.T, path string) { newLayout().write(t, path) }, ""},
		"an empty folder": {func(t *testing.T, path string) { mkdir(t, path) }, "found a folder without index.json" + wanted},
		"a link": {func(t *testing.T, path string) {
			newLayout().write(t, path+"2")
			symlink(t, path+"2", path)
		}, "found a symbolic link, wanted a regular file or nothing there"},
		"a FIFO": {func(t *testing.T, path string) {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "found a FIFO, wanted a regular file or nothing there"},
		"two images": {func(t *testing.T, path string) {
			l := newLayout()
			l.index.Manifests = append(l.index.Manifests, v1.Descriptor{})
			l.write(t, path)
		}, "found a folder whose index.json has 2 manifests" + wanted},
		"no name": {func(t *testing.T, path string) {
			l := newLayout()
			l.index.Manifests[0].Annotations = nil
			l.write(t, path)
		}, "found a folder whose index.json has no org.opencontainers.image.ref.name" + wanted},
		"another's image": {func(t *testing.T, path string) {
			l := newLayout()
			l.manifest.Annotations = nil
			l.write(t, path)
		}, "found a folder whose manifest has no org.freebsd.abi" + wanted},
		"another manifest": {func(t *testing.T, path string) {
			l := newLayout()
			l.index.Manifests[0].Digest = digest.FromString("config")
			l.blobs[digest.FromString("config")] = text(t, l.manifest)
			l.write(t, path)
		}, "found a folder whose manifest is not the one that its index.json names" + wanted},
		"no manifest": {func(t *testing.T, path string) {
			l := newLayout()
			l.index.Manifests[0].Digest = digest.FromString("none")
			l.write(t, path)
		}, "found a folder without " + sum("none") + wanted},
		"a digest that leads out": {func(t *testing.T, path string) {
			l := newLayout()
			l.index.Manifests[0].Digest = "sha256:../../../x"
			l.write(t, path)
		}, "found a folder without blobs/sha256/no-digest" + wanted},
		"no JSON": {func(t *testing.T, path string) {
			newLayout().write(t, path)
			write(t, path+"/index.json", "{")
		}, "found a folder whose index.json cannot be read (unexpected end of JSON input, in line 1)" + wanted},
		"a link in it": {func(t *testing.T, path string) {
			newLayout().write(t, path)
			if err := os.Rename(path+"/index.json", path+"2"); err != nil {
				t.Fatal(err)
			}
			symlink(t, path+"2", path+"/index.json")
		}, "found a folder whose index.json cannot be read ("},
		"more in it": {func(t *testing.T, path string) {
			newLayout().write(t, path)
			write(t, path+"/notes", "x")
		}, "found a folder that has notes, which is no part of its image" + wanted},
		"another blob": {func(t *testing.T, path string) {
			newLayout().write(t, path)
			write(t, path+"/"+sum("other"), "x")
		}, "found a folder that has " + sum("other") + ", which is no part of its image" + wanted},
		"a folder in it": {func(t *testing.T, path string) {
			newLayout().write(t, path)
			if err := os.Remove(path + "/oci-layout"); err != nil {
				t.Fatal(err)
			}
			mkdir(t, path+"/oci-layout")
		}, "found a folder whose oci-layout is a folder" + wanted},
		"a file for a folder": {func(t *testing.T, path string) {
			l := newLayout()
			l.write(t, path)
			if err := errors.Join(os.Rename(path+"/blobs", path+"2"), os.Symlink(path+"2", path+"/blobs")); err != nil {
				t.Fatal(err)
			}
		}, "found a folder whose " + sum(manifestText(t))},
		"less in it": {func(t *testing.T, path string) { // a kill left it so
			newLayout().write(t, path)
			if err := errors.Join(os.Remove(path+"/"+sum("layer")), os.Remove(path+"/oci-layout")); err != nil {
				t.Fatal(err)
			}
		}, ""},
	} {
		path := filepath.Join(t.TempDir(), "x")
		tt.make(t, path)
		err := output.Check("NAME", path)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "NAME: "+tt.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	below := filepath.Join(t.TempDir(), "file")
	write(t, below, "x")
	if err := output.Check("NAME", below+"/x"); err != nil {
		t.Errorf("below a file: got %v, want that nothing is there", err)
	}
}

// manifestText is the manifest of newLayout.
func manifestText(t *testing.T) string { return text(t, newLayout().manifest) }

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o777); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// TestCheckFile judges what stands where a single file is to be written: it may be
// no layout either, and its folder has to be there.
func TestCheckFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "x")
	newLayout().write(t, filepath.Join(dir, "layout"))
	symlink(t, "file", filepath.Join(dir, "link"))
	symlink(t, ".", filepath.Join(dir, "here"))
	for name, want := range map[string]string{
		"file": "", "new": "", "here/new": "",
		"layout":   "/layout: found a folder, wanted a regular file or nothing there",
		"link":     "/link: found a symbolic link, wanted a regular file or nothing there",
		"file/new": "/file: found a regular file, wanted a folder for what is written",
		"none/new": "/none: no such file or directory",
	} {
		if err := output.CheckFile(filepath.Join(dir, name)); want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// TestReplaceHalf puts a layout in place of what a kill has left of one.
func TestReplaceHalf(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	path := filepath.Join(out, "layout")
	newLayout().write(t, path)
	if err := os.Remove(filepath.Join(path, "blobs", "sha256", digest.FromString("layer").Encoded())); err != nil {
		t.Fatal(err)
	}
	s := newFolder(t, out)
	newLayout().write(t, s.Stage("layout"))
	if err := s.Place(t.Context()); err != nil {
		t.Errorf("what a kill left of a layout: got %v, want it replaced", err)
	}
	s.Remove()
	if n := len(list(t, path)); n != 7 {
		t.Errorf("got %d files and folders, want 7", n)
	}
}

// TestSizeOf adds up files, and not what folders take.
func TestSizeOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "12345")
	write(t, filepath.Join(dir, "b", "c"), "123")
	for path, want := range map[string]int64{"": 8, "a": 5, "b": 3} {
		if got, err := output.SizeOf(filepath.Join(dir, path)); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", path, got, err, want)
		}
	}
	if _, err := output.SizeOf(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestTwoRuns lets two runs write into one folder at a time.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	one, two := newFolder(t, out), newFolder(t, out)
	prepare(t, one, map[string]string{"a": "1"})
	prepare(t, two, map[string]string{"b": "2"})
	if err := errors.Join(one.Place(t.Context()), two.Place(t.Context())); err != nil {
		t.Fatal(err)
	}
	one.Remove()
	two.Remove()
	var names []string
	for name := range list(t, out) {
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
