// SPDX-License-Identifier: BSD-2-Clause

package define_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
)

// set is one of images, a line "NAME PARENT PACKAGE,PACKAGE COMMAND" each, of which
// "-" stands for none.
func set(text string) define.Images {
	all := define.Images{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 4 {
			continue
		}
		img := define.Image{Name: f[0]}
		if f[1] != "-" {
			img.Parent = f[1]
		}
		if f[2] != "-" {
			for name := range strings.SplitSeq(f[2], ",") {
				img.Packages = append(img.Packages, strings.ReplaceAll(name, "|", " | "))
			}
		}
		if f[3] != "-" {
			img.Cmd = []string{f[3]}
		}
		all[img.Name] = img
	}
	return all
}

// TestCompare finds what a source tree says of images and orlop does not.
func TestCompare(t *testing.T) {
	t.Parallel()
	const own = "base - a,b|c /bin/sh\nchild base d -\ngrandchild child e -\n"
	for name, tt := range map[string]struct{ list, tree, want string }{
		"the same":                   {"base child", "base - a,b /bin/sh\nchild base d -", ""},
		"nothing is defined":         {"base child", "", ""},
		"another order":              {"base", "base - c,a /bin/sh", ""},
		"either alternative":         {"base", "base - a,b /bin/sh", ""},
		"one that is new":            {"base bose", "", "image bose: the tree and orlop differ: the name: found in the tree only, wanted one of base, child, grandchild; did you mean base?"},
		"another parent":             {"child", "child - a,b,d /bin/sh", "image child: the tree and orlop differ: the parent: found none, wanted base"},
		"another command":            {"base", "base - a,b /bin/csh", "image base: the tree and orlop differ: the command: found /bin/csh, wanted /bin/sh"},
		"no command":                 {"base", "base - a,b -", "image base: the tree and orlop differ: the command: found none, wanted /bin/sh"},
		"a command of a parent":      {"child", "child base d /bin/sh", ""},
		"a package less":             {"base", "base - b /bin/sh", "image base: the tree and orlop differ: package a: found in orlop only, wanted in both"},
		"no alternative":             {"base", "base - a /bin/sh", "image base: the tree and orlop differ: package b | c: found in orlop only, wanted in both"},
		"a package more":             {"base", "base - a,b,x /bin/sh", "image base: the tree and orlop differ: package x: found in the tree only, wanted in both"},
		"named again":                {"child", "child base a,d -", ""},
		"had from the parent":        {"child", "base - a,b,d /bin/sh\nchild base - -", ""},
		"told of one only":           {"base child", "base - a,b,x /bin/sh\nchild base d -", "image base: the tree and orlop differ: package x: found in the tree only, wanted in both"},
		"in no list":                 {"child", "base - x /bin/csh\nchild base d -", "image child: the tree and orlop differ: the command: found /bin/csh, wanted /bin/sh"},
		"a parent that is not there": {"child", "child none d -", `image "child": its parent "none" is not defined`},
	} {
		err := set(own).Compare(strings.Fields(tt.list), set(tt.tree))
		if got := strings.TrimPrefix(fmt.Sprint(err), "<nil>"); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
		if other, is := errors.AsType[*define.OtherImageError](err); is != strings.Contains(tt.want, "differ") || is && !other.Unmet() {
			t.Errorf("%s: got a %T", name, err)
		}
	}
	what, where, found, wanted := (&define.OtherImageError{Image: "i", Fact: "the parent", Found: "a", Wanted: "b"}).Parts()
	if d := cmp.Diff([]string{"the parent of the tree and of orlop differ", "image i", "a", "b"}, []string{what, where, found, wanted}); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestAdd takes names that can stand in a file name and in a reference, once each.
func TestAdd(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a": "", "a1.b_c-d": "", "0": "", "": "wanted lower-case", "A": "wanted lower-case", "a..b": "wanted lower-case", "-a": "wanted lower-case", "a-": "wanted lower-case", "a/b": "wanted lower-case", "é": "wanted lower-case",
		"freebsd-x": "begins the names of FreeBSD's own images", "freebsd": "", "taken": `image "taken" is defined twice`,
	} {
		err := set("taken - a -").Add(define.Image{Name: name, Parent: "x"})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %s", name, err, want)
		}
		if _, usage := errors.AsType[*fault.UsageError](err); usage != (want != "") {
			t.Errorf("%q: got a %T", name, err)
		}
	}
	if err := (define.Images{}).Add(define.Image{Name: "a"}); err == nil || err.Error() != `image "a" has neither a parent nor packages` {
		t.Errorf("got %v", err)
	}
}

