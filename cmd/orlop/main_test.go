// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/elf/elftest"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestMain makes this test binary be orlop for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"orlop": main})
}

// tidy removes what tests share.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	status := m.M.Run()
	_ = os.RemoveAll(theKeys) // "" is no error
	return status
}

// TestScript runs testdata/script, a file a behaviour of the command line. Its folder
// full has those that run with the tag full only.
func TestScript(t *testing.T) {
	t.Parallel()
	runScripts(t, filepath.Join("testdata", "script"))
}

func runScripts(t *testing.T, dir string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// registry NAME starts one, and sets a variable to its host.
			"sample": writeSample,
			"mkrepo": writeRepo,
			"mkdb":   writeDatabase,
			"status": status,
			"registry": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], registrytest.New(t, registrytest.Profile{}).Host())
			},
		},
	})
}

// writeSample copies the demo's repository: sample DIR.
func writeSample(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(filepath.Join("sample"))))
}

// writeRepo makes a repository: mkrepo DIR CASE, where CASE is one of cases.
func writeRepo(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	pkgtest.WriteRepo(dir, cases[args[1]]...)
}

// writeDatabase makes a pkg database: mkdb FILE VERSION, with one package that
// has one file.
func writeDatabase(ts *testscript.TestScript, _ bool, args []string) {
	attr := pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o644}
	seconds := int64(1_700_000_000)
	image, err := pkgdb.Write(context.Background(), "", []pkgdb.Installed{{Repository: "FreeBSD-base", Manifest: &pkgfile.Manifest{
		Name: "tool", Version: args[1], Origin: "base/tool", ABI: "FreeBSD:15:amd64", Prefix: "/",
		Files: pkgfile.FilesOf(pkgfile.File{Path: "/tool", Sum: string(sum.Of(sum.BLAKE2b, []byte("tool "+args[1]))), Attr: attr, Time: &seconds}),
	}}}, seconds, pkgdb.DefaultSchema)
	ts.Check(err)
	ts.Check(sqlitefile.Write(context.Background(), ts.MkAbs(args[0]), image))
}

