// SPDX-License-Identifier: BSD-2-Clause

package xz_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	module "github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/orlop/orlop/pkgdb/xz"
)

// unpack reads a whole file.
func unpack(text []byte) ([]byte, error) {
	r, err := xz.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func packXZ(t testing.TB, c module.WriterConfig, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := c.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// texts pack well, and not at all.
func texts() []byte {
	random := make([]byte, 70_000)
	rand.NewChaCha8([32]byte{1}).Read(random)
	return append(bytes.Repeat([]byte("orlop "), 50_000), random...)
}

// TestXZ reads files with each checksum, of many blocks, of many streams and of
// none at all.
func TestXZ(t *testing.T) {
	t.Parallel()
	text := texts()
	for name, c := range map[string]module.WriterConfig{
		"none": {NoCheckSum: true}, "CRC-32": {CheckSum: module.CRC32}, "CRC-64": {CheckSum: module.CRC64}, "SHA-256": {CheckSum: module.SHA256},
		"blocks": {BlockSize: 9999, DictCap: 1 << 14}, "small dictionary": {DictCap: 1 << 12},
	} {
		if c.DictCap == 0 {
			c.DictCap = 1 << 16 // the module's writer makes one for each block
		}
		packed := packXZ(t, c, text)
		if got, err := unpack(packed); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: got %d bytes, %v, want %d", name, len(got), err, len(text))
		}
		twice := append(append(bytes.Clone(packed), 0, 0, 0, 0), packed...)
		if got, err := unpack(twice); err != nil || len(got) != 2*len(text) {
			t.Errorf("%s: two streams: got %d bytes, %v, want %d", name, len(got), err, 2*len(text))
		}
		if got, err := unpack(packXZ(t, c, nil)); err != nil || len(got) > 0 {
			t.Errorf("%s: nothing: got %d bytes, %v", name, len(got), err)
		}
	}
}

// TestXZDamaged cuts a file at each byte, and changes each. What is accepted all
// the same is the packed size of a chunk, which nothing depends on.
func TestXZDamaged(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat("orlop and ", 12))
	packed := packXZ(t, module.WriterConfig{BlockSize: 60, DictCap: 1 << 12}, text)
	for i := range packed {
		if _, err := unpack(packed[:i]); err == nil && i > 5 {
			t.Errorf("cut at byte %d: accepted", i)
		}
		bad := bytes.Clone(packed)
		bad[i] ^= 1
		if got, err := unpack(bad); err == nil && i > 5 && !bytes.Equal(got, text) { // else it is no such file
			t.Errorf("byte %d changed: got %q", i, got)
		}
	}
	for _, more := range []string{"\x00", "\x00\x00\x00\x00x", "garbage behind"} {
		if _, err := unpack(append(bytes.Clone(packed), more...)); err == nil {
			t.Errorf("with %q behind it: accepted", more)
		}
	}
}

// blocks is a file of blocks that have a text unpacked and want a dictionary.
func blocks(text string, dict byte, times int) []byte {
	sum := binary.LittleEndian.AppendUint32
	b := sum([]byte("\xfd7zXZ\x00\x00\x00"), crc32.ChecksumIEEE([]byte{0, 0}))
	head := []byte{2, 0, 0x21, 1, dict, 0, 0, 0}
	block := sum(head, crc32.ChecksumIEEE(head))
	if text != "" {
		block = append(block, 1, byte((len(text)-1)>>8), byte(len(text)-1))
		block = append(block, text...)
	}
	block = append(block, 0)
	unpadded := len(block)
	for len(block)%4 > 0 {
		block = append(block, 0)
	}
	b = append(b, bytes.Repeat(block, times)...)
	index := binary.AppendUvarint([]byte{0}, uint64(times))
	for range times {
		index = binary.AppendUvarint(binary.AppendUvarint(index, uint64(unpadded)), uint64(len(text)))
	}
	for len(index)%4 > 0 {
		index = append(index, 0)
	}
	index = sum(index, crc32.ChecksumIEEE(index))
	foot := append(sum(nil, uint32(len(index)/4-1)), 0, 0)
	b = append(append(b, index...), sum(nil, crc32.ChecksumIEEE(foot))...)
	return append(append(b, foot...), 'Y', 'Z')
}

// Codes of dictionaries: 8 MiB, 128 MiB, and 4 GiB less a byte.
const dict8M, dict128M, dict4G = 22, 30, 40

