// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/spelling"
)

// Compression is how the blob of a layer is compressed: a method, or METHOD:LEVEL.
type Compression string

// The methods that OCI knows, at their usual levels. Every client reads gzip.
const (
	Gzip Compression = "gzip" // level 6
	Zstd Compression = "zstd" // level "default"
)

// method is all that there is to declare of a compression. What decides bytes is
// part of orlop's format, as are the versions of the compressors in go.mod.
type method struct {
	name      Compression
	mediaType string   // image-spec, media-types.md
	magic     string   // the first bytes of a blob
	levels    []string // by name
	level     string   // of a name without one; decides bytes
	chunk     int      // bytes of tar in a gzip member or zstd frame; decides bytes

	newPacker   func(level string) (packer, error)
	newUnpacker func() (unpacker, error)
	// decode reads a whole blob, and names what keeps it from being read.
	decode func(in *bufio.Reader) (io.ReadCloser, error)
}

// methods are those that layers are written with.
var methods = []method{gzipMethod, zstdMethod}

// packer compresses chunks, one after the other, and appends to out.
type packer func(out, raw []byte) ([]byte, error)

// unpacker fills raw with what was packed into one member or frame, and fails
// if that has another size.
type unpacker func(raw, packed []byte) error

// ParseCompression reads the name of a compression: gzip or gzip:1 to gzip:9, zstd
// or zstd:fastest, default, better, best.
func ParseCompression(s string) (Compression, error) {
	var hints []string
	for _, m := range methods {
		name, level, given := strings.Cut(s, ":")
		if hints = append(hints, string(m.name)); name != string(m.name) {
			continue
		}
		if !given || level == m.level {
			return m.name, nil // the same by one name
		}
		if slices.Contains(m.levels, level) {
			return Compression(s), nil
		}
	}
	for _, level := range zstdMethod.levels {
		if level != zstdMethod.level {
			hints = append(hints, string(Zstd)+":"+level)
		}
	}
	return "", fmt.Errorf("compression %q is not known, wanted gzip, gzip:1 to gzip:9, zstd, or zstd:fastest, better, best%s", s, spelling.Hint(s, hints...))
}

// method tells which one it is, and the level. ParseCompression has made it, or it is
// one of the constants.
func (c Compression) method() (m *method, level string) {
	name, level, _ := strings.Cut(string(c), ":")
	i := slices.IndexFunc(methods, func(m method) bool { return string(m.name) == name })
	m = &methods[max(i, 0)]
	return m, cmp.Or(level, m.level)
}

// MediaType returns the media type of a layer with this compression.
func (c Compression) MediaType() string {
	m, _ := c.method()
	return m.mediaType
}

func (c Compression) chunkSize() int {
	m, _ := c.method()
	return m.chunk
}

func (c Compression) newPacker() (packer, error) {
	m, level := c.method()
	return m.newPacker(level)
}

func (c Compression) newUnpacker() (unpacker, error) {
	m, _ := c.method()
	return m.newUnpacker()
}

func wrongSize(is bool) error {
	if is {
		return errors.New("wrong size")
	}
	return nil
}
