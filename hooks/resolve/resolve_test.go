// SPDX-License-Identifier: BSD-2-Clause

package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// offer is a catalogue of packages, "NAME-VERSION DEPENDENCY…" each; a dependency
// that begins with lib is a library.
func offer(pkgs ...string) []*catalog.Catalogue {
	repo := &catalog.Repo{Name: "base"}
	var list []*catalog.Package
	for _, text := range pkgs {
		words := strings.Fields(text)
		at := strings.LastIndex(words[0], "-")
		s := pkgfile.Summary{Name: words[0][:at], Version: words[0][at+1:], ABI: "FreeBSD:15:amd64", Path: words[0] + ".pkg", Size: 1}
		for _, dep := range words[1:] {
			if strings.HasPrefix(dep, "lib") {
				s.ShlibsRequired = append(s.ShlibsRequired, dep)
			} else {
				s.Deps = append(s.Deps, dep)
			}
		}
		list = append(list, &catalog.Package{Summary: s, Repo: repo})
	}
	c, err := catalog.New(context.Background(), repo, strings.Repeat("c", 64), list)
	if err != nil {
		panic(err)
	}
	return []*catalog.Catalogue{c}
}

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

// newvers names the release of a source tree.
const newvers = "TYPE=\"FreeBSD\"\nREVISION=\"15.1\"\nBRANCH=\"STABLE\"\n"

// definitions leaves a file of them, for a request.
func definitions(t *testing.T, text string) []string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{"x.ucl": text})
	return []string{filepath.Join(dir, "x.ucl")}
}

// steps lists those of a family: "IMAGE: PACKAGE… | DONOR… [wanted]".
func steps(f *resolve.Family) []string {
	var list []string
	for _, m := range f.Steps {
		line := m.Def.Name + ":"
		for _, p := range m.Own().Packages {
			line += " " + p.FullName()
		}
		for i, p := range m.Own().Donors {
			line += strings.Repeat(" |", max(0, 1-i)) + " " + p.FullName()
		}
		if m.Wanted {
			line += " wanted"
		}
		list = append(list, line)
	}
	return list
}

// TestResolve plans the images that are asked for and those that they stand on,
// parents first, each once.
func TestResolve(t *testing.T) {
	t.Parallel()
	cats := offer("FreeBSD-runtime-15.0p1", "a-1 b", "b-1", "c-1", "c-2", "d-1 a")
	req := &resolve.Request{Images: []string{"top", "low"}, ImageFiles: definitions(t, `
		image low { packages = [ a ]; cmd = [ "/bin/low" ] }
		image middle { parent = low; packages = [ c ] }
		image top { parent = middle; packages = [ d ]; cmd = [ "/bin/top" ] }
		image other { packages = [ absent ] }`)}
	family, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, cats, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"low: b-1 a-1 wanted", "middle: c-2", "top: d-1 wanted"}, steps(family)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	low, middle, top := family.Steps[0], family.Steps[1], family.Steps[2]
	if low.Parent != nil || middle.Parent != low || top.Parent != middle || !slices.Equal(top.Chain(), family.Steps) {
		t.Errorf("got the chain %v", top.Chain())
	}
	for _, m := range family.Steps { // a command is the parent's where a definition has none
		if want := map[*resolve.Step]string{low: "/bin/low", middle: "/bin/low", top: "/bin/top"}[m]; !slices.Equal(m.Def.Cmd, []string{want}) {
			t.Errorf("image %s: got the command %v, want %s", m.Def.Name, m.Def.Cmd, want)
		}
	}
	var names []string
	for _, p := range family.Packages() {
		names = append(names, p.FullName())
	}
	if diff := cmp.Diff([]string{"a-1", "b-1", "c-2", "d-1"}, names); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if !family.Uses(cats[0].Repo) || family.Uses(&catalog.Repo{Name: "base"}) || !top.Uses(cats[0].Repo) {
		t.Error("got another repository that is used")
	}
	if want := (release.Release{Revision: "15.0", Branch: "RELEASE-p1", ABI: "FreeBSD:15:amd64"}); family.Release != want {
		t.Errorf("got the release %v, want %v", family.Release, want)
	}
	if low.Whose != "" || low.Lock != nil || low.Pinned != nil {
		t.Error("got something of a lock, and there is none")
	}
}

