// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/pkgfile/porttest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/tree"
)

// Packages as the ports framework writes them.

const (
	baseGroup  = "wheel:*:0:root\ndaemon:*:1:\nmail:*:6:\nvideo:*:44:root\n"
	baseMaster = "root::0:0::0:0:Charlie &:/root:/bin/sh\nman:*:9:9::0:0:Mister Man:/usr/share/man:/usr/sbin/nologin\ndaemon:*:1:1::0:0:Owner:/root:/usr/sbin/nologin\n"
	baseShells = "# shells\n/bin/sh\n"
)

// baseOf is a package with accounts, which scripts of others edit.
func baseOf(group, master string) pkgtest.Package {
	return pkgtest.Package{Name: "base", Keys: map[string]any{"scripts": map[string]string{
		"post-install": "pwd_mkdb -i -p -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd\n"}},
		Files: []pkgtest.File{
			{Path: "/etc/group", Body: group, Config: true}, {Path: "/etc/master.passwd", Body: master, Mode: 0o600, Config: true},
			{Path: "/etc/shells", Body: baseShells, Config: true}, {Path: "/etc/hosts", Body: "::1 localhost\n"},
		}}
}

// ports are packages that do one of everything.
func ports() []pkgtest.Package {
	list := []pkgtest.Package{
		baseOf(baseGroup, baseMaster),
		porttest.New("nginx", porttest.User("www", "80", "/nonexistent"), "", []string{porttest.Sample("etc/nginx.conf-dist etc/nginx.conf"), porttest.Sample("etc/mime.sample")},
			pkgtest.File{Path: "/usr/local/etc/nginx.conf-dist", Body: "user www;\n", Mode: 0o640, Gname: "www"},
			pkgtest.File{Path: "/usr/local/etc/mime.sample", Body: "text/html html\n"}, pkgtest.File{Path: "/usr/local/etc/mime", Body: "mine\n"}),
		porttest.New("postgresql", porttest.User("postgres", "770", "/var/db/postgres"), "", nil),
		porttest.New("redis", porttest.User("redis", "535", "/nonexistent")+porttest.Member("mail", "redis")+porttest.Member("www", "redis"), "", nil,
			pkgtest.File{Path: "/var/db/redis/dump", Uname: "redis", Gname: "redis", Mode: 0o600}),
		porttest.New("zsh", "", "case \"share/info/zsh.info\" in\n/*) file=\"share/info/zsh.info\" ;;\n*) file=\"/usr/local/share/info/zsh.info\" ;;\nesac\nindexinfo ${PKG_ROOTDIR}${file%/*}\n",
			[]string{porttest.Shell("bin/zsh"), porttest.Shell("bin/rzsh")}),
		porttest.New("libsodium", "", porttest.Ldconfig, nil,
			pkgtest.File{Path: "/usr/local/libdata/ldconfig/libsodium", Body: "/usr/local/lib/sodium\n"}, pkgtest.File{Path: "/usr/local/lib/sodium/README", Body: "x"}),
		porttest.New("anon", porttest.User("anon", "", "/nonexistent"), "", nil), porttest.New("bnon", porttest.User("bnon", "", "/nonexistent"), "", nil),
	}
	list[3].Keys["users"], list[3].Keys["groups"] = []string{"redis"}, []string{"redis"}
	return list
}

// portsConfig builds images of these definitions from packages.
func portsConfig(t *testing.T, definitions string, image string, pkgs ...pkgtest.Package) hooks.Config {
	t.Helper()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, pkgs...)
	cfg := config(t, repo, image)
	cfg.SkipScripts, cfg.ImageFiles, cfg.Exceptions = false, []string{write(t, definitions)}, anything
	return cfg
}

