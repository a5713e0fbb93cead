// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/oci/layout"
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

// pwScript adds a group, and a user with a home.
func pwScript(name, number, home string) string {
	return fmt.Sprintf(`if [ -n "${PKG_ROOTDIR}" ] && [ "${PKG_ROOTDIR}" != "/" ]; then
  PW="/usr/sbin/pw -R ${PKG_ROOTDIR}"
else
  PW=/usr/sbin/pw
fi
echo "===> Creating groups"
if ! ${PW} groupshow %[1]s >/dev/null 2>&1; then
  echo "Creating group '%[1]s'"
  ${PW} groupadd %[1]s%[2]s || exit $?
else
  echo "Using existing group '%[1]s'"
fi
echo "===> Creating users"
if ! ${PW} usershow %[1]s >/dev/null 2>&1; then
  echo "Creating user '%[1]s'"
  ${PW} useradd %[1]s%[3]s -g %[1]s  -c "The %[1]s" -d %[4]s -s /usr/sbin/nologin || exit $?
else
  echo "Using existing user '%[1]s'"
fi
`, name, ifAny(" -g ", number), ifAny(" -u ", number), home) + homeScript(name, home)
}

func homeScript(name, home string) string {
	if home == "/nonexistent" {
		return ""
	}
	return fmt.Sprintf("install -d -g %[1]s -o %[1]s ${PKG_ROOTDIR}/%[2]s\n", name, home)
}

func ifAny(option, value string) string {
	if value == "" {
		return ""
	}
	return option + value
}

// memberScript adds a user to a group.
func memberScript(group, user string) string {
	return fmt.Sprintf("if ! ${PW} groupshow %[1]s | grep -qw %[2]s; then\n  echo \"Adding user\"\n  ${PW} groupmod %[1]s -m %[2]s || exit $?\nfi\n", group, user)
}

func sampleScript(args string) string {
	return fmt.Sprintf(`-- args: %[1]s
  args = {}
  for arg in string.gmatch("%[1]s", "%%S+") do
    table.insert(args, arg)
  end
  sample_file = pkg.prefixed_path(args[1])
  if args[2] == nil then
    target_file = string.gsub(sample_file,'%%.sample$', "")
  else
    target_file = pkg.prefixed_path(args[2])
  end
  if not pkg.stat(target_file) then
    pkg.copy(sample_file, target_file)
    if pkg_metalog ~= nil and pkg.metalog_copy ~= nil then
      pkg.metalog_copy(sample_file, target_file)
    end
  end
`, args)
}

func shellScript(path string) string {
	return fmt.Sprintf(`shell_path = pkg.prefixed_path("%s")
  shell = assert(io.open("/etc/shells", "r+"))
  while true do
    line = shell:read()
    if line == nil then break end
    if line == shell_path then
      shell:close()
      return
    end
  end
  assert(shell:write(shell_path .. "\n"))
  assert(shell:close())
`, path)
}

const ldconfigScript = `if ! /usr/sbin/service ldconfig restart >/dev/null; then
		if [ -z "${INSTALL_AS_USER}" ]; then
			exit 1
		fi
	fi
`

// port is a package of ports: pre-install and post-install are scripts of sh(1), the
// others of Lua.
func port(name, before, after string, lua []string, files ...pkgtest.File) pkgtest.Package {
	keys := map[string]any{"prefix": "/usr/local"}
	scripts := map[string]string{}
	for phase, text := range map[string]string{"pre-install": before, "post-install": after} {
		if text != "" {
			scripts[phase] = text
		}
	}
	if len(scripts) > 0 {
		keys["scripts"] = scripts
	}
	if lua != nil {
		keys["lua_scripts"] = map[string][]string{"post-install": lua}
	}
	if files == nil {
		files = []pkgtest.File{{Path: "/usr/local/share/" + name, Body: name}}
	}
	return pkgtest.Package{Name: name, Keys: keys, Files: files}
}

