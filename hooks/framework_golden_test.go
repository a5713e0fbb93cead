// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/pkgfile/porttest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/tree"
)

const (
	frameworkBase = "FreeBSD-zoneinfo, FreeBSD-clibs, FreeBSD-openssl-lib, FreeBSD-runtime, FreeBSD-certctl, FreeBSD-kerberos-lib, FreeBSD-libarchive, " +
		"FreeBSD-libexecinfo, FreeBSD-libucl, FreeBSD-fetch, FreeBSD-rc, FreeBSD-pkg-bootstrap, FreeBSD-mtree"
	frameworkRequest = "nginx, postgresql17-server, redis, clamav, dbus, zsh, nss"
	frameworkLow     = "image low { packages = [ " + frameworkBase + " ] }\n"
	// What pkg(8) was asked for in one command, and in two.
	frameworkOne = frameworkLow + "image x { packages = [ " + frameworkBase + ", " + frameworkRequest + " ] }\n"
	frameworkTwo = frameworkLow + "image x { parent = low; packages = [ " + frameworkRequest + " ] }\n"
)

// frameworkConfig builds images of the sample's packages and frameworkPorts.
func frameworkConfig(t *testing.T, definitions string, images ...string) hooks.Config {
	t.Helper()
	ports := t.TempDir()
	pkgtest.WriteRepo(ports, porttest.Ports()...)
	cfg := config(t, sampleRepo, images...)
	repos(cfg).Repos = append(repos(cfg).Repos, catalog.Repo{Name: "FreeBSD-ports", URL: ports})
	cfg.SkipScripts, cfg.ImageFiles, cfg.Exceptions = false, []string{write(t, definitions)}, anything
	return cfg
}

// TestFramework compares an image with ports, in one layer and in two, with what pkg(8) made
// of the same requests in one command and in two, which was the same: testdata/README says
// how. Every row of its database is equal, and so is every path that the ports add to the
// base, but for what programs of FreeBSD write, which could not run there.
func TestFramework(t *testing.T) {
	t.Parallel()
	want := strings.Split(strings.TrimSpace(string(read(t, "testdata/framework/files.txt"))), "\n")
	for name, text := range map[string]string{"one": frameworkOne, "two": frameworkTwo} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := frameworkConfig(t, text, "low", "x")
			all := build(t, cfg)
			low, x := all["low"].Tree, all["x"].Tree
			var added []string
			for n := range x.All() {
				old := low.Lookup(n.Path)
				if (old == nil || listed(low, old) != listed(x, n)) && !slices.Contains(frameworkUnrun, n.Path) {
					added = append(added, listed(x, n))
				}
			}
			for _, line := range missing(added, want) {
				t.Errorf("only in orlop's image: %s", line)
			}
			for _, line := range missing(want, added) {
				t.Errorf("only in pkg's root: %s", line)
			}
			compareFiles(t, all["low"], "testdata/golden/runtime/files.mtree")
			compareDump(t, database(t, all["x"], filepath.Join(cfg.OutDir, release.ArtifactName("x"))), "testdata/golden/runtime/dump.txt", "testdata/framework/dump.txt")
			texts, err := all["x"].ReadFiles(t.Context(), map[string]bool{"/etc/master.passwd": true, "/etc/group": true})
			users, groups := string(texts["/etc/master.passwd"]), string(texts["/etc/group"])
			if err != nil || !strings.HasSuffix(users, frameworkUsers) || !strings.HasSuffix(groups, frameworkGroups) || !strings.Contains(groups, "\nmail:*:6:clamav\n") {
				t.Errorf("%v: got the accounts\n%s\n%s", err, users, groups)
			}
			again := cfg
			fromLock(&again, &store.Store{}, lockOf(t, cfg, "x"))
			again.OutDir = t.TempDir()
			if got := build(t, again)["x"].Descriptor.Digest; got != all["x"].Descriptor.Digest {
				t.Errorf("again from its lock: got %s, want %s", got, all["x"].Descriptor.Digest)
			}
		})
	}
}

// listed is a line of the listings of pkg's roots. Links have no mode: on other systems than
// FreeBSD theirs cannot be set.
func listed(t *tree.Tree, n *tree.Node) string {
	line := fmt.Sprintf("%s %s:%s ", n.Path, n.Uname, n.Gname)
	switch n.Type {
	case tree.Dir:
		return line + fmt.Sprintf("%04o dir", n.Mode)
	case tree.Symlink:
		return line + "-> " + n.Link
	case tree.Hardlink:
		n = t.Lookup(n.Link)
	}
	return line + fmt.Sprintf("%04o %s", n.Mode, n.Digest)
}

// frameworkUnrun are files that programs of FreeBSD write, which scripts call in vain on
// another system: pw(8), which adds accounts, and ldconfig(8). indexinfo(1) did not run
// either; orlop writes no index. The database is compared by rows.
var frameworkUnrun = []string{"/etc/group", "/etc/master.passwd", "/etc/passwd", "/etc/pwd.db", "/etc/spwd.db", "/var/run/ld-elf.so.hints", "/var/db/pkg/local.sqlite"}

// What pw(8) would have added; www is in the base.
const (
	frameworkUsers = `clamav:*:106:106::0:0:The clamav:/nonexistent:/usr/sbin/nologin
messagebus:*:556:556::0:0:The messagebus:/nonexistent:/usr/sbin/nologin
postgres:*:770:770::0:0:The postgres:/var/db/postgres:/usr/sbin/nologin
redis:*:535:535::0:0:The redis:/nonexistent:/usr/sbin/nologin
`
	frameworkGroups = "clamav:*:106:\nmessagebus:*:556:\npostgres:*:770:\nredis:*:535:\n"
)
