// SPDX-License-Identifier: BSD-2-Clause

package unpack_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/orlop/orlop/release/tree"
	"github.com/orlop/orlop/release/unpack"
)

// member is an entry of an archive to make: of a file, unless kind says otherwise.
type member struct {
	name, text string // text is the contents, or the target of a link
	kind       byte
	mode       int64
	records    map[string]string
}

func makeTar(tb testing.TB, members ...member) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.kind, Mode: m.mode, PAXRecords: m.records}
		switch m.kind {
		case 0, tar.TypeReg:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(m.text))
		default:
			h.Linkname = m.text
		}
		if m.kind == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: m.kind, Name: m.name, PAXRecords: m.records}
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, m.text)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func makeZip(tb testing.TB, members ...member) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		switch m.kind {
		case tar.TypeSymlink:
			h.SetMode(fs.ModeSymlink | 0o777)
		case tar.TypeFifo:
			h.SetMode(fs.ModeNamedPipe | 0o644)
		default:
			if m.mode != 0 {
				h.SetMode(fs.FileMode(m.mode & 0o777))
			}
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			tb.Fatal(err)
		}
		io.WriteString(f, m.text)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// packed is a tar file in each of the forms that are read.
func packed(tb testing.TB, plain []byte) map[string][]byte {
	tb.Helper()
	forms := map[string][]byte{"tar": plain}
	for name, open := range map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
		"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	} {
		var b bytes.Buffer
		w, err := open(&b)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(plain); err != nil {
			tb.Fatal(err)
		}
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
		forms[name] = b.Bytes()
	}
	return forms
}

// read is all that an archive gives, a line for each entry.
func read(tb testing.TB, data []byte, o unpack.Options) ([]string, error) {
	tb.Helper()
	var all []string
	err := unpack.Read(tb.Context(), bytes.NewReader(data), int64(len(data)), o, func(e unpack.Entry, r io.Reader) error {
		text, err := io.ReadAll(r)
		if err == nil && (e.Type != tree.File && len(text) > 0 || e.Type == tree.File && int64(len(text)) != e.Size) {
			tb.Errorf("%s: has %d bytes, its entry says %d", e.Path, len(text), e.Size)
		}
		line := fmt.Sprintf("%s %04o %s %s%s", e.Type, e.Mode, e.Path, e.Link, text)
		all = append(all, strings.TrimSpace(line))
		return err
	})
	return all, err
}
