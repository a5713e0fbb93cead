// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tree"
)

// made are the files of an image that no package brings, and the image that
// first has each.
var made = []struct{ image, path, what string }{
	{"static", "/etc/passwd", "file 0644"}, {"static", "/etc/pwd.db", "file 0644"}, {"static", "/etc/spwd.db", "file 0600"},
	{"static", "/etc/os-release", "link ../var/run/os-release"}, {"static", "/var/run/os-release", "file 0444"},
	{"static", "/usr/local/etc/pkg/repos/base.conf", "file 0644"},
	{"static", "/usr/share/keys/pkg/trusted/pkg.freebsd.org.2013102301", "file 0444"},
	{"static", "/usr/share/keys/pkgbase-15/trusted/awskms-15", "file 0444"}, {"static", "/usr/share/keys/pkgbase-15/trusted/backup-signing-15", "file 0444"},
	{"static", "/etc/ssl/cert.pem", "file 0444"}, {"static", "/etc/ssl/certs/4042bcee.0", "file 0444"}, {"static", "/etc/ssl/untrusted/5c44d531.0", "file 0444"},
	{"dynamic", "/var/run/ld-elf.so.hints", "file 0444"},
	{"runtime", "/var/db/services.db", "file 0644"},
	{"notoolchain", "/etc/login.conf.db", "file 0644"},
}

// TestMade walks the finished archives of all images, made with a source tree
// and without. Every file that both have is the same in both.
func TestMade(t *testing.T) {
	t.Parallel()
	names := define.StandardNames()
	without := build(t, config(t, sampleRepo, names...))
	cfg := config(t, sampleRepo, names...)
	repos(cfg).SrcDir = sourceTree(t)
	with := build(t, cfg)
	for _, images := range []map[string]*artifact.Artifact{without, with} {
		for _, f := range made {
			for _, name := range names[slices.Index(names, f.image):] {
				n := images[name].Tree.Lookup(f.path)
				if n == nil {
					t.Errorf("%s: %s is absent", name, f.path)
					continue
				}
				what := fmt.Sprintf("%s %04o", n.Type, n.Mode)
				if n.Type == tree.Symlink {
					what = "link " + n.Link
				}
				if what != f.what || n.UID != 0 || n.GID != 0 {
					t.Errorf("%s: %s is %s %d:%d, want %s of root:wheel", name, f.path, what, n.UID, n.GID, f.what)
				}
			}
		}
	}
	compareGenerated(t, without["notoolchain"].Tree)
	for _, name := range names {
		for _, c := range tree.Diff(t.Context(), without[name].Tree, with[name].Tree) {
			t.Errorf("%s, without and with a source tree: %s", name, c)
		}
		for n := range with[name].Tree.All() {
			if strings.Contains(n.Path, ".pkgsave") {
				t.Errorf("%s: %s", name, n.Path)
			}
		}
	}
}

// compareGenerated compares files with the sums of those that FreeBSD's own
// programs made of the same input (testdata/README).
func compareGenerated(t *testing.T, got *tree.Tree) {
	t.Helper()
	text, err := os.ReadFile("testdata/generated.sha256")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		sum, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if n := got.Lookup(path); n == nil || n.Digest.String() != sum {
			t.Errorf("%s: got %+v, want the sum %s", path, n, sum)
		}
	}
}

