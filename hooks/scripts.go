// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/solve"
)

// knownCommands are the commands that scripts of base packages consist of, and
// the generator that does the same (FreeBSD's packages/*/*.ucl and, before 15,
// release/packages/*.ucl). Byte orders are left out: the machine decides them.
var knownCommands = map[string]string{
	"pwd_mkdb -i -p -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd":             "passwords",
	"services_mkdb -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/":             "services",
	"services_mkdb -q -o ${PKG_ROOTDIR}/var/db/services.db ${PKG_ROOTDIR}/etc/services": "services",
	"cap_mkdb ${PKG_ROOTDIR}/etc/login.conf":                                            "login classes",
	"/usr/sbin/certctl -D${PKG_ROOTDIR}/ ${PKG_METALOG:+-U -M $PKG_METALOG} rehash":     "certificates",
}

// knownTriggers are trigger files whose work an image does without: mandoc's
// makes an index of manual pages, which makewhatis(8) can make any time.
var knownTriggers = map[string]bool{"/usr/share/pkg/triggers/mandoc.ucl": true}

// triggerDir is where pkg looks for trigger files of packages.
const triggerDir = "share/pkg/triggers/"

// UnknownScriptError is a script that would have run and that orlop has nothing
// in the place of.
type UnknownScriptError struct{ Package, Phase, Text string }

func (e *UnknownScriptError) Error() string {
	lines := strings.SplitN(strings.TrimSpace(e.Text), "\n", 4)
	if len(lines) > 3 {
		lines[3] = "…"
	}
	return fmt.Sprintf("%s: its %s script is not known (--unknown-scripts skip goes on without it): %q", e.Package, e.Phase, strings.Join(lines, "\n"))
}

// Parts are what, where, found and wanted, for reports.
func (e *UnknownScriptError) Parts() (what, where, found, wanted string) {
	return "script is not known", e.Package + ": " + e.Phase, e.Text, ""
}

var byteOrder = regexp.MustCompile(`^(cap_mkdb|services_mkdb) (-[lb] )`)

// known reports whether a script consists of commands that generators stand for.
func known(script string) bool {
	for line := range strings.Lines(script) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if knownCommands[byteOrder.ReplaceAllString(line, "$1 ")] == "" {
			return false
		}
	}
	return true
}

// scripts looks at what pkg would run when it installs a package: it is known,
// skipped by request, or an error.
func (r *run) scripts(m *member, f *fetched) []error {
	var unknown []pkgfile.Script
	for _, s := range f.manifest.InstallScripts() {
		if !known(s.Text) {
			unknown = append(unknown, s)
		}
	}
	for _, file := range f.manifest.Files {
		if strings.Contains(file.Path, "/"+triggerDir) && !knownTriggers[file.Path] {
			unknown = append(unknown, pkgfile.Script{Phase: file.Path, Text: file.Sum})
		}
	}
	var errs []error
	for _, s := range unknown {
		script := solve.LockScript{Package: f.FullName(), Phase: s.Phase, SHA256: hexDigest([]byte(s.Text))}
		if !r.skips(m, script) {
			errs = append(errs, &UnknownScriptError{f.FullName(), s.Phase, s.Text})
			continue
		}
		if m.pinned != nil && !r.SkipScripts && !(m.def.SkipScripts && m.definedWell()) {
			m.doubt("image %s goes without the %s script of %s; --unknown-scripts skip says that you know", m.def.Name, s.Phase, f.FullName())
		}
		m.skipped = append(m.skipped, script)
		r.notice("image %s: %s: its %s script is skipped", m.def.Name, f.FullName(), s.Phase)
	}
	return errs
}