// TestResolveFaults tells of all images what is wrong with them.
func TestResolveFaults(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	write(t, src, map[string]string{"notes": "x", "own/file": "x"})
	for want, tt := range map[string]struct {
		text   string
		images string
		tree   string
	}{
		`image "none" is not defined`:                 {"image x { packages = [ a ] }", "none", ""},
		`image "x": its parent "none" is not defined`: {"image x { parent = none; packages = [ a ] }", "x", ""},
		"image x: ": {"image x { packages = [ absent ] }", "x", ""},
		`image x: /f: none of the packages [absent]`:           {`image x { packages = [ a ]; file "/f" { from = [ absent ] } }`, "x", ""},
		`image x: /f: none of the packages []`:                 {`image x { packages = [ a ]; file "/f" { source = own/none } }`, "x", src},
		`image x: /d: none of the packages [absent]`:           {`image x { packages = [ a ]; folder "/d" { from = [ absent ] } }`, "x", ""},
		`image x: /etc/mtree/x: none of the packages [absent]`: {`image x { packages = [ a ]; mtree { from = [ absent ]; "/etc/mtree/x" { prefix = / } } }`, "x", ""},
		"--srcdir: " + src + ": found neither sys/conf/newvers.sh nor own/none, wanted a FreeBSD source tree": {
			`image x { packages = [ a ]; file "/f" { from = [ a ]; source = own/none } }`, "x", src},
		`image "absent" is not defined, wanted one of dynamic, notoolchain, runtime, static, toolchain, x` + "\nimage x: ": {"image x { packages = [ absent ] }", "x absent", ""},
	} {
		req := &resolve.Request{Images: strings.Fields(tt.images), Revision: "15.0", Branch: "RELEASE", ImageFiles: definitions(t, tt.text)}
		if strings.Contains(want, "none of the packages []") {
			write(t, src, map[string]string{"sys/conf/newvers.sh": newvers})
		} else if err := os.RemoveAll(filepath.Join(src, "sys")); err != nil {
			t.Fatal(err)
		}
		_, err := resolve.Resolve(t.Context(), req, &input.Repositories{Tree: input.Tree{SrcDir: tt.tree}}, offer("a-1"), nil)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestFindRelease is what the user says, FreeBSD-runtime tells, or else the source
// tree; where none does, images of one's own go by the ABI.
func TestFindRelease(t *testing.T) {
	t.Parallel()
	stable := t.TempDir()
	write(t, stable, map[string]string{"sys/conf/newvers.sh": newvers})
	empty := t.TempDir()
	own, releases := "image x { packages = [ a ] }", `image x { packages = [ a ]; os-release = yes }`
	for name, tt := range map[string]struct {
		runtime          string
		revision, branch string
		tree, text       string
		want             string // REVISION-BRANCH of the ABI
		err              string
	}{
		"FreeBSD-runtime":                  {"15.0p2", "", "", "", own, "15.0-RELEASE-p2", ""},
		"the user":                         {"15.snap1", "15.1", "STABLE", "", own, "15.1-STABLE", ""},
		"the user's patch level":           {"15.0p2", "", "RELEASE-p1", "", own, "15.0-RELEASE-p1", ""},
		"the user against FreeBSD-runtime": {"15.0p2", "15.1", "", "", own, "", "revision 15.1 was asked for"},
		"a snapshot's source tree":         {"15.snap1", "", "", stable, own, "15.1-STABLE", ""},
		"the user and a source tree":       {"15.snap1", "", "PRERELEASE", stable, own, "15.1-PRERELEASE", ""},
		"no source tree beside a release":  {"15.0p2", "", "", stable, own, "15.0-RELEASE-p2", ""},
		"a tree that does not tell":        {"15.snap1", "", "", empty, own, "15", ""},
		"nobody, of one's own":             {"", "", "", "", own, "15", ""},
		"nobody, with os-release":          {"", "", "", "", releases, "", "no FreeBSD-runtime in the catalogue"},
		"a snapshot, with os-release":      {"15.snap1", "", "", "", releases, "", "FreeBSD-runtime 15.snap1 does not "},
		"half of it":                       {"", "15.0", "", "", own, "", "no FreeBSD-runtime in the catalogue"},
	} {
		pkgs := []string{"a-1"}
		if tt.runtime != "" {
			pkgs = append(pkgs, "FreeBSD-runtime-"+tt.runtime)
		}
		req := &resolve.Request{Images: []string{"x"}, Revision: tt.revision, Branch: tt.branch, ImageFiles: definitions(t, tt.text)}
		family, err := resolve.Resolve(t.Context(), req, &input.Repositories{Tree: input.Tree{SrcDir: tt.tree}}, offer(pkgs...), nil)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
		}
		if err == nil && family.Release.Version() != tt.want {
			t.Errorf("%s: got %s, want %s", name, family.Release.Version(), tt.want)
		}
	}
	req := &resolve.Request{Images: []string{"none"}, ImageFiles: definitions(t, own)}
	if _, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1"), nil); err == nil || !strings.HasPrefix(err.Error(), `image "none" is not defined`) {
		t.Errorf("without a release: got %v", err)
	}
	other := &resolve.Request{Images: []string{"x"}, ABI: "FreeBSD:14:amd64", ImageFiles: definitions(t, own)}
	if _, err := resolve.Resolve(t.Context(), other, &input.Repositories{}, offer("a-1"), nil); err == nil {
		t.Error("another ABI: got no error")
	}
}

