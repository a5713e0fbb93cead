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

// departures reads the keys of departures; false for another key.
func (d *definer) departures(m ucl.Member) (is bool, err error) {
	into := &d.img.Departures
	switch v := m.Value; m.Key {
	case "without":
		reasons := map[string]string{}
		err = pairs(&reasons, v)
		o, no := v.AsObject()
		if err = errors.Join(err, no); err == nil {
			for _, m := range o.Members {
				into.Without = append(into.Without, Exception{Pattern: m.Key, Reason: reasons[m.Key]})
			}
		}
	case "only":
		if into.Only == nil {
			into.Only = new(Only)
		}
		err = fields(v, map[string]func(ucl.Value) error{
			"programs": func(v ucl.Value) error { return extend(&into.Only.Programs, v) },
			"paths":    func(v ucl.Value) error { return extend(&into.Only.Paths, v) },
		})
	case "remove":
		err = extend(&into.Remove, v)
	case "pkg-database":
		into.PkgDatabase, err = v.AsString()
	default:
		return false, nil
	}
	return true, err
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
