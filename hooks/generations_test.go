// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/elf/elftest"
	"github.com/orlop/orlop/release/tree"
)

// generation is a repository of base packages as a release has them: what scripts
// they come with, and in which packages.
type generation struct {
	version     string
	runtime     string            // post-install
	others      map[string]string // post-install of other packages
	keys        map[string]any    // further ones of the runtime's manifest
	certificate tree.Type         // in /etc/ssl/certs
}

// question is a script that packages of kernels had.
const question = "case ${ASSUME_ALWAYS_YES} in\n[Yy][Ee][Ss]|[Tt][Rr][Uu][Ee])\nexit 0\n;;\n*)\ncontinue\n;;\nesac\necho \"Go on?\"\nread ANSWER\n"

var (
	rehash = "\t[ -x /usr/sbin/certctl ] && env DESTDIR=${PKG_ROOTDIR} \\\n\t    /usr/sbin/certctl rehash\n"
	// Old packages say of directories only that they are there.
	oldDirs = map[string]any{"directories": map[string]string{"/dev": "y", "/tmp": "y"}}

	generations = []generation{
		{"13.2", "\tcap_mkdb -l ${PKG_ROOTDIR}/etc/login.conf\n\tpwd_mkdb -L -i -p -d  ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd\n" +
			"\tservices_mkdb -l -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/etc/services\n\tchmod 1777 ${PKG_ROOTDIR}/tmp\n",
			map[string]string{"caroot": rehash, "kernel-generic": "\t/usr/sbin/kldxref ${PKG_ROOTDIR}/boot/kernel\n"}, oldDirs, tree.Symlink},
		{"14.3p2", "\tpwd_mkdb -i -p -d  ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd\n" +
			"\tservices_mkdb -l -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/etc/services\n\tchmod 1777 ${PKG_ROOTDIR}/tmp\n",
			map[string]string{"certctl": rehash, "utilities": "cap_mkdb -l ${PKG_ROOTDIR}/etc/login.conf"}, oldDirs, tree.Symlink},
		{"15.0", "    pwd_mkdb -i -p -d  ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd\n    services_mkdb -l -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/\n",
			map[string]string{"caroot": "/usr/sbin/certctl -D${PKG_ROOTDIR}/ ${PKG_METALOG:+-U -M $PKG_METALOG} rehash", "utilities": "cap_mkdb -l ${PKG_ROOTDIR}/etc/login.conf"}, nil, tree.File},
		{"15.1", "    pwd_mkdb -i -p -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd\n    services_mkdb -l -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/\n",
			map[string]string{"caroot": "/usr/sbin/certctl -D${PKG_ROOTDIR}/ ${PKG_METALOG:+-U -M $PKG_METALOG} rehash", "utilities": "cap_mkdb -l ${PKG_ROOTDIR}/etc/login.conf"}, nil, tree.File},
	}
)