// TestParents lists the chain of an image, the lowest first, and the parents that
// nobody defines.
func TestParents(t *testing.T) {
	t.Parallel()
	all := set("a - x -\nb a x -\nc b x -\nlost none x -\nother none x -\nalso away x -")
	chain, err := all.Chain("c")
	var names []string
	for _, img := range chain {
		names = append(names, img.Name)
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, names); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if d := cmp.Diff([]string{"away", "none"}, all.UndefinedParents()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if list := set("a - x -\nb a x -").UndefinedParents(); len(list) > 0 {
		t.Errorf("got %q, want none", list)
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	defined := []string{"static", "dynamic"}
	if err := define.Known(defined, defined); err != nil {
		t.Errorf("got %v", err)
	}
	err := define.Known(defined, []string{"static", "x", "y"})
	want := "image \"x\" is not defined, wanted one of dynamic, static\nimage \"y\" is not defined, wanted one of dynamic, static"
	if d := cmp.Diff(want, fmt.Sprint(err)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"static", "dynamic"}, defined); d != "" {
		t.Errorf("the caller's list has changed:\n%s", d)
	}
}

// whole is an image that takes something in every way.
func whole() define.Image {
	taken := func(path string) define.Taken { return define.Taken{Path: path, Source: "s"} }
	certs, conf := taken("/certs"), taken("/conf")
	return define.Image{
		Name: "i", Mtree: []define.Mtree{{Taken: taken("/m")}}, Files: []define.File{{Taken: taken("/f"), Target: "/f"}, {Taken: taken("/g"), Target: "/g", Optional: true, Mode: 0o600}},
		Folders:  []define.Folder{{Taken: taken("/d"), Target: "/d", Optional: true}, {Taken: taken("/e"), Target: "/e"}},
		Replaces: []string{"/x", "/y/**"}, Certificates: &certs, BaseConf: &conf,
	}
}

// TestTaken lists all that an image takes from elsewhere, and what it may do without.
func TestTaken(t *testing.T) {
	t.Parallel()
	img := whole()
	var paths []string
	for _, taken := range img.Taken() {
		paths = append(paths, taken.Path)
	}
	if d := cmp.Diff([]string{"/m", "/f", "/g", "/d", "/e", "/certs", "/conf"}, paths); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	want := []define.File{img.Files[1], {Taken: img.Folders[0].Taken, Target: "/d"}}
	if d := cmp.Diff(want, img.Optional()); d != "" {
		t.Errorf("optional (-want +got):\n%s", d)
	}
	if list := (define.Image{}).Taken(); list != nil {
		t.Errorf("got %v, want none", list)
	}
}

func TestReplacing(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"/x": true, "/x/a": false, "/xa": false, "/y": false, "/y/a": true, "/y/a/b": true, "/ya": false, "/": false} {
		if got := whole().Replacing(path); got != want {
			t.Errorf("%s: got %t, want %t", path, got, want)
		}
	}
}

// TestNamesRelease knows the images that need more of a release than its number.
func TestNamesRelease(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		img  define.Image
		want bool
	}{{define.Image{}, false}, {define.Image{FreeBSD: true}, true}, {define.Image{OSRelease: true}, true}, {define.Image{BaseConf: &define.Taken{}}, true}, {define.Image{Version: "1"}, false}} {
		if got := tt.img.NamesRelease(); got != tt.want {
			t.Errorf("%+v: got %t, want %t", tt.img, got, tt.want)
		}
	}
}

