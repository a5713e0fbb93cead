// SPDX-License-Identifier: BSD-2-Clause

package compare

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tarfile"
)

// Bounds for files whose contents are compared. A larger file is only reported to
// differ.
const (
	maxText     = 4 << 20  // bytes of a text; comparing takes time and memory
	maxUnpacked = 16 << 20 // bytes of an unpacked file
)

// Explain adds the differences in bytes to a comparison: lines of texts, sections of
// ELF files, and entries of layers. A detail has at most so many lines, 0 for any
// number.
func Explain(ctx context.Context, a, b *artifact.Artifact, list []Difference, lines int) ([]Difference, error) {
	want := map[string]bool{}
	for _, d := range list {
		if d.Part == PartFiles && d.Old != "" && d.New != "" {
			want[d.Subject] = true
		}
	}
	old, now, err := filesOfBoth(ctx, a, b, want)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		x := Difference{Part: PartBytes, Subject: path}
		if path == pkgdb.Path {
			if rowsDiffer(list) {
				continue // they are reported
			}
			if x.Change, x.Detail = compareDatabases(ctx, a, b); x.Change == "" {
				continue
			}
		} else {
			x.Change, x.Detail = compareBytes(path, old[path], now[path])
		}
		x.Detail = firstLines(x.Detail, lines)
		list = append(list, x)
	}
	if err := ctx.Err(); err != nil {
		return nil, err // of databases, too
	}
	more, err := compareLayers(ctx, a, b, lines)
	return append(list, more...), err
}

// rowsDiffer reports whether a comparison has found what only different rows explain.
func rowsDiffer(list []Difference) bool {
	return slices.ContainsFunc(list, func(d Difference) bool { return d.Part == PartPackages || d.Part == PartDatabase })
}

// filesOfBoth reads files of two images, both at once. Databases are in memory.
func filesOfBoth(ctx context.Context, a, b *artifact.Artifact, want map[string]bool) (old, now map[string][]byte, err error) {
	want = maps.Clone(want)
	delete(want, pkgdb.Path)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		old, err = a.ReadFiles(ctx, want)
		return err
	})
	g.Go(func() (err error) {
		now, err = b.ReadFiles(ctx, want)
		return err
	})
	return old, now, g.Wait()
}

// firstLines returns so many lines of a detail, 0 for all.
func firstLines(list []string, lines int) []string {
	if lines == 0 || len(list) <= lines {
		return list
	}
	return append(list[:lines:lines], fmt.Sprintf("… and %d more lines", len(list)-lines))
}

// compareBytes shows how two contents differ, depending on their kind. Compressed
// ones, such as manual pages, are unpacked.
func compareBytes(path string, old, now []byte) (change string, detail []string) {
	if old == nil || now == nil {
		return "too large to compare", nil
	}
	a, b := unpacked(old), unpacked(now)
	switch {
	case a == nil || b == nil:
		return comparePlain(path, old, now)
	case bytes.Equal(a, b):
		return "same content, other compression", nil
	}
	change, detail = comparePlain(path, a, b)
	return "unpacked " + change, detail
}

func comparePlain(path string, old, now []byte) (change string, detail []string) {
	switch {
	case elf.Is(old) && elf.Is(now):
		if detail = elf.Compare(old, now); len(detail) > 0 {
			return "sections", detail
		}
	case isText(old) && isText(now):
		text := string(diff.Diff("a"+path, old, "b"+path, now))
		_, text, _ = strings.Cut(text, "\n") // the line of a diff command
		return "text", strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	return fmt.Sprintf("binary: byte %d is the first that differs, of %d and %d", FirstDifference(old, now), len(old), len(now)), nil
}

// FirstDifference returns the offset of the first byte that differs.
func FirstDifference(old, now []byte) int {
	at := 0
	for at < min(len(old), len(now)) && old[at] == now[at] {
		at++
	}
	return at
}

func isText(b []byte) bool { return len(b) <= maxText && utf8.Valid(b) && !bytes.ContainsRune(b, 0) }

// unpacked unpacks what gzip, zstd, xz or bzip2 packed; it returns nil for anything
// else, or if the result is too large.
func unpacked(b []byte) []byte {
	if layer.Packing(b[:min(len(b), tarfile.BlockSize)]) == "" {
		return nil
	}
	r, err := packing.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil || len(plain) > maxUnpacked {
		return nil
	}
	return plain
}
