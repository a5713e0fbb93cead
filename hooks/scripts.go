// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/tree"
)

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

// scripts looks at what pkg would run when it installs a package: it is known,
// skipped by request, or an error. What it does to the tree is left for later.
func (r *run) scripts(m *member, f *fetched) []error {
	var errs []error
	for _, s := range f.manifest.InstallScripts() {
		e, ok := recognise(s.Text)
		if !ok {
			errs = append(errs, r.unknownScript(m, f, s))
			continue
		}
		if e.without != "" {
			r.notice("image %s: %s: %s is not made: an image has no kernel that reads it", m.def.Name, f.FullName(), e.without)
		}
		if e.chmods != nil {
			m.scripts = append(m.scripts, pending{f, s, e.chmods})
		}
	}
	for _, file := range f.manifest.Files {
		if strings.Contains(file.Path, "/"+triggerDir) && !knownTriggers[file.Path] {
			errs = append(errs, r.unknownScript(m, f, pkgfile.Script{Phase: file.Path, Text: file.Sum}))
		}
	}
	return errs
}

// unknownScript is an error, unless the user knows.
func (r *run) unknownScript(m *member, f *fetched, s pkgfile.Script) error {
	script := solve.LockScript{Package: f.FullName(), Phase: s.Phase, SHA256: hexDigest([]byte(s.Text))}
	if !r.skips(m, script) {
		return &UnknownScriptError{f.FullName(), s.Phase, s.Text}
	}
	if m.pinned != nil && !r.SkipScripts && !(m.def.SkipScripts && m.definedWell()) {
		m.doubt("image %s goes without the %s script of %s; --unknown-scripts skip says that you know", m.def.Name, s.Phase, f.FullName())
	}
	m.skipped = append(m.skipped, script)
	r.notice("image %s: %s: its %s script is skipped", m.def.Name, f.FullName(), s.Phase)
	return nil
}

// pending is a script of a known package whose work is left for when every path
// of its image is there.
type pending struct {
	by     *fetched
	script pkgfile.Script
	chmods []chmod
}

// runScripts does the rest of what scripts do. One that changes what is not there
// is no known one.
func (r *run) runScripts(m *member) error {
	var errs []error
	for _, s := range m.scripts {
		if !canChmod(m.tree, s.chmods, func(n *tree.Node) bool { return m.owner(n) == s.by }) {
			errs = append(errs, r.unknownScript(m, s.by, s.script))
			continue
		}
		for _, c := range s.chmods {
			errs = append(errs, m.chmod(s.by, c))
		}
	}
	return errors.Join(errs...)
}
