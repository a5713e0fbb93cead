// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/pkgfile/porttest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/elf/elftest"
	"github.com/orlop/orlop/release/tree"
)

// TestSamplesDisagree has two packages copy different files to one path, and a package of
// an upper step bring a file that a script has copied.
func TestSamplesDisagree(t *testing.T) {
	t.Parallel()
	a := porttest.New("a", "", "", []string{porttest.Sample("etc/a.sample etc/x")}, pkgtest.File{Path: "/usr/local/etc/a.sample", Body: "a"})
	b := porttest.New("b", "", "", []string{porttest.Sample("etc/b.sample etc/x")}, pkgtest.File{Path: "/usr/local/etc/b.sample", Body: "b"})
	c := porttest.New("c", "", "", nil, pkgtest.File{Path: "/usr/local/etc/x", Body: "c"})
	_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ a, b ] }", "x", a, b, c))
	if want := "/usr/local/etc/x: in both a-1.0 and b-1.0: their scripts copy different files there"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	compareFile(t, build(t, portsConfig(t, "image x { packages = [ a, c ] }", "x", a, b, c))["x"], "/usr/local/etc/x", "0644 root:wheel 0:0", "c")
	two := portsConfig(t, "image low { packages = [ a ] }\nimage x { parent = low; packages = [ c ] }", "x", a, b, c)
	compareFile(t, build(t, two)["x"], "/usr/local/etc/x", "0644 root:wheel 0:0", "c")
}

// TestSampleOfLink copies what a link and another name of a file lead to.
func TestSampleOfLink(t *testing.T) {
	t.Parallel()
	a := porttest.New("a", "", "", []string{porttest.Sample("etc/a.sample"), porttest.Sample("etc/b.sample"), porttest.Sample("etc/empty.sample")},
		pkgtest.File{Path: "/usr/local/etc/a.sample", Symlink: "real"}, pkgtest.File{Path: "/usr/local/etc/real", Body: "real", Mode: 0o600},
		pkgtest.File{Path: "/usr/local/etc/b.sample", HardLink: "/usr/local/etc/a0"}, pkgtest.File{Path: "/usr/local/etc/a0", Body: "a0"},
		pkgtest.File{Path: "/usr/local/etc/empty.sample"})
	cfg := portsConfig(t, "image x { packages = [ a ] }", "x", a)
	cached(&cfg, &store.Store{Dir: t.TempDir()})
	for range 2 { // the second time, the cache knows the package
		x := build(t, cfg)["x"]
		compareFile(t, x, "/usr/local/etc/a", "0600 root:wheel 0:0", "real")
		compareFile(t, x, "/usr/local/etc/b", "0644 root:wheel 0:0", "a0")
		compareFile(t, x, "/usr/local/etc/empty", "0644 root:wheel 0:0", "")
	}
}

// TestNoShells has a login shell in an image without a list of them.
func TestNoShells(t *testing.T) {
	t.Parallel()
	a := build(t, portsConfig(t, "image x { packages = [ zsh ] }", "x", ports()...))["x"]
	if a.Tree.Lookup("/etc/shells") != nil {
		t.Error("/etc/shells is there")
	}
}

