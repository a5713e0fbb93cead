// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// Bounds for what is looked into. A file above them is only said to differ.
const (
	maxText    = 4 << 20   // bytes of a text; comparing takes time and memory
	maxProgram = 64 << 20  // bytes of an ELF file
	maxHeld    = 256 << 20 // bytes of all that is compared

	maxUnpacked = 16 << 20 // bytes of what is unpacked of a file
)

// Explain adds to a comparison what the bytes say: lines of texts, sections of
// ELF files, and of layers in what their archives differ. A detail has at most
// so many lines, 0 for any number.
func Explain(ctx context.Context, a, b *Artifact, list []Difference, lines int) ([]Difference, error) {
	want := map[string]bool{}
	for _, d := range list {
		if d.Part == PartFiles && d.Old != "" && d.New != "" {
			want[d.Subject] = true
		}
	}
	old, err := a.contents(ctx, want)
	if err != nil {
		return nil, err
	}
	now, err := b.contents(ctx, want)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		x := Difference{Part: PartBytes, Subject: path}
		if path == databasePath {
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

// firstLines are so many lines of a detail, 0 for all.
func firstLines(list []string, lines int) []string {
	if lines == 0 || len(list) <= lines {
		return list
	}
	return append(list[:lines:lines], fmt.Sprintf("… and %d lines more", len(list)-lines))
}

// contents reads files out of an image: those of its tree, not those that an
// upper layer hides.
func (a *Artifact) contents(ctx context.Context, want map[string]bool) (map[string][]byte, error) {
	held, left := map[string][]byte{}, int64(maxHeld)
	if len(want) == 0 {
		return held, nil
	}
	linked := map[string]bool{} // files of which another name is wanted
	for path := range want {
		if n := a.Tree.Lookup(path); n != nil && n.Type == tree.Hardlink {
			linked[n.Link] = true
		}
	}
	err := a.eachLayer(ctx, func(_ int, n *tree.Node, contents io.Reader) error {
		target := n.Path
		if n.Type == tree.Hardlink {
			held[target] = held[n.Link]
			return nil
		}
		if n.Type != tree.File || !want[target] && !linked[target] {
			return nil
		}
		if n.Size > maxProgram || n.Size > left {
			held[target] = nil
			return nil
		}
		left -= n.Size
		text, err := io.ReadAll(contents)
		held[target] = text
		return err
	})
	return held, err
}

// eachLayer goes through the entries of all layers once more, by the paths where
// they have ended.
func (a *Artifact) eachLayer(ctx context.Context, visit func(i int, n *tree.Node, contents io.Reader) error) error {
	return a.eachBlob(ctx, func(i int, mediaType string, blob io.Reader) error {
		at := 0
		l, err := layer.Read(ctx, blob, mediaType, func(_ *tree.Node, contents io.Reader) error {
			if at++; at > len(a.Layers[i]) {
				return errors.New("has changed since it was read")
			}
			return visit(i, a.Layers[i][at-1], contents)
		})
		if l.DiffID != "" {
			return nil // what is wrong with entries, the first reading has told
		}
		return err
	})
}

// eachBlob opens the layers, of an image or of a file that is one.
func (a *Artifact) eachBlob(ctx context.Context, visit func(i int, mediaType string, blob io.Reader) error) error {
	if a.Contents == nil {
		mediaType, blob, err := layerType(ctx, a.source)
		if err != nil {
			return err
		}
		return visit(0, mediaType, blob)
	}
	archive, err := a.source.Open(ctx)
	if err != nil {
		return err
	}
	defer archive.Close()
	for i, d := range a.Manifest.Layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		blob, err := archive.Blob(d)
		if err != nil {
			return err
		}
		err = visit(i, d.MediaType, blob)
		if err = errors.Join(err, blob.Close()); err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	return nil
}

// compareBytes shows how two contents differ, in the way that suits them. Packed
// ones, as pages of the manual are, are unpacked.
func compareBytes(path string, old, now []byte) (change string, detail []string) {
	if old == nil || now == nil {
		return "too large to be looked into", nil
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
	case bytes.HasPrefix(old, []byte(elf.ELFMAG)) && bytes.HasPrefix(now, []byte(elf.ELFMAG)):
		if detail = compareELF(old, now); len(detail) > 0 {
			return "sections", detail
		}
	case isText(old) && isText(now):
		text := string(diff.Diff("a"+path, old, "b"+path, now))
		_, text, _ = strings.Cut(text, "\n") // the line of a diff command
		return "text", strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	return fmt.Sprintf("binary: byte %d is the first that differs, of %d and %d", firstDifference(old, now), len(old), len(now)), nil
}

func firstDifference(old, now []byte) int {
	at := 0
	for at < min(len(old), len(now)) && old[at] == now[at] {
		at++
	}
	return at
}

func isText(b []byte) bool { return len(b) <= maxText && utf8.Valid(b) && !bytes.ContainsRune(b, 0) }

// unpacked is what gzip, zstd, xz or bzip2 have packed; nil for what they have
// not, or what is too large.
func unpacked(b []byte) []byte {
	if !slices.ContainsFunc([]string{"\x1f\x8b", "\x28\xb5\x2f\xfd", "\xfd7zXZ\x00", "BZh"}, func(magic string) bool { return bytes.HasPrefix(b, []byte(magic)) }) {
		return nil
	}
	r, err := pkgfile.Decompress(bytes.NewReader(b))
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
