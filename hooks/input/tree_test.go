// SPDX-License-Identifier: BSD-2-Clause

package input_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
)

// write makes files below a folder.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// sourceTree has files, folders, and what leads out of it or blocks.
func sourceTree(t *testing.T) input.Tree {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"src/etc/group": "wheel", "src/keys/a": "key a", "src/keys/deep/b": "key b", "src/keys/Makefile": "all:", "src/keys/Makefile.inc": "x",
		"src/keys/.hidden": "x", "outside/secret": "secret",
	})
	src := filepath.Join(dir, "src")
	for name, target := range map[string]string{"etc/passwd": "../../outside/secret", "etc/shells": "group", "keys/link": "a", "out": "../outside"} {
		if err := os.Symlink(target, filepath.Join(src, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(syscall.Mkfifo(filepath.Join(src, "fifo"), 0o600), syscall.Mkfifo(filepath.Join(src, "keys/fifo"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return input.Tree{SrcDir: src}
}

// TestTreeFiles offers files and folders of a source tree, and nothing that leads
// out of it, blocks, or is another kind of thing than is asked for.
func TestTreeFiles(t *testing.T) {
	t.Parallel()
	tree := sourceTree(t)
	for name, tt := range map[string]struct {
		tree  input.Tree
		taken define.Taken
		want  []etc.Source // nil for no offer
		err   string
	}{
		"a file":              {tree, define.Taken{Source: "etc/group"}, []etc.Source{{Path: "/target", Text: []byte("wheel")}}, ""},
		"an absent file":      {tree, define.Taken{Source: "etc/none"}, nil, ""},
		"no source":           {tree, define.Taken{Path: "etc/group"}, nil, ""},
		"no tree":             {input.Tree{}, define.Taken{Source: "etc/group"}, nil, ""},
		"a link out of it":    {tree, define.Taken{Source: "etc/passwd"}, nil, "etc/passwd: "},
		"a link inside":       {tree, define.Taken{Source: "etc/shells"}, nil, "etc/shells: "},
		"through a link":      {tree, define.Taken{Source: "out/secret"}, nil, "escapes"},
		"above it":            {tree, define.Taken{Source: "../outside/secret"}, nil, "escapes"},
		"a FIFO":              {tree, define.Taken{Source: "fifo"}, nil, "fifo: "},
		"a folder for a file": {tree, define.Taken{Source: "keys"}, nil, "keys: "},
		"a folder": {tree, define.Taken{Source: "keys", Folder: true},
			[]etc.Source{{Path: "/target/a", Text: []byte("key a")}, {Path: "/target/deep/b", Text: []byte("key b")}}, ""},
		"an absent folder":    {tree, define.Taken{Source: "none", Folder: true}, nil, ""},
		"a file for a folder": {tree, define.Taken{Source: "etc/group", Folder: true}, nil, ""},
		"a link for a folder": {tree, define.Taken{Source: "out", Folder: true}, nil, ""},
		"a folder above it":   {tree, define.Taken{Source: "../outside", Folder: true}, nil, ""},
	} {
		offer, err := tt.tree.Files(t.Context(), tt.taken, "/target")
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
		}
		switch {
		case err != nil:
			continue
		case tt.want == nil:
			if offer != nil {
				t.Errorf("%s: got %+v, want none", name, offer)
			}
			continue
		}
		if diff := cmp.Diff(&input.Offer{From: "srcdir", Files: tt.want}, offer); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tree.Files(ctx, define.Taken{Source: "keys", Folder: true}, "/target"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v", err)
	}
}

// TestTreeHas tells whether the tree has what is taken, and of that kind.
func TestTreeHas(t *testing.T) {
	t.Parallel()
	tree := sourceTree(t)
	for source, want := range map[string][3]bool{ // as a file, as a folder, at all
		"etc/group": {true, false, true}, "keys": {false, true, true}, "none": {false, false, false}, "": {false, false, true}, "../outside": {false, false, true},
	} {
		got := [3]bool{tree.Has(define.Taken{Source: source}), tree.Has(define.Taken{Source: source, Folder: true}), tree.Exists(source)}
		if got != want {
			t.Errorf("%s: got %v, want %v", source, got, want)
		}
	}
	for _, none := range []input.Tree{{}, {SrcDir: filepath.Join(tree.SrcDir, "none")}} {
		if none.Has(define.Taken{Source: "etc/group"}) || none.Exists("etc/group") {
			t.Errorf("%q: got a file, want none", none.SrcDir)
		}
	}
}

// TestTreeOf is the tree of any input that has one.
func TestTreeOf(t *testing.T) {
	t.Parallel()
	tree := input.Tree{SrcDir: "/src"}
	for name, in := range map[string]input.Input{
		"repositories": &input.Repositories{Tree: tree}, "locks": &input.Locks{Repositories: input.Repositories{Tree: tree}}, "a root": &input.Root{Tree: tree},
	} {
		if got := input.TreeOf(in); got != tree {
			t.Errorf("%s: got %v, want %v", name, got, tree)
		}
	}
	if got := input.TreeOf(struct{ input.Input }{}); got != (input.Tree{}) {
		t.Errorf("another input: got %v, want none", got)
	}
}

// TestChecks wants of flags what they have to name.
func TestChecks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"file": "x"})
	file, none := filepath.Join(dir, "file"), filepath.Join(dir, "none")
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	checkFile := func(path string) error {
		info, err := input.CheckFile("lock", path)
		if (info == nil) != (err != nil) {
			t.Errorf("%s: got %v, %v, want one of them", path, info, err)
		}
		return err
	}
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"no tree":        {input.Tree{}.Check(), ""},
		"a tree":         {input.Tree{SrcDir: dir}.Check(), ""},
		"an absent tree": {input.Tree{SrcDir: none}.Check(), "--srcdir: " + none + ": no such file or directory"},
		"a file":         {input.Tree{SrcDir: file}.Check(), "--srcdir: " + file + ": found a regular file, wanted the folder of a source tree"},
		"another folder": {input.CheckFolder("root", file, "a root"), "--root: " + file + ": found a regular file, wanted the folder of a root"},
		"file":           {checkFile(file), ""},
		"FIFO":           {checkFile(filepath.Join(dir, "fifo")), ""},
		"folder":         {checkFile(dir), "--lock: " + dir + ": is a directory"},
		"absent":         {checkFile(none), "--lock: " + none + ": no such file or directory"},
	} {
		if tt.want == "" && tt.err != nil || tt.want != "" && (tt.err == nil || tt.err.Error() != tt.want) {
			t.Errorf("%s: got %v, want %q", name, tt.err, tt.want)
		}
		if usage, is := errors.AsType[interface {
			error
			Usage() bool
		}](tt.err); tt.err != nil && (!is || !usage.Usage()) {
			t.Errorf("%s: got %T, want an error of usage", name, tt.err)
		}
	}
	_, err := input.Tree{SrcDir: none}.Files(t.Context(), define.Taken{Source: "x"}, "/x")
	if _, usage := errors.AsType[*fault.UsageError](err); err != nil && !usage {
		t.Errorf("a tree that has gone: got %v, want an error of usage", err)
	}
}