// write makes the repository, with all that FreeBSD's images take.
func (g generation) write(t *testing.T, dir string) {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(sourceTree(t), "secure/caroot/trusted/ISRG_Root_X1.pem"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]pkgtest.File{
		"runtime": {
			{Path: "/etc/master.passwd", Body: "root::0:0::0:0::/root:/bin/sh\n", Mode: 0o600}, {Path: "/etc/group", Body: "wheel:*:0:root\n"},
			{Path: "/etc/services", Body: "echo 7/tcp\n"}, {Path: "/etc/login.conf", Body: "default:\\\n\t:path=/bin:\n"}, {Path: "/bin/sh", Body: "sh", Mode: 0o555},
		},
		"mtree":          {{Path: "/etc/mtree/BSD.root.dist", Body: "/set type=dir uname=root gname=wheel mode=0755\n.\n    tmp mode=01777\n    ..\n..\n"}},
		"caroot":         {{Path: "/usr/share/certs/trusted/ISRG_Root_X1.pem", Body: string(pem)}},
		"pkg-bootstrap":  {{Path: "/etc/pkg/FreeBSD.conf", Body: "FreeBSD-base: { enabled: no }\n"}, {Path: "/usr/share/keys/pkg/trusted/a", Body: "a"}},
		"kernel-generic": {{Path: "/boot/kernel/kernel", Body: "kernel"}},
		"clibs":          {{Path: "/lib/libc.so.7", Body: string(elftest.File{}.Bytes())}, {Path: "/usr/lib/libxnet.so", Symlink: "../../lib/libc.so.8"}},
	}
	for _, name := range []string{"var", "usr", "include", "debug"} {
		files["mtree"] = append(files["mtree"], pkgtest.File{Path: "/etc/mtree/BSD." + name + ".dist", Body: "/set type=dir uname=root gname=wheel mode=0755\n.\n..\n"})
	}
	var pkgs []pkgtest.Package
	for _, name := range []string{"zoneinfo", "clibs", "openssl-lib", "runtime", "certctl", "kerberos-lib", "libarchive", "libexecinfo", "libucl", "fetch", "rc",
		"pkg-bootstrap", "mtree", "caroot", "utilities", "kernel-generic"} {
		p := pkgtest.Package{Name: "FreeBSD-" + name, Version: g.version, ABI: "FreeBSD:" + g.version[:2] + ":amd64", Files: files[name], Keys: map[string]any{}}
		scripts := map[string]string{"post-uninstall": "nothing that anybody knows"} // a key that pkg ignores
		if name == "runtime" {
			scripts["post-install"] = g.runtime
			p.Dirs = []pkgtest.File{{Path: "/dev", Mode: 0o555}, {Path: "/tmp", Mode: 0o755}}
			for k, v := range g.keys {
				p.Keys[k] = v
			}
		} else if s := g.others[name]; s != "" {
			scripts["post-install"] = s
		}
		if name == "kernel-generic" {
			scripts["pre-install"] = question
		}
		p.Keys["scripts"] = scripts
		pkgs = append(pkgs, p)
	}
	pkgtest.WriteRepo(dir, pkgs...)
}

// TestGenerations builds runtime and an image of one's own from packages of each
// generation, and both again from their locks.
func TestGenerations(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		t.Run(g.version, func(t *testing.T) {
			t.Parallel()
			repo := t.TempDir()
			g.write(t, repo)
			cfg := config(t, repo, "full", "runtime")
			cfg.SkipScripts, cfg.Exceptions = false, anything
			cfg.ImageFiles = []string{write(t, "image full { parent = runtime; packages = [ FreeBSD-caroot, FreeBSD-utilities, FreeBSD-kernel-generic ]; replaces = [ \"/usr/share/certs/**\" ] }")}
			images := build(t, cfg)
			for path, want := range map[string]string{"/tmp": "dir 1777", "/etc/pwd.db": "file 0644", "/etc/spwd.db": "file 0600", "/etc/passwd": "file 0644",
				"/var/db/services.db": "file 0644", "/etc/login.conf.db": "file 0644"} {
				if strings.HasPrefix(g.version, "15") && path == "/tmp" {
					want = "dir 0755" // as the package has it
				}
				for name, a := range images {
					n := a.Tree.Lookup(path)
					if n == nil || fmt.Sprintf("%s %04o", n.Type, n.Mode) != want {
						t.Errorf("%s: %s is %+v, want %s", name, path, n, want)
					}
				}
			}
			if n := images["runtime"].Tree.Lookup("/etc/ssl/certs/4042bcee.0"); n == nil || n.Type != g.certificate {
				t.Errorf("the certificate is %+v, want a %s", n, g.certificate)
			}
			for name, a := range images {
				sameFromLock(t, cfg, name, a)
			}
		})
	}
}

// sameFromLock makes an image again from its lock.
func sameFromLock(t *testing.T, cfg hooks.Config, name string, want *artifact.Artifact) {
	t.Helper()
	file := filepath.Join(cfg.OutDir, "container-image-"+name+".lock.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	again := cfg
	again.OutDir = t.TempDir()
	fromLock(&again, nil, l)
	results, err := hooks.Build(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if got := want.Descriptor.Digest.String(); results[0].Digest != got {
		t.Errorf("%s: got %s from its lock, want %s", name, results[0].Digest, got)
	}
}