// status runs orlop and compares its exit status: status CODE ARGS...
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("orlop", args[1:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("orlop %s: exit status %s, wanted %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func executable(f elftest.File) string { return string(f.Bytes()) }

// lz4 is how a file begins that is packed with it.
var lz4 = []byte("\x04\x22\x4d\x18 and so on, and so on")

// packagesFor are the packages of a small repository for an ABI: one for the machine,
// one for any, and, without a file, the ones that FreeBSD's static names.
func packagesFor(abi, version string) []pkgtest.Package {
	return []pkgtest.Package{
		{Name: "FreeBSD-runtime", Version: version, ABI: abi}, {Name: "FreeBSD-zoneinfo", ABI: abi},
		{Name: "FreeBSD-pkg-bootstrap", ABI: abi}, {Name: "FreeBSD-caroot", ABI: abi},
		{Name: "any", ABI: "FreeBSD:*", Files: []pkgtest.File{{Path: "/share/any", Body: "any"}}},
		{Name: "tool", ABI: abi, Files: []pkgtest.File{{Path: "/bin/tool", Body: "for " + abi, Mode: 0o555}}},
	}
}

// cases are small repositories for scripts.
var cases = map[string][]pkgtest.Package{
	"before": {
		{Name: "going", Files: []pkgtest.File{{Path: "/bin/going", Body: "x"}}},
		{Name: "same", Files: []pkgtest.File{{Path: "/etc/same", Body: "same\n"}}},
		{Name: "tool", Version: "1.0", Files: []pkgtest.File{
			{Path: "/bin/tool", Body: executable(elftest.File{Needed: []string{"libc.so.7"}}), Mode: 0o555},
			{Path: "/etc/tool.conf", Body: "one\ntwo\nthree\n", Config: true},
			{Path: "/share/data", Body: "a\x00b"},
			{Path: "/share/link", Symlink: "data"},
		}, Keys: map[string]any{"comment": "a tool"}},
	},
	"after": {
		{Name: "coming", Version: "2.0", Files: []pkgtest.File{{Path: "/bin/coming", Body: "x"}}},
		{Name: "same", Files: []pkgtest.File{{Path: "/etc/same", Body: "same\n"}}},
		{Name: "tool", Version: "1.1", Files: []pkgtest.File{
			{Path: "/bin/tool", Body: executable(elftest.File{Needed: []string{"libc.so.7", "libm.so.5"}}), Mode: 0o4555},
			{Path: "/etc/tool.conf", Body: "one\n2\nthree\n", Config: true},
			{Path: "/share/data", Body: "a\x00c"},
			{Path: "/share/link", Symlink: "../data"},
			{Path: "/share/more", Body: "more"},
		}, Keys: map[string]any{"comment": "a better tool"}},
	},
	"scripts": {
		{Name: "FreeBSD-runtime", Version: "15.0", Files: []pkgtest.File{
			{Path: "/etc/master.passwd", Body: "root::0:0::0:0::/root:/bin/sh\n", Mode: 0o600}, {Path: "/etc/group", Body: "wheel:*:0:root\n"}, {Path: "/etc/services", Body: "echo 7/tcp\n"},
		}, Keys: map[string]any{"scripts": map[string]string{
			"post-install": "pwd_mkdb -i -p -d ${PKG_ROOTDIR}/etc  ${PKG_ROOTDIR}/etc/master.passwd\n# names\n\nservices_mkdb -l -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/\n",
		}}},
		{Name: "odd", Files: []pkgtest.File{{Path: "/usr/local/share/pkg/triggers/odd.ucl", Body: "path: /x"}}, Keys: map[string]any{
			"scripts": map[string]string{"post-install": "run one\nrun two\nrun three\nrun four", "pre-deinstall": "echo"},
			"users":   []string{"odd"}, "groups": []string{"odd"},
		}},
		{Name: "badpasswd", Files: []pkgtest.File{{Path: "/etc/master.passwd", Body: "root:x\n"}}},
	},
	"owners": {
		{Name: "FreeBSD-runtime", Version: "15.0", Files: []pkgtest.File{
			{Path: "/etc/master.passwd", Body: "root::0:0::0:0::/root:/bin/sh\n", Mode: 0o600}, {Path: "/etc/group", Body: "wheel:*:0:root\n"},
			{Path: "/var/spool/x", Body: "x", Uname: "1001", Gname: "1002"},
		}},
	},
	"plain": {
		{Name: "FreeBSD-runtime", Version: "15.0p1", Deps: []string{"lib"}, Files: []pkgtest.File{{Path: "/bin/sh", Body: "sh", Mode: 0o555}}},
		{Name: "lib", Files: []pkgtest.File{{Path: "/lib/l.so", Body: "l"}}, Keys: map[string]any{"shlibs_required": []string{"libc.so.7"}}},
		{Name: "other", Files: []pkgtest.File{{Path: "/bin/sh", Body: "another"}}},
	},
	"odd": {
		{Name: "odd", Files: []pkgtest.File{{Path: "/odd", Body: "odd"}}, Keys: map[string]any{
			"options": map[string]any{"DOCS": true, "X": 1}, "scripts": map[string]string{"upgrade": "echo"}, "directories": map[string]string{"/": "y"},
		}},
		{Name: "wrong", Keys: map[string]any{"licenses": map[string]any{"MIT": 1}, "options": "DOCS"}, Catalogue: func(entry map[string]any) {
			delete(entry, "licenses")
			delete(entry, "options")
		}},
		{Name: "packed", Bytes: func([]byte) []byte { return lz4 }, Catalogue: func(entry map[string]any) {
			entry["sum"], entry["pkgsize"] = string(sum.Of(sum.BLAKE2b, lz4)), len(lz4)
		}},
		{Name: "user", Keys: map[string]any{"shlibs_required": []string{"libx.so.1"}}},
		{Name: "lib", Version: "1.0", Keys: map[string]any{"shlibs_provided": []string{"libx.so.1"}}},
		{Name: "lib", Version: "2.0", Keys: map[string]any{"shlibs_provided": []string{"libx.so.2"}}},
	},
	"update-before": {
		{Name: "app", Version: "1.0", Deps: []string{"lib", "going"}, Files: []pkgtest.File{{Path: "/bin/app", Body: "app"}}, Keys: map[string]any{"shlibs_required": []string{"libx.so.1"}}},
		{Name: "lib", Version: "1.0", Files: []pkgtest.File{{Path: "/lib/libx.so.1", Body: "lib"}}, Keys: map[string]any{"shlibs_provided": []string{"libx.so.1"}}},
		{Name: "going", Version: "1.0", Files: []pkgtest.File{{Path: "/share/going", Body: "x"}}},
		{Name: "other", Version: "1.0", Files: []pkgtest.File{{Path: "/bin/other", Body: "other"}}, Keys: map[string]any{"shlibs_required": []string{"liby.so.1"}}},
		{Name: "solid", Version: "1.0", Deps: []string{"lib"}, Files: []pkgtest.File{{Path: "/bin/solid", Body: "solid"}}},
		{Name: "user", Version: "1.0", Files: []pkgtest.File{{Path: "/bin/user", Body: "user"}}, Keys: map[string]any{"shlibs_required": []string{"libx.so.1"}}},
		{Name: "donor", Version: "1.0", Files: []pkgtest.File{{Path: "/etc/motd", Body: "old\n"}}},
	},
	"update-after": {
		{Name: "app", Version: "1.1", Deps: []string{"lib", "fresh"}, Files: []pkgtest.File{{Path: "/bin/app", Body: "app 1.1"}}, Keys: map[string]any{"shlibs_required": []string{"libx.so.2"}}},
		{Name: "lib", Version: "1.1", Files: []pkgtest.File{{Path: "/lib/libx.so.2", Body: "lib"}}, Keys: map[string]any{"shlibs_provided": []string{"libx.so.2"}}},
		{Name: "fresh", Version: "2.0", Files: []pkgtest.File{{Path: "/share/fresh", Body: "x"}}},
		{Name: "other", Version: "1.1", Files: []pkgtest.File{{Path: "/bin/other", Body: "other 1.1"}}, Keys: map[string]any{"shlibs_required": []string{"liby.so.1"}}},
		{Name: "liby", Version: "1.0", Keys: map[string]any{"shlibs_provided": []string{"liby.so.1"}}},
		{Name: "solid", Version: "1.1", Deps: []string{"lib"}, Files: []pkgtest.File{{Path: "/bin/solid", Body: "solid 1.1"}}},
		{Name: "user", Version: "1.1", Files: []pkgtest.File{{Path: "/bin/user", Body: "user"}}, Keys: map[string]any{"shlibs_required": []string{"libx.so.2"}}},
		{Name: "donor", Version: "1.1", Files: []pkgtest.File{{Path: "/etc/motd", Body: "new\n"}}},
	},
	"oddline": {{Name: "odd", Keys: map[string]any{"provides": "x"}}},
	"incomplete": {
		{Name: "FreeBSD-runtime", Version: "15.0", Keys: map[string]any{"requires": []string{"kernel"}}, Files: []pkgtest.File{
			{Path: "/libexec/ld-elf.so.1", Body: executable(elftest.File{})}, {Path: "/lib/libc.so.7", Body: executable(elftest.File{})},
			{Path: "/lib/libother.so.1", Body: executable(elftest.File{Machine: elf.EM_AARCH64})},
			{Path: "/bin/sh", Body: executable(elftest.File{Interpreter: "/libexec/ld-elf.so.1", Needed: []string{"libc.so.7", "libedit.so.8", "libother.so.1"}})},
			{Path: "/bin/old", Body: executable(elftest.File{Interpreter: "/libexec/ld-aout.so.1"})},
			{Path: "/bin/own", Body: executable(elftest.File{Needed: []string{"libown.so.1"}, RunPath: "$ORIGIN/../own"})},
			{Path: "/own/libown.so.1", Symlink: "/own/libown.so.1.2"}, {Path: "/own/libown.so.1.2", Body: executable(elftest.File{})},
			{Path: "/bin/32", Body: executable(elftest.File{Class: elf.ELFCLASS32, Needed: []string{"libc.so.7"}})},
			{Path: "/usr/lib32/libc.so.7", Body: executable(elftest.File{Class: elf.ELFCLASS32})},
			{Path: "/bin/llvm", Body: executable(elftest.File{Needed: []string{"libLLVM.so"}})}, {Path: "/usr/local/llvm/lib/libLLVM.so", Body: executable(elftest.File{})},
			{Path: "/usr/local/libdata/ldconfig/llvm", Body: "/usr/local/llvm/lib\n/usr/local/absent\n"},
			{Path: "/sys", Symlink: "usr/src/sys"},
		}},
		{Name: "broken", Files: []pkgtest.File{{Path: "/bin/broken", Body: executable(elftest.File{Needed: []string{"libc.so.7"}})[:0x208]}}},
		{Name: "static", Files: []pkgtest.File{{Path: "/bin/static", Symlink: "nowhere"}}},
	},
	"named": {
		{Name: "FreeBSD-runtime", Version: "15.0", Files: []pkgtest.File{
			{Path: "/libexec/ld-elf.so.1", Body: executable(elftest.File{})}, {Path: "/bin/sh", Body: "sh", Mode: 0o555}, {Path: "/usr/bin/env", Body: "env", Mode: 0o555},
			{Path: "/usr/lib/libpam.so.7", Body: executable(elftest.File{})}, {Path: "/usr/lib/pam_unix.so.7", Body: executable(elftest.File{})},
			{Path: "/usr/lib/pam_old.so.6", Body: executable(elftest.File{})}, {Path: "/usr/lib/pam_arm.so", Body: executable(elftest.File{Machine: elf.EM_AARCH64})},
			{Path: "/usr/local/lib/pam_port.so", Body: executable(elftest.File{})}, {Path: "/usr/lib32/pam_32.so.7", Body: executable(elftest.File{Class: elf.ELFCLASS32})},
			{Path: "/etc/pam.d/system", Body: "auth required pam_unix.so\n"},
			{Path: "/etc/pam.d/su", Body: "auth sufficient pam_gone.so\nsession required pam_gone.so\nauth include system\naccount include absent\n"},
			{Path: "/etc/pam.d/fine", Body: "auth required pam_port\nauth required /usr/lib/pam_unix.so.7\nauth include login\nauth include /etc/pam.d/system\nauth optional pam_o.so\n-auth required pam_o.so\nplan lever pam_o.so\n"},
			{Path: "/etc/pam.d/bad", Body: "auth required pam_old.so\nauth required pam_arm.so\nauth required pam_32.so\nauth required security/pam_unix.so\nauth required /opt/pam.so\n"},
			{Path: "/etc/pam.d/link", Symlink: "../../usr/share/policy"}, {Path: "/usr/share/policy", Body: "auth required pam_linked.so\n"}, {Path: "/usr/share/not", Body: "auth required pam_not.so\n"},
			{Path: "/etc/pam.conf", Body: "login auth required pam_unix.so\nother auth required \\\n pam_conf.so\n"},
			{Path: "/usr/local/etc/pam.d/sudo", Body: "auth required pam_local.so\n"},
			{Path: "/etc/nsswitch.conf", Body: "passwd: files ldap\nhosts: files [notfound=return] mdns\ngroup: files winbind arm\n"},
			{Path: "/usr/local/lib/nss_winbind.so.1", Body: executable(elftest.File{})}, {Path: "/usr/lib/nss_arm.so.1", Body: executable(elftest.File{Machine: elf.EM_AARCH64})},
		}},
		{Name: "scripts", Files: []pkgtest.File{
			{Path: "/usr/bin/fine", Body: "#! /bin/sh -e\n"}, {Path: "/usr/bin/perl", Body: "#!/usr/local/bin/perl -w\n"}, {Path: "/usr/sbin/also", HardLink: "/usr/bin/perl"},
			{Path: "/usr/local/sbin/env", Body: "#!/usr/bin/env python3\n"}, {Path: "/usr/local/etc/rc.d/serve", Body: "#!/bin/ksh\n"}, {Path: "/etc/rc.d/run", Body: "#!/bin/sh\n"},
			{Path: "/usr/local/bin/link", Symlink: "../share/tool"}, {Path: "/usr/local/share/tool", Body: "#!/usr/local/bin/tclsh\n"},
			{Path: "/usr/local/share/other", Body: "#!/usr/local/bin/ruby\n"}, {Path: "/usr/local/libexec/git", Body: "#!/usr/local/bin/ruby\n"}, {Path: "/opt/bin/own", Body: "#!/usr/bin/env -S sh -e\n"},
			{Path: "/opt/bin/luarun", Body: "#!/usr/bin/env lua\n"}, {Path: "/start", Body: "#!/usr/local/bin/node\n"},
		}},
		{Name: "extra", Files: []pkgtest.File{{Path: "/usr/share/extra", Body: "extra"}}},
		{Name: "static", Files: []pkgtest.File{{Path: "/etc/pam.d/su", Body: "auth required pam_unix.so\n"}, {Path: "/bin/x", Body: "#!/bin/sh\n"}}},
	},
	"policies": {
		{Name: "base", Files: []pkgtest.File{{Path: "/etc/pam.d/base", Body: "auth required pam_group.so\nsession required pam_xdg.so\n"}}},
		{Name: "port", Files: []pkgtest.File{{Path: "/usr/local/etc/pam.d/port", Body: "auth required pam_ldap.so\n"}}},
	},
	"files": {
		{Name: "FreeBSD-runtime", Version: "15.0"},
		{Name: "donor", Files: []pkgtest.File{{Path: "/etc/motd", Body: "from a package\n"}}},
	},
	"arm": {{Name: "armed", ABI: "FreeBSD:15:aarch64"}},
	"dangling": {{Name: "links", Files: []pkgtest.File{
		{Path: "/libexec/ld-elf.so.1", Body: executable(elftest.File{})}, {Path: "/bin/a", Symlink: "nowhere"},
		{Path: "/bin/b", Body: executable(elftest.File{Needed: []string{"libc.so.7"}})[:0x208]},
	}}},
	"ports": {{Name: "tool", Files: []pkgtest.File{{Path: "/usr/local/bin/tool", Body: "tool", Mode: 0o555}}}},
	"snapshot": {
		{Name: "FreeBSD-runtime", Version: "15.snap20250901000000"},
		{Name: "tool", Files: []pkgtest.File{{Path: "/usr/local/bin/tool", Body: "tool", Mode: 0o555}}},
	},
	"told": {
		{Name: "FreeBSD-runtime", Version: "15.0"},
		{Name: "tool", Files: []pkgtest.File{{Path: "/usr/local/bin/tool", Body: "tool", Mode: 0o555}}},
	},
	"abi-amd64":   packagesFor("FreeBSD:15:amd64", "15.0"),
	"abi-aarch64": packagesFor("FreeBSD:15:aarch64", "15.0"),
	"abi-riscv64": packagesFor("FreeBSD:15:riscv64", "15.0"),
	"abi-later":   packagesFor("FreeBSD:15:riscv64", "15.0p1"),
	"abi-both": append(packagesFor("FreeBSD:15:amd64", "15.0"),
		pkgtest.Package{Name: "tool", Version: "1.1", ABI: "FreeBSD:15:riscv64", Files: []pkgtest.File{{Path: "/bin/tool", Body: "another", Mode: 0o555}}}),
	"abi-less":           packagesFor("FreeBSD:15:riscv64", "15.0")[:1],
	"missing-dependency": {{Name: "FreeBSD-runtime", Version: "15.0", Deps: []string{"gone"}}},
	"two-abis": {
		{Name: "FreeBSD-runtime", Version: "15.0"},
		{Name: "b", ABI: "FreeBSD:15:aarch64"},
	},
	"sparc": {{Name: "FreeBSD-runtime", Version: "15.0", ABI: "FreeBSD:15:sparc64"}},
}
