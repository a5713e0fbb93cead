// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
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

// kind is the list of one kind of exceptions.
type kind struct {
	key  string // in definitions
	list *[]Exception
}

// kinds are the lists of all kinds.
func (e *Exceptions) kinds() []kind {
	return []kind{{"known-missing", &e.Missing}, {"known-dangling", &e.Dangling}}
}

// All are the exceptions, each with the key of its kind.
func (e Exceptions) All() iter.Seq2[string, Exception] {
	return func(yield func(string, Exception) bool) {
		for _, k := range e.kinds() {
			for _, x := range *k.list {
				if !yield(k.key, x) {
					return
				}
			}
		}
	}
}

// Join adds others after these.
func (e Exceptions) Join(others Exceptions) Exceptions {
	var all Exceptions
	for i, k := range all.kinds() {
		*k.list = slices.Concat(*e.kinds()[i].list, *others.kinds()[i].list)
	}
	return all
}

// Without leaves out those of which drop is true.
func (e Exceptions) Without(drop func(Exception) bool) Exceptions {
	var rest Exceptions
	for i, k := range rest.kinds() {
		*k.list = slices.DeleteFunc(slices.Clone(*e.kinds()[i].list), drop)
	}
	return rest
}

// JoinNew adds others after these, each that is not there yet in its kind.
func (e Exceptions) JoinNew(others Exceptions) Exceptions {
	all := e.Join(Exceptions{})
	for i, k := range others.kinds() {
		list := all.kinds()[i].list
		for _, x := range *k.list {
			if !slices.Contains(*list, x) {
				*list = append(*list, x)
			}
		}
	}
	return all
}

// PackageExceptions are those of FreeBSD's images in the set that belong to a
// package. They hold in any image that has it.
func (all Images) PackageExceptions() Exceptions {
	var e Exceptions
	for _, name := range StandardNames() {
		e = e.Join(all[name].Exceptions.Without(func(x Exception) bool { return x.Package == "" }))
	}
	return e
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
// known-dangling, each an object of patterns and reasons. Instead of a reason there
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
			errs = append(errs, m.Value.Errorf("key %q is not known, wanted known-missing or known-dangling%s", m.Key, spelling.Hint(m.Key, slices.Sorted(maps.Keys(readers))...)))
			continue
		}
		if err := read(m.Value); err != nil {
			errs = append(errs, fault.Within(m.Key, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return e, &fault.UsageError{Err: err}
	}
	return e, nil
}

// readers read the keys of all kinds.
func (e *Exceptions) readers() map[string]reader {
	all := map[string]reader{}
	for _, k := range e.kinds() {
		all[k.key] = exceptions(k.list)
	}
	return all
}

func exceptions(list *[]Exception) reader {
	return func(v ucl.Value) error {
		return each(v, func(name string, v ucl.Value) error {
			e, err := exception(ucl.Member{Key: name, Value: v})
			if err == nil && strings.TrimSpace(e.Reason) == "" {
				err = v.Errorf("found no reason, wanted one")
			}
			if _, bad := path.Match(name, ""); bad != nil {
				err = errors.Join(err, v.Errorf("%w", bad))
			}
			*list = append(*list, e)
			return err
		})
	}
}

// exception reads a reason, alone or with a package.
func exception(m ucl.Member) (Exception, error) {
	e := Exception{Pattern: m.Key}
	var err error
	if _, no := m.Value.AsObject(); no == nil {
		err = fields(m.Value, map[string]reader{"reason": str(&e.Reason), "package": str(&e.Package)})
	} else {
		e.Reason, err = m.Value.AsString()
	}
	return e, err
}