// TestXZDictionaries bounds the memory that a file asks for, and the work of
// making it over and over.
func TestXZDictionaries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, want string
		file       []byte
	}{
		{"small", "", blocks("text", dict8M, 3)},
		{"large", "", blocks("text", dict128M, 1)},
		{"larger", "a block needs a dictionary of 201326592 bytes, wanted at most 134217728", blocks("text", dict128M+1, 1)},
		{"largest", "a block needs a dictionary of 4294967295 bytes, wanted at most 134217728", blocks("text", dict4G, 1)},
		{"largest in the second stream", "a block needs a dictionary of 4294967295", append(blocks("text", dict8M, 1), blocks("", dict4G, 1)...)},
		{"many", "33 blocks need dictionaries of 276824064 bytes for 0 bytes of contents", blocks("", dict8M, 100_000)},
		{"many with a text", "33 blocks need dictionaries of 276824064 bytes for 128 bytes of contents", blocks("text", dict8M, 100_000)},
	} {
		text, err := unpack(tt.file)
		if tt.want == "" && (err != nil || !strings.HasPrefix(string(text), "text")) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %d bytes, %v, want %q", tt.name, len(text), err, tt.want)
		}
	}
}

// fuzzedXZ is a file of a stream of at most one block, and of what comes behind it.
// Lengths, padding, index and sums are right as long as index does not say others.
func fuzzedXZ(check byte, head, data, index, behind []byte) []byte {
	sum := binary.LittleEndian.AppendUint32
	pad := func(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }
	flags := []byte{0, check}
	b := sum(append([]byte("\xfd7zXZ\x00"), flags...), crc32.ChecksumIEEE(flags))
	if right := []byte{0, 0}; len(head) > 0 {
		head = pad(append([]byte{0}, head...))
		head[0] = byte(len(head) / 4)
		head = sum(head, crc32.ChecksumIEEE(head))
		var plain []byte
		if r, err := (lzma.Reader2Config{DictCap: 1 << 20}).NewReader2(bytes.NewReader(data)); err == nil {
			plain, _ = io.ReadAll(io.LimitReader(r, 1<<20))
		}
		var of []byte
		switch check {
		case 1:
			of = sum(nil, crc32.ChecksumIEEE(plain))
		case 4:
			of = binary.LittleEndian.AppendUint64(nil, crc64.Checksum(plain, crc64.MakeTable(crc64.ECMA)))
		case 10:
			digest := sha256.Sum256(plain)
			of = digest[:]
		}
		b = append(append(b, head...), pad(bytes.Clone(data))...)
		b = append(b, of...)
		right = binary.AppendUvarint(binary.AppendUvarint([]byte{0, 1}, uint64(len(head)+len(data)+len(of))), uint64(len(plain)))
		if len(index) == 0 {
			index = right
		}
	} else if len(index) == 0 {
		index = right
	}
	index = pad(bytes.Clone(index))
	foot := append(sum(nil, uint32(len(index)/4)), flags...)
	b = sum(append(b, index...), crc32.ChecksumIEEE(index))
	b = append(sum(b, crc32.ChecksumIEEE(foot)), foot...)
	return append(append(b, "YZ"...), behind...)
}

// FuzzXZ makes files whose sums are right. What this reader and the module's make
// of one is the same.
func FuzzXZ(f *testing.F) {
	f.Add(byte(4), []byte{0, 0x21, 1, 0}, []byte("\x01\x00\x04hello\x00"), []byte(nil), []byte(nil))
	f.Add(byte(0), []byte{0xc0, 9, 5, 0x21, 1, 8}, []byte("\x01\x00\x04hello\x00"), []byte{0, 1, 25, 5}, blocks("text", 0, 2))
	f.Fuzz(func(t *testing.T, check byte, head, data, index, behind []byte) {
		if len(head) > 1000 {
			return // no head is longer
		}
		file := fuzzedXZ(check, head, data, index, behind)
		got, err := unpack(file)
		if err != nil && (strings.Contains(err.Error(), "dictionar") || errors.Is(err, io.ErrUnexpectedEOF)) {
			return // the module's reader would make it; and it takes a file that ends between blocks
		}
		r, theirs := module.NewReader(bytes.NewReader(file))
		var want []byte
		if theirs == nil {
			want, theirs = io.ReadAll(r)
		}
		if (err == nil) != (theirs == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, %v, the module's reader %d, %v", len(got), err, len(want), theirs)
		}
	})
}
