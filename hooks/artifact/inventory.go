// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"cmp"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// Share is a package's share of a layer.
type Share struct {
	Layer   string `json:"layer"`
	Package string `json:"package"` // "" for files of no package
	Files   int    `json:"files"`   // and links
	Bytes   int64  `json:"bytes"`
}

// Shares lists what makes an image large: layer by layer, the largest package first.
// A file that an upper layer hides counts, since the image still has it.
func (a *Artifact) Shares() []Share {
	owners := a.Owners()
	var list []Share
	for i, nodes := range a.Layers {
		byPackage := map[string]*Share{}
		for _, n := range nodes {
			if !counts(n) {
				continue
			}
			s := byPackage[owners[n.Path]]
			if s == nil {
				s = &Share{Layer: a.LayerName(i), Package: owners[n.Path]}
				byPackage[s.Package] = s
			}
			s.Files++
			s.Bytes += n.Size
		}
		var shares []Share
		for _, s := range byPackage {
			shares = append(shares, *s)
		}
		slices.SortFunc(shares, func(x, y Share) int {
			return cmp.Or(cmp.Compare(y.Bytes, x.Bytes), strings.Compare(x.Package, y.Package))
		})
		list = append(list, shares...)
	}
	return list
}

// counts reports whether an entry is a file or link. A whiteout removes one.
func counts(n *tree.Node) bool { return n.Type != tree.Dir && !layer.IsWhiteout(n) }

// LayerSum is the total of a layer, or without a name of the image.
type LayerSum struct {
	Layer      string `json:"layer"`
	Files      int    `json:"files"`      // and links
	Bytes      int64  `json:"bytes"`      // of files
	Compressed int64  `json:"compressed"` // bytes of the layer in the archive
}

// Sums returns the total of each layer, and last of the image.
func (a *Artifact) Sums() []LayerSum {
	var all LayerSum
	var list []LayerSum
	for i, nodes := range a.Layers {
		s := LayerSum{Layer: a.LayerName(i), Compressed: a.Read[i].Size}
		for _, n := range nodes {
			if counts(n) {
				s.Files++
				s.Bytes += n.Size
			}
		}
		all.Files, all.Bytes, all.Compressed = all.Files+s.Files, all.Bytes+s.Bytes, all.Compressed+s.Compressed
		list = append(list, s)
	}
	return append(list, all)
}

// Owners maps each path of a package to its name. Nobody may change the map.
func (a *Artifact) Owners() map[string]string { return a.owners }

func ownersOf(pkgs []pkgdb.Installed) map[string]string {
	owners := map[string]string{}
	for _, p := range pkgs {
		for _, d := range p.Dirs {
			owners[d.Path] = p.Name
		}
		for i := range p.Files.Len() {
			owners[p.Files.Path(i)] = p.Name
		}
	}
	return owners
}

// Owner returns the package of a path, "" for none, and the uppermost layer that has
// it. It is false if the image has no such path.
func (a *Artifact) Owner(path string) (name, layer string, ok bool) {
	if a.Tree.Lookup(path) == nil {
		return "", "", false
	}
	for i, nodes := range slices.Backward(a.Layers) {
		if slices.ContainsFunc(nodes, func(n *tree.Node) bool { return n.Path == path }) {
			layer = a.LayerName(i)
			break
		}
	}
	return a.owners[path], layer, true
}

// Reasons says for each package why it is registered: it was requested, or which
// package needs it and for what.
func (a *Artifact) Reasons() map[string]string {
	needs := needers{map[string][]int{}, map[string][]int{}, map[string][]int{}}
	for i, p := range a.Packages {
		for _, d := range p.Deps {
			needs.name.add(d.Name, i)
		}
		for _, what := range p.ShlibsRequired {
			needs.shlib.add(what, i)
		}
		for _, what := range p.Requires {
			needs.word.add(what, i)
		}
	}
	reasons := map[string]string{}
	for i, p := range a.Packages {
		reasons[p.Name] = a.reason(needs, i)
	}
	return reasons
}

// needers has the packages that need something: another by name, a shlib, a word of
// provides. Two of each are enough, since a package is no reason for itself.
type needers struct{ name, shlib, word firstTwo }

type firstTwo map[string][]int

func (f firstTwo) add(what string, i int) {
	if len(f[what]) < 2 {
		f[what] = append(f[what], i)
	}
}

func (a *Artifact) reason(needs needers, i int) string {
	p := a.Packages[i]
	if !p.Automatic {
		return "requested"
	}
	if by := needs.name[p.Name]; by != nil {
		return "dependency of " + a.Packages[by[0]].Name
	}
	best, why := len(a.Packages), "automatic, and nothing needs it"
	for _, kind := range []struct {
		provided []string
		needed   firstTwo
	}{{p.ShlibsProvided, needs.shlib}, {p.Provides, needs.word}} {
		for _, what := range kind.provided {
			for _, by := range kind.needed[what] {
				if by != i && by < best {
					best, why = by, what+" for "+a.Packages[by].Name
				}
			}
		}
	}
	return why
}
