// SPDX-License-Identifier: BSD-2-Clause

package unpack_test

import (
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/tree"
	"github.com/orlop/orlop/release/unpack"
)

// check reads an archive twice, and wants of whatever it gives that an image can have it.
func check(t *testing.T, data []byte, strip uint8) {
	t.Helper()
	if len(data) > 1<<16 {
		return
	}
	o := unpack.Options{Strip: int(strip % 4), To: "/usr/local"}
	entries := map[string]unpack.Entry{}
	unpacked := int64(0)
	err := unpack.Read(t.Context(), bytes.NewReader(data), int64(len(data)), o, func(e unpack.Entry, r io.Reader) error {
		n, err := io.Copy(io.Discard, r)
		if unpacked += n; err == nil && n != e.Size {
			t.Errorf("%q has %d bytes, its entry says %d", e.Path, n, e.Size)
		}
		checkEntry(t, o.To, e, entries)
		entries[e.Path] = e
		return err
	})
	if class := fault.ClassOf(err); err != nil && class != fault.Failed && class != fault.Unmet {
		t.Errorf("got an error of class %d: %v", class, err)
	}
	if limit := max(10<<20, int64(len(data))*200); unpacked > limit {
		t.Errorf("unpacks to %d bytes, wanted at most %d", unpacked, limit)
	}
	first, err1 := read(t, data, o)
	second, err2 := read(t, data, o)
	if d := cmp.Diff(first, second); d != "" || (err1 == nil) != (err2 == nil) || len(first) < len(entries) {
		t.Errorf("read again: %v, %v, then %v\n%s", err, err1, err2, d)
	}
	for name, e := range entries {
		for up := path.Dir(name); up != o.To; up = path.Dir(up) {
			if above, is := entries[up]; is && above.Type != tree.Dir {
				t.Errorf("%q lies below %q, a %s", name, up, above.Type)
			}
		}
		if e.Type == tree.Symlink {
			if where := follow(entries, name, 40); where != o.To && !strings.HasPrefix(where, o.To+"/") {
				t.Errorf("%q leads to %q", name, where)
			}
		}
	}
}

func checkEntry(t *testing.T, to string, e unpack.Entry, before map[string]unpack.Entry) {
	t.Helper()
	if !strings.HasPrefix(e.Path, to+"/") || path.Clean(e.Path) != e.Path || strings.Contains(e.Path, "\x00") {
		t.Errorf("%q is no clean path below %s", e.Path, to)
	}
	if old, is := before[e.Path]; is {
		t.Errorf("%q was there before: %v", e.Path, old)
	}
	if !slices.Contains([]uint32{0, 0o644, 0o755}, e.Mode) || (e.Mode == 0) != (e.Type == tree.Hardlink) {
		t.Errorf("%q: %s of mode %o", e.Path, e.Type, e.Mode)
	}
	if of, is := before[e.Link]; e.Type == tree.Hardlink && (!is || of.Type != tree.File) {
		t.Errorf("%q is a hard link to %q", e.Path, e.Link)
	}
}

// follow is where a link leads, as a kernel walks it with the archive alone.
func follow(entries map[string]unpack.Entry, name string, links int) string {
	at := "/"
	for left := strings.Split(name, "/"); len(left) > 0; {
		part := left[0]
		left = left[1:]
		if at = path.Join(at, part); at == "/" { // Join walks up, too
			continue
		}
		if e, is := entries[at]; is && e.Type == tree.Symlink {
			if links--; links < 0 {
				return "/usr/local" // too many: nowhere
			}
			left = append(strings.Split(e.Link, "/"), left...)
			if at = path.Dir(at); e.Link[0] == '/' {
				at = "/"
			}
		}
	}
	return at
}

// FuzzTar reads tar files with headers whose sums are made right.
func FuzzTar(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, strip uint8) { check(t, summed(data), strip) })
}

// FuzzPacked reads tar files that are packed rightly.
func FuzzPacked(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, strip uint8) {
		if len(data) > 1<<14 {
			return
		}
		plain, err := read(t, summed(data), unpack.Options{Strip: int(strip % 4)})
		for form, data := range packed(t, summed(data)) {
			got, err2 := read(t, data, unpack.Options{Strip: int(strip % 4)})
			if d := cmp.Diff(plain, got); (d != "" || (err == nil) != (err2 == nil)) && !other(err, err2) {
				t.Errorf("%s: %v, plain %v\n%s", form, err2, err, d)
			}
		}
	})
}

// other reports what a plain file only looks like: another format.
func other(errs ...error) bool {
	return slices.ContainsFunc(errs, func(err error) bool {
		unsupported, is := errors.AsType[*fault.UnsupportedError](err)
		return is && strings.Contains(unsupported.Error(), "is packed with") || err != nil && strings.Contains(err.Error(), "zip:")
	})
}

// FuzzGzip, FuzzXz, FuzzZstd and FuzzZip read whatever begins as such a file does.
func FuzzGzip(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, strip uint8) { check(t, data, strip) })
}

func FuzzXz(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, strip uint8) { check(t, data, strip) })
}

func FuzzZstd(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, strip uint8) { check(t, data, strip) })
}

func FuzzZip(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, strip uint8) { check(t, data, strip) })
}

// summed makes the sum of each header right: without, a reader looks at nothing else.
func summed(data []byte) []byte {
	data = bytes.Clone(data)
	for at := 0; at+512 <= len(data); at += 512 {
		block := data[at:][:512]
		if !bytes.HasPrefix(block[257:], []byte("ustar")) {
			continue
		}
		sum := 0
		copy(block[148:156], "        ")
		for _, c := range block {
			sum += int(c)
		}
		for i := 153; i >= 148; i-- {
			block[i] = '0' + byte(sum&7)
			sum >>= 3
		}
		block[154] = 0
	}
	return data
}
