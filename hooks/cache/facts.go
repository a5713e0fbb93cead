// SPDX-License-Identifier: BSD-2-Clause

package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// What Inspect finds out about a package is packed as: a byte that is 1 if the headers
// were read, the manifest, the entries if they were, and path and text of each file
// whose contents are known. Only the program that wrote a note reads it, which the
// key of the note sees to. So a change of the form needs no version.

// pack packs a package.
func pack(f *input.Package) []byte {
	k := []byte{0}
	k = f.Manifest.Append(k)
	if f.Entries != nil {
		k[0] = 1
		k = f.Entries.Append(k)
	}
	for _, path := range slices.Sorted(maps.Keys(f.Contents)) {
		k = appendText(appendText(k, []byte(path)), f.Contents[path])
	}
	return bytes.Clone(k) // of the very size
}

func hasHeaders(k []byte) bool { return len(k) > 0 && k[0] == 1 }

// unpack is the opposite of pack. Nobody can change the note by what it returns.
func unpack(k []byte, p *catalog.Package) (*input.Package, error) {
	if len(k) == 0 || k[0] > 1 {
		return nil, errors.New("a note of no form that is known")
	}
	m, rest, err := pkgfile.UnpackManifest(k[1:])
	if err != nil {
		return nil, err
	}
	f := input.NewPackage(p, m, false)
	if hasHeaders(k) {
		if f.Entries, rest, err = pkgfile.UnpackEntries(m, rest); err != nil {
			return nil, err
		}
	}
	for len(rest) > 0 {
		path, after, ok := cutText(rest)
		text, after, too := cutText(after)
		if !ok || !too {
			return nil, errors.New("a file of a note is cut off")
		}
		f.Contents[string(path)], rest = append([]byte{}, text...), after
	}
	return f, nil
}

// appendText appends a text after its length.
func appendText(b, text []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// cutText returns the text that b begins with, and what follows it.
func cutText(b []byte) (text, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n], b[n:], true
}
