// SPDX-License-Identifier: BSD-2-Clause

package packing_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/packing"
)

var page = strings.Repeat("a page of the manual\n", 50)

// packed is a text in one of the formats, by other people's code.
func packed(t testing.TB, format, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch format {
	case "plain":
		return []byte(text)
	case "bzip2": // for which Go has no writer: page
		b, err := hex.DecodeString("425a68393141592653596cb82e65000095d1800010400023c7c600200060295235343d1a100003ea2c916517c45945da2da2d22d22d22f117e45b45845e22c22c291b45e8bb9229c2848365c173280")
		if err != nil {
			t.Fatal(err)
		}
		return b
	case "zstd":
		w, err = zstd.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "lzma":
		w, err = lzma.NewWriter(&b)
	case "lzma of a known size":
		w, err = lzma.WriterConfig{SizeInHeader: true, Size: int64(len(text))}.NewWriter(&b)
	case "gzip":
		w = gzip.NewWriter(&b)
	default:
		t.Fatal(format)
	}
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack reads all of a stream.
func unpack(r io.Reader) (string, error) {
	z, err := packing.NewReader(r)
	if err != nil {
		return "", err
	}
	plain, err := io.ReadAll(z)
	return string(plain), errors.Join(err, z.Close())
}

var formats = []string{"plain", "zstd", "xz", "lzma", "lzma of a known size", "gzip", "bzip2"}

// TestFormats reads every format, in one piece and byte by byte.
func TestFormats(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		text := packed(t, format, page)
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(text), "byte by byte": iotest.OneByteReader(bytes.NewReader(text))} {
			if got, err := unpack(r); err != nil || got != page {
				t.Errorf("%s, %s: got %.30q, %v", format, name, got, err)
			}
		}
	}
}

// TestCut wants an error of every format whose last bytes are not there. Of lzma it
// is the end mark that lacks.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, format := range formats[1:] {
		text := packed(t, format, page)
		for _, n := range []int{len(text) - 1, len(text) / 2, 14} {
			if got, err := unpack(bytes.NewReader(text[:n])); err == nil {
				t.Errorf("%s, %d bytes of %d: got %.30q and no error", format, n, len(text), got)
			}
		}
	}
}

// TestPlain passes what only resembles a packed file as it is.
func TestPlain(t *testing.T) {
	t.Parallel()
	head := func(properties byte, dict uint32, size uint64) string {
		b := binary.LittleEndian.AppendUint32([]byte{properties}, dict)
		return string(binary.LittleEndian.AppendUint64(b, size)) + "contents"
	}
	for name, text := range map[string]string{
		"nothing": "", "one byte": "\x28", "a cut magic": "\x28\xb5\x2f", "a text": "name: x\n", "a NUL": "\x00",
		"almost gzip": "\x1f\x8c\x08", "almost xz": "\xfd7zXY\x00", "almost bzip2": "BZ2",
		"lzma, other properties":       head(0x5c, 1<<16, 5),
		"lzma, an odd dictionary":      head(0x5d, 1<<16+1, 5),
		"lzma, three bits":             head(0x5d, 7<<16, 5),
		"lzma, two bits apart":         head(0x5d, 5<<16, 5),
		"lzma, no dictionary":          head(0x5d, 0, 5),
		"lzma, too small a dictionary": head(0x5d, 1<<11, 5),
		"lzma, a terabyte":             head(0x5d, 1<<16, 1<<40),
		"lzma, a cut header":           head(0x5d, 1<<16, math.MaxUint64)[:12],
	} {
		if got, err := unpack(strings.NewReader(text)); err != nil || got != text {
			t.Errorf("%s: got %q, %v, want it as it is", name, got, err)
		}
	}
}

