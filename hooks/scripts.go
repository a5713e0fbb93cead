// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"errors"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/tree"
)

// scripts looks at what pkg would run when it installs a package: it is known,
// skipped by request, or an error. What it does to the tree is left for later.
func (r *run) scripts(m *member, f *fetched) []error {
	var errs []error
	for _, s := range f.manifest.InstallScripts() {
		e, ok := script.Recognise(s.Text)
		if !ok {
			errs = append(errs, r.unknownScript(m, f, s))
			continue
		}
		if e.Without != "" {
			r.notice("image %s: %s: %s is not made: an image has no kernel that reads it", m.def.Name, f.FullName(), e.Without)
		}
		if e.Chmods != nil {
			m.scripts = append(m.scripts, pending{f, s, e.Chmods})
		}
	}
	for _, file := range f.manifest.Files {
		if strings.Contains(file.Path, "/"+script.TriggerDir) && !script.KnownTriggers[file.Path] {
			errs = append(errs, r.unknownScript(m, f, pkgfile.Script{Phase: file.Path, Text: file.Sum}))
		}
	}
	return errs
}

// unknownScript is an error, unless the user knows.
func (r *run) unknownScript(m *member, f *fetched, s pkgfile.Script) error {
	skipped := lock.Script{Package: f.FullName(), Phase: s.Phase, SHA256: sum.HexSHA256([]byte(s.Text))}
	if !r.skips(m, skipped) {
		return &script.UnknownError{Package: f.FullName(), Phase: s.Phase, Text: s.Text}
	}
	if m.pinned != nil && !r.SkipScripts && !(m.def.SkipScripts && m.definedWell()) {
		m.doubt("image %s goes without the %s script of %s; --unknown-scripts skip says that you know", m.def.Name, s.Phase, f.FullName())
	}
	m.skipped = append(m.skipped, skipped)
	r.notice("image %s: %s: its %s script is skipped", m.def.Name, f.FullName(), s.Phase)
	return nil
}

// pending is a script of a known package whose work is left for when every path
// of its image is there.
type pending struct {
	by     *fetched
	script pkgfile.Script
	chmods []script.Chmod
}

// runScripts does the rest of what scripts do. One that changes what is not there
// is no known one.
func (r *run) runScripts(m *member) error {
	var errs []error
	for _, s := range m.scripts {
		if !script.CanChmod(m.tree, s.chmods, func(n *tree.Node) bool { return m.owner(n) == s.by }) {
			errs = append(errs, r.unknownScript(m, s.by, s.script))
			continue
		}
		for _, c := range s.chmods {
			errs = append(errs, m.chmod(s.by, c))
		}
	}
	return errors.Join(errs...)
}
