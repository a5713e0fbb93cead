// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/ucl"
)

// Source is what a definition says of where its packages come from. It holds for any
// revision: which that is may follow from the packages.
type Source struct {
	Parent       string
	Repositories []string // names of FreeBSD's own, or of the user's configuration
	Files        []string // local packages, by their paths below the definition's folder
}

// Sources reads only these keys of the definitions in a file, by image. What depends on
// the ABI stays as it is written if that is not known.
func Sources(name string, text []byte, target Target) (map[string]Source, error) {
	all := map[string]Source{}
	if strings.HasSuffix(name, ".conf") {
		return all, nil // FreeBSD's form has none of them
	}
	f, errs := parse(name, text, target)
	for _, def := range f.images {
		s, err := f.source(def.Value, all[def.Key])
		all[def.Key] = s
		errs = append(errs, fault.Within(fmt.Sprintf("image %q", def.Key), err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &fault.UsageError{Err: err}
	}
	return all, nil
}

// source adds what an image says of its sources.
func (f *file) source(v ucl.Value, s Source) (Source, error) {
	o, err := v.AsObject()
	if err != nil {
		return s, err
	}
	x := &expander{file: f}
	var errs []error
	for _, m := range o.Members {
		switch m.Key {
		case "parent", "repositories", "packages":
		default:
			continue
		}
		v := x.expand(m.Value, &rule{})
		var packages []string
		switch m.Key {
		case "parent":
			s.Parent, err = v.AsString()
		case "repositories":
			err = extend(&s.Repositories, v)
		case "packages":
			err = extend(&packages, v)
		}
		for _, element := range packages {
			err = errors.Join(err, checkElement(v, element))
			if _, is := LocalPackage(element); is && f.abi == "" && (strings.Contains(element, "${ABI}") || strings.Contains(element, "${ARCH}")) {
				err = errors.Join(err, v.Errorf("%s: the ABI is not known when files are read; give --abi", element))
			}
		}
		s.Files = append(s.Files, LocalPackages(packages)...)
		errs = append(errs, fault.Within(m.Key, err))
	}
	return s, errors.Join(append(x.errs, errs...)...)
}
