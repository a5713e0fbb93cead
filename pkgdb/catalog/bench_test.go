// SPDX-License-Identifier: BSD-2-Clause

package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/benchtest"
	"github.com/orlop/orlop/pkgdb/catalog"
)

// BenchmarkLoad reads a catalogue of 20000 packages with 10 dependencies each,
// unsigned and signed, from its archive, and from what an earlier run has kept of it.
func BenchmarkLoad(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string { return fmt.Sprintf("%x", random.Uint32()) }
	var text strings.Builder
	text.WriteString(`{"groups":[],"expired_packages":[],"packages":[`)
	for i := range 20000 {
		if i > 0 {
			text.WriteByte(',')
		}
		var deps []string
		for j := range 10 {
			deps = append(deps, fmt.Sprintf(`"dep-%d-%d":{"origin":"devel/dep","version":"%d"}`, j, random.IntN(2000), random.IntN(9)))
		}
		fmt.Fprintf(&text, `{"name":"package-%d","origin":"devel/package","version":"1.%d","comment":"%s %s","desc":"%s","prefix":"/usr/local","abi":"FreeBSD:15:amd64","arch":"freebsd:15:x86:64","maintainer":"ports@FreeBSD.org","www":"https://example.org/%s","sum":"%064x","path":"All/package-%d.pkg","repopath":"All/package-%d.pkg","pkgsize":%d,"flatsize":%d,"licenselogic":"single","categories":["devel"],"shlibs_required":["libc.so.7","lib%d.so.1"],"deps":{%s}}`,
			i, random.IntN(99), word(), word(), strings.Repeat(word()+" text that repeats itself ", 12), word(), i, i, i, random.Uint32(), random.Uint32(), random.IntN(500), strings.Join(deps, ","))
	}
	text.WriteString("]}")
	for name, members := range map[string][]string{"unsigned": {"data", text.String()}, "signed": {"signature", "x", "data", text.String()}} {
		packed := zst(b, archive(b, members...))
		run := func(name string, kept catalog.Notes) {
			b.Run(name, func(b *testing.B) {
				b.SetBytes(int64(text.Len()))
				for b.Loop() {
					c, err := catalog.Load(b.Context(), catalog.Repo{Name: "r"}, folder{"meta.conf": []byte(metaConf), "data.pkg": packed}, nil, kept)
					if err != nil || c.Len() != 20000 || len(c.Named("package-7")) != 1 {
						b.Fatal(c, err)
					}
				}
			})
		}
		run(name, nil)
		run(name+", kept", &notes{kept: map[string][]byte{}})
	}
}

// BenchmarkPackages tells what a package of a catalogue costs, in both forms,
// which is the same of how many ever: time, and the memory that it keeps.
func BenchmarkPackages(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		var lines strings.Builder
		for i := range n {
			fmt.Fprintf(&lines, `{"name":"p%d","origin":"o/p","version":"1.%d","prefix":"/","abi":"FreeBSD:15:amd64","sum":"%064x","repopath":"All/p%d.pkg","pkgsize":%d,"shlibs_required":["libc.so.7","lib%d.so.1"],"deps":{"p%d":{},"q%d":{}}}`+"\n",
				i, i%99, i, i, i, i%500, i/2, i/3)
		}
		data := `{"packages":[` + strings.ReplaceAll(strings.TrimSuffix(lines.String(), "\n"), "\n", ",") + "]}"
		for name, members := range map[string][]string{"data": {"data.pkg", "data", data}, "lines": {"packagesite.pkg", "packagesite.yaml", lines.String()}} {
			packed := zst(b, archive(b, members[1:]...))
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				benchtest.PerEntry(b, n, func() any {
					c, err := catalog.Load(b.Context(), catalog.Repo{Name: "r"}, folder{"meta.conf": []byte(metaConf), members[0]: packed}, nil, nil)
					if err != nil || c.Len() != n {
						b.Fatal(err)
					}
					return c
				})
			})
		}
	}
}
