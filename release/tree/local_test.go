// SPDX-License-Identifier: BSD-2-Clause

package tree

import "testing"

func TestLocalFolders(t *testing.T) {
	t.Parallel()
	all := LocalFolders()
	if len(all) != 486 { // as many as the file has entries
		t.Errorf("found %d folders, want 486", len(all))
	}
	for path, owner := range map[string]string{
		"/usr/local": "root", "/usr/local/bin": "root", "/usr/local/etc/rc.d": "root", "/usr/local/share/locale/de/LC_MESSAGES": "root",
		"/usr/local/share/nls/zh_TW.UTF-8": "root", "/usr/local/man/cat1": "man", "/usr/local/man/man1": "root", "/usr/local/man/ja": "root",
		"/usr/local/man/ja/catn": "man", "/usr/local/man/en.ISO8859-1/cat4/i386": "man", "/usr/local/www": "root",
		"/usr": "", "/usr/local/share/nginx": "", "/usr/local/LC_MESSAGES": "", "/usr/local/share/locale/*": "", "/usr/local/.": "",
	} {
		n, has := all[path]
		if has != (owner != "") || has && (n.Uname != owner || n.Gname != "wheel" || n.Mode != 0o755 || n.Type != Dir || n.Origin != Listed || n.Path != path) {
			t.Errorf("%s: got %+v, want one of %q", path, n, owner)
		}
	}
}