// TestScriptsOfStrangers reads the install scripts of packages of others. One is not
// known: it starts a service.
func TestScriptsOfStrangers(t *testing.T) {
	t.Parallel()
	needShared(t)
	files, err := filepath.Glob(shared + "/repos/third-party/*/*.pkg")
	if err != nil || len(files) < 80 {
		t.Fatal(len(files), err)
	}
	known := 0
	for _, file := range files {
		if name := filepath.Base(file); name == "data.pkg" || name == "packagesite.pkg" {
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := pkgfile.NewReader(t.Context(), new(packing.Decoders), f, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Manifest.InstallScripts() {
			if _, ok := script.Of(r.Manifest, s); ok {
				known++
			} else if r.Manifest.Name != "lsd" {
				t.Errorf("%s: %s is unknown: %q", r.Manifest.FullName(), s.Phase, s.Text)
			}
		}
		r.Close()
		f.Close()
	}
	if known != 4 {
		t.Errorf("%d scripts are known, want 4", known)
	}
}

// luaPorts have Lua scripts of every form, which pkg(8) runs on any system.
func luaPorts() []pkgtest.Package {
	base := baseOf(baseGroup, baseMaster)
	base.Files, base.Keys = base.Files[2:3], nil
	counted := "  sample_file = pkg.prefixed_path(\"etc/counted.sample\")\n  if \"1\" == 2 then\n    target_file = pkg.prefixed_path(\"etc/counted.sample\")\n" +
		"  else\n    target_file = string.gsub(sample_file,'%.sample$', \"\")\n  end\n  if not pkg.stat(target_file) then\n    pkg.copy(sample_file, target_file)\n  end\n"
	file := func(name string, mode int64) pkgtest.File {
		return pkgtest.File{Path: "/usr/local/etc/" + name, Body: name + "\n", Mode: mode}
	}
	dangling, linked := file("dangling", 0), file("linked.sample", 0)
	dangling.Symlink, linked.Symlink = "nowhere", "a.sample"
	return []pkgtest.Package{
		base, porttest.New("zsh", "", "", []string{porttest.Shell("bin/zsh"), porttest.Shell("/bin/sh")}),
		porttest.New("samples", "", "", []string{porttest.Sample("etc/a.sample"), porttest.Sample("etc/b /usr/local/etc/sub/c"), porttest.Sample("etc/there.sample"),
			porttest.Sample("etc/dangling.sample"), porttest.Sample("etc/linked.sample"), porttest.Sample("etc/b etc/b"), counted},
			file("a.sample", 0o640), file("b", 0o755), file("there.sample", 0), file("there", 0), file("sub/x", 0),
			file("dangling.sample", 0), dangling, linked, file("counted.sample", 0o600)),
	}
}

// TestLuaGolden compares what Lua scripts do with what they did in pkg(8) 2.8.99 on Linux:
// testdata/README says how.
func TestLuaGolden(t *testing.T) {
	t.Parallel()
	a := build(t, portsConfig(t, "image x { packages = [ base, zsh, samples ] }", "x", luaPorts()...))["x"]
	var got strings.Builder
	for n := range a.Tree.All() {
		if at := n.Path; strings.HasPrefix(at, "/usr/local/etc/") || at == "/etc/shells" {
			switch n.Type {
			case tree.File:
				fmt.Fprintf(&got, "%s %o %s\n", at, n.Mode, n.Digest)
			case tree.Symlink:
				fmt.Fprintf(&got, "%s -> %s\n", at, n.Link)
			}
		}
	}
	if d := cmp.Diff(string(read(t, "testdata/lua-scripts.txt")), got.String()); d != "" {
		t.Errorf("(-pkg +orlop):\n%s", d)
	}
}

// TestMergedHints has a script that adds a folder to the hints of the run-time linker, which
// a list of the package names, or none does.
func TestMergedHints(t *testing.T) {
	t.Parallel()
	linker := pkgtest.Package{Name: "linker", Files: []pkgtest.File{{Path: "/libexec/ld-elf.so.1", Body: string(elftest.File{}.Bytes())}}}
	list := pkgtest.File{Path: "/usr/local/libdata/ldconfig/old", Body: "/usr/local/lib/old\n"}
	old := porttest.New("old", "", "/sbin/ldconfig -m /usr/local/lib/old\n", nil, pkgtest.File{Path: "/usr/local/lib/old/README"}, list)
	build(t, portsConfig(t, "image x { packages = [ linker, old ] }", "x", linker, old))
	old.Files = old.Files[:1]
	_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ linker, old ] }", "x", linker, old))
	if want := "old-1.0: its post-install script is unknown"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
