// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/ucl"
)

// LocalPackage returns the path below the definition's folder if an element of
// packages is a file, as ./x.pkg is, and not the name of a package.
func LocalPackage(element string) (path string, is bool) { return strings.CutPrefix(element, "./") }

// LocalPackages are the paths of all files among packages.
func LocalPackages(packages []string) []string {
	var paths []string
	for _, element := range packages {
		if path, is := LocalPackage(element); is {
			paths = append(paths, path)
		}
	}
	return paths
}

// checkElement finds an element of packages that looks like a file and is none that a
// definition may name.
func checkElement(v ucl.Value, element string) error {
	local, is := LocalPackage(element)
	switch {
	case strings.HasPrefix(element, "/") || strings.HasPrefix(element, "../"):
		return v.Errorf("%s is outside of the definition's folder; name it with --package", element)
	case is && (path.Clean("/" + local)[1:] != local || local == "" || strings.ContainsAny(local, "*?[|")):
		return v.Errorf("%s is not a clean path of one file inside the definition's folder", element)
	}
	return nil
}

// packages adds names and files. Files are the same for any revision.
func (d *definer) packages(v ucl.Value) error {
	more, err := v.AsStrings()
	if err != nil {
		return err
	}
	var errs []error
	for _, element := range more {
		errs = append(errs, checkElement(v, element))
		if _, is := LocalPackage(element); is && d.inWhen {
			errs = append(errs, v.Errorf("%s: the revision may follow from the packages, wanted files outside of when", element))
		}
	}
	d.img.Packages = slices.Concat(d.img.Packages, more)
	return errors.Join(errs...)
}
