// SPDX-License-Identifier: BSD-2-Clause

package tarread

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memberReader is archive/tar's Reader, or ours.
type memberReader interface {
	Next() (*tar.Header, error)
	io.Reader
}

// reads is all that a reader of tar files says of one: of every second member it
// reads the contents, of others a byte of them.
func reads(r memberReader) []string {
	var all []string
	for n := range 1000 {
		h, err := r.Next()
		if err != nil {
			_, again := r.Next()
			return append(all, fmt.Sprint(err, again))
		}
		all = append(all, fmt.Sprintf("%c %q %q %o %d %d %d %d %q %q %d %d %q", h.Typeflag, h.Name, h.Linkname, h.Mode, h.Uid, h.Gid, h.Size,
			h.ModTime.UnixNano(), h.Uname, h.Gname, h.Devmajor, h.Devminor, h.PAXRecords))
		body := make([]byte, 1)
		if n%2 == 0 {
			body, err = io.ReadAll(io.LimitReader(r, 1<<16))
		} else {
			_, err = r.Read(body)
		}
		all = append(all, fmt.Sprintf("%q %v", body, err))
	}
	return all
}

// onlyReader hides what else a reader can do.
type onlyReader struct{ io.Reader }

func compareReaders(t *testing.T, archive []byte) *Reader {
	t.Helper()
	ours := NewReader(onlyReader{bytes.NewReader(archive)})
	want, got := reads(tar.NewReader(onlyReader{bytes.NewReader(archive)})), reads(ours)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-archive/tar +ours:\n%s", d)
	}
	return ours
}

// archived is a tar file with these members.
func archived(format tar.Format, list ...tar.Header) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range list {
		h.Format = format
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		io.WriteString(w, strings.Repeat("x", int(h.Size)))
	}
	w.Close()
	return b.Bytes()
}

// plainMembers are of all kinds that packages have.
func plainMembers() []tar.Header {
	at := time.Unix(1_750_000_000, 0)
	return []tar.Header{
		{Typeflag: tar.TypeReg, Name: "+MANIFEST", Size: 1000, Mode: 0o644, ModTime: at},
		{Typeflag: tar.TypeReg, Name: "/a", Size: 512, Mode: 0o4755, Uname: "root", Gname: "wheel", ModTime: at},
		{Typeflag: tar.TypeReg, Name: "/b", Uname: "root", Gname: "operator", Uid: 5, Gid: 6, ModTime: at},
		{Typeflag: tar.TypeReg, Name: "/" + strings.Repeat("long/", 30) + "x", Size: 5, Uname: "games", ModTime: time.Unix(0, 0)},
		{Typeflag: tar.TypeLink, Name: "/c", Linkname: "a", Uname: "root", ModTime: at},
		{Typeflag: tar.TypeSymlink, Name: "/d", Linkname: "/usr/a", ModTime: at},
		{Typeflag: tar.TypeDir, Name: "/e/", Mode: 0o1777, ModTime: at},
	}
}

// TestReader reads what archive/tar reads, and the plain part of it itself.
func TestReader(t *testing.T) {
	t.Parallel()
	plain := archived(tar.FormatUSTAR, plainMembers()...)
	if ours := compareReaders(t, plain[:len(plain)-2*blockSize]); ours.odd != nil {
		t.Error("archive/tar had to read plain headers")
	}
	for n := 0; n < len(plain); n += 7 { // cut off anywhere
		compareReaders(t, plain[:n])
	}
	for _, format := range []tar.Format{tar.FormatPAX, tar.FormatGNU} {
		compareReaders(t, archived(format, plainMembers()...))
	}
	long := tar.Header{Typeflag: tar.TypeReg, Name: "/" + strings.Repeat("n", 200), Size: 3}
	flagged := tar.Header{Typeflag: tar.TypeReg, Name: "/f", Size: 3, PAXRecords: map[string]string{"SCHILY.fflags": "schg"}}
	for _, h := range []tar.Header{long, flagged, {Typeflag: tar.TypeReg, Name: "/é", Size: 700}, {Typeflag: tar.TypeFifo, Name: "/p"}, {Typeflag: tar.TypeReg, Name: "/t", ModTime: time.Unix(-5, 5)}} {
		if ours := compareReaders(t, archived(tar.FormatPAX, append(plainMembers(), append([]tar.Header{h}, plainMembers()...)...)...)); ours.odd == nil {
			t.Errorf("%q: is plain", h.Name)
		}
	}
}

// FuzzReader compares every byte of any tar file with archive/tar. The sums of
// headers can be made right: of others nothing else is looked at.
func FuzzReader(f *testing.F) {
	f.Fuzz(func(t *testing.T, archive []byte, correct bool) {
		if len(archive) > 1<<16 {
			return
		}
		if correct {
			archive = bytes.Clone(archive)
			for at := 0; at+blockSize <= len(archive); at += blockSize {
				if block := archive[at:][:blockSize]; bytes.HasPrefix(block[257:], []byte("ustar")) {
					setSum(block)
				}
			}
		}
		compareReaders(t, archive)
	})
}

// setSum puts the sum of a header right.
func setSum(block []byte) {
	sum := 0
	copy(block[148:], "        ")
	for _, c := range block {
		sum += int(c)
	}
	copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
}
