// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tree"
)

// understood are scripts of base packages in the forms that they have had, and
// others that do the same.
var understood = []string{
	"", "\n\t# nothing\n",
	"pwd_mkdb -i -p -d  ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd",
	"pwd_mkdb -L -i -p -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd",
	"/usr/sbin/pwd_mkdb -B -ipd \"$PKG_ROOTDIR/etc/\" $PKG_ROOTDIR//etc/master.passwd",
	"pwd_mkdb -p -d ${PKG_ROOTDIR}/etc \\\n\t    ${PKG_ROOTDIR}/etc/master.passwd >/dev/null 2>&1",
	"services_mkdb -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/",
	"services_mkdb -l -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/etc/services",
	"/usr/sbin/services_mkdb -b -q \\\n    -o ${PKG_ROOTDIR}/var/db/services.db \\\n    ${PKG_ROOTDIR}/etc/services",
	"pwd_mkdb ${PWD_MKDB_ENDIAN} -i -p -d  ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd",
	"services_mkdb ${CAP_MKDB_ENDIAN} -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/", "cap_mkdb $CAP_MKDB_ENDIAN ${PKG_ROOTDIR}/etc/login.conf",
	"cap_mkdb ${PKG_ROOTDIR}/etc/login.conf", "/usr/bin/cap_mkdb -l ${PKG_ROOTDIR}/etc/login.conf",
	"/usr/sbin/certctl -D${PKG_ROOTDIR}/ ${PKG_METALOG:+-U -M $PKG_METALOG} rehash",
	"certctl -D ${PKG_ROOTDIR} rehash",
	"[ -x /usr/sbin/certctl ] && env DESTDIR=${PKG_ROOTDIR} \\\n\t    /usr/sbin/certctl rehash\n",
	"test -x /usr/sbin/certctl && env DESTDIR=\"${PKG_ROOTDIR}\" certctl rehash",
	"[ -x ${PKG_ROOTDIR}/usr/sbin/certctl ] &&\n DESTDIR=$PKG_ROOTDIR/ \\\n /usr/sbin/certctl -c rehash",
	"if [ -x /usr/sbin/certctl ]; then\n env DESTDIR=$PKG_ROOTDIR certctl rehash\nfi\n",
	"if true ; then\n\tcap_mkdb -l ${PKG_ROOTDIR}/etc/login.conf\n\tif true; then certctl -D${PKG_ROOTDIR} rehash; fi\nfi\n",
	"if false ; then\n\tchmod 0700 ${PKG_ROOTDIR}/tmp\nfi\n",
	"/usr/sbin/kldxref ${PKG_ROOTDIR}/boot/kernel", "kldxref -R $PKG_ROOTDIR/boot/modules",
	"case ${ASSUME_ALWAYS_YES} in\n\t[Yy][Ee][Ss]|[Tt][Rr][Uu][Ee])\n\t\texit 0\n\t\t;;\n\t*)\n\t\tcontinue\n\t\t;;\nesac\n" +
		"echo \"a (b)\"\necho\nread ANSWER\ncase ${ANSWER} in\n\t*)\n\t\tcontinue\n\t\t;;\nesac\n",
	"chmod 1777 ${PKG_ROOTDIR}/tmp\n/bin/chmod 02755 \"${PKG_ROOTDIR}/etc\" $PKG_ROOTDIR/tmp/in/\n",
}

