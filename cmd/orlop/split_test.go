// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// portsLike are packages as ports make them: some large, most small, with folders that
// several share, hard links, and an immutable folder and file.
func portsLike(versions map[string]string) []pkgtest.Package {
	port := func(name string, size int, files ...pkgtest.File) pkgtest.Package {
		version := max(versions[name], "1.0")
		when := int64(1_700_000_000 + 1000*len(name))
		if version != "1.0" {
			when += 5_000_000
		}
		files = append(files, pkgtest.File{Path: "/usr/local/share/" + name + "/version", Body: version}, pkgtest.File{Path: "/usr/local/bin/" + name, Body: name + version, Mode: 0o555})
		for i := range files {
			files[i].Time = when + int64(i)
		}
		return pkgtest.Package{Name: name, Version: version, Files: files, Keys: map[string]any{"flatsize": size, "origin": "www/" + strings.Split(name, "-")[0]}}
	}
	list := []pkgtest.Package{
		port("big", 9_000_000, pkgtest.File{Path: "/usr/local/lib/one", Body: "lib"}, pkgtest.File{Path: "/usr/local/lib/two", HardLink: "/usr/local/lib/one"}),
		port("huge", 40_000_000, pkgtest.File{Path: "/var/empty/.keep", Body: "x"}), port("huge-docs", 1000),
		port("fixed", 5000, pkgtest.File{Path: "/usr/local/libexec/fixed", Body: "x", Flags: "schg"}),
	}
	list[1].Dirs = []pkgtest.File{{Path: "/var/empty", Mode: 0o555, Flags: "schg"}, {Path: "/usr/local/www", Mode: 0o1775}}
	for i := range 12 {
		list = append(list, port(fmt.Sprintf("small%02d", i), 1000*(i+1), pkgtest.File{Path: fmt.Sprintf("/usr/local/www/%d", i), Body: "x"}))
	}
	return append(list, pkgtest.Package{Name: "meta", Deps: []string{"tiny"}}, port("tiny", 10))
}

const splitImage = `image bottom { packages = [ meta ] }
image web { parent = bottom; packages = [ "*" ]; layers { at-most = 6 } }`

// split builds the image of portsLike in a folder, with the given versions.
func split(t *testing.T, versions map[string]string, args ...string) string {
	t.Helper()
	return splitOf(t, portsLike(versions), args...)
}

// splitOf builds the image, verifies it, and makes it again.
func splitOf(t *testing.T, packages []pkgtest.Package, args ...string) string {
	t.Helper()
	repo, out := t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, packages...)
	file := filepath.Join(out, "web.ucl")
	if err := os.WriteFile(file, []byte(splitImage), 0o666); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"build", "-q", "--cache", t.TempDir(), "--repo", repo, "--abi", "FreeBSD:15:amd64", "--image-file", file, "--format", "dir", "-o", out}, args...)
	if status, said := orlop(t, append(args, "web")...); status != 0 {
		t.Fatal(said)
	}
	archive := filepath.Join(out, "container-image-web")
	if status, said := orlop(t, "verify", "-q", archive); status != 0 {
		t.Errorf("verify: %s", said)
	}
	if status, printed, said := capture(t, "verify", "-q", "--rebuild", "--cache", t.TempDir(), "--repo", repo, "--image-file", file, archive); status != 0 || !strings.HasSuffix(printed, "\treproduced\n") || said != "" {
		t.Errorf("rebuild: status %d, %s%s", status, printed, said)
	}
	return archive
}

// moved lists which layers of an image are not in another.
func moved(t *testing.T, was, is string) []int {
	t.Helper()
	old := layersOf(t, was)
	var list []int
	for i, digest := range layersOf(t, is) {
		if !slices.Contains(old, digest) {
			list = append(list, i)
		}
	}
	return list
}

