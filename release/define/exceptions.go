// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/ucl"
)

// Exceptions are what an image may lack although something in it asks for it.
type Exceptions struct {
	// Missing are libraries and provided words, what is asked for by name, with its
	// kind (pam:, nss:, interpreter:, program:), or paths of files that need some.
	Missing  []Exception `json:"missing"`
	Dangling []Exception `json:"dangling"` // paths of symbolic links
}

// Exception is a name or path that may be incomplete, and why that is right.
type Exception struct {
	Pattern string `json:"pattern"` // a name or path, a glob as of path.Match, or "/folder/**"
	Reason  string `json:"reason"`
	Package string `json:"package,omitempty"` // whose files alone may ask; alternatives "a | b", "" for any
}

// Of reports whether the exception holds for what a package asks for.
func (e Exception) Of(name string) bool {
	return e.Package == "" || slices.Contains(alternatives(e.Package), name)
}

// PackageExceptions are those of FreeBSD's images in the set that belong to a
// package. They hold in any image that has it.
func (all Images) PackageExceptions() Exceptions {
	var e Exceptions
	for _, name := range StandardNames() {
		e.Missing = append(e.Missing, bound(all[name].Exceptions.Missing)...)
		e.Dangling = append(e.Dangling, bound(all[name].Exceptions.Dangling)...)
	}
	return e
}

// bound are the exceptions that belong to a package.
func bound(list []Exception) []Exception {
	return slices.DeleteFunc(slices.Clone(list), func(e Exception) bool { return e.Package == "" })
}

// Match reports whether the exception speaks of a name or path.
func (e Exception) Match(name string) bool { return matches(e.Pattern, name) }

// matches reports whether a pattern of a definition holds for a path.
func matches(pattern, name string) bool {
	if folder, all := strings.CutSuffix(pattern, "**"); all {
		return strings.HasPrefix(name, folder)
	}
	is, err := path.Match(pattern, name)
	return err == nil && is
}

// ReadExceptions reads a UCL text with the keys known-missing and
// known-dangling, each an object of patterns and reasons. In the place of a reason
// may stand an object with the keys reason and package: then only files of that
// package may ask.
func ReadExceptions(name string, text []byte) (Exceptions, error) {
	var e Exceptions
	o, err := ucl.Parse(name, text, nil)
	if err != nil {
		return e, &fault.UsageError{Err: err}
	}
	readers := e.readers()
	var errs []error
	for _, m := range o.Members {
		read := readers[m.Key]
		if read == nil {
			errs = append(errs, m.Value.Errorf("key %q is not known, wanted known-missing or known-dangling", m.Key))
			continue
		}
		if err := read(m.Value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.Key, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return e, &fault.UsageError{Err: err}
	}
	return e, nil
}

func (e *Exceptions) readers() map[string]func(ucl.Value) error {
	return map[string]func(ucl.Value) error{
		"known-missing":  exceptions(&e.Missing),
		"known-dangling": exceptions(&e.Dangling),
	}
}

func exceptions(list *[]Exception) func(ucl.Value) error {
	return func(v ucl.Value) error {
		o, err := v.AsObject()
		if err != nil {
			return err
		}
		for _, m := range o.Members {
			e, err := exception(m)
			if err == nil && strings.TrimSpace(e.Reason) == "" {
				err = m.Value.Errorf("found no reason, wanted one")
			}
			if _, bad := path.Match(m.Key, ""); bad != nil {
				err = m.Value.Errorf("%w", bad)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", m.Key, err)
			}
			*list = append(*list, e)
		}
		return nil
	}
}

// exception reads a reason, alone or with a package.
func exception(m ucl.Member) (Exception, error) {
	e := Exception{Pattern: m.Key}
	var err error
	if _, no := m.Value.AsObject(); no == nil {
		err = fields(m.Value, map[string]func(ucl.Value) error{"reason": str(&e.Reason), "package": str(&e.Package)})
	} else {
		e.Reason, err = m.Value.AsString()
	}
	return e, err
}