// TestUnsupported names what pkg(8) reads and this version does not, which is no
// fault of the file.
func TestUnsupported(t *testing.T) {
	t.Parallel()
	const wanted = ", which this version does not read; wanted zstd, xz, lzma, gzip, bzip2 or no compression"
	for head, want := range map[string]string{
		"\x04\x22\x4d\x18rest": "is packed with lz4" + wanted,
		"\x89LZO\x00":          "is packed with lzop" + wanted,
		"LZIP\x01":             "is packed with lzip" + wanted,
		"LRZI\x00":             "is packed with lrzip" + wanted,
		"\x1f\x9d\x90":         "is packed with compress" + wanted,
		"\x5d\x00\x00\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff": "has a dictionary of 268435456 bytes, more than 134217728" + wanted,
		"\x5e\x00\x00\x00\x0c\xff\xff\xff\xff\xff\xff\xff\xff": "has a dictionary of 201326592 bytes, more than 134217728" + wanted,
	} {
		_, err := packing.NewReader(strings.NewReader(head))
		if _, unsupported := errors.AsType[*fault.UnsupportedError](err); !unsupported || err.Error() != want {
			t.Errorf("%.4q: got %T %v, want %s", head, err, err, want)
		}
	}
}

// TestDamagedHeads tells the format of a stream that is broken from the start.
func TestDamagedHeads(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"\xfd7zXZ\x00\x00\x00\x00\x00\x00\x00":                 "xz: ",
		"\x1f\x8b\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00": "gzip: ",
	} {
		if _, err := packing.NewReader(strings.NewReader(head)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.6q: got %v, want %s…", head, err, want)
		}
	}
	bang := errors.New("bang")
	if _, err := packing.NewReader(iotest.ErrReader(bang)); !errors.Is(err, bang) {
		t.Errorf("got %v, want %v", err, bang)
	}
}

// TestWindow bounds what a zstd frame may ask for: the most is taken, the next
// size is not.
func TestWindow(t *testing.T) {
	t.Parallel()
	frame := func(window byte) string { return "\x28\xb5\x2f\xfd\x00" + string([]byte{window}) + "\x09\x00\x00x" } // one raw block
	const most, more = (27 - 10) << 3, (27-10)<<3 | 1                                                              // 128 MiB, and an eighth more (RFC 8878, 3.1.1.1.2)
	if got, err := unpack(strings.NewReader(frame(most))); err != nil || got != "x" {
		t.Errorf("128 MiB: got %q, %v", got, err)
	}
	if got, err := unpack(strings.NewReader(frame(more))); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("144 MiB: got %q, %v, want %v", got, err, zstd.ErrWindowSizeExceeded)
	}
}

// closes counts how often it is closed.
type closes struct {
	io.Reader
	n int
}

func (c *closes) Close() error { c.n++; return nil }

// TestClose leaves the reader below open, may be called twice, and gives nothing
// afterwards: the decoder may belong to another package by then.
func TestClose(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		below := &closes{Reader: bytes.NewReader(packed(t, format, page))}
		r, err := packing.NewReader(below)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if err := errors.Join(r.Close(), r.Close()); err != nil || below.n != 0 {
			t.Errorf("%s: closed the reader below %d times, %v", format, below.n, err)
		}
		if format != "zstd" {
			continue
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: after Close got %d bytes, %v", format, n, err)
		}
	}
}

// TestDecodersAreClean gives decoders on after all that may have happened to them:
// an end, a fault, a stop in the middle. Each text comes out as it was packed.
func TestDecodersAreClean(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 8 {
				text := strings.Repeat(string(rune('a'+i)), 1000*j)
				whole := packed(t, "zstd", text)
				switch j % 4 {
				case 1:
					if _, err := unpack(bytes.NewReader(whole[:len(whole)-1])); err == nil {
						t.Error("a cut frame is no error")
					}
				case 2:
					r, err := packing.NewReader(bytes.NewReader(whole))
					if err := errors.Join(err, r.Close()); err != nil {
						t.Error(err)
					}
				}
				if got, err := unpack(bytes.NewReader(whole)); err != nil || got != text {
					t.Errorf("got %d bytes, %v, want %d", len(got), err, len(text))
				}
			}
		})
	}
	group.Wait()
}
