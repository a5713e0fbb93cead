// SPDX-License-Identifier: BSD-2-Clause

package tarfile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/tree"
)

// TestPlainHeader is a header byte by byte: nothing but ustar.
func TestPlainHeader(t *testing.T) {
	t.Parallel()
	h := describe(&tree.Node{Path: "/bin/sh", Type: tree.File, Mode: 0o644, Size: 1, Time: 1_700_000_000, Uname: "root", Gname: "wheel"})
	got := h.encode(nil)
	want := make([]byte, 512)
	copy(want, "bin/sh")
	copy(want[100:], "0000644\x000000000\x000000000\x0000000000001\x0014524770400\x00")
	copy(want[148:], "012274\x00 0")
	copy(want[257:], "ustar\x0000root")
	copy(want[297:], "wheel")
	copy(want[329:], "0000000\x000000000\x00")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
