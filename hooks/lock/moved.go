// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgver"
)

// Movement is a package in which a new image would differ from a lock.
type Movement struct {
	Image   string `json:"image"`
	Layer   string `json:"layer"`
	Package string `json:"package"`
	Change  string `json:"change"` // added, removed, up, down, or rebuilt: other bytes of the same version
	Old     string `json:"old,omitempty"`
	New     string `json:"new,omitempty"`
	OldSum  string `json:"old_sum,omitempty"`
	NewSum  string `json:"new_sum,omitempty"`
	Donor   bool   `json:"donor"`
	// Skipped are the scripts of the old package that the lock skips: those of the new one
	// may be others.
	Skipped []string `json:"skipped,omitempty"`
}

// Movements compares the packages of a lock with today's, layer by layer. A package
// that moved to another layer is removed from one and added to the other. New
// packages for which skip is true are left out.
func Movements(l *Lock, now []Package, skip func(Package) bool) []Movement {
	type place struct {
		name, layer string
		donor       bool
	}
	at := func(p Package) place { return place{p.Name, p.Layer, p.Donor} }
	old, new := map[place]Package{}, map[place]Package{}
	for _, p := range l.Packages {
		old[at(p)] = p
	}
	for _, p := range now {
		new[at(p)] = p
	}
	var list []Movement
	for key, p := range old {
		x := Movement{Image: l.Image, Layer: p.Layer, Package: p.Name, Old: p.Version, OldSum: p.Sum, Donor: p.Donor, Change: "removed"}
		if q, has := new[key]; has {
			x.Change, x.New, x.NewSum = changeOf(p, q), q.Version, q.Sum
			x.Skipped = l.skipped(p)
		}
		if x.Change != "" {
			list = append(list, x)
		}
	}
	for key, p := range new {
		if _, had := old[key]; !had && !skip(p) {
			list = append(list, Movement{Image: l.Image, Layer: p.Layer, Package: p.Name, New: p.Version, NewSum: p.Sum, Donor: p.Donor, Change: "added"})
		}
	}
	depth := map[string]int{}
	for i, layer := range l.Layers {
		depth[layer.Image] = i
	}
	slices.SortFunc(list, func(a, b Movement) int {
		return cmp.Or(cmp.Compare(depth[a.Layer], depth[b.Layer]), strings.Compare(a.Package, b.Package), strings.Compare(fmt.Sprint(a.Donor), fmt.Sprint(b.Donor)))
	})
	return list
}

// skipped lists the phases of a package's scripts that the lock skips.
func (l *Lock) skipped(p Package) []string {
	var phases []string
	for _, layer := range l.Layers {
		for _, s := range layer.SkippedScripts {
			if layer.Image == p.Layer && s.Package == p.Name+"-"+p.Version {
				phases = append(phases, s.Phase)
			}
		}
	}
	return phases
}

// changeOf names the change of a package, "" for none.
func changeOf(old, new Package) string {
	switch n := pkgver.Compare(old.Version, new.Version); {
	case n < 0:
		return "up"
	case n > 0:
		return "down"
	case old.Sum != new.Sum || old.Version != new.Version:
		return "rebuilt"
	}
	return ""
}