// ports are packages that do one of everything.
func ports() []pkgtest.Package {
	list := []pkgtest.Package{
		baseOf(baseGroup, baseMaster),
		port("nginx", pwScript("www", "80", "/nonexistent"), "", []string{sampleScript("etc/nginx.conf-dist etc/nginx.conf"), sampleScript("etc/mime.sample")},
			pkgtest.File{Path: "/usr/local/etc/nginx.conf-dist", Body: "user www;\n", Mode: 0o640, Gname: "www"},
			pkgtest.File{Path: "/usr/local/etc/mime.sample", Body: "text/html html\n"}, pkgtest.File{Path: "/usr/local/etc/mime", Body: "mine\n"}),
		port("postgresql", pwScript("postgres", "770", "/var/db/postgres"), "", nil),
		port("redis", pwScript("redis", "535", "/nonexistent")+memberScript("mail", "redis")+memberScript("www", "redis"), "", nil,
			pkgtest.File{Path: "/var/db/redis/dump", Uname: "redis", Gname: "redis", Mode: 0o600}),
		port("zsh", "", "case \"share/info/zsh.info\" in\n/*) file=\"share/info/zsh.info\" ;;\n*) file=\"/usr/local/share/info/zsh.info\" ;;\nesac\nindexinfo ${PKG_ROOTDIR}${file%/*}\n",
			[]string{shellScript("bin/zsh"), shellScript("bin/rzsh")}),
		port("libsodium", "", ldconfigScript, nil,
			pkgtest.File{Path: "/usr/local/libdata/ldconfig/libsodium", Body: "/usr/local/lib/sodium\n"}, pkgtest.File{Path: "/usr/local/lib/sodium/README", Body: "x"}),
		port("anon", pwScript("anon", "", "/nonexistent"), "", nil), port("bnon", pwScript("bnon", "", "/nonexistent"), "", nil),
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

// TestAccountsAgain has a package of an upper step replace the accounts: those of the
// lower step's scripts are added again, with their numbers.
func TestAccountsAgain(t *testing.T) {
	t.Parallel()
	old := baseOf("wheel:*:0:root\nx:*:1001:\n", "root::0:0::0:0:Charlie &:/root:/bin/sh\n")
	old.Name = "old"
	old.Files = old.Files[:2]
	cfg := portsConfig(t, `image low {
		file "/etc/group" { from = [ old ]; path = /etc/group }
		file "/etc/master.passwd" { from = [ old ]; path = /etc/master.passwd; mode = "0600" }
		packages = [ anon ]
	}
	image x { parent = low; packages = [ base, bnon ]; replaces = [ "/etc/**" ] }`, "x", append(ports(), old)...)
	a := build(t, cfg)["x"]
	compareFile(t, a, "/etc/group", "0644 root:wheel 0:0", baseGroup+"anon:*:1002:\nbnon:*:1001:\n")
}

// TestAccountsTaken has accounts that cannot be added.
func TestAccountsTaken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, script, group, want string }{
		{"a number of the image", pwScript("x", "6", "/nonexistent"), baseGroup, "p-1.0: its script adds group x with number 6: the image has group mail with number 6"},
		{"a number of another package", pwScript("x", "80", "/nonexistent"), baseGroup, "p-1.0: its script adds group x with number 80: the image has group www with number 80, which the script of nginx-1.0 adds"},
		{"a name", pwScript("www", "81", "/nonexistent"), baseGroup, "p-1.0: its script adds group www with number 81: the image has group www with number 80, which the script of nginx-1.0 adds"},
		{"a user's number", pwScript("x", "1", "/nonexistent"), "wheel:*:0:\n", "p-1.0: its script adds user x with number 1: the image has user daemon with number 1"},
		{"no group", "PW=pw\n" + memberScript("nobody", "root"), baseGroup, "p-1.0: its script adds user root: the image has no group nobody"},
		{"no user", "PW=pw\n" + memberScript("wheel", "nobody"), baseGroup, "p-1.0: its script adds group wheel: the image has no user nobody"},
	} {
		pkgs := append(ports()[1:], baseOf(tt.group, baseMaster), port("p", tt.script, "", nil))
		_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ base, nginx, p ] }", "x", pkgs...))
		if err == nil || !strings.Contains(err.Error(), tt.want) || fault.ClassOf(err) != fault.Unmet {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ nginx ] }", "x", ports()...))
	if want := "nginx-1.0: its script adds accounts to /etc/group, and the image has no such file"; err == nil || !strings.Contains(err.Error(), want) || fault.ClassOf(err) != fault.Unmet {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAccountsThere has accounts that the image has: they stay as they are.
func TestAccountsThere(t *testing.T) {
	t.Parallel()
	group, master := baseGroup+"www:*:80:\n+:::\n", baseMaster+"www:*:80:1::0:0:Mine:/w:/bin/sh\n+:::::::::\n"
	cfg := portsConfig(t, "image x { packages = [ base, nginx, postgresql ] }", "x", append(ports()[1:], baseOf(group, master))...)
	a := build(t, cfg)["x"]
	compareFile(t, a, "/etc/group", "0644 root:wheel 0:0", baseGroup+"www:*:80:\npostgres:*:770:\n+:::\n")
	compareFile(t, a, "/etc/master.passwd", "0600 root:wheel 0:0",
		baseMaster+"www:*:80:1::0:0:Mine:/w:/bin/sh\npostgres:*:770:770::0:0:The postgres:/var/db/postgres:/usr/sbin/nologin\n+:::::::::\n")
}

// TestSamplesDisagree has two packages copy different files to one path, and a package of
// an upper step bring a file that a script has copied.
func TestSamplesDisagree(t *testing.T) {
	t.Parallel()
	a := port("a", "", "", []string{sampleScript("etc/a.sample etc/x")}, pkgtest.File{Path: "/usr/local/etc/a.sample", Body: "a"})
	b := port("b", "", "", []string{sampleScript("etc/b.sample etc/x")}, pkgtest.File{Path: "/usr/local/etc/b.sample", Body: "b"})
	c := port("c", "", "", nil, pkgtest.File{Path: "/usr/local/etc/x", Body: "c"})
	_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ a, b ] }", "x", a, b, c))
	if want := "/usr/local/etc/x: in both a-1.0 and b-1.0: their scripts copy different files there"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	compareFile(t, build(t, portsConfig(t, "image x { packages = [ a, c ] }", "x", a, b, c))["x"], "/usr/local/etc/x", "0644 root:wheel 0:0", "c")
	two := portsConfig(t, "image low { packages = [ a ] }\nimage x { parent = low; packages = [ c ] }", "x", a, b, c)
	compareFile(t, build(t, two)["x"], "/usr/local/etc/x", "0644 root:wheel 0:0", "c")
}