// strange are scripts that do something else, if only a little.
var strange = []string{
	"pwd_mkdb -i -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd", "pwd_mkdb -p -d /etc /etc/master.passwd",
	"pwd_mkdb -p -u root -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd", "pwd_mkdb -C -p -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd",
	"/usr/bin/pwd_mkdb -p -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd", "pwd_mkdb -p -d ${PKG_ROOTDIR}/etc",
	"pwd_mkdb", "pwd_mkdb -p -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd; echo `reboot`",
	"services_mkdb -q -o ${PKG_ROOTDIR}/var/db/other.db ${PKG_ROOTDIR}/", "services_mkdb -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/etc/other",
	"services_mkdb -q ${PKG_ROOTDIR}/etc/services", "services_mkdb -q -o ${PKG_ROOTDIR}/var/db/services.db",
	"services_mkdb -q -x -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/", "services_mkdb -q -o",
	"cap_mkdb ${PKG_ROOTDIR}/etc/termcap", "cap_mkdb -f ${PKG_ROOTDIR}/x ${PKG_ROOTDIR}/etc/login.conf", "X=1 cap_mkdb ${PKG_ROOTDIR}/etc/login.conf",
	"cap_mkdb ${PKG_ROOTDIR}/etc/login.conf > ${PKG_ROOTDIR}/x", "cap_mkdb ${PKG_ROOTDIR}/etc/login.conf &", "cap_mkdb '${PKG_ROOTDIR}/etc/login.conf'",
	"cap_mkdb ${PKG_ROOTDIRS}/etc/login.conf", "cap_mkdb ${PKG_ROOTDIR}etc/login.conf", "cap_mkdb ${PKG_ROOTDIR}/etc/login.con*",
	"certctl rehash", "certctl -B -D${PKG_ROOTDIR}/ rehash", "certctl -n -D${PKG_ROOTDIR}/ rehash", "certctl -D${PKG_ROOTDIR}/ untrust x",
	"env DESTDIR=${PKG_ROOTDIR} TRUSTPATH=/x certctl rehash", "certctl -D${PKG_ROOTDIR}/ ${OTHER:+-U -M $PKG_METALOG} rehash",
	"[ -x /usr/sbin/other ] && certctl -D${PKG_ROOTDIR}/ rehash",
	"[ ! -x /usr/sbin/certctl ] && certctl -D${PKG_ROOTDIR}/ rehash", "[ -x /usr/sbin/certctl ] && ",
	"if [ -f /x ]; then certctl -D${PKG_ROOTDIR}/ rehash; fi", "if true; then certctl -D${PKG_ROOTDIR}/ rehash", "if true; then :; else rm -r /; fi",
	"if false; then rm -r /; fi",
	"chmod u+s ${PKG_ROOTDIR}/tmp", "chmod -R 755 ${PKG_ROOTDIR}/tmp", "chmod 1777 /tmp", "chmod 8 ${PKG_ROOTDIR}/tmp", "chmod 17777 ${PKG_ROOTDIR}/tmp",
	"chmod 755 ${PKG_ROOTDIR}/a/../tmp", "chmod 755 ${PKG_ROOTDIR}/t*", "chmod 755",
	"kldxref /boot/kernel", "kldxref ${PKG_ROOTDIR}/usr", "kldxref", "rm -rf ${PKG_ROOTDIR}/tmp", "continue",
	"case ${ASSUME_ALWAYS_YES} in\n[Yy][Ee][Ss]|[Tt][Rr][Uu][Ee])\nexit 0\n;;\n*)\nrm x\n;;\nesac\n",
	"case ${ASSUME_ALWAYS_YES} in\n[Yy][Ee][Ss]|[Tt][Rr][Uu][Ee]) exit 0 ;;\n*) rm -rf ${PKG_ROOTDIR}/etc ;;\nesac\n",
	"if [ -x /usr/sbin/certctl ]; then \\rm -rf ${PKG_ROOTDIR}/etc\ncertctl -D${PKG_ROOTDIR}/ rehash; fi",
	"if [ -x /usr/sbin/certctl ]; then >${PKG_ROOTDIR}/etc/passwd\ncertctl -D${PKG_ROOTDIR}/ rehash; fi",
	"if [ -x /usr/sbin/certctl ]; then <<EOF\nx\nEOF\ncertctl -D${PKG_ROOTDIR}/ rehash; fi", "if true\nthen & rm -rf ${PKG_ROOTDIR}/etc\nfi",
	strings.Repeat("if true\nthen\n", 3000) + strings.Repeat("fi\n", 3000), "chmod 755" + strings.Repeat(" ${PKG_ROOTDIR}/tmp", 101),
}

// write puts definitions into a file.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "images.ucl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// scripted is a package with a script, and a folder and a file for it.
func scripted(name, phase, script string) pkgtest.Package {
	return pkgtest.Package{Name: name, Dirs: []pkgtest.File{{Path: "/tmp", Mode: 0o755}},
		Files: []pkgtest.File{{Path: "/tmp/in/" + name, Body: name}, {Path: "/etc/" + name, Body: name}},
		Keys:  map[string]any{"scripts": map[string]string{phase: script}}}
}

// scriptedImage is a run for an image of packages with scripts.
func scriptedImage(t *testing.T, scripts []string) hooks.Config {
	t.Helper()
	var pkgs []pkgtest.Package
	var names []string
	for i, s := range scripts {
		names = append(names, fmt.Sprintf("p%d", i))
		pkgs = append(pkgs, scripted(names[i], []string{"post-install", "pre-install"}[i%2], s))
	}
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, pkgs...)
	cfg := config(t, repo, "x")
	cfg.Custom, cfg.SkipScripts = &define.Image{Name: "x", Packages: names}, false
	return cfg
}

