// SPDX-License-Identifier: BSD-2-Clause

package closure

import (
	delf "debug/elf"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/tree"
)

// RunTimeLinker is in every image with dynamically linked programs
// (libexec/rtld-elf/rtld_paths.h).
const RunTimeLinker = "/libexec/ld-elf.so.1"

// standardPath is where the run-time linker looks by default
// (STANDARD_LIBRARY_PATH in rtld_paths.h).
var standardPath = []string{"/lib/casper", "/lib", "/usr/lib"}

// libraryPath32 is where 32-bit programs on a 64-bit machine find libraries:
// their run-time linker's own folders, and those that rc.d/ldconfig would add
// (ldconfig32_paths in rc.conf; orlop writes no hints for it).
var libraryPath32 = []string{"/lib32", "/usr/lib32", "/usr/lib32/compat"}

// libraries finds what the run-time linker would not find.
func (c *check) libraries() {
	linker := c.linker()
	for n := range c.Tree.Until(c.ctx) {
		needs := c.needs(n)
		if needs == nil {
			continue
		}
		if i := needs.Interpreter; i != "" && c.needs(c.Tree.Resolve(i)) == nil && !c.excepted(c.Known.Missing, i, n.Path) {
			c.fault(n, "starts with the run-time linker "+i+", which is not in the image", i)
		}
		dirs := linker.looksIn(n.Path, needs)
		for _, library := range needs.Libraries {
			if !c.finds(library, dirs, needs) && !c.excepted(c.Known.Missing, library, n.Path) {
				c.fault(n, "needs "+library+", which is in none of "+strings.Join(dirs, " "), library)
			}
		}
	}
}

// linker is what decides where the image's run-time linker looks.
type linker struct {
	known  []string // its own folders
	only64 bool     // it is for 64-bit programs; those of 32 bits have another
}

func (c *check) linker() linker {
	main := c.needs(c.Tree.Resolve(RunTimeLinker))
	return linker{c.foundBy(), main != nil && main.Class == delf.ELFCLASS64}
}

// looksIn are the folders in which the libraries of a file are looked for.
func (l linker) looksIn(file string, needs *elf.Needs) []string {
	if l.only64 && needs.Class == delf.ELFCLASS32 {
		return slices.Concat(searchPath(file, needs), libraryPath32)
	}
	return slices.Concat(searchPath(file, needs), l.known)
}

// foundBy are the folders in which the run-time linker looks by default.
func (c *check) foundBy() []string {
	var lists []*tree.Node
	for n := range c.Tree.Until(c.ctx) {
		if strings.HasPrefix(n.Path, LibraryLists) && n.Type == tree.File {
			lists = append(lists, new(*n))
		}
	}
	known := LibraryPath(c.Tree, c.texts(lists...))
	return slices.Concat(standardPath, slices.DeleteFunc(known, func(dir string) bool { return slices.Contains(standardPath, dir) }))
}

// needs are those of a file, nil for none.
func (c *check) needs(n *tree.Node) *elf.Needs {
	if n == nil || n.Type != tree.File {
		return nil
	}
	return c.Files.Asks(n).Needs
}

// finds looks for a library as the run-time linker does: one for another machine
// does not count.
func (c *check) finds(library string, dirs []string, by *elf.Needs) bool {
	if strings.Contains(library, "/") {
		dirs, library = []string{path.Dir(library)}, path.Base(library)
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		found := c.needs(c.Tree.Resolve(dir + "/" + library))
		return found != nil && found.Class == by.Class && found.Machine == by.Machine
	})
}

// searchPath is a file's own, with variables expanded (rtld(1)).
func searchPath(file string, n *elf.Needs) []string {
	lib := "lib"
	if n.Class == delf.ELFCLASS32 {
		lib = "lib32"
	}
	origin := path.Dir(file)
	expand := strings.NewReplacer("$ORIGIN", origin, "${ORIGIN}", origin, "$LIB", lib, "${LIB}", lib)
	var dirs []string
	for _, dir := range n.SearchPath {
		if dir = expand.Replace(dir); strings.HasPrefix(dir, "/") {
			dirs = append(dirs, path.Clean(dir))
		}
	}
	return dirs
}

// libraryPaths are the folders that rc.d/ldconfig passes to ldconfig(8) if they
// exist (ldconfig_paths in rc.conf), after the run-time linker's own.
var libraryPaths = []string{"/lib", "/usr/lib", "/usr/lib/compat", "/usr/local/lib", "/usr/local/lib/compat/pkg"}

// LibraryLists is where packages name more of them (ldconfig_local_dirs).
const LibraryLists = "/usr/local/libdata/ldconfig/"

// LibraryPath are the folders that ldconfig(8) would pass to the run-time
// linker, given the texts of the files in LibraryLists.
func LibraryPath(t *tree.Tree, texts [][]byte) []string {
	var lists []string
	for _, text := range texts {
		lists = append(lists, strings.Fields(string(text))...)
	}
	slices.Sort(lists)
	var dirs []string
	for _, dir := range append(slices.Clone(libraryPaths), lists...) {
		n := t.Resolve(dir)
		safe := n != nil && n.Type == tree.Dir && n.Uname == "root" && n.Mode&0o022 == 0
		if (safe || dir == "/usr/local/lib") && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
