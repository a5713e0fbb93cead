// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release"
)

// defaultRepo is pkg's name for the repository of base packages, and so the
// default of the packages' annotation "repository".
const defaultRepo = "FreeBSD-base"

// repositories returns those of the configuration, then those of --repo, then those
// that definitions ask for by name.
func repositories(c *cli.Context, of release.Release, asked []string) ([]catalog.Repo, error) {
	of.Branch = cmp.Or(of.Branch, "RELEASE")
	vars := abiVariables(of.ABI, of.Revision)
	repos, err := configured(c.StringSlice("repo-conf-dir"), vars, asked)
	if err != nil {
		return nil, err
	}
	for _, arg := range c.StringSlice("repo") {
		if slices.Contains(release.RepositoryNames(), arg) {
			repo, err := builtIn(of, arg)
			if _, absent := os.Lstat(arg); absent == nil {
				err = fault.Usagef("--repo %s: it is a repository of FreeBSD, and a folder here; for the folder write ./%s", arg, arg)
			}
			if err != nil {
				return nil, err
			}
			repos = append(repos, repo)
			continue
		}
		name, url, named := strings.Cut(arg, "=")
		if !named || name == "" || strings.ContainsAny(name, "/:") {
			name, url = defaultRepo, arg
		}
		if url, err = expand(url, vars); err != nil {
			return nil, err
		}
		repos = append(repos, catalog.Repo{Name: name, URL: url, MirrorType: mirrorType(url)})
	}
	if repos, err = addAsked(repos, of, asked); err != nil {
		return nil, err
	}
	if len(repos) == 0 && !c.IsSet("lock") {
		repo, err := defaultRepository(c, of)
		if err != nil {
			return nil, err
		}
		repos = append(repos, repo)
	}
	seen := map[string]bool{}
	for _, r := range repos {
		if seen[r.Name] {
			return nil, fault.Usagef("repository %q is given twice; name them with --repo NAME=URL", r.Name)
		}
		seen[r.Name] = true
	}
	return repos, nil
}

// addAsked adds the repositories that definitions ask for and the user has not given.
func addAsked(repos []catalog.Repo, of release.Release, asked []string) ([]catalog.Repo, error) {
	given := map[string]bool{}
	for _, r := range repos {
		given[r.Name] = true
	}
	for _, name := range asked {
		own, known := of.Repository(name)
		switch {
		case given[name] || known && given[own.Name]:
			continue
		case !known:
			return nil, fault.Usagef("repository %q is neither given nor one of FreeBSD's, which are %s%s", name, strings.Join(release.RepositoryNames(), ", "),
				spelling.Hint(name, append(release.RepositoryNames(), slices.Sorted(maps.Keys(given))...)...))
		}
		repo, err := builtIn(of, name)
		if err != nil {
			return nil, err
		}
		repos = append(repos, repo)
	}
	return repos, nil
}

// builtIn returns one of FreeBSD's own repositories, which is read with FreeBSD's keys
// only.
func builtIn(of release.Release, name string) (catalog.Repo, error) {
	switch {
	case of.ABI == "":
		return catalog.Repo{}, fault.Usagef("repository %s: give --abi, which its URL has", name)
	case of.Revision == "" && of.NeedsRevision(name):
		return catalog.Repo{}, fault.Usagef("repository %s: give --revision, which its URL has", name)
	}
	own, _ := of.Repository(name)
	return catalog.Repo{Name: own.Name, URL: own.URL, MirrorType: mirrorType(own.URL), Keys: own.Keys}, nil
}

// configured returns the repositories of pkg's configuration in these folders.
func configured(dirs []string, vars map[string]string, asked []string) ([]catalog.Repo, error) {
	var read []string
	var errs []error
	for _, dir := range dirs {
		if _, err := os.ReadDir(dir); err != nil {
			errs = append(errs, &fault.UnreadError{Flag: "repo-conf-dir", Path: dir, Err: err})
			continue
		}
		read = append(read, dir)
	}
	if len(read) == 0 {
		return nil, errors.Join(errs...)
	}
	repos, err := catalog.ReadConf(read, vars, asked...)
	return repos, errors.Join(append(errs, err)...)
}

// mirrorType returns the mirror type of a URL without a configuration: pkg+ means
// mirrors that DNS names.
func mirrorType(url string) string {
	if strings.HasPrefix(url, "pkg+") {
		return "srv"
	}
	return "none"
}

// defaultRepository returns FreeBSD's own for the revision and branch.
func defaultRepository(c *cli.Context, of release.Release) (catalog.Repo, error) {
	if of.ABI == "" || of.Revision == "" {
		return catalog.Repo{}, fault.Usagef("%s: no repository given; use --repo or --repo-conf-dir, or --abi and --revision for that of pkg.FreeBSD.org", c.Command.Name)
	}
	return freebsdRepository(of.ABI, of.Revision, of.Branch), nil
}

func freebsdRepository(abi, revision, branch string) catalog.Repo {
	r := release.Release{Revision: revision, Branch: branch, ABI: abi}
	url := "pkg+https://pkg.FreeBSD.org/" + abi + "/" + r.BaseRepository()
	return catalog.Repo{Name: defaultRepo, URL: url, MirrorType: mirrorType(url)}
}

// needs are the variables that a repository URL may use, and the flag that gives each
// a value.
var needs = map[string]string{"ABI": "abi", "OSNAME": "abi", "VERSION_MAJOR": "abi", "VERSION_MINOR": "revision", "RELEASE": "abi", "ARCH": "abi"}

// expand replaces the variables in the URL of --repo as pkg does in a configuration.
func expand(url string, vars map[string]string) (string, error) {
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		variable := "${" + name + "}"
		value, known := vars[name]
		if !known && strings.Contains(url, variable) {
			return "", &catalog.ConfError{Err: fault.Usagef("--repo: url %q has %s, which has no value; give --%s", url, variable, needs[name])}
		}
		url = strings.ReplaceAll(url, variable, value)
	}
	return url, nil
}

// varies reports whether --repo has a variable.
func varies(c *cli.Context) bool {
	return slices.ContainsFunc(c.StringSlice("repo"), func(arg string) bool { return strings.Contains(arg, "${") })
}

// abiVariables returns the variables that a repository URL may use, as far as they
// are known (libpkg/pkg_config.c).
func abiVariables(abi, revision string) map[string]string {
	vars := map[string]string{}
	if _, minor, ok := strings.Cut(revision, "."); ok {
		vars["VERSION_MINOR"] = minor
	}
	if parts := strings.Split(abi, ":"); len(parts) == 3 {
		vars["ABI"], vars["OSNAME"], vars["VERSION_MAJOR"], vars["RELEASE"], vars["ARCH"] = abi, parts[0], parts[1], parts[1], parts[2]
	}
	return vars
}
