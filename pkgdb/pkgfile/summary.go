// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// Summary is what a catalogue says about a package, as far as it decides whether
// to install it and where it is: a repository has tens of thousands of them.
type Summary struct {
	Name, Version, ABI, Origin string
	OSVersion                  int // FreeBSD_version of the machine that built it; 0 if unknown

	Deps                                 []string // only names, which are all that pkg uses
	ShlibsRequired, ShlibsRequiredIgnore []string
	ShlibsProvided, ShlibsProvidedIgnore []string
	Provides, Requires, Conflicts        []string

	Path string  // of the .pkg, inside the repository
	Sum  sum.Sum // of the .pkg; not checked yet
	Size int64   // bytes of the .pkg
}

// summaryKeys are the manifest's keys that Summary has, and those it requires.
// Whatever else pkg requires, the package's own manifest must have.
var summaryKeys = map[string]bool{
	"name": true, "version": true, "origin": true, "prefix": true, "abi": true, "arch": true,
	"deps": true, "shlibs": true,
	"shlibs_required": true, "shlibs_required_ignore": true,
	"shlibs_provided": true, "shlibs_provided_ignore": true,
	"provides": true, "requires": true, "conflicts": true,
	"annotations": true,
}

// ParseSummary reads a line of a catalogue, which must be valid JSON.
func ParseSummary(text []byte) (Summary, error) {
	top, err := members(text)
	if err != nil {
		return Summary{}, fmt.Errorf("manifest: %w", err)
	}
	var m Manifest
	if err := m.parse(top, summaryKeys); err != nil {
		return Summary{}, &lineError{named(top), fmt.Errorf("manifest: %w", err)}
	}
	s := m.Summary()
	for _, kv := range top {
		switch kv.key {
		case "path", "repopath": // the later one counts
			s.Path = stringOf(kv.value)
		case "sum":
			s.Sum = sum.Sum(stringOf(kv.value))
		case "pkgsize":
			s.Size = numberOf(kv.value)
		}
	}
	if err := CheckText(s.Path); err != nil { // it may have spaces
		return s, &lineError{s.FullName(), fmt.Errorf("repopath: %w", err)}
	}
	return s, nil
}

// lineError names the package of an unreadable line.
type lineError struct {
	name string
	err  error
}

func (e *lineError) Error() string { return strings.TrimPrefix(e.name+": "+e.err.Error(), ": ") }

func (e *lineError) Unwrap() error { return e.err }

// named is the NAME-VERSION of a line with another fault, "" if it has none that
// can be shown.
func named(top []member) string {
	texts := map[string]string{}
	for _, kv := range top {
		if kindOf(kv.value)&(aString|anInt) != 0 && CheckName(stringOf(kv.value)) == nil {
			texts[kv.key] = stringOf(kv.value)
		}
	}
	if texts["name"] == "" {
		return ""
	}
	return strings.TrimSuffix(texts["name"]+"-"+texts["version"], "-")
}

// Summary returns what a catalogue would say of the package.
func (m *Manifest) Summary() Summary {
	s := Summary{
		Name: m.Name, Version: m.Version, ABI: m.ABI, Origin: m.Origin,
		ShlibsRequired: m.ShlibsRequired, ShlibsRequiredIgnore: m.ShlibsRequiredIgnore,
		ShlibsProvided: m.ShlibsProvided, ShlibsProvidedIgnore: m.ShlibsProvidedIgnore,
		Provides: m.Provides, Requires: m.Requires, Conflicts: m.Conflicts,
		OSVersion: m.OSVersion(),
	}
	for _, d := range m.Deps {
		s.Deps = append(s.Deps, d.Name)
	}
	return s
}

// OSVersion is the version of FreeBSD that built a package, as ports and base note it
// (ports/Mk/bsd.port.mk); 0 if it does not say.
func (m *Manifest) OSVersion() int {
	for _, a := range m.Annotations {
		if a.Name == "FreeBSD_version" {
			n, err := strconv.Atoi(a.Value)
			if err != nil || n < 0 {
				return 0
			}
			return n
		}
	}
	return 0
}

// FullName is NAME-VERSION, as pkg prints it.
func (s *Summary) FullName() string { return s.Name + "-" + s.Version }
