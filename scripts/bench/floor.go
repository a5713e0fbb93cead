// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb/packing"
)

// steps are the CPU seconds of the work that no builder in Go can avoid.
type steps struct{ Decode, Sums, Compress, Digest float64 }

func (s steps) total() float64 { return s.Decode + s.Sums + s.Compress + s.Digest }

// floor runs the steps one after the other on one processor: decode every package,
// hash its contents as pkg does, compress them in pieces of the same size as orlop,
// and hash the input and the output of that.
func floor(w io.Writer, repo, method string) error {
	paths, err := filepath.Glob(filepath.Join(repo, "bench-*.pkg"))
	if err != nil {
		return err
	}
	pack, chunk := gzipPacker()
	if method == "zstd" {
		pack, chunk = zstdPacker()
	}
	var s steps
	var raw, packed bytes.Buffer
	for _, path := range paths {
		archive, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		raw.Reset()
		if s.Decode += cpuOf(func() { err = decode(&raw, archive) }); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s.Sums += cpuOf(func() { blake2b.Sum512(archive); blake2b.Sum512(raw.Bytes()) })
		packed.Reset()
		s.Compress += cpuOf(func() {
			for b := raw.Bytes(); len(b) > 0; b = b[min(chunk, len(b)):] {
				pack(&packed, b[:min(chunk, len(b))])
			}
		})
		s.Digest += cpuOf(func() { sha256.Sum256(raw.Bytes()); sha256.Sum256(packed.Bytes()) })
	}
	return json.NewEncoder(w).Encode(s)
}

func decode(w io.Writer, archive []byte) error {
	r, err := packing.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

// gzipPacker and zstdPacker compress as release/layer does.
func gzipPacker() (func(*bytes.Buffer, []byte), int) {
	z, err := gzip.NewWriterLevel(io.Discard, 6)
	if err != nil {
		panic(err)
	}
	return func(w *bytes.Buffer, b []byte) {
		z.Reset(w)
		z.Write(b)
		z.Close()
	}, 1 << 20
}

func zstdPacker() (func(*bytes.Buffer, []byte), int) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err)
	}
	var out []byte
	return func(w *bytes.Buffer, b []byte) { out = enc.EncodeAll(b, out[:0]); w.Write(out) }, 4 << 20
}

// cpuOf returns the processor time of the whole process, so garbage collection
// counts, too.
func cpuOf(do func()) float64 {
	var a, b syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &a)
	do()
	syscall.Getrusage(syscall.RUSAGE_SELF, &b)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(b.Utime) + seconds(b.Stime) - seconds(a.Utime) - seconds(a.Stime)
}