// TestSampleOfLink copies what a link and another name of a file lead to.
func TestSampleOfLink(t *testing.T) {
	t.Parallel()
	a := port("a", "", "", []string{sampleScript("etc/a.sample"), sampleScript("etc/b.sample"), sampleScript("etc/empty.sample")},
		pkgtest.File{Path: "/usr/local/etc/a.sample", Symlink: "real"}, pkgtest.File{Path: "/usr/local/etc/real", Body: "real", Mode: 0o600},
		pkgtest.File{Path: "/usr/local/etc/b.sample", HardLink: "/usr/local/etc/a0"}, pkgtest.File{Path: "/usr/local/etc/a0", Body: "a0"},
		pkgtest.File{Path: "/usr/local/etc/empty.sample"})
	cfg := portsConfig(t, "image x { packages = [ a ] }", "x", a)
	cached(&cfg, &store.Store{Dir: t.TempDir()})
	for range 2 { // the second time, the cache knows the package
		x := build(t, cfg)["x"]
		compareFile(t, x, "/usr/local/etc/a", "0600 root:wheel 0:0", "real")
		compareFile(t, x, "/usr/local/etc/b", "0644 root:wheel 0:0", "a0")
		compareFile(t, x, "/usr/local/etc/empty", "0644 root:wheel 0:0", "")
	}
}

