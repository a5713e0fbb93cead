// SPDX-License-Identifier: BSD-2-Clause

package porttest

import (
	"path"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// Framework gives a package what the ports framework writes into every manifest. Needs are
// lines NAME ORIGIN VERSION.
func Framework(p pkgtest.Package, origin, version, needs string, more map[string]any) pkgtest.Package {
	p.Version = version
	deps := map[string]any{}
	for line := range strings.Lines(needs) {
		words := strings.Fields(line)
		deps[words[0]] = map[string]string{"origin": words[1], "version": words[2]}
	}
	for key, value := range map[string]any{
		"origin": origin, "categories": []string{path.Dir(origin), "ipv6"}, "maintainer": "ports@example.org", "www": "https://" + p.Name + ".example.org/",
		"comment": "Port of " + p.Name, "desc": "What " + p.Name + " is for:\n\n- all\n- and more", "licenses": []string{"BSD2CLAUSE"}, "deps": deps,
		"annotations": map[string]string{"FreeBSD_version": "1500068", "built_by": "poudriere-git-3.4.2", "port_checkout_unclean": "no",
			"port_git_hash": "0123456789ab", "ports_top_checkout_unclean": "no", "ports_top_git_hash": "ba9876543210", "cpe": "cpe:2.3:a:" + p.Name},
	} {
		if _, given := p.Keys[key]; !given {
			p.Keys[key] = value
		}
	}
	for key, value := range more {
		p.Keys[key] = value
	}
	return p
}

// Local is a file below /usr/local, root's.
func Local(name string, mode int64) pkgtest.File {
	return pkgtest.File{Path: "/usr/local/" + name, Mode: mode, Body: "# " + name + "\n"}
}

// Owned gives a file or directory to a user and group.
func Owned(f pkgtest.File, user, group string) pkgtest.File {
	f.Uname, f.Gname = user, group
	return f
}

// Folder is a directory that a package lists.
func Folder(name string, mode int64, user, group string) pkgtest.File {
	return pkgtest.File{Path: name, Mode: mode, Uname: user, Gname: group}
}

// Link is a symbolic link of a package, which the framework gives mode 0755.
func Link(name, target string) pkgtest.File {
	return pkgtest.File{Path: "/usr/local/" + name, Symlink: target, Mode: 0o755}
}

const zshInfo = `case "/usr/local/share/info/zsh.info" in
  /*) file="/usr/local/share/info/zsh.info" ;;
   *) file="/usr/local//usr/local/share/info/zsh.info" ;;
  esac
  indexinfo ${PKG_ROOTDIR}${file%/*}
`

// Ports are ports that users install most, with the accounts, folders, samples,
// options and messages of the real ones. What is in their files is made up.
func Ports() []pkgtest.Package {
	accounts := func(names ...string) map[string]any { return map[string]any{"users": names, "groups": names} }
	nginx := Framework(New("nginx", User("www", "80", "/nonexistent"), "",
		[]string{Sample("etc/nginx/nginx.conf-dist etc/nginx/nginx.conf"), Sample("etc/nginx/mime.types-dist etc/nginx/mime.types")},
		Local("sbin/nginx", 0o555), Local("etc/rc.d/nginx", 0o555), Local("etc/nginx/nginx.conf-dist", 0), Local("etc/nginx/mime.types-dist", 0),
		Local("etc/newsyslog.conf.d/nginx.conf.sample", 0), Local("www/nginx-dist/index.html", 0), Link("www/nginx", "nginx-dist"),
		Local("share/licenses/nginx-1.28.0_3,3/catalog.mk", 0)),
		"www/nginx", "1.28.0_3,3", "pcre2 devel/pcre2 10.45_1\n", accounts("www"))
	nginx.Dirs = []pkgtest.File{Folder("/var/log/nginx", 0o755, "root", "wheel"), Folder("/var/tmp/nginx", 0o700, "www", "www")}
	nginx.Keys["options"] = map[string]string{"HTTPV2": "on", "DEBUG": "off", "MAIL": "on"}
	nginx.Keys["messages"] = []map[string]string{
		{"message": "Recent version of the NGINX introduces dynamic modules support.\n", "type": "install"},
		{"message": "Upgraded: \"see\" <UPDATING>.\n", "type": "upgrade", "maximum_version": "1.20"}}
	nginx.Keys["shlibs_required"] = []string{"libc.so.7", "libpcre2-8.so.0"}

	library := Framework(New("pcre2", "", Ldconfig, nil, Local("lib/libpcre2-8.so.0.14.0", 0o755), Link("lib/libpcre2-8.so.0", "libpcre2-8.so.0.14.0"),
		Link("lib/libpcre2-8.so", "libpcre2-8.so.0"), Local("include/pcre2.h", 0), Local("libdata/pkgconfig/libpcre2-8.pc", 0)),
		"devel/pcre2", "10.45_1", "", map[string]any{"shlibs_provided": []string{"libpcre2-8.so.0"}, "shlibs_required": []string{"libc.so.7"}})
	hinted := Local("libdata/ldconfig/nss", 0)
	hinted.Body = "/usr/local/lib/nss\n"
	nss := Framework(New("nss", "", Ldconfig, nil, hinted, Local("lib/nss/libnss3.so", 0o755)), "security/nss", "3.117", "",
		map[string]any{"shlibs_provided": []string{"libnss3.so"}, "licenselogic": "or", "licenses": []string{"MPL20", "GPLv2+"}})

	client := Framework(New("postgresql17-client", "", Ldconfig, nil, Local("bin/psql", 0o755), Local("lib/libpq.so.5.17", 0o755), Link("lib/libpq.so.5", "libpq.so.5.17")),
		"databases/postgresql17-client", "17.6", "", map[string]any{"shlibs_provided": []string{"libpq.so.5"}, "licenses": []string{"PostgreSQL"}})
	server := Framework(New("postgresql17-server", User("postgres", "770", "/var/db/postgres"), "", nil,
		Local("bin/postgres", 0o755), Local("etc/rc.d/postgresql", 0o555), Local("etc/periodic/daily/502.pgsql", 0o755), Local("share/postgresql/pg_hba.conf.sample", 0)),
		"databases/postgresql17-server", "17.6", "postgresql17-client databases/postgresql17-client 17.6\n", accounts("postgres"))
	server.Keys["messages"] = []map[string]string{{"message": "For procedural languages and postgresql functions, …"}}

	settings := Owned(Local("etc/redis.conf.sample", 0o640), "redis", "redis")
	redis := Framework(New("redis", User("redis", "535", "/nonexistent"), "", []string{Sample("etc/redis.conf.sample"), Sample("etc/sentinel.conf.sample")},
		Local("bin/redis-sentinel", 0o755), pkgtest.File{Path: "/usr/local/bin/redis-server", HardLink: "/usr/local/bin/redis-sentinel", Mode: 0o755},
		settings, Local("etc/sentinel.conf.sample", 0), Local("etc/rc.d/redis", 0o555)),
		"databases/redis", "8.2.2", "", accounts("redis"))
	redis.Dirs = []pkgtest.File{Folder("/var/db/redis", 0o755, "redis", "redis"), Folder("/var/log/redis", 0o755, "redis", "redis"), Folder("/var/run/redis", 0o755, "redis", "redis")}

	scanner := Framework(New("clamav", User("clamav", "106", "/nonexistent")+Member("mail", "clamav"), Ldconfig, []string{Sample("etc/clamd.conf.sample")},
		Local("sbin/clamd", 0o755), Local("etc/clamd.conf.sample", 0)), "security/clamav", "1.5.1,1", "", map[string]any{"users": []string{"clamav"}, "groups": []string{"clamav", "mail"}})
	scanner.Dirs = []pkgtest.File{Folder("/var/db/clamav", 0o755, "clamav", "clamav"), Folder("/var/run/clamav", 0o755, "clamav", "clamav")}
	bus := Framework(New("dbus", User("messagebus", "556", "/nonexistent"), Ldconfig, nil,
		Local("bin/dbus-daemon", 0o755), Owned(Local("libexec/dbus-daemon-launch-helper", 0o4750), "root", "messagebus"), Local("etc/dbus-1/system.conf", 0)),
		"devel/dbus", "1.16.2_4,1", "", accounts("messagebus"))
	bus.Dirs = []pkgtest.File{Folder("/var/lib/dbus", 0o755, "root", "wheel"), Folder("/var/run/dbus", 0o755, "root", "wheel"), Folder("/usr/local/etc/dbus-1/session.d", 0o755, "root", "wheel")}

	shell := Framework(New("zsh", "", zshInfo, []string{Shell("bin/zsh"), Shell("bin/rzsh")},
		Local("bin/zsh", 0o755), Link("bin/rzsh", "zsh"), Local("share/info/zsh.info", 0), Local("etc/zshenv", 0), Local("share/man/man1/zsh.1.gz", 0)),
		"shells/zsh", "5.9_5", "", map[string]any{"licenses": []string{"ZSH"}, "vital": true})
	shell.Files[3].Config = true
	return []pkgtest.Package{nginx, library, nss, client, server, redis, scanner, bus, shell}
}
