// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/pkgdb/ucl"
)

// place is where a text stands, which decides what may be replaced in it.
type place uint8

const (
	plain     place = iota // every name must be known
	versioned              // also versions of packages, which stay for WithVersions
	content                // and so do names that are not known
)

// rule says where the texts below a key stand.
type rule struct {
	at    place
	below map[string]*rule
	other *rule // of all other keys below; nil for one without any below
}

// imageRule is that of the keys of an image.
func imageRule() *rule {
	versions := &rule{at: versioned}
	r := &rule{below: map[string]*rule{
		"env": versions, "labels": versions, "annotations": versions, "cmd": versions, "entrypoint": versions, "version": versions,
		"file": {other: &rule{below: map[string]*rule{"content": {at: content}}}},
		"edit": {other: &rule{below: map[string]*rule{"replace": versions, "set": versions, "append": versions}}},
	}}
	r.below["when"] = &rule{other: r}
	return r
}

func (r *rule) of(key string) *rule {
	switch below := r.below[key]; {
	case below != nil:
		return below
	case r.other != nil:
		return r.other
	}
	return &rule{at: r.at}
}

// expander replaces the variables of a definition, in one pass: what they stand for is
// not looked at again.
type expander struct {
	*file
	early bool // neither release nor ABI are known, and none of the two may be named
	errs  []error
}

// expand returns a value with all variables replaced, also those in keys.
func (x *expander) expand(v ucl.Value, r *rule) ucl.Value {
	switch v.Kind {
	case ucl.String:
		text := v.Text
		var err error
		if !v.Raw {
			if r.at != content {
				// As libucl has it: also without braces, and with $$ for a dollar.
				text = ucl.Expand(text, map[string]string{varMajor: x.major})
			}
			v.Text, err = x.text(text, r.at)
		}
		if err == nil && v.Raw && r.at != plain && versionForm.MatchString(text) {
			err = fmt.Errorf("a version of a package in single quotes cannot be kept as it is: %q", text)
		}
		if err != nil {
			x.errs = append(x.errs, v.Errorf("%w", err))
		}
	case ucl.List:
		list := make([]ucl.Value, len(v.List))
		for i, e := range v.List {
			list[i] = x.expand(e, r)
		}
		v.List = list
	case ucl.Map:
		o := &ucl.Object{Members: make([]ucl.Member, len(v.Map.Members))}
		for i, m := range v.Map.Members {
			key, err := x.text(m.Key, plain)
			if err != nil {
				x.errs = append(x.errs, m.Value.Errorf("key %q: %w", m.Key, err))
			}
			o.Members[i] = ucl.Member{Key: key, Value: x.expand(m.Value, r.of(m.Key))}
		}
		v.Map = o
	}
	return v
}

// text replaces ${NAME}.
func (x *expander) text(s string, at place) (string, error) {
	var b strings.Builder
	var errs []error
	kept := 0
	for {
		before, after, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			break
		}
		if whole, size, err := x.version(after); size > 0 && at != plain {
			b.WriteString(whole)
			errs = append(errs, err)
			s = after[size:]
			kept++
			continue
		}
		name, _, closed := strings.Cut(after[:min(len(after), maxVariable)], "}")
		value, known := x.value(name)
		switch {
		case closed && known:
			b.WriteString(value)
			s = after[len(name)+1:]
		case closed && at != content:
			errs = append(errs, x.unknown(name))
			s = after[len(name)+1:]
		default:
			b.WriteString("${")
			s = after
		}
	}
	text, err := b.String(), errors.Join(errs...)
	if err == nil && at != plain && len(versionForm.FindAllString(text, -1)) != kept {
		err = fmt.Errorf("the value of a variable becomes part of a version of a package: %q", text)
	}
	return text, err
}

// version reads the rest of ${version:PACKAGE}, and returns the whole with the variables
// in the package's name replaced. The size is 0 for something else.
func (x *expander) version(after string) (whole string, size int, err error) {
	found := versionStart.FindStringSubmatch(after)
	if found == nil {
		return "", 0, nil
	}
	pkg, err := x.text(found[1], plain)
	whole = "${" + varVersion + pkg + "}"
	if err == nil && versionForm.FindString(whole) != whole {
		err = fmt.Errorf("found %s, wanted the name of a package in it", whole)
	}
	return whole, len(found[0]), err
}

// value is that of a variable.
func (x *expander) value(name string) (string, bool) {
	if value, declared := x.vars[name]; declared {
		return value, true
	}
	if x.early {
		return "", false
	}
	switch name {
	case varMajor:
		return x.major, true
	case varABI:
		return cmp.Or(x.abi, "${"+name+"}"), true
	case varArch:
		return cmp.Or(x.abi[strings.LastIndexByte(x.abi, ':')+1:], "${"+name+"}"), true
	}
	return "", false
}

// unknown is the error for a name that stands for nothing here.
func (x *expander) unknown(name string) error {
	if pkg, is := strings.CutPrefix(name, varVersion); is {
		return fmt.Errorf("${%s}: the version of %s is known only when the image is planned; wanted it in content, env, labels, annotations, cmd, entrypoint, version or edit", name, pkg)
	}
	known := slices.Sorted(maps.Keys(x.vars))
	if !x.early {
		known = append(known, varMajor, varABI, varArch)
	}
	hint := ""
	if near := spelling.Nearest(name, known); near != "" {
		hint = "; did you mean ${" + near + "}?"
	}
	return fmt.Errorf("variable ${%s} is not known%s; single quotes keep a text as it is", name, hint)
}
