// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/orlop/orlop/pkgdb/trust"
	"github.com/orlop/orlop/pkgdb/until"
)

// Notes keeps what was read of catalogues for later runs. It gives back a note as it
// was kept, or nil.
type Notes interface {
	Recall(key string) []byte
	Remember(ctx context.Context, key string, parts ...[]byte) error
}

// noteFormat is part of a note's key. It changes with the form of a note, and with
// what a run would read of the same archive.
const noteFormat = 1

// minKept is from what size on the packages of an archive are kept, in bytes: about
// 1 MiB of JSON, which takes longer to read than a note.
const minKept = 128 << 10

// note is what is kept of an archive: its envelope and its packages. Its key has the
// sha256 of the whole archive, which each run hashes. So the note's hashes of the
// payload are the archive's, and its signature is checked with the keys of this run.
type note struct {
	envelope
	*table
}

// noteKey hashes the archive, and returns the key of its note: "" for an archive too
// small for one. One that looks signed is taken into memory first.
func (a *archive) noteKey(ctx context.Context) (string, error) {
	size, err := a.file.Seek(0, io.SeekEnd)
	if err != nil || size < minKept {
		return "", err
	}
	if _, err = a.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if a.sealed == nil && LooksSealed(until.Reader(ctx, a.file)) {
		err = a.keep(ctx)
	}
	if err == nil {
		_, err = a.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, until.Reader(ctx, a.file)); err != nil {
		return "", err
	}
	a.hashed = h.Sum(nil)
	return fmt.Sprintf("catalogue\n%d\n%v\n%x", noteFormat, a.forms, a.hashed), nil
}

// recall finds the note of an archive, nil if there is none that helps.
func (a *archive) recall(ctx context.Context, notes Notes, key string) *note {
	n, err := until.Do(ctx, func() (*note, error) { return openNote(notes.Recall(key)) })
	if err != nil || n.signed && a.sealed == nil || a.asked && !n.long {
		return nil
	}
	if !n.signed {
		a.sealed = nil
	}
	return n
}

// rehash makes the next pass over an archive that is not in memory hash it again:
// nobody may change it between its key and what is kept under that.
func (a *archive) rehash() {
	if a.hashed != nil && a.sealed == nil {
		a.again = sha256.New()
	}
}

// same reads the rest of such an archive, and reports whether it is still the same.
func (a *archive) same(ctx context.Context) bool {
	if a.again == nil {
		return true
	}
	_, err := io.Copy(a.again, until.Reader(ctx, a.file))
	return err == nil && string(a.again.Sum(nil)) == string(a.hashed)
}

// pass is the archive's file for one pass over it.
func (a *archive) pass() io.Reader {
	if a.again == nil {
		return a.file
	}
	return io.TeeReader(a.file, a.again)
}

// appendEnvelope writes an envelope as the archive has it.
func appendEnvelope(b []byte, e *envelope) []byte {
	b = append(b, e.payload.SHA256[:]...)
	b = append(b, e.payload.BLAKE2b[:]...)
	b = append(b, bit(e.signed)|bit(e.long)<<1)
	b = appendOptional(b, e.Signature)
	b = binary.AppendUvarint(b, uint64(len(e.Signers)))
	for _, s := range e.Signers {
		b = appendOptional(appendOptional(appendOptional(b, []byte(s.Name)), s.Sig), s.Pub)
	}
	return b
}

func bit(is bool) byte {
	if is {
		return 1
	}
	return 0
}

// appendOptional writes bytes, and whether there are any: 0, or one more than their
// number.
func appendOptional(b, what []byte) []byte {
	if what == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(what))+1), what...)
}

func (c *cursor) optional() []byte {
	n := c.number()
	if n == 0 {
		return nil
	}
	return c.bytes(n - 1)
}

// remember keeps an archive's packages under a key. A store that cannot be written
// only makes later runs slower.
func remember(ctx context.Context, notes Notes, key string, envelope []byte, t *table) {
	list := [][]byte{envelope}
	var lengths []byte
	for _, part := range t.parts() {
		lengths = binary.AppendUvarint(lengths, uint64(len(*part)))
	}
	list = append(list, lengths)
	for _, part := range t.parts() {
		list = append(list, *part)
	}
	_ = notes.Remember(ctx, key, list...)
}

// openNote reads what remember wrote. It believes nothing: whatever the bytes are, it
// takes no more memory than they do, and a note that it opens can be read to its end.
func openNote(b []byte) (*note, error) {
	if b == nil {
		return nil, errTable
	}
	c := cursor{b: b}
	n := &note{table: new(table)}
	copy(n.payload.SHA256[:], c.bytes(uint64(len(n.payload.SHA256))))
	copy(n.payload.BLAKE2b[:], c.bytes(uint64(len(n.payload.BLAKE2b))))
	flags := c.bytes(1)
	n.signed, n.long = !c.bad && flags[0]&1 != 0, !c.bad && flags[0]&2 != 0
	n.Signature = c.optional()
	for range min(c.number(), maxSigners) {
		n.Signers = append(n.Signers, trust.Pair{Name: string(c.optional()), Sig: c.optional(), Pub: c.optional()})
	}
	parts := n.parts()
	lengths := make([]uint64, len(parts))
	for i := range lengths {
		lengths[i] = c.number()
	}
	for i, part := range parts {
		*part = c.bytes(lengths[i])
	}
	if c.bad || len(c.b) > 0 {
		return nil, errors.New("is not a note of a catalogue")
	}
	return n, n.check()
}

// hashing is what an archive knows of its own bytes.
type hashing struct {
	hashed []byte    // the whole archive's sha256, once it is known
	again  hash.Hash // of the pass under way; nil to take its bytes as they come
}
