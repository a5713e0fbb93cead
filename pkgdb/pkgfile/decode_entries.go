// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// files reads {"PATH": SUM}, from before pkg 2.4, and {"PATH": {"sum": SUM,
// "perm": …}}.
func (d *decoder) files(value json.RawMessage) error {
	err := d.walk(value, aString|anObject, d.Files.grow, func(key []byte, value json.RawMessage) error {
		f := draft{path: decodedPath(key)}
		if value[0] == '{' {
			if err := d.file(&f, value); err != nil {
				return err
			}
		} else if f.sum = bytesOf(value); len(f.sum) < 2 { // "-", which pkg before 1.2 wrote for links
			f.sum = nil
		}
		if spellingOf(f.sum, new([32]byte)) == otherwise {
			if _, err := sum.Parse(string(f.sum)); err != nil {
				return err
			}
		}
		d.Files.add(&f)
		return nil
	})
	if err == nil {
		d.Files.settle(d.again)
	}
	return err
}

// again reports that a path is repeated; the first one counts.
func (d *decoder) again(path string) { d.skip("%s: occurs twice; the first counts", path) }

// file reads the attributes of a file.
func (d *decoder) file(f *draft, value json.RawMessage) error {
	err := fields(value, func(key []byte, value json.RawMessage) error {
		found := kindOf(value)
		switch key := lower(key); {
		case string(key) == "sum" && found == aString:
			f.sum = bytesOf(value)
		case string(key) == "symlink_target" && found == aString:
			f.isLink, f.link = true, bytesOf(value)
		case string(key) == "mtime" && found&(aString|anInt) != 0:
			if seconds := numberOf(value); seconds > 0 {
				f.hasTime, f.time = true, seconds
			}
		default:
			return d.attribute(&f.traits, key, found, value)
		}
		return nil
	})
	f.Known = f.complete()
	return err
}

// complete reports whether owner and mode are all present. A mode of 0 is
// absent.
func (a *Attr) complete() bool { return a.Uname != "" && a.Gname != "" && a.Perm != 0 }

// lower is the key in lower case, as libpkg compares keys of entries.
func lower(key []byte) []byte {
	for _, c := range key {
		if c >= 'A' && c <= 'Z' {
			return bytes.ToLower(key)
		}
	}
	return key
}

// attribute reads what files and directories have in common. Values of other
// types are skipped, like unknown keys.
func (d *decoder) attribute(t *traits, key []byte, found kind, value json.RawMessage) error {
	switch {
	case string(key) == "uname" && found == aString:
		t.Uname = d.word(value)
	case string(key) == "gname" && found == aString:
		t.Gname = d.word(value)
	case string(key) == "perm" && found&(aString|anInt) != 0:
		mode, err := parseMode(d.word(value))
		if err != nil {
			d.skip("perm: %v", err)
			return nil
		}
		t.Perm = mode
	case string(key) == "fflags" && found == anInt: // pkg 2.4 to 2.7.4
		t.hasFlags, t.flags = true, uint32(numberOf(value))
	case string(key) == "fflags" && found == aString: // pkg 2.7.5 and later
		bits, err := ParseFlags(d.word(value))
		if err != nil {
			return fmt.Errorf("fflags: %w", err)
		}
		t.hasFlags, t.flags = true, bits
	}
	return nil
}

// word is the text of a value that nearly all entries share.
func (d *decoder) word(value json.RawMessage) string {
	text := bytesOf(value)
	word, known := d.words[string(text)]
	if !known {
		if d.words == nil {
			d.words = map[string]string{}
		}
		word = string(text)
		d.words[word] = word
	}
	return word
}

// directories reads {"PATH": "y"} or {"PATH": true}, from before pkg 2.4, and
// {"PATH": {"perm": …}}.
func (d *decoder) directories(value json.RawMessage) error {
	err := d.walk(value, aString|aBool|anObject, d.growDirs, d.encodedDirectory)
	d.sortDirs()
	return err
}

// dirs reads the list that packages had before "directories".
func (d *decoder) dirs(value json.RawMessage) error {
	for _, e := range elements(value) {
		var err error
		switch found := kindOf(e); found {
		case aString:
			err = d.directory(bytesOf(e), e)
		case anObject:
			err = d.walk(e, anObject, d.growDirs, d.encodedDirectory)
		default:
			d.skip("found %s in the list, wanted %s", found, aString|anObject)
		}
		if err != nil {
			return err
		}
	}
	d.sortDirs()
	return nil
}

// encodedDirectory adds a directory whose path is a key, which pkg has encoded.
func (d *decoder) encodedDirectory(key []byte, value json.RawMessage) error {
	return d.directory(urlDecoded(key), value)
}

func (d *decoder) growDirs(n, _ int) { d.Dirs = slices.Grow(d.Dirs, n) }

func (d *decoder) sortDirs() {
	slices.SortStableFunc(d.Dirs, func(a, b Dir) int { return strings.Compare(a.Path, b.Path) })
	d.Dirs = slices.CompactFunc(d.Dirs, func(a, b Dir) bool {
		if a.Path == b.Path {
			d.again(a.Path)
		}
		return a.Path == b.Path
	})
}

// directory adds a directory, and what an object says about it.
func (d *decoder) directory(path []byte, value json.RawMessage) error {
	if string(path) == "/" {
		d.skip("/: belongs to every package, and so to none")
		return nil
	}
	dir := Dir{Path: cleanPath(string(path))}
	if value[0] == '{' {
		var t traits
		err := fields(value, func(key []byte, value json.RawMessage) error {
			return d.attribute(&t, lower(key), kindOf(value), value)
		})
		if err != nil {
			return err
		}
		if dir.Attr = t.Attr; t.hasFlags {
			dir.Flags = &t.flags
		}
		dir.Known = dir.Attr.complete()
	}
	d.Dirs = append(d.Dirs, dir)
	return nil
}
