// SPDX-License-Identifier: BSD-2-Clause

package catalog_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/trust"
)

// noTrust fails if anybody asks it.
type noTrust struct{ t *testing.T }

func (n noTrust) Check(trust.Envelope, trust.Payload) (string, error) {
	n.t.Error("a signature was asked for")
	return "", nil
}

func zst(t testing.TB, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(text, nil)
}

// header is that of a member in a tar file.
func header(t testing.TB, h tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	h.Mode = 0o644
	if err := tar.NewWriter(&b).WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// frames is a member that is the same frame of zstd again and again.
func frames(t testing.TB, name string, frame []byte, times int) []byte {
	t.Helper()
	head := header(t, tar.Header{Name: name, Size: int64(len(frame)) * int64(times), Format: tar.FormatGNU})
	return append(zst(t, head), bytes.Repeat(zst(t, frame), times)...)
}

// TestBombs has archives of some KB that unpack to gigabytes. Both ways to read
// them stop at a bound, and nobody's signature is looked at.
func TestBombs(t *testing.T) {
	t.Parallel()
	const mega = 1 << 20
	mixed := make([]byte, 8*mega) // packs 100:1
	random := rand.NewChaCha8([32]byte{1})
	random.Read(mixed[:len(mixed)/100])
	small := zst(t, archive(t, "data", data))
	end := zst(t, make([]byte, 1024))
	const ratio, size = "unpacks to more than 200 times its size: found ", "unpacks to more than 1073741824 bytes"
	for _, tt := range []struct {
		name, want string
		archive    []byte
	}{
		{"payload", "data: " + ratio, frames(t, "data", make([]byte, 8*mega), 256)},
		{"another member", ratio, frames(t, "x", make([]byte, 8*mega), 256)},
		{"behind the payload", ratio, append(zst(t, memberOf(t, "data", data)), frames(t, "x", make([]byte, 8*mega), 256)...)},
		{"signature", "signature: is larger than 1048576 bytes", frames(t, "signature", make([]byte, 8*mega), 256)},
		{"headers", ratio, bytes.Repeat(zst(t, bytes.Repeat(longName(t), 8)), 256)},
		{"member that packs worse", size, frames(t, "x", mixed, 136)},
		{"size that lies", "data: unexpected EOF", append(zst(t, header(t, tar.Header{Name: "data", Size: 1 << 40, Format: tar.FormatGNU})), end...)},
		{"long name", "a member's name has 1048575 bytes, wanted at most 255", zst(t, append(longName(t), header(t, tar.Header{Name: "x"})...))},
		{"name that colours", `a member's name: "\x1b[31mx.sig" has the control character U+001B`, archive(t, "\x1b[31mx.sig", "", "data", data)},
		{"holes", `member "data" is a sparse file`, sparse(t)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, folder{"meta.conf": []byte(metaConf), "data.pkg": tt.archive}, noTrust{t}, nil)
			_, again := catalog.Unseal(t.Context(), catalog.Repo{Name: "r"}, tt.archive, noTrust{t}, nil)
			for _, err := range []error{err, again} {
				var bad *catalog.FormatError
				if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
		})
	}
	if _, err := catalog.Unseal(t.Context(), catalog.Repo{Name: "r"}, small, nil, nil); err != nil {
		t.Error(err)
	}
}

// memberOf is a member without the end of the archive.
func memberOf(t *testing.T, name, text string) []byte {
	t.Helper()
	return archive(t, name, text)[:512+(len(text)+511)/512*512]
}

// longName is what stands before the header of a member with a name of 1 MB.
func longName(t *testing.T) []byte {
	t.Helper()
	text := header(t, tar.Header{Name: strings.Repeat("x", 1<<20-1), Format: tar.FormatGNU})
	return text[:len(text)-512]
}

// sparse is an archive whose payload is a hole of 64 GB.
func sparse(t *testing.T) []byte {
	t.Helper()
	records := ""
	for _, r := range []string{"major=1", "minor=0", "name=data", "realsize=68719476736"} {
		r = " GNU.sparse." + r + "\n"
		records += strconv.Itoa(len(r)+2) + r
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "x", Size: int64(len(records)), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, records)
	if err := w.WriteHeader(&tar.Header{Name: "x", Size: 512, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "0\n"+strings.Repeat("\x00", 510))
	w.Close()
	text := b.Bytes()
	text[156] = 'x' // the type of the first header, whose sum changes by as much
	copy(text[148:156], checksum(text[:512]))
	return text
}

// checksum is the field of a tar header that sums it up.
func checksum(head []byte) []byte {
	n := 0
	for i, c := range head {
		if i >= 148 && i < 156 {
			c = ' '
		}
		n += int(c)
	}
	field := []byte("000000\x00 ")
	for i := 5; i >= 0; i, n = i-1, n>>3 {
		field[i] = '0' + byte(n&7)
	}
	return field
}

// cancelling interrupts the run once its bytes have been read.
type cancelling struct {
	*bytes.Reader
	cancel context.CancelFunc
}

func (c cancelling) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if c.Len() == 0 {
		c.cancel()
	}
	return n, err
}

func (cancelling) Close() error { return nil }

type opener func(name string) (io.ReadSeekCloser, error)

func (o opener) Open(_ context.Context, name string) (io.ReadSeekCloser, error) { return o(name) }

// TestInterrupted interrupts while all that is left of the work is to unpack.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	packed := zst(t, append(archive(t, "data", data+strings.Repeat(" ", 15<<20)), make([]byte, 1<<20)...))
	if len(packed) > 32<<10 {
		t.Fatalf("the archive has %d bytes, so it is read in more than one step", len(packed))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	files := opener(func(name string) (io.ReadSeekCloser, error) {
		if name == "meta.conf" {
			return file{bytes.NewReader([]byte(metaConf))}, nil
		}
		return cancelling{bytes.NewReader(packed), cancel}, nil
	})
	if _, err := catalog.Load(ctx, catalog.Repo{Name: "r"}, files, noTrust{t}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestPacksWell reads what packs better than 200:1, as far as that is allowed.
func TestPacksWell(t *testing.T) {
	t.Parallel()
	packed := zst(t, archive(t, "data", data+strings.Repeat(" ", 15<<20)))
	c, err := catalog.Unseal(t.Context(), catalog.Repo{Name: "r"}, packed, nil, nil)
	if err != nil || c.Len() != 1 {
		t.Errorf("got %v, %v, want a package from %d bytes", c, err, len(packed))
	}
}
