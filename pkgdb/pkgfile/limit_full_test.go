// SPDX-License-Identifier: BSD-2-Clause

//go:build full && !race

package pkgfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// TestLimit reads a manifest with as many files as are taken, and with three
// more, which are counted.
func TestLimit(t *testing.T) {
	for _, n := range []int{2_000_000, 2_000_003} {
		var b strings.Builder
		b.WriteString("{" + head + `,"files":{`)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"/%07d":%q`, i, sha)
		}
		b.WriteString("}}")
		m, err := pkgfile.ParseManifest([]byte(b.String()))
		const want = "manifest: files: has 2000003 entries, wanted at most 2000000"
		if n == 2_000_000 && (err != nil || m.Files.Len() != n) || n > 2_000_000 && (err == nil || err.Error() != want) {
			t.Errorf("%d files: got %v, want %s", n, err, want)
		}
	}
}
