// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/orlop/orlop/pkgdb/ucl"
)

// Departures are where an image is not what its packages make of it.
type Departures struct {
	Without []Exception `json:"without,omitempty"` // packages that are not installed although others depend on them: names or patterns
	Only    *Only       `json:"only,omitempty"`    // nil for all files of packages
	Remove  []string    `json:"remove,omitempty"`  // paths, or "/folder/**"
	// PkgDatabase is DatabaseNone for an image without pkg's database.
	PkgDatabase string `json:"pkg_database,omitempty"`
}

// What PkgDatabase says.
const (
	DatabaseKept = "keep"
	DatabaseNone = "none"
)

// Only is what is kept of the files of packages: programs with all that they need to run,
// and paths.
type Only struct {
	Programs []string `json:"programs"`
	Paths    []string `json:"paths"` // or "/folder/**"
}

// Keeps reports whether a path is one of those that are kept.
func (o *Only) Keeps(path string) bool { return Among(o.Paths, path) != "" }

// Depart reports whether files of packages are left out.
func (d *Departures) Depart() bool { return d.Only != nil || len(d.Remove) > 0 }

// Among returns the first of some patterns that holds for a path, "" for none. A folder
// holds for all that is in it.
func Among(patterns []string, path string) string {
	for _, p := range patterns {
		if matches(p, path) || strings.HasPrefix(path, p+"/") {
			return p
		}
	}
	return ""
}

// readers are those of the keys of departures.
func (d *Departures) readers() map[string]reader {
	return map[string]reader{
		"remove": list(&d.Remove), "pkg-database": str(&d.PkgDatabase),
		"without": func(v ucl.Value) error {
			return each(v, func(name string, v ucl.Value) error {
				reason, err := v.AsString()
				d.Without = append(d.Without, Exception{Pattern: name, Reason: reason})
				return err
			})
		},
		"only": func(v ucl.Value) error {
			if d.Only == nil {
				d.Only = new(Only)
			}
			return fields(v, map[string]reader{"programs": list(&d.Only.Programs), "paths": list(&d.Only.Paths)})
		},
	}
}

// check finds departures that cannot be.
func (d *Departures) check() []error {
	var errs []error
	for _, x := range d.Without {
		if strings.TrimSpace(x.Reason) == "" {
			errs = append(errs, fmt.Errorf("without: %s has no reason, wanted one", x.Pattern))
		}
	}
	paths := func(key string, list []string) {
		for _, p := range list {
			if clean := strings.TrimSuffix(p, "/**"); clean != "" && (!path.IsAbs(clean) || path.Clean(clean) != clean || clean == "/") {
				errs = append(errs, fmt.Errorf("%s: found %q, wanted a clean path that begins with /, or /FOLDER/**", key, p))
			}
		}
	}
	paths("remove", d.Remove)
	if o := d.Only; o != nil {
		paths("only: programs", o.Programs)
		paths("only: paths", o.Paths)
		if len(o.Programs)+len(o.Paths) == 0 {
			errs = append(errs, errors.New("only: keeps nothing, wanted programs or paths"))
		}
		if d.PkgDatabase == "" {
			errs = append(errs, errors.New("only: pkg-database is not said, wanted keep or none"))
		}
	}
	if s := d.PkgDatabase; s != "" && s != DatabaseKept && s != DatabaseNone {
		errs = append(errs, fmt.Errorf("pkg-database: found %q, wanted keep or none", s))
	}
	return errs
}
