// SPDX-License-Identifier: BSD-2-Clause

//go:build full || interop

package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/pkgfile/porttest"
)

// examplesDir has a folder for each example, and a README with their commands.
const examplesDir = "../../scripts/examples"

// exampleCommands are the commands of the README, by the example that its heading names.
func exampleCommands(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(examplesDir + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, part := range regexp.MustCompile("(?s)\n## ([a-z]+)\n.*?\n```\n(.*?)```\n").FindAllStringSubmatch(string(text), -1) {
		all[part[1]] = slices.Collect(strings.Lines(part[2]))
	}
	return all
}

// exampleRepositories are flags that stand for FreeBSD's own repositories.
func exampleRepositories(t *testing.T) []string {
	t.Helper()
	work := t.TempDir()
	for _, abi := range []string{"FreeBSD:15:amd64", "FreeBSD:15:aarch64", "FreeBSD:15:riscv64"} {
		for _, kind := range []string{"base", "ports"} {
			if err := os.MkdirAll(filepath.Join(work, kind, abi), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		pkgtest.WriteRepo(filepath.Join(work, "ports", abi), examplePorts()...)
		if abi != "FreeBSD:15:amd64" {
			pkgtest.WriteRepo(filepath.Join(work, "base", abi), sampleForStatic(t, abi)...)
		}
	}
	if err := os.CopyFS(filepath.Join(work, "base", "FreeBSD:15:amd64"), os.DirFS("sample")); err != nil {
		t.Fatal(err)
	}
	exceptions, err := filepath.Abs("sample/exceptions.ucl")
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--repo 'FreeBSD-base=" + work + "/base/${ABI}'", "--repo 'FreeBSD-ports=" + work + "/ports/${ABI}'", "--exceptions " + exceptions}
}

// examplePorts are the ports of the examples.
func examplePorts() []pkgtest.Package {
	local := func(name, body string, mode int64) pkgtest.File {
		return pkgtest.File{Path: "/usr/local/" + name, Body: body, Mode: mode}
	}
	list := porttest.Ports()
	for i := range list {
		for k := range list[i].Files {
			if f := &list[i].Files[k]; f.Path == "/usr/local/etc/redis.conf.sample" {
				f.Body = "# bind * -::*\nbind 127.0.0.1 -::1\nprotected-mode yes\ndaemonize yes\nlogfile /var/log/redis/redis.log\ndir /var/db/redis/\n"
			}
		}
	}
	for _, version := range []string{"8.4.15", "8.5.0"} {
		name := "php" + version[:1] + version[2:3]
		list = append(list, porttest.Framework(porttest.New(name, "", "", []string{porttest.Sample("etc/php-fpm.conf.default etc/php-fpm.conf"), porttest.Sample("etc/php-fpm.d/www.conf.default etc/php-fpm.d/www.conf")},
			porttest.Local("bin/php", 0o755), porttest.Local("sbin/php-fpm", 0o755), porttest.Local("etc/rc.d/php_fpm", 0o555),
			local("etc/php.ini-production", "[PHP]\nmemory_limit = 128M\n\n[Date]\n;date.timezone =\n", 0), local("etc/php.ini-development", "[PHP]\n", 0),
			local("etc/php-fpm.conf.default", "[global]\ninclude=/usr/local/etc/php-fpm.d/*.conf\n", 0),
			local("etc/php-fpm.d/www.conf.default", "[www]\nuser = www\ngroup = www\nlisten = 127.0.0.1:9000\npm = dynamic\n", 0)),
			"lang/"+name, version, "", nil))
	}
	return append(list, porttest.Framework(porttest.New("python311", "", porttest.Ldconfig, nil,
		porttest.Local("bin/python3.11", 0o755), porttest.Local("lib/libpython3.11.so.1.0", 0o755), porttest.Local("lib/python3.11/os.py", 0), porttest.Local("lib/python3.11/test/test_os.py", 0)),
		"lang/python311", "3.11.14", "", nil))
}

// sampleForStatic are the packages of the sample that static is made of, with the files
// that it takes from them, as if they were for another machine.
func sampleForStatic(t *testing.T, abi string) []pkgtest.Package {
	t.Helper()
	var list []pkgtest.Package
	for _, name := range []string{"zoneinfo", "mtree", "runtime", "pkg-bootstrap", "caroot"} {
		files, err := filepath.Glob("sample/FreeBSD-" + name + "-1*.pkg")
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: found %q (%v)", name, files, err)
		}
		p := pkgtest.Package{Name: "FreeBSD-" + name, Version: "15.0", ABI: abi}
		for archive := unpacked(t, files[0]); ; {
			h, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			var body []byte
			if err == nil {
				body, err = io.ReadAll(archive)
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Typeflag == tar.TypeReg && strings.HasPrefix(h.Name, "/") {
				p.Files = append(p.Files, pkgtest.File{Path: h.Name, Body: string(body), Mode: h.Mode, Uname: h.Uname, Gname: h.Gname, Time: h.ModTime.Unix()})
			}
		}
		list = append(list, p)
	}
	return list
}