// TestHomes has home directories that packages have, too, or that two make.
func TestHomes(t *testing.T) {
	t.Parallel()
	owned := port("owned", pwScript("www", "80", "/var/db/www"), "", nil)
	owned.Dirs = []pkgtest.File{{Path: "/var/db/www", Mode: 0o700, Uname: "www", Gname: "daemon"}}
	linked := port("linked", pwScript("x", "81", "/home/x"), "", nil, pkgtest.File{Path: "/home", Symlink: "usr/home"})
	linked.Dirs = []pkgtest.File{{Path: "/usr/home", Mode: 0o755}}
	a := build(t, portsConfig(t, "image x { packages = [ base, owned, linked ] }", "x", append(ports(), owned, linked)...))["x"]
	compareNode(t, a, "/var/db/www", "0700 www:daemon 80:1")
	compareNode(t, a, "/usr/home/x", "0755 x:x 81:81")

	other := port("other", pwScript("y", "82", "/nonexistent")+homeScript("y", "/var/db/postgres"), "", nil)
	_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ base, other, postgresql ] }", "x", append(ports(), other)...))
	if want := "/var/db/postgres: in both other-1.0 and postgresql-1.0"; err == nil || !strings.Contains(err.Error(), want) || fault.ClassOf(err) != fault.Unmet {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestNoShells has a login shell in an image without a list of them.
func TestNoShells(t *testing.T) {
	t.Parallel()
	a := build(t, portsConfig(t, "image x { packages = [ zsh ] }", "x", ports()...))["x"]
	if a.Tree.Lookup("/etc/shells") != nil {
		t.Error("/etc/shells is there")
	}
}

// TestSkipByName skips unknown scripts and triggers by name.
func TestSkipByName(t *testing.T) {
	t.Parallel()
	strange := port("strange", pwScript("www", "80", "/nonexistent"), "texhash\n", nil,
		pkgtest.File{Path: "/usr/local/share/pkg/triggers/fontconfig.ucl", Body: "x"})
	pkgs := append(ports(), strange)
	const image = "image x { packages = [ base, strange ]; %s }"
	const both = `skip-scripts { strange = "no TeX here" }; skip-triggers { fontconfig = "a cache" }`
	cfg := portsConfig(t, fmt.Sprintf(image, both), "x", pkgs...)
	a := build(t, cfg)["x"]
	compareFile(t, a, "/etc/group", "0644 root:wheel 0:0", baseGroup+"www:*:80:\n")
	l := lockOf(t, cfg, "x")
	var skipped []string
	for _, s := range l.Layers[0].SkippedScripts {
		skipped = append(skipped, s.Package+" "+s.Phase+": "+s.Reason)
		if len(s.SHA256) != 64 {
			t.Errorf("sha256 of %s is %q", s.Phase, s.SHA256)
		}
	}
	want := []string{"strange-1.0 /usr/local/share/pkg/triggers/fontconfig.ucl: a cache", "strange-1.0 post-install: no TeX here"}
	if slices.Sort(skipped); !slices.Equal(skipped, want) {
		t.Errorf("got %q, want %q", skipped, want)
	}
	again := cfg
	fromLock(&again, &store.Store{}, l)
	again.OutDir = t.TempDir()
	if got := build(t, again)["x"]; got.Descriptor.Digest != a.Descriptor.Digest {
		t.Errorf("again from its lock: got %s, want %s", got.Descriptor.Digest, a.Descriptor.Digest)
	}
	for _, tt := range []struct{ keys, want string }{
		{`skip-scripts { strange = "x" }`, "fontconfig.ucl script is unknown"},
		{`skip-triggers { fontconfig = "x" }`, "its post-install script is unknown"},
		{both + `; skip-scripts { nginx = "x" }`, `skip-scripts: "nginx" skips nothing: the image installs no such package`},
		{both + `; skip-scripts { base = "x" }`, `skip-scripts: "base" skips nothing: the package has no script that orlop does not know`},
		{both + `; skip-triggers { mandoc = "x" }`, `skip-triggers: "mandoc" skips nothing`},
	} {
		_, err := hooks.Build(t.Context(), portsConfig(t, fmt.Sprintf(image, tt.keys), "x", pkgs...))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.keys, err, tt.want)
		}
		if skip := new(hooks.SkipError); errors.As(err, &skip) && fault.ClassOf(err) != fault.Unmet {
			t.Errorf("%s: class is %v", tt.keys, fault.ClassOf(err))
		}
	}
	_, err := hooks.Build(t.Context(), portsConfig(t, fmt.Sprintf(image, `skip-scripts { strange = "" }`), "x", pkgs...))
	if want := "skip-scripts: strange has no reason"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestSkippedTextChanged builds from a lock that skips another text.
