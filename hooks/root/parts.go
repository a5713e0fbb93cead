// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
)

// An image's own packages may be in several layers below its last one, so that an
// update moves few bytes. Packages of one origin stay together. A group of them that
// has at least the average share of all bytes has a layer alone; the others share the
// layers that are left, each where the hash of its name puts it. So the split follows
// from the packages alone, and hardly ever changes with their versions. All of it
// decides bytes.

// group is the packages of one origin.
type group struct {
	key      string
	packages []*input.Package
	size     int64 // bytes of their files
}

// groupKey is what packages have in common that stay together: the origin of a port.
// Base packages may have one origin for all, which is no folder of one port.
func groupKey(f *input.Package) string {
	if strings.Contains(f.Manifest.Origin, "/") {
		return f.Manifest.Origin
	}
	return f.Name
}

// groupsOf groups packages, in the order of keys.
func groupsOf(packages []*input.Package) []*group {
	byKey := map[string]*group{}
	var list []*group
	for _, f := range packages {
		g := byKey[groupKey(f)]
		if g == nil {
			g = &group{key: groupKey(f)}
			byKey[g.key], list = g, append(list, g)
		}
		g.packages, g.size = append(g.packages, f), g.size+f.Manifest.FlatSize
	}
	slices.SortFunc(list, func(a, b *group) int { return strings.Compare(a.key, b.key) })
	return list
}

// divide puts groups into at most that many layers, numbered by the rule. A size counts
// by the power of two below it, so that a version that is a bit larger changes nothing.
func divide(groups []*group, most int) map[*group]int {
	place, total := map[*group]int{}, int64(0)
	for i, g := range groups {
		place[g], total = i, total+g.size
	}
	if len(groups) <= most {
		return place
	}
	power := func(n int64) int { return bits.Len64(uint64(max(n, 0))) }
	var large []*group
	for _, g := range groups {
		if g.size > 0 && power(g.size) >= power(total/int64(most)) {
			large = append(large, g)
		}
	}
	slices.SortStableFunc(large, func(a, b *group) int { return cmp.Compare(power(b.size), power(a.size)) })
	large = large[:min(len(large), most-1)]
	slices.SortFunc(large, func(a, b *group) int { return strings.Compare(a.key, b.key) })
	for _, g := range groups {
		if i := slices.Index(large, g); i >= 0 {
			place[g] = i
			continue
		}
		hash := sha256.Sum256([]byte(g.key))
		place[g] = len(large) + int(binary.BigEndian.Uint64(hash[:8])%uint64(most-len(large)))
	}
	return place
}

// splitOf returns the packages of the layers below the last one, lowest first, each by
// name; nil for none. What an earlier lock has in its layers stays there; what is new
// goes to its origin, else to those with which the rule would put it.
func splitOf(packages []*input.Package, earlier []lock.Part, most int) [][]*input.Package {
	groups := groupsOf(packages)
	rule := divide(groups, most)
	at := map[string]int{} // layer by name of a package
	for i, part := range earlier {
		for _, name := range part.Packages {
			at[name] = i
		}
	}
	home, of := homes(groups, rule, at)
	layers := make([][]*input.Package, len(earlier))
	slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Compare(rule[a], rule[b]) })
	for _, g := range groups {
		i, known := home[g]
		if !known {
			if i, known = of[rule[g]]; !known && len(layers) < most {
				i, layers = len(layers), append(layers, nil)
			} else if !known {
				i = rule[g] % len(layers)
			}
			of[rule[g]] = i
		}
		for _, f := range g.packages {
			to := i
			if old, has := at[f.Name]; has {
				to = old
			}
			layers[to] = append(layers[to], f)
		}
	}
	for _, list := range layers {
		slices.SortFunc(list, func(a, b *input.Package) int { return strings.Compare(a.Name, b.Name) })
	}
	return slices.DeleteFunc(layers, func(list []*input.Package) bool { return len(list) == 0 })
}

// homes are the lowest layers that have a package of a group, and of those that the
// rule would put into one layer.
func homes(groups []*group, rule map[*group]int, at map[string]int) (home map[*group]int, of map[int]int) {
	home, of = map[*group]int{}, map[int]int{}
	for _, g := range groups {
		for _, f := range g.packages {
			i, old := at[f.Name]
			if !old {
				continue
			}
			if first, known := home[g]; !known || i < first {
				home[g] = i
			}
			if first, known := of[rule[g]]; !known || i < first {
				of[rule[g]] = i
			}
		}
	}
	return home, of
}

// part is a layer of some packages of a step.
type part struct {
	packages []*input.Package // by name
	epoch    int64
}

// split finds out which layers the packages of a step are in.
func (b *Builder) split(m *Root) error {
	earlier, most := []lock.Part(nil), m.Def.Layers.AtMost-1
	switch {
	case b.Settings.Squash || !m.Def.Layers.Split():
		return nil
	case m.Pinned != nil:
		earlier = m.Pinned.Parts
	case m.Renews != nil:
		earlier = lock.PartsOf([]*lock.Lock{m.Renews}, m.Def.Name, m.Renews.ABI)
	default:
		earlier = lock.PartsOf(b.LayersFrom, m.Def.Name, b.Family.Release.ABI)
	}
	if len(earlier) > most {
		return fault.Usagef("its lock has its packages in %d layers, and the definition in at most %d", len(earlier), most)
	}
	var packages []*input.Package
	for _, f := range m.Packages {
		if f.Manifest.Files.Len()+len(f.Manifest.Dirs) > 0 {
			packages = append(packages, f)
		}
	}
	for _, packages := range splitOf(packages, earlier, most) {
		m.parts = append(m.parts, part{packages, m.epochOfPart(packages)})
	}
	return nil
}

// epochOfPart is the newest file time of its packages, bounded by the step's epoch. If
// they have none, it is that of what is below the step.
func (m *Root) epochOfPart(packages []*input.Package) int64 {
	last := newest(nil, packages)
	switch {
	case last != nil:
		return max(0, min(*last, m.Epoch))
	case m.Parent != nil:
		return min(m.Parent.Epoch, m.Epoch)
	case m.Base != nil && m.Base.Dated:
		return max(0, min(m.Base.Newest, m.Epoch))
	}
	return 0
}
