// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/secret"
	"github.com/orlop/orlop/pkgdb/ucl"
)

// Repo is a repository as a configuration file describes it.
type Repo struct {
	Name         string // the stanza's name; it becomes an annotation of each package
	URL          string
	Priority     int64
	Signature    string // "none", "pubkey" or "fingerprints"
	PubKey       string // file, for "pubkey"
	Fingerprints string // directory, for "fingerprints"
	Keys         string // for one of FreeBSD's own, without a configuration: the folder of its keys, which are built in
	MirrorType   string // "none", "srv" or "http"
	Local        bool   // not a repository: packages that the user names as files, which win over all
	Where        string // file and line of the stanza, for messages
}

// ConfError is a configuration that cannot be used.
type ConfError struct{ Err error }

// Error hides passwords in URLs, since it quotes what cannot be read.
func (e *ConfError) Error() string { return secret.CutText(e.Err.Error()) }

// Usage reports that the user has to change the input.
func (*ConfError) Usage() bool { return true }

// Unwrap returns the cause.
func (e *ConfError) Unwrap() error { return e.Err }

type stanza struct {
	Repo
	disabled bool
}

// ReadConf reads the *.conf files of each directory as pkg does
// (libpkg/pkg_config.c: load_repositories): directories in the given order,
// files by name; a stanza that repeats a name overrides the keys it sets. It
// returns the enabled repositories in the order of their first stanzas, and those
// that are asked for by name, as pkg -r does. Vars are the values of ${ABI} and the
// like.
func ReadConf(dirs []string, vars map[string]string, asked ...string) ([]Repo, error) {
	var all []*stanza
	var errs []error
	for _, dir := range dirs {
		files, err := confFiles(dir)
		if err != nil {
			errs = append(errs, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			o, err := ucl.Parse(file, text, vars)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			for i, m := range o.Members {
				if slices.ContainsFunc(o.Members[:i], func(n ucl.Member) bool { return n.Key == m.Key }) {
					continue // pkg reads the first stanza of a name in a file
				}
				if all, err = override(all, file, m); err != nil {
					errs = append(errs, err)
				}
			}
		}
	}
	if err := confErrors(errs); err != nil {
		return nil, err
	}
	return enabled(all, dirs, asked)
}

// confErrors joins faults, each stripped of its secrets.
func confErrors(errs []error) error {
	var list []error
	for _, err := range errs {
		if joined, is := err.(interface{ Unwrap() []error }); is {
			err = confErrors(joined.Unwrap())
		} else if err != nil {
			err = &ConfError{err}
		}
		list = append(list, err)
	}
	return errors.Join(list...)
}

// confFiles lists the files that pkg would read: *.conf, not hidden, by name.
func confFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if n := e.Name(); strings.HasSuffix(n, ".conf") && n[0] != '.' {
			files = append(files, filepath.Join(dir, n))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: holds no *.conf file", dir)
	}
	return files, nil
}

// ignored ends a message about a stanza that pkg(8) complains about and then
// ignores: an image would come from other repositories than its user believes.
const ignored = "; pkg(8) would go on without this stanza, orlop does not"

// override lets a stanza change the repository of its name, or adds one. A
// stanza for a new name without url is ignored. One without a priority resets it
// to 0, whatever an earlier one set (libpkg/pkg_config.c: add_repo).
func override(all []*stanza, file string, m ucl.Member) ([]*stanza, error) {
	o, err := m.Value.AsObject()
	if err != nil {
		return all, fmt.Errorf("repository %q: %w%s", m.Key, err, ignored)
	}
	i := slices.IndexFunc(all, func(s *stanza) bool { return s.Name == m.Key })
	s := &stanza{Repo: Repo{Name: m.Key, Signature: "none", MirrorType: "none", Where: fmt.Sprintf("%s:%d", file, m.Value.Line)}}
	if i >= 0 {
		s = all[i]
		s.Priority = 0
	}
	var errs []error
	for _, kv := range o.Members {
		if err := s.set(strings.ToLower(kv.Key), kv.Value); err != nil {
			errs = append(errs, fmt.Errorf("repository %q: %s: %w", m.Key, kv.Key, err))
		}
	}
	if i < 0 && s.URL != "" {
		all = append(all, s)
	}
	return all, errors.Join(errs...)
}

// set takes one key of a stanza. pkg ignores the keys it does not know.
func (s *stanza) set(key string, v ucl.Value) (err error) {
	switch key {
	case "url":
		s.URL, err = v.AsString()
	case "enabled":
		var on bool
		on, err = v.AsBool()
		s.disabled = !on
		if err != nil {
			return fmt.Errorf("%w; pkg(8) takes it as no, orlop does not", err)
		}
	case "priority":
		if s.Priority, err = v.AsInt(); err == nil && s.Priority < 0 {
			return v.Errorf("found %d, wanted 0 or more; pkg(8) takes less than 0 for a very high one", s.Priority)
		}
	case "signature_type":
		s.Signature, err = word(v, "none", "pubkey", "fingerprints")
	case "mirror_type":
		s.MirrorType, err = word(v, "none", "srv", "http")
		if err != nil {
			return fmt.Errorf("%w; pkg(8) takes it as none, orlop does not", err)
		}
	case "pubkey":
		s.PubKey, err = v.AsString()
	case "fingerprints":
		s.Fingerprints, err = v.AsString()
	}
	if err != nil {
		return fmt.Errorf("%w%s", err, ignored)
	}
	return nil
}

func word(v ucl.Value, allowed ...string) (string, error) {
	s, err := v.AsString()
	if err != nil {
		return "", err
	}
	if s = strings.ToLower(s); !slices.Contains(allowed, s) {
		return "", v.Errorf("found %q, wanted one of %s", s, strings.Join(allowed, ", "))
	}
	return s, nil
}

func enabled(all []*stanza, dirs, asked []string) ([]Repo, error) {
	var repos []Repo
	var errs []error
	for _, s := range all {
		switch {
		case s.disabled && !slices.Contains(asked, s.Name):
		case strings.Contains(s.URL, "${"):
			errs = append(errs, fmt.Errorf("%s: repository %q: url %q has a variable without a value (give --abi)", s.Where, s.Name, secret.Cut(s.URL)))
		default:
			repos = append(repos, s.Repo)
		}
	}
	if err := confErrors(errs); err != nil {
		return nil, err
	}
	if len(repos) == 0 {
		return nil, &ConfError{fmt.Errorf("%s: no repository is enabled, wanted one", strings.Join(dirs, ", "))}
	}
	return repos, nil
}
