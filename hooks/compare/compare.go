// SPDX-License-Identifier: BSD-2-Clause

// Package compare reports how two images differ: in packages, documents, files, rows
// of the pkg database, and the bytes of all these.
package compare

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/release/tree"
)

// Part says what a difference is about. The parts are in this order, from what most
// readers want to know to what explains the last byte.
type Part string

// The parts of a comparison.
const (
	PartPackages Part = "packages"
	PartImage    Part = "image"
	PartFiles    Part = "files"
	PartDatabase Part = "database"
	PartBytes    Part = "bytes"
)

// Difference is one thing in which two images differ.
type Difference struct {
	Part    Part     `json:"part"`
	Layer   string   `json:"layer,omitempty"`   // the step of a package or file
	Package string   `json:"package,omitempty"` // of a file or row
	Subject string   `json:"subject"`           // a package, a key of the config, a path, …
	Change  string   `json:"change"`            // added, removed, up, down, or what differs
	Old     string   `json:"old,omitempty"`
	New     string   `json:"new,omitempty"`
	Detail  []string `json:"detail,omitempty"` // lines that show it

	OnlyTime bool `json:"only_time,omitempty"` // of a file or row: nothing else differs
}

// Artifacts lists how the second image differs from the first, apart from the bytes
// of files and layers.
func Artifacts(ctx context.Context, a, b *artifact.Artifact) []Difference {
	d := &differ{a: a, b: b, gone: map[string]bool{}, changed: map[string]bool{}, moved: map[string]bool{}}
	rows := d.rows(ctx)
	d.packages()
	d.image()
	d.files(ctx)
	d.database(<-rows)
	return d.list
}

type differ struct {
	a, b    *artifact.Artifact
	gone    map[string]bool // packages that only one image has
	changed map[string]bool // packages whose versions differ
	moved   map[string]bool // paths that differ
	list    []Difference
}

func (d *differ) add(x Difference) { d.list = append(d.list, x) }

func (d *differ) packages() {
	old, now := byName(d.a.Packages), byName(d.b.Packages)
	names := slices.Collect(maps.Keys(old))
	for name := range now {
		if _, both := old[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	oldSteps, newSteps := d.a.StepsOf(d.a.Packages), d.b.StepsOf(d.b.Packages)
	for _, name := range names {
		p, had := old[name]
		q, has := now[name]
		x := Difference{Part: PartPackages, Subject: name}
		switch {
		case !had:
			x.Change, x.New, x.Layer, d.gone[name] = "added", q.Version, newSteps[name], true
		case !has:
			x.Change, x.Old, x.Layer, d.gone[name] = "removed", p.Version, oldSteps[name], true
		case p.Version == q.Version:
			continue
		default:
			x.Change, x.Old, x.New, x.Layer, d.changed[name] = "up", p.Version, q.Version, newSteps[name], true
			if pkgver.Compare(p.Version, q.Version) > 0 {
				x.Change = "down"
			}
		}
		d.add(x)
	}
}

func byName(list []pkgdb.Installed) map[string]pkgdb.Installed {
	named := map[string]pkgdb.Installed{}
	for _, p := range list {
		named[p.Name] = p
	}
	return named
}

// image compares the documents. It also reports the digests of layers: another
// program may have changed nothing else.
func (d *differ) image() {
	changes, changed := imageChanges(d.a, d.b), map[string]bool{}
	for _, c := range changes {
		changed[c.Key] = true
	}
	for _, c := range changes {
		if above, is := strings.CutSuffix(c.Key, ".size"); is && changed[above+".digest"] {
			continue // its digest is reported
		}
		d.add(Difference{Part: PartImage, Subject: c.Key, Change: "changed", Old: c.Old, New: c.New})
	}
}

// files compares the trees, package by package.
func (d *differ) files(ctx context.Context) {
	var list []Difference
	for _, c := range tree.Diff(ctx, d.a.Tree, d.b.Tree) {
		d.moved[c.Path] = true
		x := Difference{Part: PartFiles, Package: d.owner(c.Path), Subject: c.Path}
		switch {
		case c.A == nil:
			x.Change = "added"
		case c.B == nil:
			x.Change = "removed"
		default:
			var what []string
			for _, w := range c.What {
				if strings.HasPrefix(w, "digest ") {
					w = "content"
				}
				what = append(what, w)
			}
			x.OnlyTime = len(what) == 1 && strings.HasPrefix(what[0], "time is ")
			x.Change, x.Old, x.New = strings.Join(what, ", "), c.A.Digest.String(), c.B.Digest.String()
			if x.Old == x.New {
				x.Old, x.New = "", ""
			}
		}
		list = append(list, x)
	}
	slices.SortStableFunc(list, func(x, y Difference) int { return strings.Compare(x.Package, y.Package) })
	d.list = append(d.list, list...)
}

// owner is the package of a path, that in the second image if both have one.
func (d *differ) owner(path string) string {
	return cmp.Or(d.b.Owners().Of(path), d.a.Owners().Of(path))
}

// rows compares the databases, while files are compared.
func (d *differ) rows(ctx context.Context) <-chan []pkgdb.Change {
	found := make(chan []pkgdb.Change, 1)
	if d.a.Content == nil || d.b.Content == nil {
		found <- nil
		return found
	}
	go func() {
		changes, _ := pkgdb.Diff(ctx, d.a.Content, d.b.Content) // only the context makes it fail, and what follows
		found <- changes
	}()
	return found
}

// database reports changes of rows, without the packages and files that are reported
// already.
func (d *differ) database(changes []pkgdb.Change) {
	if (d.a.Content == nil) != (d.b.Content == nil) {
		d.add(Difference{Part: PartDatabase, Subject: pkgdb.Path, Change: map[bool]string{true: "added", false: "removed"}[d.a.Content == nil]})
	}
	for _, c := range changes {
		reported := (c.What == "file" || c.What == "directory") && d.moved[c.Name] || c.What == "package" && c.Field == "version" ||
			c.Field == "manifest digest" && d.changed[c.Package]
		if reported || d.gone[c.Package] {
			continue
		}
		d.add(Difference{Part: PartDatabase, Package: c.Package, Subject: strings.TrimSpace(c.What + " " + c.Name),
			Change: strings.TrimSpace(c.String()), Old: c.Old, New: c.New, OnlyTime: c.Field == "time"})
	}
}
