// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/benchtest"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// manyMembers is an archive with so many small files.
func manyMembers(b *testing.B, n int) []byte {
	b.Helper()
	var plain, list bytes.Buffer
	body := []byte("#!/bin/sh\n")
	fmt.Fprintf(&list, `{%s,"files":{`, head)
	for i := range n {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, `"/usr/share/man/page%07d.3.gz":{"sum":%q,"uname":"root","gname":"wheel","perm":"0444","fflags":0,"mtime":1750000000}`, i, sum.Of(sum.SHA256, body))
	}
	list.WriteString("}}")
	w := tar.NewWriter(&plain)
	add := func(name string, body []byte) {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o444, Uname: "root", Gname: "wheel", Size: int64(len(body)), ModTime: time.Unix(1_750_000_000, 0)})
		if err != nil {
			b.Fatal(err)
		}
		w.Write(body)
	}
	add("+MANIFEST", list.Bytes())
	for i := range n {
		add(fmt.Sprintf("/usr/share/man/page%07d.3.gz", i), body)
	}
	w.Close()
	return plain.Bytes()
}

// BenchmarkMembers tells what a member of an archive costs: time, and the memory
// that its manifest and what its header says take.
func BenchmarkMembers(b *testing.B) {
	for _, n := range []int{10_000, 40_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			archive := manyMembers(b, n)
			b.ReportAllocs()
			benchtest.PerEntry(b, n, func() any {
				r, err := pkgfile.NewReader(b.Context(), nil, bytes.NewReader(archive), "p")
				if err != nil {
					b.Fatal(err)
				}
				defer r.Close()
				entries := pkgfile.NewEntries(r.Manifest)
				for {
					e, err := r.Next()
					if err == io.EOF {
						return entries
					}
					if err != nil {
						b.Fatal(err)
					}
					entries.Add(e)
					if _, err := io.Copy(io.Discard, r); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
