// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	delf "debug/elf"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/tree"
)

// runTimeLinker is in every image in which programs start that are linked
// dynamically (libexec/rtld-elf/rtld_paths.h).
const runTimeLinker = "/libexec/ld-elf.so.1"

// standardPath is where the run-time linker looks without being told
// (STANDARD_LIBRARY_PATH in rtld_paths.h).
var standardPath = []string{"/lib/casper", "/lib", "/usr/lib"}

// libraryPath32 is where 32-bit programs on a 64-bit machine find libraries:
// their run-time linker's own folders, and what rc.d/ldconfig would tell it
// (ldconfig32_paths in rc.conf; orlop writes no hints for it).
var libraryPath32 = []string{"/lib32", "/usr/lib32", "/usr/lib32/compat"}

// asks are what files of a package want to be there when they run, by path.
type asks struct {
	Needs   map[string]elf.Needs // of dynamically linked files; nil where no file was read
	Scripts map[string]string    // first lines of scripts, after #!
}

// libraries finds what the run-time linker would not find.
func (c *closure) libraries() {
	known := c.foundBy()
	main := c.needs(c.tree.Resolve(runTimeLinker))
	for n := range c.tree.Until(c.ctx) {
		needs := c.needs(n)
		if needs == nil {
			continue
		}
		if i := needs.Interpreter; i != "" && c.needs(c.tree.Resolve(i)) == nil && !c.excepted(c.known.Missing, i, n.Path) {
			c.fault(n, "starts with the run-time linker "+i+", which is not in the image", i)
		}
		dirs := slices.Concat(searchPath(n.Path, needs), known)
		if main != nil && main.Class == delf.ELFCLASS64 && needs.Class == delf.ELFCLASS32 {
			dirs = slices.Concat(searchPath(n.Path, needs), libraryPath32)
		}
		for _, library := range needs.Libraries {
			if !c.finds(library, dirs, needs) && !c.excepted(c.known.Missing, library, n.Path) {
				c.fault(n, "needs "+library+", which is in none of "+strings.Join(dirs, " "), library)
			}
		}
	}
}

// foundBy are the folders in which the run-time linker looks without being told.
func (c *closure) foundBy() []string {
	return slices.Concat(standardPath, slices.DeleteFunc(c.libraryPath(c.ctx), func(dir string) bool { return slices.Contains(standardPath, dir) }))
}

// needs are those of a file that a package brought, nil for none.
func (c *closure) needs(n *tree.Node) *elf.Needs {
	if n == nil || n.Type != tree.File {
		return nil
	}
	f := c.owner(n)
	if f == nil {
		return nil
	}
	if needs, ok := f.asks.Needs[n.Path]; ok {
		return &needs
	}
	return nil
}

// finds looks for a library as the run-time linker does: one for another
// machine does not count.
func (c *closure) finds(library string, dirs []string, by *elf.Needs) bool {
	if strings.Contains(library, "/") {
		dirs, library = []string{path.Dir(library)}, path.Base(library)
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		found := c.needs(c.tree.Resolve(dir + "/" + library))
		return found != nil && found.Class == by.Class && found.Machine == by.Machine
	})
}

// searchPath is a file's own, its variables expanded (rtld(1)).
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