// TestDonors asks packages for what the source tree does not have: each once, and
// none that the image installs.
func TestDonors(t *testing.T) {
	t.Parallel()
	text := `image x { packages = [ a ]
		file "/f" { from = [ one, two ]; source = own/f }
		file "/g" { from = [ two, a ]; source = own/g; optional = yes }
		folder "/d" { from = [ three ]; source = own/d } }`
	src := t.TempDir()
	write(t, src, map[string]string{"sys/conf/newvers.sh": newvers, "own/f": "x", "own/d": "a file, and no folder"})
	for tree, want := range map[string]string{"": "x: a-1 | one-1 three-1 two-1 wanted", src: "x: a-1 | three-1 two-1 wanted"} {
		req := &resolve.Request{Images: []string{"x"}, ImageFiles: definitions(t, text)}
		family, err := resolve.Resolve(t.Context(), req, &input.Repositories{Tree: input.Tree{SrcDir: tree}}, offer("a-1", "one-1", "two-1", "three-1"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{want}, steps(family)); diff != "" {
			t.Errorf("tree %q (-want +got):\n%s", tree, diff)
		}
	}
}

// TestMissingTold tells what nothing provides, first what the most want.
func TestMissingTold(t *testing.T) {
	t.Parallel()
	var told []string
	observe := func(e event.Event) { told = append(told, fmt.Sprint(e.Weight, " ", e.Notice)) }
	req := &resolve.Request{Images: []string{"x"}, ImageFiles: definitions(t, "image x { packages = [ a, b, c ] }")}
	if _, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1 liba.so libz.so", "b-1 libz.so", "c-1 libz.so"), observe); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"0 image x: libz.so: wanted by a and 2 others, and nothing provides it",
		"2 image x: nothing provides libz.so (shlib), which a needs", "2 image x: nothing provides libz.so (shlib), which b needs", "2 image x: nothing provides libz.so (shlib), which c needs",
		"0 image x: nothing provides liba.so (shlib), which a needs",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestParentsBeside reads definitions of parents that lie beside those of images,
// and of no others; one that is not needed may be absent.
func TestParentsBeside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"app.ucl":               "image app { parent = middle; packages = [ b ] }\nimage unneeded { parent = absent; packages = [ b ] }",
		"oci-image-middle.conf": "OCI_BASE_IMAGE=low\n\noci_image_build() {\n\tinstall_packages ${abi} ${workdir} c\n}\n",
		"oci-image-low.ucl":     "image low { packages = [ a ] }",
		"oci-image-other.ucl":   "image nonsense {",
	})
	req := &resolve.Request{Images: []string{"app"}, ImageFiles: []string{filepath.Join(dir, "app.ucl")}}
	family, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1", "b-1", "c-1", "FreeBSD-runtime-15.0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"low: a-1", "middle: c-1", "app: b-1 wanted"}, steps(family)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	for name, text := range map[string]string{"another's": "image else { packages = [ a ] }", "no definition": "image low {"} {
		write(t, dir, map[string]string{"oci-image-low.ucl": text})
		if _, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1", "b-1", "c-1", "FreeBSD-runtime-15.0"), nil); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "oci-image-low.ucl")), os.Symlink("/dev/null", filepath.Join(dir, "oci-image-low.ucl"))); err != nil {
		t.Fatal(err)
	}
	if _, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1", "b-1", "c-1", "FreeBSD-runtime-15.0"), nil); err == nil || !strings.Contains(err.Error(), `its parent "low" is not defined`) {
		t.Errorf("a link: got %v, want that nobody has named it", err)
	}
}

