// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// UnpackManifest reads what Manifest.Append wrote, and returns what follows it. It
// believes nothing: whatever the bytes are, it takes memory in proportion to them.
func UnpackManifest(b []byte) (*Manifest, []byte, error) {
	u := unpacker{b: b}
	m := new(Manifest)
	for _, text := range m.texts() {
		*text = u.text()
	}
	m.FlatSize = u.signed()
	flags := u.flags(2)
	m.Vital, m.DepFormula = flags&1 != 0, u.optional(flags&2 != 0)
	for _, list := range m.lists() {
		*list = u.list()
	}
	m.Deps = many(&u, 3, func() Dep { return Dep{u.text(), u.text(), u.text()} })
	pair := func() Pair { return Pair{u.text(), u.text()} }
	m.Options, m.Annotations = many(&u, 2, pair), many(&u, 2, pair)
	script := func() Script { return Script{u.text(), u.text()} }
	m.Scripts, m.LuaScripts = many(&u, 2, script), many(&u, 2, script)
	m.Messages = many(&u, 3, func() Message {
		o := Message{Text: u.text(), Type: u.text()}
		flags := u.flags(2)
		o.MinVersion, o.MaxVersion = u.optional(flags&1 != 0), u.optional(flags&2 != 0)
		return o
	})
	m.Dirs = many(&u, 7, func() Dir {
		d := Dir{Path: u.text()}
		t := u.traits()
		if d.Attr = t.Attr; t.hasFlags {
			d.Flags = &t.flags
		}
		return d
	})
	for i := range m.Dirs {
		u.want(i == 0 || m.Dirs[i-1].Path < m.Dirs[i].Path)
	}
	u.files(&m.Files)
	return m, u.b, u.err
}

var errPacked = errors.New("is not what was packed")

// unpacker reads values one after the other. After the first fault, all are zero.
type unpacker struct {
	b   []byte
	err error
}

// want is about what must be so.
func (u *unpacker) want(is bool) bool {
	if !is {
		u.b, u.err = nil, errPacked
	}
	return is
}

func (u *unpacker) uvarint() uint64 { return varint(u, binary.Uvarint) }
func (u *unpacker) signed() int64   { return varint(u, binary.Varint) }

// varint reads a number of a length of its own.
func varint[T int64 | uint64](u *unpacker, read func([]byte) (T, int)) T {
	v, n := read(u.b)
	if !u.want(n > 0) {
		return 0
	}
	u.b = u.b[n:]
	return v
}

// below reads a number below a limit.
func (u *unpacker) below(limit int) uint32 {
	n := u.uvarint()
	if !u.want(n < uint64(limit)) {
		return 0
	}
	return uint32(n)
}

func (u *unpacker) bits32() uint32 {
	n := u.uvarint()
	if !u.want(n <= math.MaxUint32) {
		return 0
	}
	return uint32(n)
}

// count reads a number of things that take so many bytes or more each.
func (u *unpacker) count(bytes int) int {
	n := u.uvarint()
	if !u.want(n <= uint64(len(u.b)/bytes)) {
		return 0
	}
	return int(n)
}

func (u *unpacker) bytes(n int) []byte {
	if !u.want(n <= len(u.b)) {
		return nil
	}
	b := u.b[:n]
	u.b = u.b[n:]
	return b
}

func (u *unpacker) text() string { return string(u.bytes(u.count(1))) }

func (u *unpacker) optional(is bool) *string {
	if !is {
		return nil
	}
	text := u.text()
	return &text
}

func (u *unpacker) list() []string { return many(u, 1, u.text) }

// many reads a list of things that take so many bytes or more each, nil for none.
func many[T any](u *unpacker, bytes int, read func() T) []T {
	n := u.count(bytes)
	if n == 0 {
		return nil
	}
	list := make([]T, n)
	for i := range list {
		list[i] = read()
	}
	return list
}

// flags reads so many flags.
func (u *unpacker) flags(n int) byte {
	b := u.bytes(1)
	if u.err != nil || !u.want(b[0]>>n == 0) {
		return 0
	}
	return b[0]
}

func (u *unpacker) attr(known bool) Attr {
	return Attr{Known: known, Uname: u.text(), Gname: u.text(), Perm: u.bits32()}
}

func (u *unpacker) traits() traits {
	b := u.flags(6)
	t := traits{hasFlags: b&2 != 0, hasTime: b&4 != 0, isLink: b&8 != 0, isConfig: b&16 != 0, hasLink: b&32 != 0}
	t.sum = spelling(u.below(int(otherwise) + 1))
	t.Attr, t.flags = u.attr(b&1 != 0), u.bits32()
	return t
}

// files reads files, which must be in order.
func (u *unpacker) files(f *Files) {
	f.traits = many(u, 6, u.traits)
	n := u.count(2)
	if n == 0 {
		return
	}
	f.list, f.text = make([]packed, 0, n), new(strings.Builder)
	f.text.WriteString(u.text()) // of the very size
	at, before := 0, int64(0)
	for i := range n {
		p := packed{at: at, traits: u.below(len(f.traits)), path: u.below(f.text.Len() - at + 1)}
		if u.err != nil {
			break
		}
		t := &f.traits[p.traits]
		if t.hasTime {
			p.time = before + u.signed()
			before = p.time
		}
		if t.sum == typed || t.sum == bare {
			copy(p.sum[:], u.bytes(len(p.sum)))
		}
		f.list = append(f.list, p)
		if at = f.end(i); !u.want(at >= 0 && (i == 0 || f.Path(i-1) < f.Path(i))) {
			break
		}
	}
	if u.want(at == f.text.Len()) {
		return
	}
	*f = Files{}
}

// end returns where a file ends in the text, -1 for beyond.
func (f *Files) end(i int) int {
	p := &f.list[i]
	t := &f.traits[p.traits]
	at, size := p.at+int(p.path), f.text.Len()
	for _, has := range []bool{t.hasLink, t.sum.inText()} {
		switch {
		case !has:
		case at+4 > size || f.lengthAt(at) < 0 || f.lengthAt(at) > size-at-4: // of 32 bits, an int may be negative
			return -1
		default:
			at += 4 + f.lengthAt(at)
		}
	}
	if t.sum == blake && len(f.sumText(i)) != sum.BLAKE2bSize {
		return -1
	}
	return at
}
