// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"context"
	"encoding/binary"
	"errors"
)

// A packed tree has the list first, and then the numbers of the tree's nodes. The list
// has what its nodes share, what few have, the text of all paths, for each entry the
// numbers of these, and the digests. Numbers are varints, texts follow their length, and
// a path may be any bytes. Only the program that packed a tree unpacks it, so a change
// of the form needs no version.

// Pack appends a tree to b, and all of the list that it is of.
func (t *Tree) Pack(ctx context.Context, b []byte) ([]byte, error) {
	order, err := t.inOrder(ctx)
	if err != nil {
		return nil, err
	}
	l := t.list
	if l == nil {
		l = new(List)
	}
	if b, err = l.pack(ctx, b); err != nil {
		return nil, err
	}
	b = binary.AppendUvarint(b, uint64(len(order)))
	last := int64(-1)
	for _, i := range order {
		b, last = binary.AppendVarint(b, int64(i)-last-1), int64(i)
	}
	return b, nil
}

func (l *List) pack(ctx context.Context, b []byte) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(len(l.shared)))
	for _, s := range l.shared {
		b = binary.AppendUvarint(append(b, byte(s.kind), byte(s.origin)), uint64(s.mode))
		b = binary.AppendVarint(binary.AppendVarint(b, int64(s.uid)), int64(s.gid))
		for _, text := range []string{s.uname, s.gname, s.flags, s.owner} {
			b = appendText(b, text)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(l.rare)))
	for _, r := range l.rare {
		b = appendText(appendText(b, r.link), r.records)
	}
	paths := 0
	for i := range l.Len() {
		paths += len(l.Path(i))
	}
	b = binary.AppendUvarint(b, uint64(paths))
	for i := range l.Len() {
		b = append(b, l.Path(i)...)
	}
	b = binary.AppendUvarint(b, uint64(l.Len()))
	var time int64
	for i := range l.Len() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := l.entries.at(i)
		b = binary.AppendUvarint(b, uint64(len(e.path)))
		b = binary.AppendVarint(b, e.time-time)
		b = binary.AppendVarint(b, e.size)
		b = binary.AppendUvarint(b, uint64(e.shared))
		b = binary.AppendUvarint(b, 2*uint64(e.rare)+uint64(min(e.digest, 1)))
		time = e.time
	}
	for i := range l.Len() {
		if e := l.entries.at(i); e.digest != 0 {
			b = append(b, l.digests.at(int(e.digest) - 1)[:]...)
		}
	}
	return b, nil
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// errPacked is a text that Pack did not write.
var errPacked = errors.New("is no packed tree")

// Unpack is the opposite of Pack. It returns what follows the tree, too, and keeps
// nothing of b.
func Unpack(ctx context.Context, b []byte) (t *Tree, list *List, rest []byte, err error) {
	u := &unpacker{b: b}
	list = new(List)
	if err := u.list(ctx, list); err != nil {
		return nil, nil, nil, err
	}
	order := make([]uint32, u.count(1))
	last := int64(-1)
	for i := range order {
		if last += 1 + u.signed(); last < 0 || last >= int64(list.Len()) {
			u.bad = true
			break
		}
		order[i] = uint32(last)
	}
	if u.bad {
		return nil, nil, nil, errPacked
	}
	if len(order) == 0 {
		return new(Tree), list, u.b, ctx.Err()
	}
	return Of(list, order), list, u.b, ctx.Err()
}

// unpacker reads what pack wrote. Once something is bad, it returns zeros.
type unpacker struct {
	b   []byte
	bad bool
}

func (u *unpacker) list(ctx context.Context, l *List) error {
	l.numbers = map[shared]uint32{}
	for range u.count(9) {
		kind, origin := u.bytes(1), u.bytes(1)
		if u.bad {
			return errPacked
		}
		s := shared{kind: Type(kind[0]), origin: Origin(origin[0]), mode: uint32(u.number()), uid: int(u.signed()), gid: int(u.signed()),
			uname: u.text(), gname: u.text(), flags: u.text(), owner: u.text()}
		l.numbers[s] = uint32(len(l.shared))
		l.shared = append(l.shared, s)
	}
	for range u.count(2) {
		l.rare = append(l.rare, rare{u.text(), u.text()})
	}
	paths := u.text()
	var time int64
	digests := uint32(0)
	for range u.count(5) {
		if err := ctx.Err(); err != nil {
			return err
		}
		size := u.number()
		time += u.signed()
		length, of, rare := u.signed(), u.number(), u.number()
		if u.bad || size > uint64(len(paths)) || of >= uint64(len(l.shared)) || rare/2 > uint64(len(l.rare)) {
			return errPacked
		}
		e := l.entries.add()
		*e = entry{path: paths[:size], time: time, size: length, shared: uint32(of), rare: uint32(rare / 2)}
		if paths = paths[size:]; rare%2 != 0 {
			digests++
			e.digest = digests
		}
	}
	if u.bad || paths != "" || int(digests) > len(u.b)/len(Digest{}) {
		return errPacked
	}
	for range digests {
		*l.digests.add() = Digest(u.bytes(len(Digest{})))
	}
	return nil
}

// bytes cuts off so many bytes.
func (u *unpacker) bytes(n int) []byte {
	if n > len(u.b) {
		u.bad, u.b = true, nil
		return nil
	}
	cut := u.b[:n]
	u.b = u.b[n:]
	return cut
}

func (u *unpacker) number() uint64 {
	v, n := binary.Uvarint(u.b)
	u.bytes(u.sized(n))
	return v
}

func (u *unpacker) signed() int64 {
	v, n := binary.Varint(u.b)
	u.bytes(u.sized(n))
	return v
}

// sized is the size of a varint, more than there is for none.
func (u *unpacker) sized(n int) int {
	if n <= 0 {
		return len(u.b) + 1
	}
	return n
}

// count is a number of things, each of which takes so many bytes or more.
func (u *unpacker) count(least int) int {
	n := u.number()
	if n > uint64(len(u.b)/least) {
		u.bad, u.b = true, nil
		return 0
	}
	return int(n)
}

func (u *unpacker) text() string { return string(u.bytes(u.count(1))) }
