// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/pkgdb/ucl"
)

func extend(list *[]string, v ucl.Value) error {
	more, err := v.AsStrings()
	*list = append(*list, more...)
	return err
}

// list appends to a list.
func list(p *[]string) reader {
	return func(v ucl.Value) error { return extend(p, v) }
}

// whole replaces a list.
func whole(p *[]string) reader {
	return func(v ucl.Value) (err error) { *p, err = v.AsStrings(); return err }
}

// texts adds to an object of texts.
func texts(into *map[string]string) reader {
	return func(v ucl.Value) error {
		if *into == nil {
			*into = map[string]string{}
		}
		return each(v, func(name string, v ucl.Value) (err error) {
			(*into)[name], err = v.AsString()
			return err
		})
	}
}

// pairs reads an object of texts in its order, each key once.
func pairs(into *[]Pair) reader {
	return func(v ucl.Value) error {
		lines := map[string]int{}
		return each(v, func(name string, v ucl.Value) error {
			text, err := v.AsString()
			if err == nil && lines[name] > 0 {
				err = v.Errorf("is given twice, first in line %d", lines[name])
			}
			lines[name] = v.Line
			*into = append(*into, Pair{name, text})
			return err
		})
	}
}

// each passes the members of an object on, and returns all their faults.
func each(v ucl.Value, read func(name string, v ucl.Value) error) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range o.Members {
		errs = append(errs, fault.Within(m.Key, read(m.Key, m.Value)))
	}
	return errors.Join(errs...)
}

// fields passes each member of an object to its reader.
func fields(v ucl.Value, readers map[string]reader) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range o.Members {
		if read := readers[m.Key]; read != nil {
			errs = append(errs, fault.Within(m.Key, read(m.Value)))
			continue
		}
		known := slices.Sorted(maps.Keys(readers))
		errs = append(errs, m.Value.Errorf("key %q is not known, wanted one of %s%s", m.Key, strings.Join(known, ", "), spelling.Hint(m.Key, known...)))
	}
	return errors.Join(errs...)
}

func boolean(p *bool) reader {
	return func(v ucl.Value) (err error) { *p, err = v.AsBool(); return err }
}

// count reads a number that is at least 1.
func count(p *int, most int64) reader {
	return func(v ucl.Value) error {
		n, err := v.AsInt()
		if err == nil && (n < 1 || n > most) {
			err = v.Errorf("found %d, wanted 1 to %d", n, most)
		}
		*p = int(n)
		return err
	}
}

func str(p *string) reader {
	return func(v ucl.Value) (err error) { *p, err = v.AsString(); return err }
}

// mode reads the mode of a file or folder, up to 07777.
func mode(p *uint32) reader {
	return func(v ucl.Value) error {
		s, err := v.AsString()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(s, 8, 12)
		if err != nil {
			return v.Errorf("mode %q is not octal, as in 0644", s)
		}
		*p = uint32(n)
		return nil
	}
}

// holds evaluates a condition on the revision: an operator (default "=") and a
// revision whose missing parts match anything, as in ">=15" or "14.3".
func holds(condition, revision string) (bool, error) {
	op := condition[:len(condition)-len(strings.TrimLeft(condition, "<>=!"))]
	want, err := numbers(strings.TrimSpace(condition[len(op):]))
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", condition, err)
	}
	have, err := numbers(revision)
	if err != nil {
		return false, fmt.Errorf("revision %q: %w", revision, err)
	}
	c := slices.Compare(have[:min(len(want), len(have))], want)
	if len(have) < len(want) && slices.Equal(have, want[:len(have)]) {
		return false, fmt.Errorf("condition %q: only %s of the revision is known; give --revision and --branch", condition, revision)
	}
	switch op {
	case "", "=", "==":
		return c == 0, nil
	case "!=":
		return c != 0, nil
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	case ">=":
		return c >= 0, nil
	}
	return false, fmt.Errorf("condition %q: wanted one of < <= = != >= > and a revision", condition)
}

func numbers(s string) ([]int, error) {
	var list []int
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", cmp.Or(part, s))
		}
		list = append(list, n)
	}
	return list, nil
}
