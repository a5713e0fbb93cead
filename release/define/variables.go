// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/pkgdb/ucl"
	"github.com/orlop/orlop/release"
)

// Target is what definitions are read for.
type Target struct {
	Revision string // "15.0"
	// ABI is "" as long as it is not known. Then what is read is good for checks only.
	ABI string
	// Set has other values of variables that a file declares. It may have names that this
	// file does not declare.
	Set map[string]string
	// Name is that of the only image of a file, instead of the one it has there; "" for
	// no other.
	Name string
}

// Variables lists the names that a file declares.
func Variables(name string, text []byte) ([]string, error) {
	if strings.HasSuffix(name, ".conf") {
		return nil, nil // FreeBSD's form has none
	}
	f, errs := parse(name, text, Target{})
	if err := errors.Join(errs...); err != nil {
		return nil, &fault.UsageError{Err: err}
	}
	return slices.Sorted(maps.Keys(f.vars)), nil
}

// CheckSet finds values of variables that none of the files of a run declares.
func CheckSet(set map[string]string, declared []string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(declared, name) {
			errs = append(errs, fault.Usagef("--set %s: no definition declares this variable%s", name, spelling.Hint(name, slices.Sorted(slices.Values(declared))...)))
		}
	}
	return errors.Join(errs...)
}

// The names of variables that need no declaration.
const (
	varMajor   = "VERSION_MAJOR"
	varABI     = "ABI"
	varArch    = "ARCH"
	varVersion = "version:" // before the name of a package
)

// maxVariable bounds how far the end of a name is looked for.
const maxVariable = 256

var (
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	// versionForm is the version of a package, which is known when the image is planned.
	versionForm = regexp.MustCompile(`\$\{version:([A-Za-z0-9][A-Za-z0-9_.+-]*)\}`)
	// versionStart is that in a definition, where variables may stand in the package's name.
	versionStart = regexp.MustCompile(`^version:((?:[A-Za-z0-9_.+-]|\$\{[A-Za-z0-9_-]+\})+)\}`)
)

// file is a text of definitions.
type file struct {
	images []ucl.Member
	vars   map[string]string // declared ones
	major  string
	abi    string // "" if it is not known
}

// parse reads variables and the names of images, and finds everything else that is wrong
// outside of images.
func parse(name string, text []byte, target Target) (f *file, errs []error) {
	f = &file{vars: map[string]string{}, major: (release.Release{Revision: target.Revision}).Major(), abi: target.ABI}
	o, err := ucl.Parse(name, text, nil)
	if err != nil {
		return f, []error{err}
	}
	lines := map[string]int{}
	for _, m := range o.Members {
		switch m.Key {
		case "image":
		case "variables":
			errs = append(errs, fault.Within(m.Key, f.declare(m.Value, lines)))
		default:
			errs = append(errs, m.Value.Errorf("key %q is not known, wanted image or variables%s", m.Key, spelling.Hint(m.Key, "image", "variables")))
		}
	}
	for name, value := range target.Set {
		if _, is := f.vars[name]; is {
			f.vars[name] = value
		}
	}
	for _, m := range o.Members {
		if m.Key == "image" {
			errs = append(errs, f.image(m.Value))
		}
	}
	if target.Name == "" {
		return f, errs
	}
	if n := len(f.images); n != 1 {
		return f, append(errs, fmt.Errorf("%s: has %s, and the name %s is for one", name, fault.Counted(n, "image"), target.Name))
	}
	f.images[0].Key = target.Name
	return f, errs
}

// declare reads variables. Their values are taken as they are.
func (f *file) declare(v ucl.Value, lines map[string]int) error {
	return each(v, func(name string, v ucl.Value) error {
		text, err := v.AsString()
		switch {
		case err != nil:
		case !variableForm.MatchString(name):
			err = v.Errorf("wanted a name of letters, digits, _ and -")
		case slices.Contains([]string{varMajor, varABI, varArch}, name):
			err = v.Errorf("this variable has its value already, wanted another name")
		case lines[name] > 0:
			err = v.Errorf("is declared twice, first in line %d", lines[name])
		}
		f.vars[name], lines[name] = text, v.Line
		return err
	})
}

// image adds the images of a section, whose names may have declared variables.
func (f *file) image(v ucl.Value) error {
	named, err := v.AsObject()
	if err != nil {
		return err
	}
	early := &expander{file: &file{vars: f.vars}, early: true}
	var errs []error
	for _, m := range named.Members {
		if m.Key, err = early.text(m.Key, plain); err != nil {
			errs = append(errs, m.Value.Errorf("%w", err))
		}
		f.images = append(f.images, m)
	}
	return errors.Join(errs...)
}
