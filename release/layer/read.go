// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/tarread"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// MaxEntries bounds the entries of a layer, and of an image. A desktop of ports
// packages has 400,000.
const MaxEntries = 2_000_000

// maxSparse bounds the sparse entries of a layer, in bytes: a few bytes of a
// header make a hole of any size.
const maxSparse = 16 << 30

// Read goes through an untrusted layer, and returns its digests. It calls visit
// for each entry, including whiteouts; the node is valid until it returns, and
// contents are those of a file and need not be read. An entry without a meaning, or that no extraction should encounter,
// is skipped and reported. If the layer cannot be read to its end, the returned
// digests are empty.
func Read(ctx context.Context, r io.Reader, mediaType string, visit func(n *tree.Node, contents io.Reader) error) (Layer, error) {
	l := Layer{MediaType: mediaType}
	blob, diffID := &counter{Hash: sha256.New()}, sha256.New()
	r = io.TeeReader(until.Reader(ctx, r), blob)
	raw, err := unpack(r, mediaType)
	if err != nil {
		return l, faulty("", err)
	}
	defer raw.Close()
	read := newAhead(until.Reader(ctx, raw), diffID)
	defer read.Close()
	plain := tarfile.NewComparer(until.Reader(ctx, read))
	e := entries{compare: plain, tar: tarread.NewReader(plain), read: read, visit: visit}
	if err := e.all(ctx); err != nil {
		return l, e.faults.err(err)
	}
	end := read.n
	clean, err := OnlyZeros(plain)
	if err == nil && !clean {
		e.faults.add("", true, errors.New("has data after the end of the archive"))
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		return l, e.faults.err(faulty("", err))
	}
	plain.End(read.n > end)
	l.Foreign = plain.Foreign()
	l.DiffID, l.TarSize = digest.NewDigest(digest.SHA256, diffID), read.n
	l.Digest, l.Size = digest.NewDigest(digest.SHA256, blob.Hash), blob.n
	return l, e.faults.err()
}

// Again goes through a layer that Read has been through, and visits the same entries.
// It neither computes digests nor reports faults of entries.
func Again(ctx context.Context, r io.Reader, mediaType string, visit func(n *tree.Node, contents io.Reader) error) error {
	read, err := Open(ctx, r, mediaType)
	if err != nil {
		return err
	}
	defer read.Close()
	e := entries{tar: tarread.NewReader(until.Reader(ctx, read)), read: read.ahead, visit: visit}
	if err := e.all(ctx); err != nil {
		return err
	}
	if _, err = io.Copy(io.Discard, read); err != nil {
		return faulty("", err)
	}
	return nil
}

// Open returns the tar file of a layer, and unpacks it ahead of the caller.
func Open(ctx context.Context, r io.Reader, mediaType string) (*Opened, error) {
	raw, err := unpack(until.Reader(ctx, r), mediaType)
	if err != nil {
		return nil, faulty("", err)
	}
	return &Opened{newAhead(until.Reader(ctx, raw), nil), raw}, nil
}

// Opened is the tar file of a layer.
type Opened struct {
	*ahead
	raw io.Closer
}

// Close ends unpacking.
func (o *Opened) Close() error {
	o.ahead.Close()
	return o.raw.Close()
}

// entries goes through the entries of a tar file.
type entries struct {
	compare *tarfile.Comparer // compares with what orlop writes; nil for nothing
	tar     *tarread.Reader
	read    *ahead // the tar file
	visit   func(*tree.Node, io.Reader) error
	node    tree.Node // of the entry
	last    string    // entry, for messages
	number  int
	sparse  int64 // bytes of sparse entries
	faults  faults
}

// all visits meaningful entries. Its error is what prevents reading the rest.
func (e *entries) all(ctx context.Context) error {
	for {
		e.compare.Next()
		h, err := e.tar.Next()
		e.compare.Contents()
		switch {
		case err == io.EOF && e.read.n%tarfile.BlockSize != 0:
			return faulty("", fmt.Errorf("ends inside a block of %d bytes, after %d bytes%s", tarfile.BlockSize, e.read.n, e.after()))
		case err == io.EOF:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return faulty("", e.broken(err))
		}
		if e.number++; e.number > MaxEntries {
			return fault.Unsupportedf("has more than %d entries, the most that this version reads", MaxEntries)
		}
		if err := e.entry(ctx, h); err != nil {
			return err
		}
		e.last = h.Name
	}
}

// entry visits an entry. Its contents end with the context even in a hole, for
// which the archive is not read.
func (e *entries) entry(ctx context.Context, h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		e.global(h)
		return nil
	}
	sparse := tarfile.IsSparse(h)
	if sparse {
		if h.Size > maxSparse-e.sparse {
			return fault.Unsupportedf("%s: is a sparse entry of %d bytes, wanted at most %d in all of a layer", h.Name, h.Size, int64(maxSparse))
		}
		e.sparse += h.Size
	}
	var err error
	e.node, err = tarfile.Node(h)
	n := &e.node
	if err == nil {
		err = checkWhiteout(n)
	}
	if err != nil {
		name := h.Name
		if name == "" {
			name = fmt.Sprintf("entry %d", e.number)
		}
		e.faults.add(name, false, err)
		e.compare.Skip(h.Size)
		_, err = io.Copy(io.Discard, until.Reader(ctx, contents{h.Name, e.tar}))
		return err
	}
	if sparse {
		e.faults.add(n.Path, true, errors.New("is a sparse entry, which image-spec's layer.md advises against and podman does not extract"))
	}
	e.compare.Entry(h, n)
	body := until.Reader(ctx, contents{n.Path, e.tar})
	if err := e.visit(n, body); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body)
	return err
}

// global checks a header for all entries after it. Those with a comment are
// written by git archive, and are harmless.
func (e *entries) global(h *tar.Header) {
	e.compare.Global()
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if key != "comment" {
			e.faults.add(fmt.Sprintf("entry %d", e.number), true, fault.Unsupportedf(
				"is a global pax header with %s, which holds for all entries after it (POSIX, pax), and which container tools ignore", key))
			return
		}
	}
}

// broken says where the tar file becomes unreadable.
func (e *entries) broken(err error) error {
	switch {
	case errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("has no tar header at the end of its byte %d%s", e.read.n, e.after())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("ends too early, after %d bytes%s", e.read.n, e.after())
	}
	return err
}

// after names the entry before the present one.
func (e *entries) after() string {
	if e.number == 0 {
		return ""
	}
	return fmt.Sprintf(", after entry %d, %s", e.number, e.last)
}

// contents are those of one entry: a fault in them is the layer's, whoever
// encounters it.
type contents struct {
	path string
	r    io.Reader
}

func (c contents) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("ends in the middle of its contents")
	}
	if err != nil && err != io.EOF {
		err = faulty(c.path, err)
	}
	return n, err
}

// OnlyZeros reads to the end whatever follows a tar file, and reports whether it
// is only padding.
func OnlyZeros(r io.Reader) (bool, error) {
	clean, buf := true, make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		clean = clean && strings.Trim(string(buf[:n]), "\x00") == ""
		if err == io.EOF {
			return clean, nil
		}
		if err != nil {
			return clean, err
		}
	}
}

// counter hashes and counts.
type counter struct {
	hash.Hash
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.Hash.Write(b)
}
