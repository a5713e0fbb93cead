// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"encoding/binary"
	"maps"
	"slices"
)

// Append adds a manifest to b in a form that UnpackManifest reads back as it was,
// without parsing it. The form is for notes of one program, not for others: nothing
// in it says which version it is.
func (m *Manifest) Append(b []byte) []byte {
	p := packer{b}
	for _, text := range m.texts() {
		p.text(*text)
	}
	p.signed(m.FlatSize)
	p.flags(m.Vital, m.DepFormula != nil)
	p.optional(m.DepFormula)
	for _, list := range m.lists() {
		p.list(*list)
	}
	p.number(len(m.Deps))
	for _, d := range m.Deps {
		p.texts(d.Name, d.Origin, d.Version)
	}
	for _, pairs := range [][]Pair{m.Options, m.Annotations} {
		p.number(len(pairs))
		for _, o := range pairs {
			p.texts(o.Name, o.Value)
		}
	}
	for _, scripts := range [][]Script{m.Scripts, m.LuaScripts} {
		p.number(len(scripts))
		for _, s := range scripts {
			p.texts(s.Phase, s.Text)
		}
	}
	p.number(len(m.Messages))
	for _, o := range m.Messages {
		p.texts(o.Text, o.Type)
		p.flags(o.MinVersion != nil, o.MaxVersion != nil)
		p.optional(o.MinVersion)
		p.optional(o.MaxVersion)
	}
	p.number(len(m.Dirs))
	for _, d := range m.Dirs {
		p.text(d.Path)
		t := traits{Attr: d.Attr}
		if d.Flags != nil {
			t.hasFlags, t.flags = true, *d.Flags
		}
		p.traits(&t)
	}
	p.files(&m.Files)
	return p.b
}

// texts are the fields that are single texts.
func (m *Manifest) texts() []*string {
	return []*string{&m.Name, &m.Origin, &m.Version, &m.Comment, &m.Desc, &m.Maintainer, &m.WWW, &m.ABI, &m.Prefix, &m.LicenseLogic, &m.Registered}
}

// lists are the fields that are lists of texts.
func (m *Manifest) lists() []*[]string {
	return []*[]string{&m.Licenses, &m.Categories, &m.Users, &m.Groups, &m.ShlibsRequired, &m.ShlibsRequiredIgnore, &m.ShlibsProvided,
		&m.ShlibsProvidedIgnore, &m.Provides, &m.Requires, &m.Conflicts, &m.Config, &m.Skipped}
}

// packer writes values one after the other.
type packer struct{ b []byte }

func (p *packer) number(n int)     { p.bits32(uint32(n)) } // nothing has as many
func (p *packer) bits32(n uint32)  { p.b = binary.AppendUvarint(p.b, uint64(n)) }
func (p *packer) signed(n int64)   { p.b = binary.AppendVarint(p.b, n) }
func (p *packer) text(text string) { p.number(len(text)); p.b = append(p.b, text...) }

func (p *packer) texts(list ...string) {
	for _, text := range list {
		p.text(text)
	}
}

func (p *packer) list(list []string) {
	p.number(len(list))
	p.texts(list...)
}

// optional writes a text that flags have said to be there.
func (p *packer) optional(text *string) {
	if text != nil {
		p.text(*text)
	}
}

// flags packs up to eight of them.
func (p *packer) flags(list ...bool) {
	var b byte
	for i, is := range list {
		if is {
			b |= 1 << i
		}
	}
	p.b = append(p.b, b)
}

func (p *packer) attr(a *Attr) {
	p.texts(a.Uname, a.Gname)
	p.bits32(a.Perm)
}

func (p *packer) traits(t *traits) {
	p.flags(t.Known, t.hasFlags, t.hasTime, t.isLink, t.isConfig, t.hasLink)
	p.b = append(p.b, byte(t.sum))
	p.attr(&t.Attr)
	p.bits32(t.flags)
}

// perFile is how many bytes most files take beside their text.
const perFile = 48

// files writes the text as it is, and what else a file has beside it.
func (p *packer) files(f *Files) {
	p.number(len(f.traits))
	for i := range f.traits {
		p.traits(&f.traits[i])
	}
	p.number(f.Len())
	if f.Len() == 0 {
		return
	}
	p.b = slices.Grow(p.b, f.text.Len()+len(f.list)*perFile)
	p.text(f.text.String())
	before := int64(0)
	for i := range f.list {
		file := &f.list[i]
		p.bits32(file.traits)
		p.bits32(file.path)
		t := &f.traits[file.traits]
		if t.hasTime {
			p.signed(file.time - before)
			before = file.time
		}
		if t.sum == typed || t.sum == bare {
			p.b = append(p.b, file.sum[:]...)
		}
	}
}

// Append does for entries what the function of a manifest does.
func (s *Entries) Append(b []byte) []byte {
	p := packer{b}
	p.number(len(s.ways))
	for i := range s.ways {
		w := &s.ways[i]
		p.flags(w.known, w.absent, w.unlike, w.isHardLink, w.isLink, w.isSameLink, w.attr.Known)
		p.attr(&w.attr)
		p.bits32(w.flags)
	}
	p.list(s.links)
	before := int64(0)
	for i := range s.list {
		n := &s.list[i]
		p.bits32(n.way)
		w := &s.ways[n.way]
		if !w.known {
			continue
		}
		p.signed(n.size)
		p.signed(n.time - before)
		before = n.time
		if w.isHardLink {
			p.bits32(n.first)
		}
		if !w.isSameLink {
			p.bits32(n.link)
		}
	}
	p.number(len(s.inodes))
	for _, first := range slices.Sorted(maps.Keys(s.inodes)) {
		for _, n := range []uint32{first, s.inodes[first].last, s.inodes[first].flags} {
			p.bits32(n)
		}
	}
	return p.b
}
