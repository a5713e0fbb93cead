// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/orlop/orlop/release/tree"
)

// The bounds of numbers. An archive's names have no more components than a path of
// PATH_MAX has, and no edit matches more often than a file has bytes.
const (
	maxStrip = 512
	maxTimes = 1 << 30
	// maxID is the largest number of a user or group (usr.sbin/pw: UID_MAX - 1, below
	// the number that stands for none).
	maxID = 1<<32 - 3
	// maxName bounds the name of a user or group (sys/param.h: MAXLOGNAME, with its zero byte).
	maxName = 32
)

var (
	sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// nameForm is that of users and groups, a little stricter than pw(8)'s, which also
	// takes control characters in some places.
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*\$?$`)
	classForm    = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	shellName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	confForm     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+(?:/[a-z0-9.]+)?$`)
	packageForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.+-]*$`)
)

// faults collects what is wrong with some values.
type faults []error

func (f *faults) addf(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

// add notes a fault of a key, if there is one.
func (f *faults) add(key string, err error) {
	if err != nil {
		f.addf("%s: %w", key, err)
	}
}

// name wants the name of a user or group.
func (f *faults) name(key, name string) {
	if !nameForm.MatchString(name) || len(name) > maxName {
		f.addf("%s: found %q, wanted a name of at most %d letters, digits, _ . and -, which does not begin with -", key, name, maxName)
	}
}

func (f *faults) names(key string, names []string) {
	for i, name := range names {
		f.name(key, name)
		if slices.Contains(names[:i], name) {
			f.addf("%s: has %q twice", key, name)
		}
	}
}

// id wants a number of a user or group, or none.
func (f *faults) id(key, text string) {
	if text == "" {
		return
	}
	if n, err := strconv.ParseUint(text, 10, 64); err != nil || n > maxID || strconv.FormatUint(n, 10) != text {
		f.addf("%s: found %q, wanted a number up to %d", key, text, uint64(maxID))
	}
}

// field wants a text that can stand in a line of master.passwd.
func (f *faults) field(key, text string) {
	if strings.ContainsFunc(text, unicode.IsControl) || strings.ContainsRune(text, ':') {
		f.addf("%s: found %q, wanted no colon and no control character", key, text)
	}
}

// place wants a clean absolute path that can stand in master.passwd, or none.
func (f *faults) place(key, text string) {
	if text == "" {
		return
	}
	f.add(key, tree.CheckPath(text))
	f.field(key, text)
}

// owned checks owner, group and mode.
func (f *faults) owned(o Owned) {
	for _, n := range []struct{ key, name string }{{"owner", o.Owner}, {"group", o.Group}} {
		if n.name != "" {
			f.name(n.key, n.name)
		}
	}
	if o.Mode > 0o7777 {
		f.addf("mode: found %#o, wanted at most 07777", o.Mode)
	}
}

// modes checks patterns and their modes.
func (f *faults) modes(list []Pair) {
	for _, p := range list {
		f.add("modes", checkPattern(p.Key))
		n, err := strconv.ParseUint(p.Value, 8, 12)
		switch {
		case err != nil:
			f.addf("modes: %s: found %q, wanted an octal mode, as in 0755", p.Key, p.Value)
		case n&0o6000 != 0:
			f.addf("modes: %s: found %q, wanted setuid and setgid for single paths only: attributes { mode }", p.Key, p.Value)
		}
	}
}

func (f *faults) patterns(key string, list []string) {
	for _, p := range list {
		f.add(key, checkPattern(p))
	}
}

// checkPattern wants a pattern relative to a tree or archive.
func checkPattern(p string) error {
	for c := range strings.SplitSeq(p, "/") {
		_, err := path.Match(c, "")
		if c == "" || c == "." || c == ".." || c != "**" && strings.Contains(c, "**") || err != nil || strings.ContainsRune(c, 0) {
			return fmt.Errorf("found %q, wanted a relative path, of whose components ** stands for any number, as in usr/local/bin/**", p)
		}
	}
	return nil
}
