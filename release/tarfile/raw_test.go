// SPDX-License-Identifier: BSD-2-Clause

package tarfile

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"

	"github.com/orlop/orlop/release/tarfile/tartest"
)

// FuzzRaw wants the reader of differences to find the names and sizes of archive/tar
// in tar files of entries whose sums are right, with other bytes behind them.
func FuzzRaw(f *testing.F) {
	f.Add("\"5\" \"a/\" \"\" \"\" \"\"\n\"0\" \"a/b\" \"\" \"100=3034373535\" \"x\"\n\"1\" \"c\" \"a/b\" \"\" \"\"\n", []byte(nil))
	f.Fuzz(func(t *testing.T, entries string, behind []byte) {
		plain := append(tartest.Lines(entries), behind...)
		for r := tar.NewReader(bytes.NewReader(plain)); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil || h.Typeflag == tar.TypeGNUSparse {
				return
			}
			if _, err := Node(h); err != nil && h.Typeflag != tar.TypeXGlobalHeader {
				return // the reader of layers refuses it
			}
		}
		r, raw := tar.NewReader(bytes.NewReader(plain)), rawTar{r: bytes.NewReader(plain)}
		for {
			h, err := r.Next()
			if err == nil && (IsSparse(h) || h.Typeflag == tar.TypeXGlobalHeader) {
				return
			}
			fault := raw.next()
			if fault != nil {
				t.Fatalf("%v, and archive/tar finds %+v, %v", fault, h, err)
			}
			if err == io.EOF && raw.end {
				return
			}
			if err != nil || raw.end {
				t.Fatalf("the end is there: %t, and archive/tar finds %+v, %v", raw.end, h, err)
			}
			inPrefix := raw.header[345] != 0 && string(raw.header[257:263]) != "ustar\x00" // where old Go had put names that were too long
			contents := h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeCont
			if raw.path != h.Name && !inPrefix || raw.size != h.Size && contents {
				t.Errorf("%q of %d bytes, and archive/tar finds %q of %d", raw.path, raw.size, h.Name, h.Size)
			}
			if err := raw.skip(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
