// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"archive/tar"
	"testing"
)

// TestParentOwners builds on images that another host packed, with that host's names of
// owners or with none: their numbers count, and our layers have FreeBSD's names.
func TestParentOwners(t *testing.T) {
	t.Parallel()
	below := runtime(t)
	for name, pack := range map[string]func(h *tar.Header){
		"the host's names": func(h *tar.Header) { h.Gname = "root" },
		"numbers":          func(h *tar.Header) { h.Uname, h.Gname = "", "" },
		"no account": func(h *tar.Header) {
			if h.Name == "usr/bin/" {
				h.Uid, h.Gid, h.Uname, h.Gname = 1000, 1000, "user", "users"
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := webOn(t, strangersImage(t, below, func(h *tar.Header) bool { pack(h); return true }, nil))
			a := build(t, cfg)["web"]
			own := a.Layers[a.Below()]
			names := map[string]string{}
			for n := range own.All() {
				names[n.Path] = n.Uname + ":" + n.Gname
			}
			want := "root:wheel"
			if name == "no account" {
				want = "1000:1000"
			}
			if names["/usr"] != "root:wheel" || names["/usr/bin"] != want || names["/usr/bin/telnet"] != "root:wheel" || names["/bin/sh"] != "" {
				t.Errorf("our layer has %v", names)
			}
		})
	}
}
