// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// IncompleteError is something that a file of an image asks for and that is
// not in the image.
type IncompleteError struct {
	By    string // package, or who else made the file
	Path  string // of the file; "" where the package itself asks
	Wants string
	Lack  string // the library or word, where it wants one
}

func (e *IncompleteError) Error() string {
	if e.Path == "" {
		return e.By + ": " + e.Wants
	}
	return e.By + ": " + e.Path + ": " + e.Wants
}

// Wrong reports that bytes are there and wrong.
func (*IncompleteError) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *IncompleteError) Parts() (what, where, found, wanted string) {
	return e.Wants, strings.TrimSuffix(e.By+": "+e.Path, ": "), "", e.Lack
}

// Lacks tells which library or word is missing, and who wants it.
func (e *IncompleteError) Lacks() (what, by string) {
	return e.Lack, strings.TrimSuffix(e.By+": "+e.Path, ": ")
}

// completeSoFar looks for what links and packages ask for, which the manifests
// tell, and for what small files name, before a package is unpacked into a layer.
// Only if something is missing are the files read, so that all that is missing is
// told at once.
func (r *run) completeSoFar(ctx context.Context) error {
	missing := r.missing(ctx, func(c *closure) { c.requirements(); c.links(); c.policies(); c.nameSources(); c.command() })
	if missing == nil {
		return nil
	}
	if err := r.readAll(ctx); err != nil {
		return errors.Join(err, missing)
	}
	return r.complete(ctx)
}

// completeUnwritten is complete for a run that writes no layers.
func (r *run) completeUnwritten(ctx context.Context) error {
	if err := r.readAll(ctx); err != nil {
		return err
	}
	return r.complete(ctx)
}

// readAll reads the files of all packages, only for what they ask for.
func (r *run) readAll(ctx context.Context) error {
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(r.Jobs)
	for _, m := range r.family {
		for _, f := range m.packages {
			g.Go(func() error {
				return fault.Within("image "+m.def.Name, r.writePackage(each, tarfile.NewWriter(io.Discard), m, f))
			})
		}
	}
	return g.Wait()
}

// complete looks at every wanted member with a run-time linker. Each library
// that a file needs, each target of a symbolic link, each word that a package
// requires, and each module, interpreter and program that is started by name must
// be there, or stand among the exceptions. One of these that no longer applies is
// told.
func (r *run) complete(ctx context.Context) error {
	used := map[define.Exception]bool{}
	looked := 0
	err := r.missing(ctx, func(c *closure) {
		looked++
		c.requirements()
		c.links()
		c.libraries()
		c.policies()
		c.nameSources()
		c.command()
		c.scripts()
		if ctx.Err() != nil {
			return
		}
		r.noteUnused("image "+c.def.Name+": its definition", c.def.Exceptions, c.used)
		maps.Copy(used, c.used)
	})
	if looked > 0 && ctx.Err() == nil {
		r.noteUnused("--exceptions", r.Exceptions, used)
	}
	return err
}

