// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package unpack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/unpack"
)

// TestBombs unpacks to more than archives do.
func TestBombs(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("\x00", 11<<20)
	forms := packed(t, makeTar(t, member{name: "a", text: zeros}))
	forms["zip"] = makeZip(t, member{name: "a", text: zeros})
	for form, data := range forms {
		_, err := read(t, data, unpack.Options{})
		if form == "tar" {
			if err != nil {
				t.Errorf("tar: %v", err)
			}
			continue
		}
		want := fmt.Sprintf(`entry "a" is too large: the archive has %d bytes and unpacks to more than %d`, len(data), max(10<<20, 200*len(data)))
		if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Failed {
			t.Errorf("%s: got %v, want %s", form, err, want)
		}
	}
	if _, err := read(t, makeZip(t, member{name: "a", text: zeros[:9<<20]}), unpack.Options{}); err != nil {
		t.Errorf("9 MiB: %v", err)
	}
}
