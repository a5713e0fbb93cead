// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// A note has what Examine found in the layers of an image, so that nobody need read them
// again to know it: the entries and the tree, packed; how many sums there are of pkg's
// other family, and each behind its digest; and the rest with its types, since that is
// little. Only the program that wrote a note reads it, so a change of the form needs no
// version.

// Bounds of a note, which is in memory as a whole. FreeBSD with a desktop has 400,000
// entries, of 100 bytes each or, with sums of the other family, 200. A larger image is
// read each time.
const (
	maxNoted = 500_000   // entries, and directories without one
	maxNote  = 160 << 20 // bytes
)

// noteRest is what a note has beside entries and sums.
type noteRest struct {
	Read  []layer.Layer
	Ends  []int    // numbers of entries: where each layer begins, and where it ends
	Odd   []string // what is odd about the layers
	Texts []noteText
	Asks  []noteAsks
	Rows  bool // there is a pkg database
}

// noteText is the text of a file in the tree that was kept.
type noteText struct {
	Path string
	Text []byte
}

// noteAsks is what a file with a digest needs at run time.
type noteAsks struct {
	Digest []byte
	closure.Asks
}

// Folded is the pkg database with what its journals say; nil for none.
func (a *Artifact) Folded() *pkgdb.Image { return cmp.Or(a.journals.whole, a.Database) }

// Note is what Examine found in the layers, for Restore, and what else the caller found
// odd about them. All but the pkg database is in it, which is Folded. It is nil for an image
// that could not be read to its end, and for one that is too large.
func (a *Artifact) Note(ctx context.Context, odd []string) ([]byte, error) {
	if !a.complete || a.programs == nil || a.Database != nil && a.Content == nil {
		return nil, nil
	}
	size := sumSize * len(a.blake2b)
	for _, nodes := range a.Layers {
		if nodes.List().Len() > maxNoted {
			return nil, nil
		}
		for n := range nodes.All() {
			if size += len(n.Path) + len(n.Link) + len(n.Records) + len(n.Digest); ctx.Err() != nil || size > maxNote {
				return nil, ctx.Err()
			}
		}
	}
	b, err := a.Tree.Pack(ctx, nil)
	if err != nil {
		return nil, err
	}
	return until.Do(ctx, func() ([]byte, error) { return a.appendNote(b, a.noteRest(odd)) })
}

// noteRest collects what a note has beside entries and sums.
func (a *Artifact) noteRest(odd []string) *noteRest {
	rest := &noteRest{Read: a.Read, Odd: odd, Rows: a.Database != nil}
	for _, nodes := range a.Layers {
		from, to := nodes.Bounds()
		rest.Ends = append(rest.Ends, from, to)
	}
	for _, file := range slices.SortedFunc(maps.Keys(a.kept), func(x, y keptFile) int { return strings.Compare(x.path, y.path) }) {
		if n := a.Tree.Lookup(file.path); n != nil && n.Type == tree.File && n.Digest == file.digest { // else an upper layer hides it
			rest.Texts = append(rest.Texts, noteText{file.path, a.kept[file]})
		}
	}
	for _, digest := range slices.SortedFunc(maps.Keys(a.programs.asks), tree.Digest.Compare) {
		rest.Asks = append(rest.Asks, noteAsks{digest[:], a.programs.asks[digest]})
	}
	return rest
}

// appendNote appends what follows the tree.
func (a *Artifact) appendNote(b []byte, rest *noteRest) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(len(a.blake2b)))
	for _, digest := range slices.SortedFunc(maps.Keys(a.blake2b), tree.Digest.Compare) {
		sum := a.blake2b[digest]
		b = append(append(b, digest[:]...), sum[:]...)
	}
	to := bytes.NewBuffer(b)
	if err := gob.NewEncoder(to).Encode(rest); err != nil {
		panic(err) // a type that gob does not know
	}
	if to.Len() > maxNote {
		return nil, nil
	}
	return to.Bytes(), nil
}

// errNote is a text that is no note of this image.
var errNote = errors.New("a note of no form that is known")

// Restore returns an image as Examine did whose note this is. It reads the documents, but
// no layer: whoever asks for the contents of a file gets them from there. The database is
// what Folded returned, and becomes the image's own.
func Restore(ctx context.Context, source oci.Source, platform string, note []byte, database *pkgdb.Image) (*Artifact, error) {
	a := &Artifact{source: source, complete: true, Database: database}
	var err error
	if a.Contents, err = oci.Read(ctx, source, platform); err != nil {
		return nil, err
	}
	a.noteLayout(a.Unreferenced)
	var list *tree.List
	if a.Tree, list, note, err = tree.Unpack(ctx, note); err != nil {
		return nil, err
	}
	if err := until.Try(ctx, func() error { return a.restore(list, note) }); err != nil {
		return nil, err
	}
	a.Edited = a.Text
	if a.Accounts, err = etc.In(a.Text); err != nil {
		return nil, err
	}
	if database != nil {
		err = a.readDatabase(ctx)
	}
	return a, err
}

// restore sets what a note has behind the tree.
func (a *Artifact) restore(list *tree.List, note []byte) error {
	var sums []byte
	var err error
	if sums, note, err = cutSums(note); err != nil {
		return err
	}
	a.blake2b = make(blake2bSums, len(sums)/sumSize)
	for s := range slices.Chunk(sums, sumSize) {
		a.blake2b[tree.Digest(s)] = [blake2b.Size]byte(s[len(tree.Digest{}):])
	}
	var rest noteRest
	if err := gob.NewDecoder(bytes.NewReader(note)).Decode(&rest); err != nil {
		return err
	}
	if rest.Rows != (a.Database != nil) || len(rest.Read) != len(a.Manifest.Layers) || len(rest.Ends) != 2*len(rest.Read) {
		return errNote
	}
	a.Read, a.Notes = rest.Read, append(a.Notes, rest.Odd...)
	at := 0
	for ends := range slices.Chunk(rest.Ends, 2) {
		if ends[0] < at || ends[1] < ends[0] || ends[1] > list.Len() {
			return errNote
		}
		at = ends[1]
		a.Layers, a.entries = append(a.Layers, list.Part(ends[0], ends[1])), a.entries+ends[1]-ends[0]
	}
	return a.restoreFiles(&rest)
}

// sumSize is the size of a sum behind its digest.
const sumSize = len(tree.Digest{}) + blake2b.Size

// cutSums cuts off the sums that a note has.
func cutSums(note []byte) (sums, rest []byte, err error) {
	n, size := binary.Uvarint(note)
	if size <= 0 || n > uint64(len(note)-size)/uint64(sumSize) {
		return nil, nil, errNote
	}
	end := size + int(n)*sumSize
	return note[size:end], note[end:], nil
}

// restoreFiles sets what a note has of single files.
func (a *Artifact) restoreFiles(rest *noteRest) error {
	a.kept = make(map[keptFile][]byte, len(rest.Texts))
	for _, t := range rest.Texts {
		n := a.Tree.Lookup(t.Path)
		if n == nil {
			return errNote
		}
		if t.Text == nil { // gob leaves out what is empty
			t.Text = []byte{}
		}
		a.kept[keptFile{t.Path, n.Digest}] = t.Text
	}
	a.programs = &programs{asks: make(map[tree.Digest]closure.Asks, len(rest.Asks))}
	for _, asks := range rest.Asks {
		if len(asks.Digest) != len(tree.Digest{}) {
			return errNote
		}
		a.programs.asks[tree.Digest(asks.Digest)] = asks.Asks
	}
	return nil
}
