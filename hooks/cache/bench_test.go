// SPDX-License-Identifier: BSD-2-Clause

package cache

import (
	"fmt"
	"testing"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/benchtest"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// many is a package of so many files, with headers.
func many(n int) *input.Package {
	m := &pkgfile.Manifest{Name: "p", Version: "1"}
	time, flags := int64(1_750_000_000), uint32(0)
	attr := pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o444}
	for i := range n {
		path := fmt.Sprintf("/usr/share/man/man%d/page%07d.3.gz", i*9/n, i)
		m.Files.Append(pkgfile.File{Path: path, Sum: string(sum.Of(sum.SHA256, []byte(path))), Attr: attr, Time: &time, Flags: &flags})
	}
	f := input.NewPackage(new(catalog.Package), m, true)
	for i := range n {
		f.Entries.Add(&pkgfile.Entry{Path: m.Files.Path(i), Size: int64(i), Attr: attr, Time: time})
	}
	return f
}

// BenchmarkPack tells what a file of a note costs.
func BenchmarkPack(b *testing.B) {
	for _, n := range []int{10_000, 40_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := many(n)
			benchtest.PerEntry(b, n, func() any { return pack(f) })
		})
	}
}

// BenchmarkUnpack tells what a file of a package costs that comes from a note.
func BenchmarkUnpack(b *testing.B) {
	for _, n := range []int{10_000, 40_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			k := pack(many(n))
			benchtest.PerEntry(b, n, func() any {
				f, err := unpack(k, new(catalog.Package))
				if err != nil {
					b.Fatal(err)
				}
				return f
			})
		})
	}
}
