// SPDX-License-Identifier: BSD-2-Clause

package tree

import "testing"

func TestResolve(t *testing.T) {
	t.Parallel()
	r := new(Tree)
	for _, n := range []Node{
		{Path: "/lib/a.so", Type: File}, {Path: "/lib/b.so", Type: Hardlink, Link: "/lib/a.so"},
		{Path: "/usr/lib/up", Type: Symlink, Link: "../../lib/b.so"}, {Path: "/abs", Type: Symlink, Link: "/usr/lib/up"},
		{Path: "/folder", Type: Symlink, Link: "usr/./lib//"}, {Path: "/self", Type: Symlink, Link: "self"},
		{Path: "/one", Type: Symlink, Link: "two"}, {Path: "/two", Type: Symlink, Link: "one"},
		{Path: "/gone", Type: Symlink, Link: "nothing"}, {Path: "/through", Type: Symlink, Link: "lib/a.so/x"},
		{Path: "/above", Type: Symlink, Link: "../../../lib/a.so"}, {Path: "/empty", Type: Symlink},
	} {
		if err := r.Put(n); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"/": "/", "/lib/a.so": "/lib/a.so", "/lib/b.so": "/lib/a.so", "/usr/lib/up": "/lib/a.so", "/abs": "/lib/a.so",
		"/folder": "/usr/lib", "/folder/up": "/lib/a.so", "/above": "/lib/a.so", "/lib/../lib/a.so": "/lib/a.so",
		"/self": "", "/one": "", "/gone": "", "/through": "", "/empty": "", "/nothing/../lib/a.so": "", "/gone/..": "",
	} {
		got := ""
		if n := r.Resolve(path); n != nil {
			got = n.Path
		}
		if got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
}