// lockOf reads the lock of an image.
func lockOf(t *testing.T, cfg hooks.Config, image string) *lock.Lock {
	t.Helper()
	file := cfg.OutDir + "/container-image-" + image + ".lock.json"
	l, err := lock.Parse(file, read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const (
	wantGroup = baseGroup + "anon:*:1001:\nbnon:*:1002:\nwww:*:80:redis\npostgres:*:770:\nredis:*:535:\n"
	wantUsers = baseMaster + `anon:*:1001:1001::0:0:The anon:/nonexistent:/usr/sbin/nologin
bnon:*:1002:1002::0:0:The bnon:/nonexistent:/usr/sbin/nologin
www:*:80:80::0:0:The www:/nonexistent:/usr/sbin/nologin
postgres:*:770:770::0:0:The postgres:/var/db/postgres:/usr/sbin/nologin
redis:*:535:535::0:0:The redis:/nonexistent:/usr/sbin/nologin
`
)

// compareFile compares a file of an image.
func compareFile(t *testing.T, a *artifact.Artifact, path, attributes, want string) {
	t.Helper()
	texts, err := a.ReadFiles(t.Context(), map[string]bool{path: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(texts[path])); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
	compareNode(t, a, path, attributes)
}

func compareNode(t *testing.T, a *artifact.Artifact, path, want string) {
	t.Helper()
	n := a.Tree.Lookup(path)
	if n == nil {
		t.Errorf("%s is not there", path)
		return
	}
	if got := fmt.Sprintf("%04o %s:%s %d:%d", n.Mode, n.Uname, n.Gname, n.UID, n.GID); got != want {
		t.Errorf("%s: got %s, want %s", path, got, want)
	}
}

// TestPorts has packages with all that ports' scripts do, on a base in the same layer, and
// in one below.
func TestPorts(t *testing.T) {
	t.Parallel()
	names := "nginx, postgresql, redis, zsh, libsodium, bnon, anon"
	trees := map[string]string{}
	for name, text := range map[string]string{
		"one": "image x { packages = [ base, " + names + " ] }",
		"two": "image low { packages = [ base ] }\nimage x { parent = low; packages = [ " + names + " ] }",
	} {
		cfg := portsConfig(t, text, "x", ports()...)
		a := build(t, cfg)["x"]
		compareFile(t, a, "/etc/group", "0644 root:wheel 0:0", strings.Replace(wantGroup, "mail:*:6:\n", "mail:*:6:redis\n", 1))
		compareFile(t, a, "/etc/master.passwd", "0600 root:wheel 0:0", wantUsers)
		compareFile(t, a, "/etc/shells", "0644 root:wheel 0:0", baseShells+"/usr/local/bin/zsh\n/usr/local/bin/rzsh\n")
		compareFile(t, a, "/usr/local/etc/nginx.conf", "0640 root:www 0:80", "user www;\n")
		compareFile(t, a, "/usr/local/etc/mime", "0644 root:wheel 0:0", "mine\n")
		compareNode(t, a, "/var/db/redis/dump", "0600 redis:redis 535:535")
		compareNode(t, a, "/var/db/postgres", "0755 postgres:postgres 770:770")
		for _, path := range []string{"/etc/passwd", "/etc/pwd.db", "/etc/spwd.db"} {
			if a.Tree.Lookup(path) == nil {
				t.Errorf("%s: %s is not there", name, path)
			}
		}
		if a.Tree.Lookup("/usr/local/share/info/dir") != nil {
			t.Error("the index of manuals is there")
		}
		l := lockOf(t, cfg, "x")
		for _, step := range l.Layers {
			if len(step.NoAccount) > 0 {
				t.Errorf("%s: lacks %q", name, step.NoAccount)
			}
		}
		var did []string
		for _, d := range l.Layers[len(l.Layers)-1].Scripts {
			did = append(did, d.Package+": "+strings.Join(d.Did, "; "))
		}
		if d := cmp.Diff(wantDid, strings.Join(did, "\n")); d != "" {
			t.Errorf("%s: (-want +lock)\n%s", name, d)
		}
		var listing strings.Builder
		if err := tree.WriteMtree(t.Context(), &listing, a.Tree); err != nil {
			t.Fatal(err)
		}
		trees[name] = listing.String()
		again := cfg
		fromLock(&again, &store.Store{}, l)
		again.OutDir = t.TempDir()
		if got := build(t, again)["x"]; got.Descriptor.Digest != a.Descriptor.Digest {
			t.Errorf("%s: again from its lock: got %s, want %s", name, got.Descriptor.Digest, a.Descriptor.Digest)
		}
	}
	if d := cmp.Diff(trees["one"], trees["two"]); d != "" {
		t.Errorf("in one layer and in two (-one +two):\n%s", d)
	}
}

const wantDid = `anon-1.0: group anon 1001; user anon 1001
bnon-1.0: group bnon 1002; user bnon 1002
libsodium-1.0: hints of the run-time linker
nginx-1.0: group www 80; user www 80; file /usr/local/etc/nginx.conf from /usr/local/etc/nginx.conf-dist; file /usr/local/etc/mime, which was there
postgresql-1.0: group postgres 770; user postgres 770; directory /var/db/postgres 0755 postgres:postgres
redis-1.0: group redis 535; user redis 535; member redis of mail; member redis of www
zsh-1.0: shell /usr/local/bin/zsh; shell /usr/local/bin/rzsh; index /usr/local/share/info/dir, which is not written`

// TestPortsSquashed has all in one layer that stands on none.
func TestPortsSquashed(t *testing.T) {
	t.Parallel()
	cfg := portsConfig(t, "image low { packages = [ base, anon ] }\nimage x { parent = low; packages = [ nginx, zsh ] }", "x", ports()...)
	cfg.Squash = true
	a := build(t, cfg)["x"]
	compareFile(t, a, "/etc/group", "0644 root:wheel 0:0", baseGroup+"anon:*:1001:\nwww:*:80:\n")
	compareFile(t, a, "/etc/shells", "0644 root:wheel 0:0", baseShells+"/usr/local/bin/zsh\n/usr/local/bin/rzsh\n")
}

// TestPortsKnown builds twice with a store: the second build, which opens no package, says
// the same.
func TestPortsKnown(t *testing.T) {
	t.Parallel()
	cfg := portsConfig(t, "image x { packages = [ base, nginx, redis, zsh ] }", "x", ports()...)
	cached(&cfg, &store.Store{Dir: t.TempDir()})
	var locks [2]string
	for i := range locks {
		build(t, cfg)
		locks[i] = string(read(t, cfg.OutDir+"/container-image-x.lock.json"))
	}
	if d := cmp.Diff(locks[0], locks[1]); d != "" {
		t.Errorf("(-first +second):\n%s", d)
	}
}
