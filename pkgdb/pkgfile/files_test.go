// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// sums are of every kind and spelling, and some are none at all: a database may have
// any text.
var sums = []string{
	"", "-", "1$", "$", "x", sha, sha[2:], strings.ToUpper(sha), sha[:len(sha)-1], sha + "0", "3$" + sha[2:], "1$" + strings.Repeat("g", 64),
	string(sum.Of(sum.BLAKE2b, nil)), string(sum.Of(sum.SHA256Base32, nil)), string(sum.Of(sum.SHA256, []byte("x"))), "\xff\x00",
}

// randomFile is one of random attributes.
func randomFile(rnd *rand.Rand, path string) pkgfile.File {
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	f := pkgfile.File{
		Path: path, Sum: pick(sums...), IsLink: rnd.IntN(3) == 0, IsConfig: rnd.IntN(3) == 0,
		Attr: pkgfile.Attr{Known: rnd.IntN(2) == 0, Uname: pick("", "root", "ü"), Gname: pick("", "wheel", "\xff"), Perm: rnd.Uint32() >> rnd.IntN(32)},
	}
	if rnd.IntN(2) == 0 {
		f.Flags = new(uint32)
		*f.Flags = rnd.Uint32() >> rnd.IntN(32)
	}
	if rnd.IntN(2) == 0 {
		f.Time = new(int64)
		*f.Time = rnd.Int64() >> rnd.IntN(64) * (1 - 2*rnd.Int64N(2))
	}
	if rnd.IntN(3) == 0 {
		f.Link = pick("x", "/y", "\xff", strings.Repeat("long/", 100))
	}
	return f
}

// randomFiles are up to 200, sorted by path.
func randomFiles(rnd *rand.Rand) []pkgfile.File {
	paths := map[string]bool{}
	for range rnd.IntN(200) {
		paths[fmt.Sprint([]string{"/", "/a b/", "/\xff/", "rel", ""}[rnd.IntN(5)], rnd.IntN(1000))] = true
	}
	var list []pkgfile.File
	for path := range paths {
		list = append(list, randomFile(rnd, path))
	}
	slices.SortFunc(list, func(a, b pkgfile.File) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// TestFiles gives back every file as it was, whatever it is.
func TestFiles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		list := randomFiles(rand.New(rand.NewPCG(seed, 1)))
		files := pkgfile.FilesOf(list...)
		if d := cmp.Diff(list, listed(&pkgfile.Manifest{Files: files})); d != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, d)
		}
		for i, f := range list {
			if at, found := files.Find(f.Path); at != i || !found {
				t.Errorf("seed %d: %q: found at %d, %t, want %d", seed, f.Path, at, found, i)
			}
			if files.Path(i) != f.Path || files.Sum(i) != f.Sum || files.HasSum(i) != (f.Sum != "") {
				t.Errorf("seed %d: %q: got %q, %q, %t", seed, f.Path, files.Path(i), files.Sum(i), files.HasSum(i))
			}
			if _, found := files.Find(f.Path + "\x00"); found {
				t.Errorf("seed %d: %q: found with a NUL", seed, f.Path)
			}
			if f.Sum = ""; cmp.Diff(f, files.Bare(i)) != "" {
				t.Errorf("seed %d: %q: got %+v without its sum", seed, f.Path, files.Bare(i))
			}
		}
	}
}

// TestFilesEqual tells lists apart that differ in anything.
func TestFilesEqual(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		list := append(randomFiles(rnd), randomFile(rnd, "/z"))
		files, changed := pkgfile.FilesOf(list...), slices.Clone(list)
		i := rnd.IntN(len(list))
		changed[i] = randomFile(rnd, list[i].Path)
		want := cmp.Equal(list, changed)
		if got := files.Equal(pkgfile.FilesOf(changed...)); got != want {
			t.Errorf("got %t for\n%+v and\n%+v", got, list[i], changed[i])
		}
		if !files.Equal(pkgfile.FilesOf(list...)) || files.Equal(pkgfile.FilesOf(list[1:]...)) {
			t.Error("equal lists are not, or others are")
		}
	}
	if !(pkgfile.Files{}).Equal(pkgfile.FilesOf()) {
		t.Error("empty lists are not equal")
	}
}

// TestFilesApart adds to copies of a list: neither sees what the other gets.
func TestFilesApart(t *testing.T) {
	t.Parallel()
	one := pkgfile.FilesOf(pkgfile.File{Path: "/a", Link: "x"})
	other := one
	one.Append(pkgfile.File{Path: "/b", Sum: "y"})
	if other.Len() != 1 {
		t.Errorf("the copy has %d files, want 1", other.Len())
	}
	other.Append(pkgfile.File{Path: "/c"})
	if one.Len() != 2 || one.Path(0) != "/a" || other.Path(1) != "/c" || other.At(0).Link != "x" {
		t.Errorf("got %+v and %+v", one.At(0), other.At(1))
	}
}