// TestSrcDir makes images with a source tree that has termcap.small, which no
// package has, and without.
func TestSrcDir(t *testing.T) {
	t.Parallel()
	src := sourceTree(t)
	small := filepath.Join(src, "etc/termcap/termcap.small")
	if err := errors.Join(os.MkdirAll(filepath.Dir(small), 0o755), os.WriteFile(small, []byte("vt100:co#80:\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	compareSrcDir(t, sampleRepo, src, "runtime")
}

// TestSrcDirReal does so with FreeBSD's source tree, which the packages come from.
func TestSrcDirReal(t *testing.T) {
	t.Parallel()
	needShared(t)
	compareSrcDir(t, filepath.Join(shared, "repos/unsigned/FreeBSD:15:amd64/15.0p3"), filepath.Join(shared, "src"), "toolchain")
}

// compareSrcDir builds the images up to last: a source tree adds termcap.small
// and changes nothing.
func compareSrcDir(t *testing.T, repo, src, last string) {
	t.Helper()
	names := define.StandardNames()
	names = names[:slices.Index(names, last)+1]
	without := build(t, config(t, repo, names...))
	cfg := config(t, repo, names...)
	repos(cfg).SrcDir = src
	with := build(t, cfg)
	for _, name := range names {
		got := fmt.Sprint(tree.Diff(t.Context(), without[name].Tree, with[name].Tree))
		want := "[/etc/termcap.small: added]"
		if name == "static" || name == "dynamic" { // a package of runtime has termcap
			want = "[/etc/termcap.small: added /usr/share/misc/termcap: added]"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestAlone makes an image of one's own with certificates: the script of
// FreeBSD-caroot asks for them, nothing asks for the rest.
func TestAlone(t *testing.T) {
	t.Parallel()
	cfg := config(t, sampleRepo, "alone")
	cfg.Custom, cfg.SkipScripts = &define.Image{Name: "alone", Packages: []string{"FreeBSD-caroot"}}, false
	cfg.Exceptions = anything // certctl has no /bin/sh here
	a := build(t, cfg)["alone"]
	if a.Tree.Lookup("/etc/ssl/cert.pem") == nil {
		t.Error("there are no certificates")
	}
	if a.Tree.Lookup("/etc/os-release") != nil || a.Tree.Lookup("/etc/pwd.db") != nil {
		t.Error("there is more than was asked for")
	}
}

// Test14 has what is otherwise in FreeBSD 14: links in place of
// certificates, and a repository configuration without a stanza to enable.
func Test14(t *testing.T) {
	t.Parallel()
	const abi, conf, keys = "FreeBSD:14:amd64", "FreeBSD: { url: x }\n", "/usr/share/keys/pkg/"
	pem, err := os.ReadFile(filepath.Join(sourceTree(t), "secure/caroot/trusted/ISRG_Root_X1.pem"))
	if err != nil {
		t.Fatal(err)
	}
	repo := t.TempDir()
	pkgtest.WriteRepo(repo,
		pkgtest.Package{Name: "base", ABI: abi},
		pkgtest.Package{Name: "FreeBSD-caroot", ABI: abi, Files: []pkgtest.File{{Path: "/usr/share/certs/trusted/ISRG_Root_X1.pem", Body: string(pem)}}},
		pkgtest.Package{Name: "FreeBSD-pkg-bootstrap", ABI: abi, Files: []pkgtest.File{
			{Path: "/etc/pkg/FreeBSD.conf", Body: conf}, {Path: keys + "trusted/a", Body: "a"}, {Path: keys + "revoked/b", Body: "b"}}},
	)
	cfg := config(t, repo, "old")
	cfg.Revision, cfg.ImageFiles = "14.3", []string{filepath.Join(t.TempDir(), "old.ucl")}
	definition := `image old { packages = [ base ];
		folder /usr/share/keys/pkg { from = [ FreeBSD-pkg-bootstrap ] }
		folder /usr/share/certs/trusted { from = [ FreeBSD-caroot ] }
		certificates { from = [ FreeBSD-caroot ]; path = /usr/share/certs }
		base-conf { from = [ FreeBSD-pkg-bootstrap ]; path = /etc/pkg/FreeBSD.conf } }`
	if err := os.WriteFile(cfg.ImageFiles[0], []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	for branch, folder := range map[string]string{"RELEASE-p1": "base_release_3", "RC2": "base_release_3", "STABLE": "base_latest"} {
		cfg.Branch = branch
		a := build(t, cfg)["old"]
		if n := a.Tree.Lookup("/etc/ssl/certs/4042bcee.0"); n == nil || n.Link != "../../../usr/share/certs/trusted/ISRG_Root_X1.pem" {
			t.Errorf("certificate: got %+v, want a link to the package's", n)
		}
		for _, key := range []string{"trusted/a", "revoked/b"} {
			if a.Tree.Lookup(keys+key) == nil {
				t.Errorf("there is no key %s", key)
			}
		}
		want := fmt.Sprintf(`FreeBSD-base: {
  url: "pkg+https://pkg.FreeBSD.org/${ABI}/%s",
  mirror_type: "srv",
  signature_type: "fingerprints",
  fingerprints: "/usr/share/keys/pkg",
  enabled: yes
}
`, folder)
		if n := a.Tree.Lookup("/usr/local/etc/pkg/repos/base.conf"); n == nil || n.Digest.String() != fmt.Sprintf("%x", sha256.Sum256([]byte(want))) {
			t.Errorf("%s: base.conf is %+v, want\n%s", branch, n, want)
		}
	}
}

// TestOtherCertificates has a step whose certificates are not those below it.
func TestOtherCertificates(t *testing.T) {
	t.Parallel()
	cfg := config(t, sampleRepo, "notoolchain")
	repos(cfg).SrcDir = sourceTree(t)
	gone := filepath.Join(repos(cfg).SrcDir, "secure/caroot/trusted/ISRG_Root_X1.pem")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	_, err := hooks.Build(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "image notoolchain: /etc/ssl/certs/4042bcee.0: the certificate of this step is new, wanted the one of a lower step") ||
		!strings.Contains(err.Error(), "/etc/ssl/cert.pem: the certificate of this step is another") {
		t.Errorf("got %v, want the certificate that is new", err)
	}
}
