// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"iter"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// Record says how a layer was made, so that a later one which shares fragments
// with it can have them from its blob.
type Record struct {
	Layer
	Fragments []Made
}

// Made is where a fragment stands in a blob: after those before it.
type Made struct {
	Key    string
	Chunks []Chunk
	DiffID []byte // state of the hash of the tar file, at the fragment's end
}

// Chunk is a gzip member or zstd frame.
type Chunk struct{ Raw, Packed int } // bytes

// Prior is a finished layer.
type Prior struct {
	Record
	Blob io.ReaderAt
}

// DamageError says that the blob of a prior layer is not what its record says.
type DamageError struct{ Digest digest.Digest }

func (e *DamageError) Error() string {
	return fmt.Sprintf("layer %s: its bytes have changed", e.Digest)
}

// check compares the blob with its digest. One that cannot be read is damaged.
func (p *Prior) check(ctx context.Context) error {
	h := sha256.New()
	_, err := io.Copy(h, until.Reader(ctx, io.NewSectionReader(p.Blob, 0, p.Size)))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || digest.NewDigest(digest.SHA256, h) != p.Digest {
		return &DamageError{p.Digest}
	}
	return nil
}

// Key names what decides the bytes of a layer with these fragments; "" where
// one of them has no key.
func Key(c Compression, fragments []Fragment) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", c)
	for _, f := range fragments {
		if f.Key == "" {
			return ""
		}
		fmt.Fprintf(h, "%s\n", f.Key)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// HeaderKey names a source of contents and the headers that its entries get. Sizes
// are the source's, and so need not be known. Once the context has ended it is "".
func HeaderKey(ctx context.Context, source string, nodes iter.Seq[*tree.Node]) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", source)
	var text []byte
	for n := range nodes {
		if ctx.Err() != nil {
			return ""
		}
		text = tarfile.AppendHeader(text[:0], n)
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ContentKey names a fragment by its bytes, which it writes to find out.
func ContentKey(ctx context.Context, write func(*tarfile.Writer) error) (string, error) {
	h := sha256.New()
	if err := write(tarfile.NewWriter(until.Writer(ctx, h))); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reuse is what a pipeline has of a prior layer.
type reuse struct {
	prior *Prior
	at    map[string]place // by key of the fragment
	known int              // fragments from the first on that are the prior layer's own
	// diffID is the hash of the tar file after the known fragments: what comes
	// before a change need not be unpacked.
	diffID hash.Hash
}

type place struct {
	offset int64
	made   *Made
}

// newReuse compares a layer with a prior one, which may be nil.
func newReuse(prior *Prior, fragments []Fragment) *reuse {
	r := &reuse{prior: prior, at: map[string]place{}, diffID: sha256.New()}
	if prior == nil {
		return r
	}
	var offset int64
	for i := range prior.Fragments {
		m := &prior.Fragments[i]
		if m.Key != "" {
			r.at[m.Key] = place{offset, m}
		}
		for _, c := range m.Chunks {
			offset += int64(c.Packed)
		}
	}
	for r.known < min(len(fragments), len(prior.Fragments)) && fragments[r.known].Key != "" &&
		fragments[r.known].Key == prior.Fragments[r.known].Key {
		r.known++
	}
	if r.known > 0 && r.diffID.(encoding.BinaryUnmarshaler).UnmarshalBinary(prior.Fragments[r.known-1].DiffID) != nil {
		r.known, r.diffID = 0, sha256.New()
	}
	return r
}

// stored sends the chunks of a prior fragment on their way.
func (p *pipeline) stored(ctx context.Context, index int, from place) error {
	w := &chunker{pipeline: p, ctx: ctx, index: index}
	for _, c := range from.made.Chunks {
		if err := w.begin(); err != nil {
			return err
		}
		if size := p.compression.chunkSize(); c.Packed < 0 || c.Packed > 2*size || c.Raw < 0 || c.Raw > size {
			return &DamageError{p.reuse.prior.Digest}
		}
		w.cur.from, w.cur.unpack = &c, index >= p.reuse.known
		w.cur.packed = append(w.cur.packed[:0], make([]byte, c.Packed)...)
		if _, err := p.reuse.prior.Blob.ReadAt(w.cur.packed, from.offset); err != nil {
			return &DamageError{p.reuse.prior.Digest}
		}
		from.offset += int64(c.Packed)
		if err := w.flush(); err != nil {
			return err
		}
	}
	return nil
}

// restore unpacks a prior chunk where the tar file is to be hashed.
func (p *pipeline) restore(c *chunk, unpack unpacker) error {
	if !c.unpack {
		return nil
	}
	c.raw = c.raw[:c.from.Raw]
	if unpack(c.raw, c.packed) != nil {
		return &DamageError{p.reuse.prior.Digest}
	}
	return nil
}
