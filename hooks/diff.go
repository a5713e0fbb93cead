// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/release/tree"
)

// Part says what a difference is about. The parts come in this order, from what
// most readers want to know to what explains the last byte.
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
	Change  string   `json:"change"`            // added, removed, up, down, or in what it differs
	Old     string   `json:"old,omitempty"`
	New     string   `json:"new,omitempty"`
	Detail  []string `json:"detail,omitempty"` // lines that show it

	OnlyTime bool `json:"only_time,omitempty"` // of a file or row: nothing else differs
}

// Compare lists in what the second image differs from the first, bytes of files
// and layers apart.
func Compare(ctx context.Context, a, b *Artifact) []Difference {
	d := &differ{a: a, b: b, owners: map[string]string{}, gone: map[string]bool{}, changed: map[string]bool{}, moved: map[string]bool{}}
	for _, side := range []*Artifact{a, b} {
		maps.Copy(d.owners, side.owners())
	}
	d.packages()
	d.image()
	d.files(ctx)
	d.database(ctx)
	return d.list
}

type differ struct {
	a, b    *Artifact
	owners  map[string]string // packages by path
	gone    map[string]bool   // packages that only one image has
	changed map[string]bool   // packages of which they have two versions
	moved   map[string]bool   // paths that differ
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
	oldSteps, newSteps := d.a.stepsOf(d.a.Packages), d.b.stepsOf(d.b.Packages)
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

// stepsOf names the step that each package came with: that of its first file.
func (a *Artifact) stepsOf(packages []pkgdb.Installed) map[string]string {
	first, steps := map[string]string{}, map[string]string{}
	for _, p := range packages {
		if len(p.Files) > 0 {
			first[p.Files[0].Path] = p.Name
		}
	}
	for i, nodes := range a.Layers {
		for _, n := range nodes {
			if name, is := first[n.Path]; is && steps[name] == "" {
				steps[name] = a.layerName(i)
			}
		}
	}
	return steps
}

// layerName is what the history calls a layer, else its number.
func (a *Artifact) layerName(i int) string {
	if a.Contents != nil {
		n := 0
		for _, h := range a.Config.History {
			if h.EmptyLayer {
				continue
			}
			if n == i {
				if name, ours := strings.CutPrefix(h.CreatedBy, "orlop "); ours {
					return name
				}
			}
			n++
		}
	}
	return fmt.Sprint(i + 1)
}

// image compares the documents. What digests of layers differ is said too: it
// is all that another program may have changed.
func (d *differ) image() {
	changes, changed := imageChanges(d.a, d.b), map[string]bool{}
	for _, c := range changes {
		changed[c.Key] = true
	}
	for _, c := range changes {
		if above, is := strings.CutSuffix(c.Key, ".size"); is && changed[above+".digest"] {
			continue // its digest is said
		}
		d.add(Difference{Part: PartImage, Subject: c.Key, Change: "changed", Old: c.Old, New: c.New})
	}
}

// maxParted bounds documents that are taken apart. Real ones have some 100 KB.
const maxParted = 2 << 20

// imageChanges compares the documents of the images.
func imageChanges(a, b *Artifact) []keyChange {
	if a.Contents == nil || b.Contents == nil {
		return nil
	}
	return documentChanges([]documents{
		{"config", a.Texts.Config, b.Texts.Config}, {"manifest", a.Texts.Manifest, b.Texts.Manifest},
	})
}

// Wrapping tells in what the layouts around two images differ, which is no
// difference of the images.
func Wrapping(a, b *Artifact) []string {
	if a.Contents == nil || b.Contents == nil {
		return nil
	}
	var list []string
	for _, c := range documentChanges([]documents{
		{"index", a.Texts.Index, b.Texts.Index}, {"oci-layout", a.Texts.Layout, b.Texts.Layout},
	}) {
		if !follows(strings.TrimPrefix(c.Key, "index ")) {
			list = append(list, fmt.Sprintf("%s: %s -> %s", c.Key, cmp.Or(c.Old, "none"), cmp.Or(c.New, "none")))
		}
	}
	return list
}

// documents are two of one name.
type documents struct {
	name     string
	old, now []byte
}

// documentChanges compares documents as they are written. The key of a change
// starts with the document's name.
func documentChanges(pairs []documents) []keyChange {
	var list []keyChange
	for _, doc := range pairs {
		var changes []keyChange
		if len(doc.old)+len(doc.now) <= maxParted && json.Valid(doc.old) && json.Valid(doc.now) {
			changes = jsonChanges(json.RawMessage(doc.old), json.RawMessage(doc.now))
		}
		if len(changes) == 0 && !bytes.Equal(doc.old, doc.now) {
			changes = []keyChange{{"as it is written", "sha256 " + hexDigest(doc.old), "sha256 " + hexDigest(doc.now)}}
		}
		for _, c := range changes {
			list = append(list, keyChange{doc.name + " " + c.Key, c.Old, c.New})
		}
	}
	return list
}

// files compares the trees, package by package.
func (d *differ) files(ctx context.Context) {
	var list []Difference
	for _, c := range tree.Diff(ctx, d.a.Tree, d.b.Tree) {
		d.moved[c.Path] = true
		x := Difference{Part: PartFiles, Package: d.owners[c.Path], Subject: c.Path}
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
			x.Change, x.Old, x.New = strings.Join(what, ", "), c.A.Digest, c.B.Digest
			if x.Old == x.New {
				x.Old, x.New = "", ""
			}
		}
		list = append(list, x)
	}
	slices.SortStableFunc(list, func(x, y Difference) int { return strings.Compare(x.Package, y.Package) })
	d.list = append(d.list, list...)
}

// database compares rows, without those of packages and files that are said
// already.
func (d *differ) database(ctx context.Context) {
	if d.a.content == nil || d.b.content == nil {
		if (d.a.content == nil) != (d.b.content == nil) {
			d.add(Difference{Part: PartDatabase, Subject: databasePath, Change: map[bool]string{true: "added", false: "removed"}[d.a.content == nil]})
		}
		return
	}
	changes, _ := pkgdb.Diff(ctx, d.a.content, d.b.content) // which fails with the context only, as what follows does
	for _, c := range changes {
		said := (c.What == "file" || c.What == "directory") && d.moved[c.Name] || c.What == "package" && c.Field == "version" ||
			c.Field == "manifest digest" && d.changed[c.Package]
		if said || d.gone[c.Package] {
			continue
		}
		d.add(Difference{Part: PartDatabase, Package: c.Package, Subject: strings.TrimSpace(c.What + " " + c.Name),
			Change: strings.TrimSpace(c.String()), Old: c.Old, New: c.New, OnlyTime: c.Field == "time"})
	}
}