// missing joins what look finds in each member that must be complete. A child
// does not repeat what it has from its parent.
func (r *run) missing(ctx context.Context, look func(*closure)) error {
	var errs []error
	told := map[*member]map[string]bool{}
	for _, m := range r.family {
		if !m.wanted || !m.def.Complete && m.tree.Lookup(runTimeLinker) == nil {
			continue
		}
		c := &closure{ctx: ctx, run: r, member: m, known: r.exceptions(m), used: map[define.Exception]bool{}}
		look(c)
		told[m] = map[string]bool{}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, err := range c.errs {
			told[m][err.Error()] = true
			if !slices.ContainsFunc(m.chain(), func(at *member) bool { return at != m && told[at][err.Error()] }) {
				errs = append(errs, fault.Within("image "+m.def.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// exceptions are all that hold for a member.
func (r *run) exceptions(m *member) define.Exceptions {
	if m.locked != nil {
		return define.Exceptions{Missing: unlockExceptions(m.locked.KnownMissing), Dangling: unlockExceptions(m.locked.KnownDangling)}
	}
	all := define.Exceptions{Missing: slices.Clone(r.Exceptions.Missing), Dangling: slices.Clone(r.Exceptions.Dangling)}
	for _, at := range m.chain() {
		all.Missing = append(all.Missing, at.def.Exceptions.Missing...)
		all.Dangling = append(all.Dangling, at.def.Exceptions.Dangling...)
	}
	all.Missing = m.inheritExceptions(all.Missing, r.inherited.Missing)
	all.Dangling = m.inheritExceptions(all.Dangling, r.inherited.Dangling)
	return all
}

// inheritExceptions adds to a list the exceptions that an image has with packages,
// its own or its parent's.
func (m *member) inheritExceptions(list, known []define.Exception) []define.Exception {
	for _, e := range known {
		has := slices.ContainsFunc(m.plan.Steps, func(s solve.StepPlan) bool {
			return slices.ContainsFunc(s.Packages, func(p *solve.Planned) bool { return e.Of(p.Name) })
		})
		if has && !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	return list
}

func (r *run) noteUnused(where string, e define.Exceptions, used map[define.Exception]bool) {
	for _, list := range []struct {
		key string
		of  []define.Exception
	}{{"known-missing", e.Missing}, {"known-dangling", e.Dangling}} {
		for _, x := range list.of {
			if !used[x] {
				r.detail("%s: %s %q no longer applies", where, list.key, x.Pattern)
			}
		}
	}
}

// lockExceptions are exceptions in the words of a lock.
func lockExceptions(list []define.Exception) []lock.Exception {
	locked := []lock.Exception{}
	for _, e := range list {
		locked = append(locked, lock.Exception(e))
	}
	return locked
}

func unlockExceptions(list []lock.Exception) []define.Exception {
	var known []define.Exception
	for _, e := range list {
		known = append(known, define.Exception(e))
	}
	return known
}

// closure is the check of one image.
type closure struct {
	ctx context.Context // ends each loop
	run *run
	*member
	known define.Exceptions
	used  map[define.Exception]bool
	errs  []error
}

// excepted reports whether an exception speaks of any of the names, of which
// paths in the image are those of the file that asks.
func (c *closure) excepted(list []define.Exception, names ...string) bool {
	by := ""
	for _, name := range names {
		if n := c.tree.Lookup(name); n != nil && n.Origin == tree.Packaged {
			by = n.Package
		}
	}
	return c.exceptedFor(by, list, names...)
}

// exceptedFor is excepted for what a package asks for.
func (c *closure) exceptedFor(by string, list []define.Exception, names ...string) bool {
	found := false
	for _, e := range list {
		if e.Of(by) && slices.ContainsFunc(names, e.Match) {
			c.used[e], found = true, true
		}
	}
	return found
}

// fault says what a file wants that is not there, and what is missing where
// others may want the same.
func (c *closure) fault(n *tree.Node, wants, lack string) {
	by := n.Owner()
	if f := c.owner(n); f != nil {
		by = f.FullName()
	}
	c.errs = append(c.errs, &IncompleteError{by, n.Path, wants, lack})
}

// owner is the package that a node comes from, nil for none.
func (m *member) owner(n *tree.Node) *fetched {
	if n.Origin != tree.Packaged {
		return nil
	}
	for at := m; at != nil; at = at.parent {
		if i, ok := slices.BinarySearchFunc(at.packages, n.Package, func(f *fetched, name string) int { return cmp.Compare(f.Name, name) }); ok {
			return at.packages[i]
		}
	}
	return nil
}

// requirements finds words of "requires" that no package provides. Libraries
// that packages ask for are left to the files that need them.
func (c *closure) requirements() {
	for i := range c.plan.Steps {
		for _, miss := range c.plan.Steps[i].Missing {
			if miss.Kind != solve.Require {
				continue
			}
			for _, by := range miss.By {
				if !c.exceptedFor(by, c.known.Missing, miss.What) {
					c.errs = append(c.errs, &IncompleteError{by, "", "requires " + miss.What + ", which no package provides", miss.What})
				}
			}
		}
	}
}

// links finds symbolic links that lead nowhere.
func (c *closure) links() {
	for n := range c.tree.Until(c.ctx) {
		if n.Type == tree.Symlink && c.tree.Resolve(n.Path) == nil && !c.excepted(c.known.Dangling, n.Path) {
			c.fault(n, "links to "+n.Link+", which is not in the image", "")
		}
	}
}
