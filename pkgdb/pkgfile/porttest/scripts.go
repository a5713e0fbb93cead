// SPDX-License-Identifier: BSD-2-Clause

// Package porttest makes packages for tests as the ports framework makes them: with its
// scripts, annotations, accounts and messages.
package porttest

import (
	"fmt"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// User adds a group, and a user with a home.
func User(name, number, home string) string {
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
`, name, ifAny(" -g ", number), ifAny(" -u ", number), home) + Home(name, home)
}

// Home makes the home of a user, unless that is /nonexistent.
func Home(name, home string) string {
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

// Member adds a user to a group.
func Member(group, user string) string {
	return fmt.Sprintf("if ! ${PW} groupshow %[1]s | grep -qw %[2]s; then\n  echo \"Adding user\"\n  ${PW} groupmod %[1]s -m %[2]s || exit $?\nfi\n", group, user)
}

// Sample copies a file whose name ends in .sample, or the first of two names to the second,
// unless the second is there.
func Sample(args string) string {
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

// Shell adds a line to /etc/shells.
func Shell(path string) string {
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

// Ldconfig has the run-time linker look into the folders of libraries again.
const Ldconfig = `if ! /usr/sbin/service ldconfig restart >/dev/null; then
		if [ -z "${INSTALL_AS_USER}" ]; then
			exit 1
		fi
	fi
`

// New is a package of ports: pre-install and post-install are scripts of sh(1), the
// others of Lua.
func New(name, before, after string, lua []string, files ...pkgtest.File) pkgtest.Package {
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
