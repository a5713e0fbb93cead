// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/until"
)

// packer takes packages in any order and makes a table of them. A text that
// packages have in common, such as the name of a dependency, it keeps once.
type packer struct {
	numbers map[string]uint32 // of texts
	texts   []string
	rows    []row
	data    []byte // entries, as they came
	kinds   [2][]offer
	abis    []uint32
}

// row is where a package is in data, and what it is sorted by, as numbers of texts.
type row struct{ name, version, from, to uint32 }

// offer is a text that a package offers to others.
type offer struct{ text, entry uint32 }

// number returns the number of a text.
func (p *packer) number(text string) uint32 {
	n, known := p.numbers[text]
	if !known {
		if p.numbers == nil {
			p.numbers = map[string]uint32{}
		}
		n = uint32(len(p.texts))
		p.numbers[text] = n
		p.texts = append(p.texts, text)
	}
	return n
}

// add adds a package. An entry has the numbers of its name, version and ABI, its
// OSVersion, its lists, each with its length first, and what no other has: origin,
// path, sum and size.
func (p *packer) add(s *pkgfile.Summary) {
	r := row{name: p.number(s.Name), version: p.number(s.Version), from: uint32(len(p.data))}
	abi, entry := p.number(s.ABI), uint32(len(p.rows))
	if !slices.Contains(p.abis, abi) {
		p.abis = append(p.abis, abi)
	}
	for _, n := range []uint32{r.name, r.version, abi} {
		p.data = binary.AppendUvarint(p.data, uint64(n))
	}
	p.data = binary.AppendVarint(p.data, int64(s.OSVersion))
	for _, list := range listsOf(s) {
		p.data = binary.AppendUvarint(p.data, uint64(len(*list)))
		for _, text := range *list {
			p.data = binary.AppendUvarint(p.data, uint64(p.number(text)))
		}
	}
	for i, list := range [][]string{shlibs: s.ShlibsProvided, provides: s.Provides} {
		for _, text := range list {
			p.kinds[i] = append(p.kinds[i], offer{p.number(text), entry})
		}
	}
	for _, text := range []string{s.Origin, s.Path, string(s.Sum)} {
		p.data = binary.AppendUvarint(p.data, uint64(len(text)))
		p.data = append(p.data, text...)
	}
	p.data = binary.AppendVarint(p.data, s.Size)
	r.to = uint32(len(p.data))
	p.rows = append(p.rows, r)
}

// listsOf are the lists of a package in the order of an entry.
func listsOf(s *pkgfile.Summary) [8]*[]string {
	return [...]*[]string{&s.Deps, &s.ShlibsRequired, &s.ShlibsRequiredIgnore, &s.ShlibsProvided, &s.ShlibsProvidedIgnore,
		&s.Provides, &s.Requires, &s.Conflicts}
}

// table sorts the packages, and returns which of those that were added is where.
func (p *packer) table(ctx context.Context) (*table, []uint32, error) {
	order := make([]uint32, len(p.rows))
	for i := range order {
		order[i] = uint32(i)
	}
	err := until.SortStable(ctx, order, func(a, b uint32) int {
		x, y := &p.rows[a], &p.rows[b]
		return cmp.Or(strings.Compare(p.texts[x.name], p.texts[y.name]), strings.Compare(p.texts[x.version], p.texts[y.version]))
	})
	if err != nil {
		return nil, nil, err
	}
	t := &table{texts: newColumn(len(p.texts)), entries: newColumn(len(order)), abis: appendNumbers(nil, p.abis...)}
	for _, text := range p.texts {
		t.texts.append([]byte(text))
	}
	place := make([]uint32, len(order))
	t.entries.data = make([]byte, 0, len(p.data))
	for i, old := range order {
		place[old] = uint32(i)
		t.entries.append(p.data[p.rows[old].from:p.rows[old].to])
	}
	for i, list := range p.kinds {
		for j := range list {
			list[j].entry = place[list[j].entry]
		}
		err := until.Sort(ctx, list, func(a, b offer) int {
			return cmp.Or(strings.Compare(p.texts[a.text], p.texts[b.text]), cmp.Compare(a.entry, b.entry))
		})
		if err != nil {
			return nil, nil, err
		}
		for _, o := range list {
			t.kinds[i] = appendNumbers(t.kinds[i], o.text, o.entry)
		}
	}
	return t, order, nil
}

// appendNumbers appends numbers of four bytes each.
func appendNumbers(b []byte, list ...uint32) []byte {
	for _, n := range list {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}