func TestUnderstoodScripts(t *testing.T) {
	t.Parallel()
	a := build(t, scriptedImage(t, understood))["x"]
	for path, mode := range map[string]uint32{"/tmp": 0o1777, "/etc": 0o2755, "/tmp/in": 0o2755} {
		if n := a.Tree.Lookup(path); n.Mode != mode {
			t.Errorf("%s has mode %04o, want %04o", path, n.Mode, mode)
		}
	}
	for _, p := range a.Packages {
		for _, d := range p.Dirs {
			if d.Path == "/tmp" && d.Perm != 0o755 {
				t.Errorf("%s: pkg registers the mode %04o, want the package's", p.Name, d.Perm)
			}
		}
	}
}

func TestStrangeScripts(t *testing.T) {
	t.Parallel()
	_, err := hooks.Build(t.Context(), scriptedImage(t, strange))
	if err == nil {
		t.Fatal("nothing was strange")
	}
	for i, s := range strange {
		if name := fmt.Sprintf("p%d-1.0: its p", i); !strings.Contains(err.Error(), name) {
			t.Errorf("%q was understood", s)
		}
	}
}

// TestScriptOfAbsent has chmod(1) of a path that is not there: an unknown script,
// which can be skipped.
func TestScriptOfAbsent(t *testing.T) {
	t.Parallel()
	cfg := scriptedImage(t, []string{"chmod 700 ${PKG_ROOTDIR}/absent"})
	_, err := hooks.Build(t.Context(), cfg)
	if unknown := new(script.UnknownError); !errors.As(err, &unknown) || unknown.Package != "p0-1.0" {
		t.Errorf("got %v, want an unknown script", err)
	}
	cfg.SkipScripts = true
	build(t, cfg)
}

// TestScriptsThatDisagree has two packages give a path different modes, in an
// order that the pkg database does not tell.
func TestScriptsThatDisagree(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	zz := scripted("zz", "post-install", "chmod 711 ${PKG_ROOTDIR}/tmp/in")
	aa := scripted("aa", "post-install", "chmod 750 ${PKG_ROOTDIR}/tmp/in")
	aa.Deps = []string{"zz"}
	pkgtest.WriteRepo(repo, zz, aa)
	for _, text := range []string{"image x { packages = [ zz, aa ] }", "image low { packages = [ zz ] }\nimage x { parent = low; packages = [ aa ] }"} {
		cfg := config(t, repo, "x")
		cfg.SkipScripts, cfg.ImageFiles = false, []string{write(t, text)}
		_, err := hooks.Build(t.Context(), cfg)
		const want = "/tmp/in: in both zz-1.0 and aa-1.0: their scripts give it the modes 0711 and 0750"
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestScriptHalfDone skips a script whole of which a part cannot be done, and
// verify does not expect its other part.
func TestScriptHalfDone(t *testing.T) {
	t.Parallel()
	cfg := scriptedImage(t, []string{"chmod 700 ${PKG_ROOTDIR}/tmp ${PKG_ROOTDIR}/etc/p1", ":"})
	cfg.SkipScripts = true
	a := build(t, cfg)["x"] // which is verified
	if n := a.Tree.Lookup("/tmp"); n.Mode != 0o755 {
		t.Errorf("/tmp has mode %04o, want that of the package", n.Mode)
	}
}

// TestScriptOfFile has chmod(1) of files: of the step's own under all their names,
// and through a link.
func TestScriptOfFile(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	low := scripted("low", "post-install", "chmod 4511 ${PKG_ROOTDIR}/bin/link")
	low.Files = append(low.Files, pkgtest.File{Path: "/bin/a", Body: "a"}, pkgtest.File{Path: "/bin/b", HardLink: "/bin/a"}, pkgtest.File{Path: "/bin/link", Symlink: "b"})
	pkgtest.WriteRepo(repo, low, scripted("high", "post-install", "chmod 711 ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/high"),
		scripted("wrong", "post-install", "chmod 711 ${PKG_ROOTDIR}/bin/a"))
	cfg := config(t, repo, "x")
	cfg.SkipScripts, cfg.ImageFiles = false, []string{write(t, "image low { packages = [ low ] }\nimage x { parent = low; packages = [ high ] }\nimage y { parent = low; packages = [ wrong ] }")}
	a := build(t, cfg)["x"]
	for path, mode := range map[string]uint32{"/bin/a": 0o4511, "/bin/b": 0o4511, "/etc": 0o711, "/etc/high": 0o711, "/etc/low": 0o644} {
		n := a.Tree.Lookup(path)
		if n.Type == tree.Hardlink {
			n = a.Tree.Lookup(n.Link)
		}
		if n.Mode != mode {
			t.Errorf("%s has mode %04o, want %04o", path, n.Mode, mode)
		}
	}
	cfg.Images = []string{"y"}
	if _, err := hooks.Build(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "wrong-1.0: its post-install script is unknown") {
		t.Errorf("got %v: a file of a lower step cannot be changed", err)
	}
}
