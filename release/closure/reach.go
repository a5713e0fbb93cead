// SPDX-License-Identifier: BSD-2-Clause

package closure

import (
	"context"
	"fmt"
	"strings"

	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tree"
)

// AbsentError is a program that an image has not.
type AbsentError struct{ Program string }

func (e *AbsentError) Error() string { return fmt.Sprintf("%s: is not in the image", e.Program) }

// Unmet reports that the request cannot be met.
func (*AbsentError) Unmet() bool { return true }

// Reach returns the paths of all that programs need to run: their files and the links
// that lead there, libraries, the run-time linker, and interpreters of scripts. What is
// loaded by name is not found this way.
func Reach(ctx context.Context, img *Image, programs []string) (map[string]bool, error) {
	c := newCheck(ctx, img)
	r := &reach{check: c, linker: c.linker(), kept: map[string]bool{}}
	for _, program := range programs {
		if !r.follow(program) {
			return nil, &AbsentError{program}
		}
	}
	return r.kept, ctx.Err()
}

// reach collects what programs need.
type reach struct {
	*check
	linker linker
	kept   map[string]bool
}

// follow keeps a path, whatever it leads through, and what the file there needs. It
// reports whether there is one.
func (r *reach) follow(path string) bool {
	n := r.Tree.Resolve(path)
	if n == nil || n.Type != tree.File || r.ctx.Err() != nil {
		return false
	}
	for _, link := range r.Tree.Links(path) {
		r.kept[link] = true
	}
	if r.kept[n.Path] {
		return true
	}
	r.kept[n.Path] = true
	asks := r.Files.Asks(n)
	if asks.Script != "" {
		r.interpreter(shebang.Parse(asks.Script))
	}
	if needs := asks.Needs; needs != nil {
		if needs.Interpreter != "" {
			r.follow(needs.Interpreter)
		}
		dirs := r.linker.looksIn(n.Path, needs)
		for _, library := range needs.Libraries {
			r.library(library, dirs, needs)
		}
	}
	return true
}

// interpreter keeps the interpreter of a script, and what env(1) starts for it.
func (r *reach) interpreter(i shebang.Interpreter) {
	if i.Path != "" {
		r.follow(i.Path)
	}
	if i.Program == "" {
		return
	}
	dirs := i.Folders
	if dirs == nil {
		dirs = r.commandPath()
	}
	for _, dir := range dirs {
		if r.follow(dir + "/" + i.Program) {
			return
		}
	}
}

// library keeps the one that the run-time linker would find.
func (r *reach) library(name string, dirs []string, by *elf.Needs) {
	for _, dir := range dirs {
		if r.finds(name, []string{dir}, by) {
			if !strings.Contains(name, "/") {
				name = dir + "/" + name
			}
			r.follow(name)
			return
		}
	}
}
