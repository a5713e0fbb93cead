// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// checkLayers compares each layer's entries with the lock. Entries that upper layers
// hide count, since the image still has them. Packages' files have been compared
// with the pkg database, whose sum the lock has.
func checkLayers(ctx context.Context, a *artifact.Artifact, l *lock.Lock) []error {
	written, below := l.Written(), l.Below()
	c := layerCheck{owners: a.Owners(), places: places(l, written), known: a.Packages != nil && ownDatabase(a), below: below, others: l.Parent != nil}
	for _, step := range l.Layers {
		c.epochs = append(c.epochs, step.Epoch)
	}
	for i := range min(len(written), len(a.Layers)-below) {
		if !l.Squash {
			c.epochs = []int64{written[i].Epoch()}
		}
		c.layer(ctx, i, written[i], a.Layers[below+i])
	}
	if c.other && ownDatabase(a) {
		c.errs = append(c.errs, checkNormal(ctx, a, l.Layers[len(l.Layers)-1].Epoch)...)
	}
	return c.errs
}

// places are the layers of packages by their names.
func places(l *lock.Lock, written []lock.Written) map[string]place {
	of := map[string]place{}
	for _, p := range l.Packages {
		if l.Squash && !p.Donor {
			of[p.Name] = place{}
		}
	}
	if l.Squash {
		return of
	}
	for i, w := range written {
		if w.Part != nil {
			for _, name := range w.Part.Packages {
				of[name] = place{i, fmt.Sprintf("layer %d", l.Below()+i+1)}
			}
			continue
		}
		for _, p := range l.Packages {
			if _, placed := of[p.Name]; !placed && !p.Donor && p.Layer == w.Step.Image {
				of[p.Name] = place{i, "the layer of " + p.Layer}
			}
		}
	}
	return of
}

// place is where a package is: a layer, and what it is called.
type place struct {
	layer int
	name  string
}

// layerCheck collects what is wrong with the entries of layers.
type layerCheck struct {
	owners *artifact.Owners
	places map[string]place // by package
	below  int              // layers of the parent
	others bool             // packages of a parent are in the database, too
	known  bool             // the pkg database could be read
	epochs []int64          // possible times of a generated file
	other  bool             // the last pkg database is not the lock's
	errs   []error
}

func (c *layerCheck) layer(ctx context.Context, i int, w lock.Written, nodes tree.Part) {
	name := fmt.Sprintf("layer %d", c.below+i+1)
	wanted, directories := map[string]lock.Generated{}, ""
	if w.Part != nil {
		directories = w.Part.Directories
	} else {
		directories = w.Step.Directories
		for _, g := range w.Step.Generated {
			wanted[g.Path] = g
		}
	}
	var dirs []*tree.Node
	for n := range nodes.All() {
		if ctx.Err() != nil {
			c.errs = append(c.errs, ctx.Err())
			return
		}
		g, generated := wanted[n.Path]
		delete(wanted, n.Path)
		owner := c.owners.Of(n.Path)
		of, placed := c.places[owner]
		switch {
		case generated:
			c.generated(name, n, g)
		case n.Type == tree.Dir:
			dirs = append(dirs, new(*n))
		case layer.IsWhiteout(n): // checkOwn reports it
		case owner == "" && c.known:
			c.fault(name, n.Path, "file", "there", "none: no package has it, and orlop does not make it")
		case !placed && owner != "" && c.others:
			c.fault(name, n.Path, "file of "+owner, "there", "it only in a layer of the parent, which has that package")
		case placed && of.layer != i:
			c.fault(name, n.Path, "file of "+owner, "there", "it in "+of.name)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(wanted)) {
		c.fault(name, path, "file", "absent", "the one that orlop made")
	}
	found, err := lock.DirectoriesDigest(ctx, dirs)
	if err != nil {
		c.errs = append(c.errs, err)
	} else if found != directories {
		c.fault(name, "paths, modes, owners, times and flags of its directories", "sha256", found, directories)
	}
}

// generated compares a file or link with the one that was made.
func (c *layerCheck) generated(name string, n *tree.Node, g lock.Generated) {
	kind := tree.File
	if g.Link != "" {
		kind = tree.Symlink
	}
	if n.Type != kind {
		c.fault(name, n.Path, "type", n.Type.String(), kind.String())
		return
	}
	sha256 := n.Digest.String()
	if n.Path == pkgdb.Path {
		c.other = sha256 != g.SHA256
	}
	mode := g.Mode
	if kind == tree.File { // that of a link has no effect
		mode = fmt.Sprintf("%04o", n.Mode)
	}
	for _, f := range []struct{ fact, found, wanted string }{
		{"sha256", sha256, g.SHA256}, {"link", n.Link, g.Link}, {"mode", mode, g.Mode},
		{"uname", n.Uname, cmp.Or(g.Uname, "root")}, {"gname", n.Gname, cmp.Or(g.Gname, "wheel")}, {"flags", n.Flags, ""},
	} {
		if f.found != f.wanted {
			c.fault(name, n.Path, f.fact, fault.Shown(f.found), fault.Shown(f.wanted)+", as its lock has it")
		}
	}
	if !slices.Contains(c.epochs, n.Time) {
		c.fault(name, n.Path, "time", fmt.Sprint(n.Time), fmt.Sprintf("%d, the layer's epoch", c.epochs[0]))
	}
}

func (c *layerCheck) fault(layer, subject, fact, found, wanted string) {
	c.errs = append(c.errs, &pkgdb.Fault{Subject: layer + ": " + subject, Fact: fact, Found: found, Wanted: wanted})
}
