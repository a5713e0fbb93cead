// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/store"
)

// Kept is a file that looks like a signed catalogue. Whether it vouches for anything is
// judged where it is used.
type Kept struct{ Dir, Name, Digest string }

// Read returns its text, nil if it is gone.
func (k Kept) Read() []byte { return readKept(k.Dir, k.Name) }

// KeptCatalogues finds the catalogues in folders, whose files are untrusted.
func KeptCatalogues(ctx context.Context, dirs []string) []Kept {
	var kept []Kept
	for _, dir := range slices.Compact(slices.Sorted(slices.Values(dirs))) {
		for _, name := range keptNames(dir) {
			if ctx.Err() != nil || len(kept) == maxKeptCatalogues {
				return kept
			}
			text := readKept(dir, name)
			if text == nil {
				continue
			}
			if digest, err := catalog.SealedDigest(ctx, text); err == nil {
				kept = append(kept, Kept{dir, name, digest})
			}
		}
	}
	return kept
}

// Bounds for the search next to a lock.
const (
	maxKeptFiles      = 256
	maxKeptBytes      = 64 << 20 // of a catalogue; the one of ports has 10 MB
	maxKeptCatalogues = 16
)

// keptNames lists the files of a folder that may be kept catalogues. Publishing may
// rename them, so a name with "catalogue" only comes first.
func keptNames(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var likely, others []string
	for _, e := range entries {
		switch {
		case !e.Type().IsRegular():
		case strings.Contains(e.Name(), "catalogue"):
			likely = append(likely, e.Name())
		default:
			others = append(others, e.Name())
		}
	}
	names := append(likely, others...)
	return names[:min(len(names), maxKeptFiles)]
}

// readKept returns a file that looks like a signed catalogue, nil for others.
func readKept(dir, name string) []byte {
	f, err := store.OpenRegularFile(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > maxKeptBytes || !catalog.LooksSealed(f) {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeptBytes))
	if err != nil {
		return nil
	}
	return text
}