// TestCheck wants everything that is taken to come from somewhere.
func TestCheck(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*define.Image){
		"": func(*define.Image) {},
		"cmd: its first word is empty, wanted a program":                func(i *define.Image) { i.Cmd = []string{"", "x"} },
		"file /f: has no origin, wanted local, content, from or source": func(i *define.Image) { i.Files[0].Source = "" },
		"folder /d has neither source nor from, wanted one of them":     func(i *define.Image) { i.Folders[0].Source = "" },
		"mtree /m has neither source nor from, wanted one of them":      func(i *define.Image) { i.Mtree[0].Source = "" },
		"tag \"x\" occurs twice":                                        func(i *define.Image) { i.Tags = []string{"x", "y", "x"} },
		"version: its text is empty":                                    func(i *define.Image) { i.Version = " " },
		"volumes: found \"x\", wanted a clean path that begins with /\nworkdir: found \"x\", wanted a clean path that begins with /": func(i *define.Image) { i.Volumes, i.WorkDir = []string{"x"}, "x" },
	} {
		img := whole()
		change(&img)
		if got := strings.TrimPrefix(fmt.Sprint(errors.Join(img.Check()...)), "<nil>"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		for _, f := range []*define.Taken{&img.Files[0].Taken, &img.Folders[0].Taken, &img.Mtree[0].Taken} {
			f.From = []string{"p"}
		}
		if errs := img.Check(); strings.Contains(want, "neither") && errs != nil {
			t.Errorf("from a package: got %v", errs)
		}
	}
}

// TestOfElderLock knows FreeBSD's own by their names, where a lock does not say it.
func TestOfElderLock(t *testing.T) {
	t.Parallel()
	for _, name := range define.StandardNames() {
		if img := (define.Image{Name: name}).OfElderLock(); !img.FreeBSD || img.Annotations["org.opencontainers.image.vendor"] != "The FreeBSD Project" {
			t.Errorf("%s: got %+v", name, img)
		}
	}
	if img := (define.Image{Name: "own"}).OfElderLock(); img.FreeBSD || img.Annotations != nil {
		t.Errorf("got %+v", img)
	}
}

// TestNames of files and archives.
func TestNames(t *testing.T) {
	t.Parallel()
	if got := define.ConfName("static"); got != "oci-image-static.conf" {
		t.Errorf("got %s", got)
	}
	for name, want := range map[string]string{"freebsd-static:15.0": "static", "freebsd-": "", "freebsd-x": "x", "static:15.0": "", "": ""} {
		if got := define.OfFreeBSDs(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]bool{"i:1-amd64": true, "i:a-b-amd64": true, "i:-amd64": false, "i:amd64": false, "i:1-arm64": false, "j:1-amd64": false, "i": false, "i:.1-amd64": false, "i:1:2-amd64": false} {
		if got := define.OwnRefName(name, "i", "amd64"); got != want {
			t.Errorf("%s: got %t, want %t", name, got, want)
		}
	}
	for key, want := range map[string]bool{"org.opencontainers.image.source": true, "org.opencontainers.image.revision": true, "org.opencontainers.image.url": false, "source": false} {
		if got := define.NamesSource(key); got != want {
			t.Errorf("%s: got %t, want %t", key, got, want)
		}
	}
}

// TestDefines lists the images of a file of whatever revision.
func TestDefines(t *testing.T) {
	t.Parallel()
	names, err := define.Defines("x.ucl", []byte("image b { packages = [a]; when \">=15\" { packages = [c] } }\nimage a { parent = b }\n"), define.Target{})
	if d := cmp.Diff([]string{"b", "a"}, names); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for _, text := range []string{"image = x", "other = 1", "{"} {
		_, err := define.Defines("x.ucl", []byte(text), define.Target{})
		if _, usage := errors.AsType[*fault.UsageError](err); !usage {
			t.Errorf("%s: got a %T, %v", text, err, err)
		}
	}
}
