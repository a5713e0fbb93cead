// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckText refuses a text that a message would not show faithfully: one that is
// not UTF-8, or has characters that control a terminal, change the text
// direction, break the line or are invisible. pkg(8) checks none of that, so
// nothing else is refused.
func CheckText(text string) error {
	if plain(text) {
		return nil
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%.60q is not UTF-8", text)
	}
	for _, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return fmt.Errorf("%.60q has the control character %U", text, r)
		}
	}
	return nil
}

// CheckWord refuses white space, too.
func CheckWord(text string) error {
	if plain(text) && strings.IndexByte(text, ' ') < 0 {
		return nil
	}
	if err := CheckText(text); err != nil {
		return err
	}
	if strings.ContainsFunc(text, unicode.IsSpace) {
		return fmt.Errorf("%.60q has white space", text)
	}
	return nil
}

// CheckName refuses what cannot be the name or version of a package: it becomes
// part of a file name and a word in many lists.
func CheckName(text string) error {
	if err := CheckWord(text); err != nil {
		return err
	}
	if strings.IndexByte(text, '/') >= 0 {
		return fmt.Errorf("%.60q has a slash", text)
	}
	return nil
}

// plain is the fast path for nearly all texts: printable ASCII.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// checkTexts checks what identifies and locates a package, and what messages
// quote from it.
func (m *Manifest) checkTexts() error {
	var errs []error
	check := func(key string, rule func(string) error, texts ...string) {
		for _, text := range texts {
			if err := rule(text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", key, err))
				return
			}
		}
	}
	check("name", CheckName, m.Name)
	check("version", CheckName, m.Version)
	check("origin", CheckWord, m.Origin)
	check("abi", CheckWord, m.ABI)
	i := slices.IndexFunc(m.Deps, func(d Dep) bool { return CheckName(d.Name) != nil })
	if i >= 0 {
		check("deps", CheckName, m.Deps[i].Name)
	}
	check("shlibs_required", CheckText, m.ShlibsRequired...)
	check("shlibs_required_ignore", CheckText, m.ShlibsRequiredIgnore...)
	check("shlibs_provided", CheckText, m.ShlibsProvided...)
	check("shlibs_provided_ignore", CheckText, m.ShlibsProvidedIgnore...)
	check("provides", CheckText, m.Provides...)
	check("requires", CheckText, m.Requires...)
	check("conflicts", CheckText, m.Conflicts...)
	return errors.Join(errs...)
}
