// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"fmt"
	"testing"

	"github.com/orlop/orlop/pkgdb/benchtest"
	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// many are packages with n files in all, 300 each.
func many(n int) []Installed {
	attr := pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o444}
	var pkgs []Installed
	for i := range n / 300 {
		name := fmt.Sprintf("p%04d", i)
		m := &pkgfile.Manifest{Name: name, Version: "1", Origin: "o/" + name, ABI: "FreeBSD:15:amd64", Prefix: "/"}
		for j := range 300 {
			m.Files.Append(pkgfile.File{Path: fmt.Sprintf("/usr/share/%02d/%s/%03d/a-name-of-some-length", j%7, name, j), Sum: sha, Attr: attr, Time: ptr(int64(j))})
		}
		pkgs = append(pkgs, Installed{Manifest: m, Repository: "FreeBSD-base"})
	}
	return pkgs
}

// BenchmarkWrite makes databases of packages with 300 files each.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{9_000, 36_000} {
		pkgs := many(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchtest.PerEntry(b, n, func() any {
				image, err := Write(b.Context(), b.TempDir(), pkgs, 1000, DefaultSchema)
				if err != nil {
					b.Fatal(err)
				}
				return image
			})
		})
	}
}

// BenchmarkRead does with a database what verify does.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{9_000, 36_000} {
		image, err := Write(b.Context(), b.TempDir(), many(n), 1000, DefaultSchema)
		if err != nil {
			b.Fatal(err)
		}
		read := func() *Content {
			db, err := Open(b.Context(), image)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			c, err := db.Content(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			return c
		}
		b.Run(fmt.Sprint("Content ", n), func(b *testing.B) { benchtest.PerEntry(b, n, func() any { return read() }) })
		b.Run(fmt.Sprint("Check ", n), func(b *testing.B) {
			benchtest.PerEntry(b, n, func() any {
				c := read()
				if errs := c.Check(b.Context()); len(errs) > 0 {
					b.Fatal(errs)
				}
				return nil
			})
		})
		b.Run(fmt.Sprint("Installed ", n), func(b *testing.B) {
			benchtest.PerEntry(b, n, func() any {
				pkgs, err := read().Installed(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				return pkgs
			})
		})
		b.Run(fmt.Sprint("Normalise ", n), func(b *testing.B) {
			epoch := int64(1000)
			benchtest.PerEntry(b, n, func() any {
				image, err := Normalise(b.Context(), b.TempDir(), image, DefaultSchema, &epoch)
				if err != nil {
					b.Fatal(err)
				}
				return image
			})
		})
	}
}
