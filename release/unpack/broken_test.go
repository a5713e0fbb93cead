// SPDX-License-Identifier: BSD-2-Clause

package unpack_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/unpack"
)

// TestSparse refuses the sparse files of GNU tar, old and new.
func TestSparse(t *testing.T) {
	t.Parallel()
	old := makeTar(t, member{name: "s", text: "x"})
	old[156] = tar.TypeGNUSparse
	copy(old[257:], "ustar  \x00")
	clear(old[265:500])
	copy(old[386:], "00000000000\x0000000000001\x00") // one piece, the whole file
	copy(old[483:], "00000000001\x00")
	sum := 0
	copy(old[148:156], "        ")
	for _, c := range old[:512] {
		sum += int(c)
	}
	copy(old[148:], fmt.Sprintf("%06o\x00 ", sum))
	// archive/tar writes no sparse files, but a record of the same length can be renamed
	key := "GNU.sparse.major"
	pax := makeTar(t, member{name: "s", text: "0\n" + strings.Repeat("\x00", 510), records: map[string]string{"XXX.sparse.major": "1", "XXX.sparse.minor": "0"}})
	pax = bytes.ReplaceAll(pax, []byte("XXX.sparse."), []byte(key[:11]))
	for want, data := range map[string][]byte{
		`entry "s" is a sparse file, wanted a file, a folder or a link`: old,
		`entry "s" is a sparse file, which this version does not read`:  pax,
	} {
		if _, err := read(t, data, unpack.Options{}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestBroken reads what is no archive, or a part of one.
func TestBroken(t *testing.T) {
	t.Parallel()
	plain := makeTar(t, member{name: "a", text: strings.Repeat("text", 1000)}, member{name: "b", text: "x"})
	forms := packed(t, plain)
	zipped := makeZip(t, member{name: "a", text: strings.Repeat("text", 1000)})
	wrong := bytes.Replace(makeZip(t, member{name: "a", text: "x"}), []byte("PK\x03\x04"), []byte("PK\x03\x05"), 1)
	method := bytes.Clone(zipped)
	for _, at := range []int{8, bytes.Index(zipped, []byte("PK\x01\x02")) + 10} {
		method[at] = 93
	}
	secret := bytes.Clone(zipped)
	secret[bytes.Index(zipped, []byte("PK\x01\x02"))+8] |= 1
	sum := bytes.Clone(zipped)
	sum[bytes.Index(zipped, []byte("PK\x01\x02"))+16] ^= 1
	noTar := packed(t, []byte(strings.Repeat("no archive\n", 100)))
	const wanted = "is no archive that this version reads, wanted tar, plain or packed with gzip, xz or zstd, or zip"
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":          {nil, "is empty, wanted an archive"},
		"text":           {noTar["tar"], wanted},
		"short":          {[]byte("x"), wanted},
		"gzip of text":   {noTar["gzip"], wanted},
		"bzip2":          {[]byte("BZh91AY&SY"), "is packed with bzip2, which this version does not read; wanted tar, plain or packed with gzip, xz or zstd, or zip"},
		"a cut tar":      {plain[:1000], `entry "a" is cut short`},
		"a cut header":   {plain[:4608+100], `after entry "a": is cut short`},
		"a cut gzip":     {forms["gzip"][:60], "ends in the middle of a gzip member"},
		"a cut zstd":     {forms["zstd"][:30], `ends in the middle of a zstd frame`},
		"a cut xz":       {forms["xz"][:10], "is cut short"},
		"a shorter xz":   {forms["xz"][:30], "ends in the middle of an xz stream"},
		"a cut zip":      {zipped[:60], "zip: not a valid zip file"},
		"a zip's header": {wrong, wanted},
		"a zip's method": {method, `entry "a" is packed with method 93, wanted 0 (stored) or 8 (deflated)`},
		"a zip's sum":    {sum, `entry "a" zip: checksum error`},
		"encrypted":      {secret, `entry "a" is encrypted, which this version does not read`},
	} {
		_, err := read(t, tt.data, unpack.Options{})
		if err == nil || err.Error() != tt.want || fault.ClassOf(err) != fault.Failed {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
	for name, data := range map[string][]byte{"tar": makeTar(t), "zip": makeZip(t)} {
		if _, err := read(t, data, unpack.Options{}); err == nil || fault.ClassOf(err) != fault.Unmet || err.Error() != "nothing is taken of its 0 entries, of which strip = 0 leaves none" {
			t.Errorf("%s without entries: got %v", name, err)
		}
	}
}