// TestSplit updates one package after the other of an image in several layers: each
// moves its own layer and the last one.
func TestSplit(t *testing.T) {
	t.Parallel()
	was := split(t, nil)
	all := layersOf(t, was)
	if len(all) != 7 { // that of bottom among them
		t.Fatalf("found %d layers, wanted 7", len(all))
	}
	layers := map[string]int{}
	for i, p := range lockedParts(t, was) {
		for _, name := range p {
			layers[name] = 1 + i
		}
	}
	if layers["huge"] != layers["huge-docs"] || len(layers) != 16 || len(lockedParts(t, was)[layers["big"]-1]) != 1 {
		t.Errorf("packages are in %v", layers)
	}
	for _, name := range []string{"huge", "huge-docs", "big", "fixed", "small00", "small07"} {
		is := split(t, map[string]string{name: "1.1"})
		if got, want := moved(t, was, is), []int{layers[name], 6}; !slices.Equal(got, want) {
			t.Errorf("%s moved the layers %v, wanted %v of %v", name, got, want, layers)
		}
	}
	// It is the same however it is made, and with a store, which has the layers.
	cache := t.TempDir()
	for _, args := range [][]string{{"-j", "1", "--cache", t.TempDir()}, {"-j", "4", "--cache", cache}, {"-j", "4", "--cache", cache}} {
		if got := layersOf(t, split(t, nil, args...)); !slices.Equal(got, all) {
			t.Errorf("%v: found the layers %v, wanted %v", args, got, all)
		}
	}
	warm := split(t, map[string]string{"small07": "1.1"}, "--cache", cache)
	if got, want := layersOf(t, warm), layersOf(t, split(t, map[string]string{"small07": "1.1"}, "--cache", t.TempDir())); !slices.Equal(got, want) {
		t.Errorf("with a store: found the layers %v, wanted %v", got, want)
	}
	// What a puller of the newer one has already is said.
	status, printed, _ := capture(t, "diff", was, warm)
	fetched := regexp.MustCompile(`\n    web, layer 6 of 6: new, [0-9]+ bytes\n    to fetch: 2 of 7, ([0-9]+) of ([0-9]+) bytes; ([0-9]+) are there already\n`).FindStringSubmatch(printed)
	if status != 1 || fetched == nil {
		t.Fatalf("diff: %s", printed)
	}
	if len(fetched[1]) > len(fetched[2]) || fetched[3] == "0" {
		t.Errorf("diff: %s", fetched[0])
	}
}

// TestSplitLock compares each entry with the layer that the lock has it in.
func TestSplitLock(t *testing.T) {
	t.Parallel()
	archive := split(t, nil)
	parts := func(l object) []any { return at[[]any](at[[]any](l, "layers")[1].(object), "parts") }
	for want, change := range map[string]func(l object){
		`layer 2: /usr/local/bin/big: file of big is there, wanted it in layer 3`: func(l object) {
			p := parts(l)
			a, b := p[0].(object), p[1].(object)
			a["packages"], b["packages"] = b["packages"], a["packages"]
		},
		`layer 2: paths, modes, owners, times and flags of its directories: sha256 is`: func(l object) { parts(l)[0].(object)["directories"] = strings.Repeat("0", 64) },
		`config: history.1.created is`: func(l object) { parts(l)[0].(object)["epoch"] = 5 },
		`found 7 layers, it has 6`: func(l object) {
			layer := at[[]any](l, "layers")[1].(object)
			layer["parts"] = parts(l)[1:]
		},
	} {
		lock := changedLock(t, archive+".lock.json", change)
		if status, said := orlop(t, "verify", "-q", "--lock", lock, archive); status != 5 || !strings.Contains(said, want) {
			t.Errorf("status %d, wanted %q: %s", status, want, said)
		}
	}
}

// lockedParts lists the packages of each layer of an image's lock but the last.
func lockedParts(t *testing.T, archive string) (list [][]string) {
	t.Helper()
	for _, l := range readLock(t, archive+".lock.json").Layers {
		for _, p := range l.Parts {
			list = append(list, p.Packages)
		}
	}
	return list
}

// TestSplitBase splits packages of FreeBSD, with their flags and folders, on an image of
// FreeBSD's.
func TestSplitBase(t *testing.T) {
	t.Parallel()
	repo := filepath.Join("..", "..", "..", "shared", "repos", "sha256", "FreeBSD:15:amd64", "15.0p3")
	if _, err := os.Stat(repo); err != nil {
		t.Skip("the folder ../shared is not there; CI has it")
	}
	out := t.TempDir()
	file := filepath.Join(out, "jail.ucl")
	const jail = `image jail { parent = static; packages = [ FreeBSD-set-minimal-jail, FreeBSD-ssh, FreeBSD-zfs, FreeBSD-pf ]
		layers { at-most = 8 }; unknown-scripts = skip; replaces = [ "/usr/share/certs/**" ] }`
	if err := os.WriteFile(file, []byte(jail), 0o666); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(out, "container-image-jail")
	for _, args := range [][]string{
		{"build", "-q", "--cache", t.TempDir(), "--exceptions", filepath.Join(repo, "..", "..", "..", "exceptions.ucl"), "--repo", repo, "--image-file", file, "--format", "dir", "-o", out, "jail"},
		{"verify", "-q", archive},
		{"verify", "-q", "--rebuild", "--cache", t.TempDir(), "--unknown-scripts", "skip", "--repo", repo, "--image-file", file, archive},
	} {
		if status, printed, said := capture(t, args...); status != 0 {
			t.Fatalf("%s: %s%s", args[0], printed, said)
		}
	}
	if n := len(lockedParts(t, archive)); n < 5 || n > 7 || len(layersOf(t, archive)) != n+2 {
		t.Errorf("found %d layers of packages, and %d in all", n, len(layersOf(t, archive)))
	}
}
