// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/release"
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
	{"runtime", "/var/db/services.db", "file 0644"},
	{"notoolchain", "/etc/login.conf.db", "file 0644"},
}

// TestMade walks the finished archives of all images, made with a source tree
// and without. Every file that both have is the same in both.
func TestMade(t *testing.T) {
	t.Parallel()
	names := release.StandardNames()
	without := build(t, config(t, sampleRepo, names...))
	cfg := config(t, sampleRepo, names...)
	cfg.SrcDir = sourceTree(t)
	with := build(t, cfg)
	for _, images := range []map[string]*hooks.Artifact{without, with} {
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
	for _, name := range names {
		for _, c := range tree.Diff(without[name].Tree, with[name].Tree) {
			t.Errorf("%s, without and with a source tree: %s", name, c)
		}
		for n := range with[name].Tree.All() {
			if strings.Contains(n.Path, ".pkgsave") {
				t.Errorf("%s: %s", name, n.Path)
			}
		}
	}
}

// TestAlone makes an image of one's own with certificates: the script of
// FreeBSD-caroot asks for them, nothing asks for the rest.
func TestAlone(t *testing.T) {
	t.Parallel()
	cfg := config(t, sampleRepo, "alone")
	cfg.Custom, cfg.SkipScripts = &release.Image{Name: "alone", Packages: []string{"FreeBSD-caroot"}}, false
	cfg.Exceptions = anything // certctl has no /bin/sh here
	a := build(t, cfg)["alone"]
	if a.Tree.Lookup("/etc/ssl/cert.pem") == nil {
		t.Error("there are no certificates")
	}
	if a.Tree.Lookup("/etc/os-release") != nil || a.Tree.Lookup("/etc/pwd.db") != nil {
		t.Error("there is more than was asked for")
	}
}

// TestOtherCertificates has a step whose certificates are not those below it.
func TestOtherCertificates(t *testing.T) {
	t.Parallel()
	cfg := config(t, sampleRepo, "notoolchain")
	cfg.SrcDir = sourceTree(t)
	gone := filepath.Join(cfg.SrcDir, "secure/caroot/trusted/ISRG_Root_X1.pem")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	_, err := hooks.Build(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "image notoolchain: /etc/ssl/certs/4042bcee.0: the certificate that this step makes is new, wanted as a step below has it") ||
		!strings.Contains(err.Error(), "/etc/ssl/cert.pem: the certificate that this step makes is another") {
		t.Errorf("got %v, want the certificate that is new", err)
	}
}
