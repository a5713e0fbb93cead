// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Source is what a definition says of where its packages come from. It holds for any
// revision: which that is may follow from the packages.
type Source struct {
	Parent       string
	Repositories []string // names of FreeBSD's own, or of the user's configuration
	Files        []string // local packages, by their paths below the definition's folder
}

// Sources reads only these keys of the definitions in a file, by image.
func Sources(name string, text []byte) (map[string]Source, error) {
	all := map[string]Source{}
	if strings.HasSuffix(name, ".conf") {
		return all, nil // FreeBSD's form has none of them
	}
	members, errs := imageMembers(name, text, "0.0")
	for _, def := range members {
		o, err := def.Value.AsObject()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s := all[def.Key]
		for _, m := range o.Members {
			switch m.Key {
			case "parent":
				s.Parent, err = m.Value.AsString()
			case "repositories":
				err = extend(&s.Repositories, m.Value)
			case "packages":
				var packages []string
				err = extend(&packages, m.Value)
				for _, element := range packages {
					if err == nil {
						err = checkElement(m.Value, element)
					}
				}
				s.Files = append(s.Files, LocalPackages(packages)...)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("image %q: %s: %w", def.Key, m.Key, err))
			}
		}
		all[def.Key] = s
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &fault.UsageError{Err: err}
	}
	return all, nil
}
