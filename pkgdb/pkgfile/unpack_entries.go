// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

// UnpackEntries reads what Entries.Append wrote of the entries of this manifest, and
// returns what follows it.
func UnpackEntries(m *Manifest, b []byte) (*Entries, []byte, error) {
	u := unpacker{b: b}
	s := NewEntries(m)
	s.ways = many(&u, 5, u.way)
	s.links = u.list()
	u.want(len(s.ways) > 0 && !s.ways[0].known)
	before := int64(0)
	for i := range s.list {
		if u.err != nil {
			break
		}
		n := noted{way: u.below(len(s.ways))}
		if u.err == nil && s.ways[n.way].known {
			u.noted(s, &n, &before)
		}
		s.list[i] = n
	}
	shared := u.count(3)
	for range shared {
		first, last, flags := u.below(m.Files.Len()), u.below(m.Files.Len()), u.bits32()
		if s.inodes == nil {
			s.inodes = map[uint32]inode{}
		}
		s.inodes[first] = inode{last, flags}
	}
	if u.err != nil {
		return nil, nil, u.err
	}
	return s, u.b, nil
}

func (u *unpacker) way() way {
	b := u.flags(7)
	w := way{known: b&1 != 0, absent: b&2 != 0, unlike: b&4 != 0, isHardLink: b&8 != 0, isLink: b&16 != 0, isSameLink: b&32 != 0}
	w.attr, w.flags = u.attr(b&64 != 0), u.bits32()
	return w
}

// noted reads what a header says that is known.
func (u *unpacker) noted(s *Entries, n *noted, before *int64) {
	w := &s.ways[n.way]
	n.size = u.signed()
	n.time = *before + u.signed()
	*before = n.time
	if w.isHardLink {
		n.first = u.below(s.of.Files.Len())
	}
	if !w.isSameLink {
		n.link = u.below(len(s.links))
	}
}