// TestCustom adds a definition that was made from flags, and no second one of a name.
func TestCustom(t *testing.T) {
	t.Parallel()
	custom := &define.Image{Name: "mine", Parent: "x", Packages: []string{"b"}}
	req := &resolve.Request{Images: []string{"mine"}, ImageFiles: definitions(t, "image x { packages = [ a ] }"), Custom: custom}
	family, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1", "b-1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"x: a-1", "mine: b-1 wanted"}, steps(family)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	custom.Name, req.Images, req.Branch = "x", []string{"x"}, "RELEASE"
	for _, revision := range []string{"", "15.0"} {
		req.Revision = revision
		if err := req.Check(t.Context(), input.Tree{}); (err == nil) == (revision != "") {
			t.Errorf("revision %q: got %v", revision, err)
		}
	}
	if _, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1", "b-1"), nil); err == nil || !strings.Contains(err.Error(), `"x" is defined twice`) {
		t.Errorf("got %v, want that x is defined twice", err)
	}
}

// TestTreeFiles takes definitions of FreeBSD's images from a source tree, with what
// must not stay as lower steps have it.
func TestTreeFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "oci-image-dynamic.conf")
	write(t, dir, map[string]string{"oci-image-dynamic.conf": "OCI_BASE_IMAGE=\n\noci_image_build() {\n\tinstall_packages ${abi} ${workdir} a\n}\n"})
	req := &resolve.Request{Images: []string{"dynamic"}, TreeFiles: []string{file}}
	family, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1", "FreeBSD-runtime-15.0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dynamic: a-1 wanted"}, steps(family)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if _, told := family.Removes["dynamic"]; !told || !family.Steps[0].Def.FreeBSD {
		t.Errorf("got %v, %+v, want FreeBSD's own", family.Removes, family.Steps[0].Def)
	}
	req.TreeFiles = []string{filepath.Join(dir, "none")}
	if _, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("a-1", "FreeBSD-runtime-15.0"), nil); err == nil || !strings.HasPrefix(err.Error(), "--tree-file: ") {
		t.Errorf("got %v, want a fault of the flag", err)
	}
}

