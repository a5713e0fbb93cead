// SPDX-License-Identifier: BSD-2-Clause

package unpack_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/unpack"
)

// BenchmarkRead reads archives of growing numbers of files; the time for an entry stays.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		var members []member
		for i := range n {
			members = append(members, member{name: fmt.Sprintf("x-1.0/share/doc/%d/%d/page.html", i/100, i), text: strings.Repeat(fmt.Sprintf("%x ", sha256.Sum256([]byte(fmt.Sprint(i)))), 8)})
		}
		plain := makeTar(b, members...)
		forms := packed(b, plain)
		forms["zip"] = makeZip(b, members...)
		for _, form := range []string{"tar", "gzip", "xz", "zstd", "zip"} {
			data := forms[form]
			b.Run(fmt.Sprintf("%s/%d", form, n), func(b *testing.B) {
				for b.Loop() {
					taken := 0
					err := unpack.Read(b.Context(), bytes.NewReader(data), int64(len(data)), unpack.Options{Strip: 1, To: "/usr/local", Include: []string{"**/*.html"}}, func(unpack.Entry, io.Reader) error {
						taken++
						return nil
					})
					if err != nil || taken != n {
						b.Fatal(taken, err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
			})
		}
	}
}
