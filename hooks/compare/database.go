// SPDX-License-Identifier: BSD-2-Clause

package compare

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
)

// databaseHeader are the fields of SQLite's header that may differ, by offset
// (sqlite.org, fileformat2, 1.3).
var databaseHeader = []struct {
	at, size int
	name     string
}{
	{16, 2, "page size"}, {18, 1, "write version"}, {19, 1, "read version"}, {20, 1, "reserved bytes of a page"},
	{24, 4, "change counter"}, {28, 4, "number of pages"}, {32, 4, "first free page"}, {36, 4, "number of free pages"},
	{40, 4, "schema cookie"}, {44, 4, "schema format"}, {48, 4, "cache size"}, {52, 4, "largest root page"},
	{56, 4, "text encoding"}, {60, 4, "user version"}, {64, 4, "incremental vacuum"}, {68, 4, "application id"},
	{92, 4, "change counter of the version number"}, {96, 4, "version number of SQLite"},
}

const databaseHeaderSize = 100

// compareDatabases shows how two pkg databases with the same packages differ: in
// rows that no package refers to, or in the header and pages. If packages differ,
// their rows are reported already, and the change is "".
func compareDatabases(ctx context.Context, a, b *artifact.Artifact) (change string, detail []string) {
	if a.Content == nil || b.Content == nil {
		return "", nil
	}
	if changes, err := pkgdb.Diff(ctx, a.Content, b.Content); err != nil || len(changes) > 0 {
		return "", nil
	}
	if rows, err := otherRows(ctx, a.Content, b.Content); err != nil || len(rows) > 0 {
		return "rows that no package refers to", rows
	}
	return comparePages(ctx, a.Database, b.Database)
}

// comparePages shows where databases with the same rows differ.
func comparePages(ctx context.Context, old, now *pkgdb.Image) (change string, detail []string) {
	x, y := make([]byte, databaseHeaderSize), make([]byte, databaseHeaderSize)
	if !readBoth(ctx, old, now, x, y, 0) {
		return "", nil
	}
	for _, f := range databaseHeader {
		if x, y := bigEndian(x[f.at:f.at+f.size]), bigEndian(y[f.at:f.at+f.size]); x != y {
			detail = append(detail, fmt.Sprintf("header: %s is %d, was %d", f.name, y, x))
		}
	}
	page := int(binary.BigEndian.Uint16(x[16:18]))
	if page < databaseHeaderSize || page != int(binary.BigEndian.Uint16(y[16:18])) || old.Size() != now.Size() {
		return fmt.Sprintf("the same rows in other pages, %d bytes, was %d", now.Size(), old.Size()), detail
	}
	for start := int64(0); start < old.Size(); start += int64(page) {
		n := min(int64(page), old.Size()-start)
		x, y := make([]byte, n), make([]byte, n)
		if !readBoth(ctx, old, now, x, y, start) {
			return "", nil
		}
		skip := 0
		if start == 0 {
			skip = databaseHeaderSize
		}
		if x, y := x[skip:], y[skip:]; !bytes.Equal(x, y) {
			detail = append(detail, fmt.Sprintf("page %d, from byte %d on", start/int64(page)+1, skip+FirstDifference(x, y)))
		}
	}
	return "the same rows in other bytes", detail
}

// readBoth reads the same part of two databases.
func readBoth(ctx context.Context, old, now *pkgdb.Image, x, y []byte, at int64) bool {
	n, _ := old.ReadAt(x, at)
	k, _ := now.ReadAt(y, at)
	return ctx.Err() == nil && n == len(x) && k == len(y)
}

// otherRows lists the rows that only one of two databases has.
func otherRows(ctx context.Context, a, b *pkgdb.Content) ([]string, error) {
	count := map[pkgdb.Line]int{}
	lines, err := b.Dump(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		count[l]++
	}
	if lines, err = a.Dump(ctx); err != nil {
		return nil, err
	}
	for _, l := range lines {
		count[l]--
	}
	var rows []string
	for l, n := range count {
		switch {
		case n > 0:
			rows = append(rows, "+ "+l.String())
		case n < 0:
			rows = append(rows, "- "+l.String())
		}
	}
	slices.Sort(rows)
	return rows, nil
}

func bigEndian(b []byte) uint64 {
	n := uint64(0)
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}
