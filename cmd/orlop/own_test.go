// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/elf/elftest"
)

// shopPackages are a base with accounts, and a program with a configuration.
func shopPackages() []pkgtest.Package {
	type file = pkgtest.File
	return []pkgtest.Package{
		{Name: "base", Files: []file{
			{Path: "/etc/master.passwd", Body: "root:*:0:0::0:0:Charlie &:/root:/bin/sh\nwww:*:80:80::0:0:Web:/nonexistent:/usr/sbin/nologin\n", Mode: 0o600},
			{Path: "/etc/group", Body: "wheel:*:0:root\nwww:*:80:\n"}, {Path: "/etc/shells", Body: "/bin/sh\n"},
			{Path: "/libexec/ld-elf.so.1", Body: string(elftest.File{}.Bytes()), Mode: 0o555}, {Path: "/bin/sh", Body: "sh", Mode: 0o555}, {Path: "/bin/test", Body: "t", Mode: 0o555}, {Path: "/bin/zest", HardLink: "/bin/test", Mode: 0o555},
		}},
		{Name: "shop", Version: "8.4.1", Files: []file{
			{Path: "/usr/local/etc/shop.ini", Body: "[shop]\nmemory = 128M\n;debug = on\nmodule = a\nmodule = b\n", Config: true},
			{Path: "/usr/local/etc/shop.ini.sample", Body: "[shop]\nmemory = 128M\n"},
			{Path: "/usr/local/www/shop/index.php", Body: "<?php"}, {Path: "/usr/local/www/shop/lib/a.php", Body: "<?php a"},
		}},
	}
}