func TestSkippedTextChanged(t *testing.T) {
	t.Parallel()
	cfg := portsConfig(t, `image x { packages = [ s ]; skip-scripts { s = "x" } }`, "x", port("s", "", "texhash\n", nil))
	build(t, cfg)
	l := lockOf(t, cfg, "x")
	l.Layers[0].SkippedScripts[0].SHA256 = strings.Repeat("0", 64)
	fromLock(&cfg, &store.Store{}, l)
	cfg.OutDir = t.TempDir()
	_, err := hooks.Build(t.Context(), cfg)
	if want := "s-1.0: its post-install script is unknown, and not the one that the lock skips, which has sha256 0000"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestScriptsOfStrangers reads the install scripts of packages of others. One is not
// known: it starts a service.
func TestScriptsOfStrangers(t *testing.T) {
	t.Parallel()
	needShared(t)
	files, err := filepath.Glob(shared + "/repos/third-party/*/*.pkg")
	if err != nil || len(files) < 80 {
		t.Fatal(len(files), err)
	}
	known := 0
	for _, file := range files {
		if name := filepath.Base(file); name == "data.pkg" || name == "packagesite.pkg" {
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := pkgfile.NewReader(t.Context(), new(packing.Decoders), f, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Manifest.InstallScripts() {
			if _, ok := script.Of(r.Manifest, s); ok {
				known++
			} else if r.Manifest.Name != "lsd" {
				t.Errorf("%s: %s is unknown: %q", r.Manifest.FullName(), s.Phase, s.Text)
			}
		}
		r.Close()
		f.Close()
	}
	if known != 4 {
		t.Errorf("%d scripts are known, want 4", known)
	}
}

// TestPortsOnParent has the base in an image that was there before: the trees and the
// databases are those of both in one run.
func TestPortsOnParent(t *testing.T) {
	t.Parallel()
	const names = "nginx, redis, zsh"
	whole := portsConfig(t, "image low { packages = [ base, anon ] }\nimage x { parent = low; packages = [ "+names+", bnon ] }", "x", ports()...)
	want := build(t, whole)["x"]
	low := whole
	low.Images, low.OutDir = []string{"low"}, t.TempDir()
	build(t, low)
	got := onParent(t, whole, filepath.Join(low.OutDir, "container-image-low"), names+", bnon")
	var listings [2]strings.Builder
	for i, a := range []*artifact.Artifact{want, got} {
		if err := tree.WriteMtree(t.Context(), &listings[i], a.Tree); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(listings[0].String(), listings[1].String()); d != "" {
		t.Errorf("on a parent of this run, and on one that was there (-first +second):\n%s", d)
	}
}

// onParent builds and verifies an image of packages on one in a folder.
func onParent(t *testing.T, cfg hooks.Config, below, packages string) *artifact.Artifact {
	t.Helper()
	cfg.OutDir = t.TempDir()
	cfg.ImageFiles = []string{write(t, "image x { parent = \""+below+"\"; packages = [ "+packages+" ] }")}
	cfg.Parents = parent.Finder{Find: func(ctx context.Context, reference string) (*artifact.Ref, error) {
		file, err := layout.Open(ctx, reference)
		return &artifact.Ref{Name: reference, File: file}, err
	}}
	a, found := verify.Artifact(t.Context(), source(t, buildOnce(t, cfg).File), "")
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestLocalFolders has folders of which no package has the attributes: they are those of
// the ports tree, also on an image that has others. What a package or an mtree file says
// comes first.
func TestLocalFolders(t *testing.T) {
	t.Parallel()
	lists := pkgtest.Package{Name: "lists", Files: []pkgtest.File{{Path: "/local.dist", Body: "/set type=dir uname=root gname=daemon mode=0700\n.\n    sbin\n    ..\n    share\n        odd\n        ..\n    ..\n..\n"}}}
	tools := port("tools", "", "", nil, pkgtest.File{Path: "/usr/local/sbin/tool", Body: "x"}, pkgtest.File{Path: "/usr/local/share/odd/x", Body: "x"},
		pkgtest.File{Path: "/usr/local/man/cat1/x", Body: "x"}, pkgtest.File{Path: "/usr/local/libexec/x", Body: "x"})
	tools.Dirs = []pkgtest.File{{Path: "/usr/local/libexec", Mode: 0o711}}
	const low = `image low { mtree { from = [ lists ]; "/local.dist" { prefix = /usr/local } } packages = [ base ] }`
	whole := portsConfig(t, low+"\nimage x { parent = low; packages = [ tools ] }", "x", append(ports(), lists, tools)...)
	for path, want := range map[string]string{
		"/usr/local/sbin": "0700 root:daemon 0:1", "/usr/local/share/odd": "0700 root:daemon 0:1", "/usr/local/man/cat1": "0755 man:wheel 9:0", "/usr/local/libexec": "0711 root:wheel 0:0",
	} {
		compareNode(t, build(t, whole)["x"], path, want)
	}
	below := whole
	below.Images, below.OutDir = []string{"low"}, t.TempDir()
	build(t, below)
	a := onParent(t, whole, filepath.Join(below.OutDir, "container-image-low"), "tools")
	for path, want := range map[string]string{
		"/usr/local/sbin": "0755 root:wheel 0:0", "/usr/local/share/odd": "0700 root:daemon 0:1", "/usr/local/share": "0755 root:wheel 0:0", "/usr/local/libexec": "0711 root:wheel 0:0",
	} {
		compareNode(t, a, path, want)
	}
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

// luaPorts have Lua scripts of every form, which pkg(8) runs on any system.
func luaPorts() []pkgtest.Package {
	base := baseOf(baseGroup, baseMaster)
	base.Files, base.Keys = base.Files[2:3], nil
	counted := "  sample_file = pkg.prefixed_path(\"etc/counted.sample\")\n  if \"1\" == 2 then\n    target_file = pkg.prefixed_path(\"etc/counted.sample\")\n" +
		"  else\n    target_file = string.gsub(sample_file,'%.sample$', \"\")\n  end\n  if not pkg.stat(target_file) then\n    pkg.copy(sample_file, target_file)\n  end\n"
	file := func(name string, mode int64) pkgtest.File {
		return pkgtest.File{Path: "/usr/local/etc/" + name, Body: name + "\n", Mode: mode}
	}
	dangling, linked := file("dangling", 0), file("linked.sample", 0)
	dangling.Symlink, linked.Symlink = "nowhere", "a.sample"
	return []pkgtest.Package{
		base, port("zsh", "", "", []string{shellScript("bin/zsh"), shellScript("/bin/sh")}),
		port("samples", "", "", []string{sampleScript("etc/a.sample"), sampleScript("etc/b /usr/local/etc/sub/c"), sampleScript("etc/there.sample"),
			sampleScript("etc/dangling.sample"), sampleScript("etc/linked.sample"), sampleScript("etc/b etc/b"), counted},
			file("a.sample", 0o640), file("b", 0o755), file("there.sample", 0), file("there", 0), file("sub/x", 0),
			file("dangling.sample", 0), dangling, linked, file("counted.sample", 0o600)),
	}
}

// TestLuaGolden compares what Lua scripts do with what they did in pkg(8) 2.8.99 on Linux:
// testdata/README says how.
func TestLuaGolden(t *testing.T) {
	t.Parallel()
	a := build(t, portsConfig(t, "image x { packages = [ base, zsh, samples ] }", "x", luaPorts()...))["x"]
	var got strings.Builder
	for n := range a.Tree.All() {
		if at := n.Path; strings.HasPrefix(at, "/usr/local/etc/") || at == "/etc/shells" {
			switch n.Type {
			case tree.File:
				fmt.Fprintf(&got, "%s %o %s\n", at, n.Mode, n.Digest)
			case tree.Symlink:
				fmt.Fprintf(&got, "%s -> %s\n", at, n.Link)
			}
		}
	}
	if d := cmp.Diff(string(read(t, "testdata/lua-scripts.txt")), got.String()); d != "" {
		t.Errorf("(-pkg +orlop):\n%s", d)
	}
}
