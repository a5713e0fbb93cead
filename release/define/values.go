// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/ucl"
)

func extend(list *[]string, v ucl.Value) error {
	more, err := v.AsStrings()
	*list = append(*list, more...)
	return err
}

// pairs reads an object of texts.
func pairs(into *map[string]string, v ucl.Value) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	if *into == nil {
		*into = map[string]string{}
	}
	for _, m := range o.Members {
		if (*into)[m.Key], err = m.Value.AsString(); err != nil {
			return fmt.Errorf("%s: %w", m.Key, err)
		}
	}
	return nil
}

// fields passes each member of an object to its reader.
func fields(v ucl.Value, readers map[string]func(ucl.Value) error) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	for _, m := range o.Members {
		read := readers[m.Key]
		if read == nil {
			return m.Value.Errorf("key %q is not known, wanted one of %s", m.Key, strings.Join(slices.Sorted(maps.Keys(readers)), ", "))
		}
		if err := read(m.Value); err != nil {
			return fmt.Errorf("%s: %w", m.Key, err)
		}
	}
	return nil
}

func boolean(p *bool) func(ucl.Value) error {
	return func(v ucl.Value) (err error) { *p, err = v.AsBool(); return err }
}

// count reads a number that is at least 1.
func count(p *int) func(ucl.Value) error {
	return func(v ucl.Value) error {
		n, err := v.AsInt()
		if err == nil && (n < 1 || n > MaxLayers) {
			err = v.Errorf("found %d, wanted 1 to %d", n, MaxLayers)
		}
		*p = int(n)
		return err
	}
}

func str(p *string) func(ucl.Value) error {
	return func(v ucl.Value) (err error) { *p, err = v.AsString(); return err }
}

func mode(v ucl.Value) (uint32, error) {
	s, err := v.AsString()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(s, 8, 12)
	if err != nil {
		return 0, v.Errorf("mode %q is not octal, as in 0644", s)
	}
	return uint32(n), nil
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