// writeFiles makes a folder of a definition: names that end in / are folders, texts that
// begin with -> are links.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch target, link := strings.CutPrefix(text, "->"); {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case link:
			err = os.Symlink(target, path)
		case text == "|":
			err = syscall.Mkfifo(path, 0o600)
		default:
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestOwnFiles gives an image files, accounts and changes of its own, in use and misuse,
// on a parent of the same run and on an archive. What is right is verified, and built
// again from its lock, with the definition's folder and without it.
func TestOwnFiles(t *testing.T) {
	t.Parallel()
	repo, base := t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	if status, said := orlop(t, "build", "-q", "--repo", repo, "-o", base, "--name", "low", "--package", "base"); status != 0 {
		t.Fatal(said)
	}
	folder := map[string]string{
		"x.conf": "x = 1\n", "run.sh": "#!/bin/sh\n", "root/usr/local/www/shop/logo.svg": "<svg/>", "root/usr/local/www/shop/empty/": "", "root/etc/link": "->../usr/local/etc",
		"out/l": "->../../etc", "fifo/f": "|", "abs/l": "->/etc", "linked": "->root", "deep/a/.git/HEAD": "ref", "deep/a/b.txt": "b", "deep/.DS_Store": "x", "over/bin/sh": "mine", "test/bin/test": "mine",
	}
	for _, tt := range []struct {
		name, keys string
		status     int
		want       string // of the message
		list       string // lines of ls --files, without what packages have
	}{
		{"a file", `file "/usr/local/etc/x.conf" { local = x.conf; owner = www; mode = "0600" }`, 0, "", "-rw------- www:wheel /usr/local/etc/x.conf"},
		{"a text", "file \"/usr/local/etc/x.conf\" { content = <<EOT\n${ABI} ${version:shop} $$\nEOT\n}", 0, "", "-rw-r--r-- root:wheel /usr/local/etc/x.conf"},
		{"a tree on all", `tree "/" { local = root }`, 0, "", "-rw-r--r-- root:wheel /usr/local/www/shop/logo.svg"},
		{"a tree with attributes", `tree "/srv" { local = deep; exclude = [ ".DS_Store" ]; owner = www; group = www; modes { "a/*.txt" = "0640" } }`, 0, "", "-rw-r----- www:www /srv/a/b.txt"},
		{"a folder and links", `dir "/var/db/shop" { owner = www; mode = "0700" }; link { "/usr/local/bin/x" = "/bin/sh" }`, 0, "", "drwx------ www:wheel /var/db/shop"},
		{"attributes of packages", `attributes "/usr/local/www/shop/**" { owner = www; group = www; mode = "0640" }`, 0, "", "-rw-r----- www:www /usr/local/www/shop/lib/a.php"},
		{"attributes of the parent", `attributes "/bin/sh" { mode = "0511" }`, 0, "", "-r-x--x--x root:wheel /bin/sh"},
		{"accounts", `account web { groups = [ www ]; shell = /bin/sh }; group data { gid = 1234; members = [ web ] }; account www { shell = /bin/sh }; dir "/home/web" { owner = web }`, 0, "", "drwxr-xr-x web:wheel /home/web"},
		{"edits", `edit "/usr/local/etc/shop.ini" { replace { "module = b" = "module = c" }; set { memory = "256M" }; append = [ "last = 1" ] }`, 0, "", ""},
		{"an edit of the parent", `edit "/etc/shells" { append = [ "/usr/local/bin/x" ] }`, 0, "", ""},
		{"rc.conf and repositories", `rc-conf { shop_enable = "YES" }; pkg-conf local { url = "https://pkg.example.org/"; enabled = yes }`, 0, "", "-rw-r--r-- root:wheel /usr/local/etc/pkg/repos/local.conf"},
		{"a file of a package, replaced", `file "/usr/local/etc/shop.ini" { local = x.conf }; replaces = [ "/usr/local/etc/shop.ini" ]`, 0, "", ""},
		{"users by name and by number", `user = "www:1000"`, 0, "", ""},
		{"a version", `assert { shop = "8.4.*" }; labels { v = "${version:shop}" }`, 0, "", ""},
		{"an absolute link", `tree "/srv" { local = abs }`, 0, "", "lrwxr-xr-x root:wheel /srv/l -> /etc"},
		{"a folder of another image", `tree "/srv/low" { image = "LOW"; path = /bin; modes { test = "0700" }; owner = www }`, 0, "", "-rwx------ www:wheel /srv/low/test"},
		{"a file of another image", `tree "/srv/sh" { image = "oci-archive:LOW"; path = /bin/sh }`, 0, "", "-r-xr-xr-x root:wheel /srv/sh"},

		{"what another image has not", `tree "/srv" { image = "LOW"; path = /no }`, 3, "path: /no matches nothing", ""},
		{"another image that nobody vouches for", `tree "/srv" { image = "docker://localhost:1/low:1" }`, 2, "who vouches for it?", ""},
		{"a file of a package", `file "/usr/local/etc/shop.ini" { local = x.conf }`, 3, "/usr/local/etc/shop.ini: in both shop and the definition: replaces would let the second have it", ""},
		{"a file of the parent", `tree "/" { local = over }`, 3, "/bin/sh: in both base and the definition", ""},
		{"a file that shares its inode", `tree "/" { local = test }; replaces = [ "/bin/test" ]`, 3, "has another name", ""},
		{"a file that is not there", `file "/x" { local = none }`, 4, "local none: no such file or directory", ""},
		{"a link instead of a file", `tree "/x" { local = linked }`, 1, "is a symbolic link, wanted a file or folder itself", ""},
		{"a link that leads out", `tree "/x" { local = out }`, 1, "is a link to ../../etc, which is not in the tree", ""},
		{"a FIFO", `tree "/x" { local = fifo }`, 1, "wanted a file, folder or link", ""},
		{"a folder as a file", `file "/x" { local = root }`, 1, "wanted a file; tree takes folders", ""},
		{"a file as a folder", `tree "/x" { local = x.conf }`, 1, "wanted a folder; file takes files", ""},
		{"out of the folder", `file "/x" { local = "../x" }`, 2, "outside", ""},
		{"one path twice", `tree "/usr/local" { local = deep }; tree "/usr" { local = deep }; file "/usr/local/a/b.txt" { local = x.conf }`, 3, "the definition brings both", ""},
		{"attributes of nothing", `attributes "/no/**" { owner = www }`, 3, "attributes: /no/** matches nothing", ""},
		{"attributes of nobody", `attributes "/usr/local/www/**" { owner = nobody }`, 3, "user nobody: wanted by the definition", ""},
		{"modes of nothing", `tree "/srv" { local = deep; modes { "*.exe" = "0755" } }`, 3, "modes: *.exe matches nothing", ""},
		{"an edit that does not match", `edit "/usr/local/etc/shop.ini" { replace { "memory = 64M" = "x" } }`, 3, "memory = 128M", ""},
		{"an edit of nothing", `edit "/no" { append = [ x ] }`, 3, "edit: the image has no file /no", ""},
		{"a number that is taken", `account web { uid = 80 }`, 3, "the image has user www with number 80", ""},
		{"a user without an account", `user = "nobody:www"`, 3, `user: user "nobody" is not in the image's accounts`, ""},
		{"a group without an account", `user = "www:nobody"`, 3, `user: group "nobody" is not in the image's accounts`, ""},
		{"another version", `assert { shop = "8.3.*" }`, 3, "8.4.1", ""},
	} {
		tt.keys = strings.ReplaceAll(tt.keys, "LOW", filepath.Join(base, "container-image-low.txz"))
		for _, on := range []string{"low", filepath.Join(base, "container-image-low.txz")} {
			dir := t.TempDir()
			writeFiles(t, dir, folder)
			checkOwn(t, repo, on, dir, tt.name, tt.keys, tt.status, tt.want, tt.list)
		}
	}
}

