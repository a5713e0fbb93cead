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
	kvs, err := members(value)
	if err != nil {
		return err
	}
	files := make([]File, 0, len(kvs)) // there are thousands
	err = d.eachOf(kvs, aString|anObject, func(kv member) error {
		f := File{Path: cleanPath(urlDecode(kv.key))}
		if kindOf(kv.value) == anObject {
			if err := d.file(&f, kv.value); err != nil {
				return err
			}
		} else if f.Sum = stringOf(kv.value); len(f.Sum) < 2 { // "-", which pkg before 1.2 wrote for links
			f.Sum = ""
		}
		if f.Sum != "" {
			if _, err := sum.Parse(f.Sum); err != nil {
				return err
			}
		}
		files = append(files, f)
		return nil
	})
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	d.Files.list = slices.CompactFunc(files, func(a, b File) bool { return d.again(a.Path, b.Path) })
	return err
}

// again reports whether a path is repeated; the first one counts.
func (d *decoder) again(a, b string) bool {
	if a == b {
		d.skip("%s: occurs twice; the first counts", a)
	}
	return a == b
}

// file reads the attributes of a file. A package has thousands of files, hence
// no reflection.
func (d *decoder) file(f *File, value json.RawMessage) error {
	kvs, err := members(value)
	if err != nil {
		return err
	}
	for _, kv := range kvs {
		found := kindOf(kv.value)
		switch key := lower(kv.key); {
		case key == "sum" && found == aString:
			f.Sum = stringOf(kv.value)
		case key == "symlink_target" && found == aString:
			f.IsLink, f.Link = true, stringOf(kv.value)
		case key == "mtime" && found&(aString|anInt) != 0:
			if seconds := numberOf(kv.value); seconds > 0 {
				f.Time = &seconds
			}
		default:
			if err := d.attribute(&f.Attr, &f.Flags, key, kv.value); err != nil {
				return err
			}
		}
	}
	f.Known = f.Attr.complete()
	return nil
}

// complete reports whether owner and mode are all present. A mode of 0 is
// absent.
func (a *Attr) complete() bool { return a.Uname != "" && a.Gname != "" && a.Perm != 0 }

// lower is the key in lower case, as libpkg compares keys of entries.
func lower(key string) string {
	for i := range len(key) {
		if key[i] >= 'A' && key[i] <= 'Z' {
			return strings.ToLower(key)
		}
	}
	return key
}

// attribute reads what files and directories have in common. Values of other
// types are skipped, like unknown keys.
func (d *decoder) attribute(a *Attr, flags **uint32, key string, value json.RawMessage) error {
	found := kindOf(value)
	switch {
	case key == "uname" && found == aString:
		a.Uname = stringOf(value)
	case key == "gname" && found == aString:
		a.Gname = stringOf(value)
	case key == "perm" && found&(aString|anInt) != 0:
		mode, err := parseMode(stringOf(value))
		if err != nil {
			d.skip("perm: %v", err)
			return nil
		}
		a.Perm = mode
	case key == "fflags" && found == anInt: // pkg 2.4 to 2.7.4
		bits := uint32(numberOf(value))
		*flags = &bits
	case key == "fflags" && found == aString: // pkg 2.7.5 and later
		bits, err := ParseFlags(stringOf(value))
		if err != nil {
			return fmt.Errorf("fflags: %w", err)
		}
		*flags = &bits
	}
	return nil
}

// directories reads {"PATH": "y"} or {"PATH": true}, from before pkg 2.4, and
// {"PATH": {"perm": …}}.
func (d *decoder) directories(value json.RawMessage) error {
	err := d.each(value, aString|aBool|anObject, d.encodedDirectory)
	d.sortDirs()
	return err
}

// dirs reads the list that packages had before "directories".
func (d *decoder) dirs(value json.RawMessage) error {
	for _, e := range elements(value) {
		var err error
		switch found := kindOf(e); found {
		case aString:
			err = d.directory(stringOf(e), e)
		case anObject:
			err = d.each(e, anObject, d.encodedDirectory)
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
func (d *decoder) encodedDirectory(kv member) error { return d.directory(urlDecode(kv.key), kv.value) }

func (d *decoder) sortDirs() {
	slices.SortStableFunc(d.Dirs, func(a, b Dir) int { return strings.Compare(a.Path, b.Path) })
	d.Dirs = slices.CompactFunc(d.Dirs, func(a, b Dir) bool { return d.again(a.Path, b.Path) })
}

// directory adds a directory, and what an object says about it.
func (d *decoder) directory(path string, value json.RawMessage) error {
	if path == "/" {
		d.skip("/: belongs to every package, and so to none")
		return nil
	}
	dir := Dir{Path: cleanPath(path)}
	if bytes.HasPrefix(value, []byte("{")) {
		kvs, err := members(value)
		if err != nil {
			return err
		}
		for _, kv := range kvs {
			if err := d.attribute(&dir.Attr, &dir.Flags, lower(kv.key), kv.value); err != nil {
				return err
			}
		}
		dir.Known = dir.Attr.complete()
	}
	d.Dirs = append(d.Dirs, dir)
	return nil
}
