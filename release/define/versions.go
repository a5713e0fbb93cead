// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"maps"
	"path"
	"slices"
)

// VersionError is a package that an image has in another version than its definition
// wants, or has not.
type VersionError struct {
	What   string // of the definition, with the package
	Found  string // a version, "" for none
	Wanted string // a pattern, "" for any
}

func (e *VersionError) Error() string {
	what, _, found, wanted := e.Parts()
	return what + ": found " + found + ", wanted " + wanted
}

// Parts are what, where, found and wanted, for reports.
func (e *VersionError) Parts() (what, where, found, wanted string) {
	found, wanted = e.Found, "version "+e.Wanted
	if found == "" {
		found = "no such package in the image"
	}
	if e.Wanted == "" {
		wanted = "one of its packages"
	}
	return e.What, "", found, wanted
}

// Unmet reports that the request cannot be met.
func (*VersionError) Unmet() bool { return true }

// CheckVersions compares packages with the versions that the definition wants, each by
// its name.
func (o *Own) CheckVersions(version func(pkg string) (string, bool)) []error {
	var errs []error
	for _, a := range o.Assert {
		found, has := version(a.Key)
		if is, err := path.Match(a.Value, found); !has || err != nil || !is {
			errs = append(errs, &VersionError{"assert " + a.Key, found, a.Value})
		}
	}
	return errs
}

// WithVersions replaces ${version:PACKAGE}, once the packages of the image are known.
func (img Image) WithVersions(version func(pkg string) (string, bool)) (Image, error) {
	var errs []error
	unknown := map[string]bool{}
	text := func(s string) string {
		return versionForm.ReplaceAllStringFunc(s, func(whole string) string {
			pkg := versionForm.FindStringSubmatch(whole)[1]
			found, has := version(pkg)
			if !has && !unknown[pkg] {
				unknown[pkg] = true
				errs = append(errs, &VersionError{What: whole})
			}
			return found
		})
	}
	texts := func(list []string) []string {
		list = slices.Clone(list)
		for i := range list {
			list[i] = text(list[i])
		}
		return list
	}
	values := func(all map[string]string) map[string]string {
		all = maps.Clone(all)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			all[key] = text(all[key])
		}
		return all
	}
	pairs := func(list []Pair) []Pair {
		list = slices.Clone(list)
		for i := range list {
			list[i] = Pair{list[i].Key, text(list[i].Value)}
		}
		return list
	}
	img.Version = text(img.Version)
	img.Env, img.Cmd, img.Entrypoint = texts(img.Env), texts(img.Cmd), texts(img.Entrypoint)
	img.Labels, img.Annotations = values(img.Labels), values(img.Annotations)
	img.Files = slices.Clone(img.Files)
	for i := range img.Files {
		if f := &img.Files[i]; f.Content != nil {
			replaced := text(*f.Content)
			f.Content = &replaced
		}
	}
	img.Edits = slices.Clone(img.Edits)
	for i := range img.Edits {
		e := &img.Edits[i]
		e.Replace, e.Set, e.Append = pairs(e.Replace), pairs(e.Set), texts(e.Append)
	}
	return img, errors.Join(errs...)
}