func checkOwn(t *testing.T, repo, on, dir, name, keys string, status int, want, listed string) {
	t.Helper()
	out := t.TempDir()
	definition := filepath.Join(dir, "app.ucl")
	text := "image low { packages = [ base ] }\nimage app { parent = \"" + on + "\"; packages = [ shop ]; " + keys + " }\n"
	if err := os.WriteFile(definition, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, said := orlop(t, "build", "-q", "--repo", repo, "-o", out, "--image-file", definition, "app")
	if got != status || !strings.Contains(said, want) {
		t.Errorf("%s on %s: status %d, said %s\nwanted %d, %s", name, on, got, said, status, want)
		return
	}
	if status != 0 {
		return
	}
	archive := filepath.Join(out, "container-image-app.txz")
	_, list, _ := capture(t, "ls", "--files", archive)
	if !hasLine(list, listed) {
		t.Errorf("%s on %s: found\n%s\nwanted %s", name, on, list, listed)
	}
	checkRebuilt(t, name, repo, on, definition, archive)
}

// hasLine reports whether a list of files has a line, but for the sizes.
func hasLine(list, want string) bool {
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) > 3 && strings.Join(append(f[:2:2], f[3:]...), " ") == want {
			return true
		}
	}
	return want == ""
}

// TestOwnNumbers brings a lock up to date whose definition has a further account by then:
// the others keep their numbers.
func TestOwnNumbers(t *testing.T) {
	t.Parallel()
	dir, repo := t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	definition := filepath.Join(dir, "app.ucl")
	write := func(accounts string) {
		text := "image app { packages = [ base, shop ]; group data { }; " + accounts + "; dir /srv { owner = web; group = data } }\n"
		if err := os.WriteFile(definition, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("account web { }")
	if status, said := orlop(t, "lock", "-q", "--repo", repo, "-o", dir, "--image-file", definition, "app"); status != 0 {
		t.Fatal(said)
	}
	newer := shopPackages()
	newer[1].Version = "8.4.2"
	pkgtest.WriteRepo(repo, newer...)
	write("account first { }; account web { }")
	lock := filepath.Join(dir, "container-image-app.lock.json")
	out := t.TempDir()
	if status, said := orlop(t, "lock", "-q", "--repo", repo, "-o", out, "--lock", lock, "--update", "shop", "--image-file", definition); status != 0 {
		t.Fatal(said)
	}
	text, err := os.ReadFile(filepath.Join(out, "container-image-app.lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"group data 1001", "user first 1002", "user web 1001"} {
		if !strings.Contains(string(text), `"`+want+`"`) {
			t.Errorf("the lock has no %q:\n%s", want, text)
		}
	}
}