// TestCheck finds what is wrong with a request, whatever the repositories have.
func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"x.ucl": "image x { packages = [ a ]; file \"/f\" { source = own/f; from = [ a ] } }", "bad.ucl": "image x {", "src/notes": ""})
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	x := []string{filepath.Join(dir, "x.ucl")}
	for name, tt := range map[string]struct {
		req  resolve.Request
		tree string
		want string
	}{
		"right":                      {resolve.Request{Images: []string{"x", "static"}, ImageFiles: x}, "", ""},
		"right for a revision":       {resolve.Request{Images: []string{"x"}, ImageFiles: x, Revision: "15.0"}, "", ""},
		"a flag's":                   {resolve.Request{Images: []string{"y"}, Custom: &define.Image{Name: "y", Packages: []string{"a"}}}, "", ""},
		"a flag's bad name":          {resolve.Request{Images: []string{"y"}, Custom: &define.Image{Name: "Y Y", Packages: []string{"a"}}}, "", `image name "Y Y"`},
		"an unknown image":           {resolve.Request{Images: []string{"y"}, ImageFiles: x}, "", `image "y" is not defined`},
		"of a revision":              {resolve.Request{Images: []string{"y"}, ImageFiles: x, Revision: "15.0"}, "", `image "y" is not defined`},
		"a revision":                 {resolve.Request{Images: []string{"x"}, ImageFiles: x, Revision: "15"}, "", `revision "15" is not of the form 15.0`},
		"a branch":                   {resolve.Request{Images: []string{"x"}, ImageFiles: x, Branch: "a b"}, "", `branch "a b"`},
		"an annotation":              {resolve.Request{Images: []string{"x"}, ImageFiles: x, Annotations: map[string]string{define.AnnotationABI: "x"}}, "", "annotation"},
		"no definition":              {resolve.Request{Images: []string{"x"}, ImageFiles: []string{filepath.Join(dir, "bad.ucl")}}, "", filepath.Join(dir, "bad.ucl")},
		"no definition, of revision": {resolve.Request{Images: []string{"x"}, ImageFiles: []string{filepath.Join(dir, "bad.ucl")}, Revision: "15.0"}, "", filepath.Join(dir, "bad.ucl")},
		"absent":                     {resolve.Request{Images: []string{"x"}, ImageFiles: []string{filepath.Join(dir, "none")}}, "", "--image-file: " + dir + "/none: no such file or directory"},
		"a folder":                   {resolve.Request{Images: []string{"x"}, TreeFiles: []string{dir}}, "", "--tree-file: " + dir + ": is a directory"},
		"what can be read once":      {resolve.Request{Images: []string{"unknown"}, ImageFiles: []string{fifo}, Revision: "15.0"}, "", ""},
		"an absent tree":             {resolve.Request{Images: []string{"x"}, ImageFiles: x}, filepath.Join(dir, "none"), "--srcdir: "},
		"another tree":               {resolve.Request{Images: []string{"x"}, ImageFiles: x, Revision: "15.0"}, filepath.Join(dir, "src"), "--srcdir: " + dir + "/src: found neither sys/conf/newvers.sh nor own/f, wanted a FreeBSD source tree"},
	} {
		err := tt.req.Check(t.Context(), input.Tree{SrcDir: tt.tree})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req := &resolve.Request{Images: []string{"x"}, ImageFiles: x, Revision: "15.0"}
	if err := req.Check(ctx, input.Tree{}); err == nil {
		t.Error("after the end of the context: got no error")
	}
}

// TestRoot wants every package of a root that pkg has filled in the images.
func TestRoot(t *testing.T) {
	t.Parallel()
	var installed []pkgdb.Installed
	for _, name := range []string{"a", "b"} {
		installed = append(installed, pkgdb.Installed{Repository: "base", Manifest: &pkgfile.Manifest{
			Name: name, Origin: "test/" + name, Version: "1", Comment: "x", Desc: "x", Maintainer: "x", WWW: "x", ABI: "FreeBSD:15:amd64", Prefix: "/"}})
	}
	image, err := pkgdb.Write(t.Context(), t.TempDir(), installed, 0, 42)
	if err != nil {
		t.Fatal(err)
	}
	database, err := image.Bytes(t.Context())
	if err := errors.Join(err, image.Close()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{"root" + pkgdb.Path: string(database), "METALOG": "#mtree\n"})
	root := &input.Root{Path: filepath.Join(dir, "root"), Metalog: filepath.Join(dir, "METALOG"), Schema: 42}
	t.Cleanup(func() { root.Close() })
	cats, err := root.Catalogues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"image x { packages = [ a, b ] }": "",
		"image x { packages = [ a ] }":    "cannot resolve b: it is installed in the root, but image x does not need it",
	} {
		_, err := resolve.Resolve(t.Context(), &resolve.Request{Images: []string{"x"}, ImageFiles: definitions(t, text)}, root, cats, nil)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
