// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// isTrigger reports whether a path is where packages have triggers. It stands for the
// phase of one, as the path of a script does not.
func isTrigger(path string) bool { return strings.Contains(path, "/"+script.TriggerDir) }

// triggerName is the name by which a definition skips a trigger.
func triggerName(phase string) string { return strings.TrimSuffix(path.Base(phase), ".ucl") }

// namedSkip returns the reason for which the definition skips a package's script, or a
// trigger.
func (m *Root) namedSkip(pkg, phase string) (reason string, named bool) {
	if isTrigger(phase) {
		reason, named = m.Def.SkippedTriggers[triggerName(phase)]
	} else {
		reason, named = m.Def.SkippedScripts[pkg]
	}
	return reason, named
}

// skips reports whether an unknown script is skipped, and as what the lock records it: by
// name, by request, or because the lock that is built again says so.
func (b *Builder) skips(m *Root, pkg string, s lock.Script) (lock.Script, bool) {
	if m.Pinned != nil {
		old, has := m.pinnedSkip(s.Package, s.Phase, s.SHA256)
		return old, has
	}
	if reason, named := m.namedSkip(pkg, s.Phase); named {
		s.Reason = reason
		return s, true
	}
	return s, b.SkipScripts || m.Def.SkipScripts || m.Renews != nil && skippedBefore(m.Renews, s)
}

// skippedBefore reports whether an earlier version of a package had the same script, and
// the lock skipped it.
func skippedBefore(l *lock.Lock, s lock.Script) bool {
	nameOf := func(s lock.Script) string { return s.Package[:max(0, strings.LastIndexByte(s.Package, '-'))] }
	return slices.ContainsFunc(l.Layers, func(of lock.Layer) bool {
		return slices.ContainsFunc(of.SkippedScripts, func(old lock.Script) bool {
			return old.Phase == s.Phase && old.SHA256 == s.SHA256 && nameOf(old) == nameOf(s)
		})
	})
}

// pinnedSkip returns the script that the lock skips.
func (m *Root) pinnedSkip(pkg, phase, sha256 string) (s lock.Script, has bool) {
	for _, s := range m.Pinned.SkippedScripts {
		if s.Package == pkg && s.Phase == phase && s.SHA256 == sha256 {
			return s, true
		}
	}
	return lock.Script{}, false
}

// otherText returns the sha256 of the text that the lock skips instead of one that was
// found, "" for none.
func (m *Root) otherText(found lock.Script) string {
	if m.Pinned == nil {
		return ""
	}
	for _, s := range m.Pinned.SkippedScripts {
		if s.Package == found.Package && s.Phase == found.Phase {
			return s.SHA256
		}
	}
	return ""
}

// skipsKnown reports whether the lock skips a script, even if this orlop knows what it
// does.
func (m *Root) skipsKnown(f *input.Package, s pkgfile.Script) bool {
	if m.Pinned == nil {
		return false
	}
	_, has := m.pinnedSkip(f.FullName(), s.Phase, sum.HexSHA256([]byte(s.Text)))
	return has
}

// unusedSkips finds what the definition skips and the step does not have.
func (m *Root) unusedSkips() error {
	used := map[string]bool{} // "scripts NAME", "triggers NAME"
	for _, s := range m.Skipped {
		if isTrigger(s.Phase) {
			used["triggers "+triggerName(s.Phase)] = true
			continue
		}
		for _, f := range m.Packages {
			used["scripts "+f.Name] = used["scripts "+f.Name] || f.FullName() == s.Package
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m.Def.SkippedScripts)) {
		if used["scripts "+name] {
			continue
		}
		why := "the image installs no such package"
		if slices.ContainsFunc(m.Packages, func(f *input.Package) bool { return f.Name == name }) {
			why = "the package has no script that orlop does not know"
		}
		errs = append(errs, &SkipError{"skip-scripts", name, why})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Def.SkippedTriggers)) {
		if !used["triggers "+name] {
			errs = append(errs, &SkipError{"skip-triggers", name, "no package of the image has a trigger of this name that orlop does not know"})
		}
	}
	return errors.Join(errs...)
}

// SkipError is an entry of a definition that skips nothing.
type SkipError struct{ Key, Name, Why string }

func (e *SkipError) Error() string {
	return fmt.Sprintf("%s: %q skips nothing: %s", e.Key, e.Name, e.Why)
}

// Unmet reports that the request cannot be met.
func (*SkipError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *SkipError) Parts() (what, where, found, wanted string) {
	return "skips nothing: " + e.Why, e.Key, e.Name, ""
}
