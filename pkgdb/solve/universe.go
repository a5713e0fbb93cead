// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/pkgdb/until"
)

// Universe is everything that can be installed for one ABI.
type Universe struct {
	ABI string

	byName   map[string][]*catalog.Package // by priority of the repository, then version, the highest first
	names    []string                      // in order
	foreign  map[string]string             // name of a package that exists only for another ABI -> that ABI
	shlibs   map[string][]*catalog.Package // library -> all that provide it
	provides map[string][]*catalog.Package

	kept, moved map[string]bool // names of an earlier plan's packages; nil for no such plan
}

// ABIError reports that the catalogues do not determine the ABI, or are not for
// the wanted one.
type ABIError struct {
	Found      []string
	Wanted     string // "" for any
	Repository string // of the catalogue, if an ABI is wanted
}

func (e *ABIError) Error() string {
	switch {
	case e.Wanted != "":
		return fmt.Sprintf("repository %q: its catalogue is for %s, wanted %s", e.Repository, strings.Join(e.Found, ", "), e.Wanted)
	case len(e.Found) == 0:
		return "no package names an ABI; give --abi"
	}
	return "packages are for several ABIs (" + strings.Join(e.Found, ", ") + "); give --abi"
}

// Usage reports that the user has to change the input.
func (*ABIError) Usage() bool { return true }

// NewUniverse joins catalogues, given in the order of the configuration. An
// empty abi stands for the one that all packages but the wildcard ones have.
func NewUniverse(ctx context.Context, catalogues []*catalog.Catalogue, abi string) (*Universe, error) {
	if abi == "" {
		found := abisOf(catalogues...)
		if len(found) != 1 {
			return nil, &ABIError{Found: found}
		}
		abi = found[0]
	} else if err := checkABI(catalogues, abi); err != nil {
		return nil, err
	}
	u := &Universe{ABI: abi, byName: map[string][]*catalog.Package{}, foreign: map[string]string{},
		shlibs: map[string][]*catalog.Package{}, provides: map[string][]*catalog.Package{}}
	for _, c := range catalogues {
		for _, p := range c.Packages {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if matchABI(p.ABI, abi) {
				u.byName[p.Name] = append(u.byName[p.Name], p)
			} else {
				u.foreign[p.Name] = max(u.foreign[p.Name], p.ABI)
			}
		}
	}
	return u, u.index(ctx)
}

// abisOf lists the ABIs of packages that are for only one.
func abisOf(catalogues ...*catalog.Catalogue) []string {
	found := map[string]bool{}
	for _, c := range catalogues {
		for _, p := range c.Packages {
			if !isGlob(p.ABI) && strings.Count(p.ABI, ":") > 1 { // FreeBSD:15 is for any machine
				found[p.ABI] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// checkABI requires one of the catalogues to be for an ABI. Packages for any
// machine are in all of them.
func checkABI(catalogues []*catalog.Catalogue, abi string) error {
	var errs []error
	for _, c := range catalogues {
		switch found := abisOf(c); {
		case slices.ContainsFunc(found, func(have string) bool { return matchABI(have, abi) }):
			return nil
		case len(found) > 0:
			errs = append(errs, &ABIError{found, abi, c.Repo.Name})
		}
	}
	return errors.Join(errs...)
}

// index sorts the candidates of each name and notes what they provide.
func (u *Universe) index(ctx context.Context) error {
	var err error
	if u.names, err = until.Sorted(ctx, maps.Keys(u.byName)); err != nil {
		return err
	}
	for _, name := range u.names {
		if err := ctx.Err(); err != nil {
			return err
		}
		list := u.byName[name]
		err := until.SortStable(ctx, list, func(a, b *catalog.Package) int {
			if c := cmp.Compare(b.Repo.Priority, a.Repo.Priority); c != 0 {
				return c
			}
			return pkgver.Compare(b.Version, a.Version)
		})
		if err != nil {
			return err
		}
		for _, p := range list {
			for _, lib := range p.ShlibsProvided {
				u.shlibs[lib] = append(u.shlibs[lib], p)
			}
			for _, what := range p.Provides {
				u.provides[what] = append(u.provides[what], p)
			}
		}
	}
	return nil
}

// Best returns the package that pkg would choose for a requested name, nil if
// there is none: from the repository with the highest priority, in its highest
// version.
func (u *Universe) Best(name string) *catalog.Package {
	if list := u.byName[name]; len(list) > 0 {
		return list[0]
	}
	return nil
}

// newest returns the package that pkg would choose for a dependency: the highest
// version of all repositories, from that with the highest priority
// (libpkg/pkg_jobs_universe.c: pkg_jobs_universe_get_remote).
func newest(list []*catalog.Package) *catalog.Package {
	var best *catalog.Package
	for _, p := range list {
		if best == nil || pkgver.Compare(p.Version, best.Version) > 0 {
			best = p
		}
	}
	return best
}

// twin is another package of the same name and version that could equally have
// been chosen, nil if there is none.
func (u *Universe) twin(p *catalog.Package) *catalog.Package {
	for _, q := range u.byName[p.Name] {
		if q.Repo.Priority == p.Repo.Priority && q.Version == p.Version && q.Sum != p.Sum {
			return q
		}
	}
	return nil
}

// ofOrigin is the name of a package that has an origin, "" if none does.
func (u *Universe) ofOrigin(origin string) string {
	for _, name := range u.names {
		if slices.ContainsFunc(u.byName[name], func(p *catalog.Package) bool { return p.Origin == origin }) {
			return name
		}
	}
	return ""
}

// absent says why a name is not available.
func (u *Universe) absent(name string) string {
	if abi := u.foreign[name]; abi != "" {
		return fmt.Sprintf("%s is only available for %s, wanted %s", name, abi, u.ABI)
	}
	if strings.Contains(name, "/") {
		if of := u.ofOrigin(name); of != "" {
			return fmt.Sprintf("%s is an origin, wanted a name: the package is %s", name, of)
		}
	}
	return name + " is in no repository"
}

// nearest is the package that was probably meant by a name that does not exist,
// "" if there is none: base packages are often called by half their name. Of
// names with versions the best ones count.
func (u *Universe) nearest(want string) string {
	if u.Best("FreeBSD-"+want) != nil {
		return "FreeBSD-" + want
	}
	if name := spelling.Nearest(want, u.names); name != "" {
		return name
	}
	var full []string
	for _, name := range u.names {
		full = append(full, u.Best(name).FullName())
	}
	return spelling.Nearest(want, full)
}

// matchABI reports whether a package is for an ABI: its own is the ABI, a prefix
// of it, or a pattern such as FreeBSD:15:*, in any case (libpkg/utils.c:
// is_valid_abi).
func matchABI(have, want string) bool {
	have, want = strings.ToLower(have), strings.ToLower(want)
	return strings.HasPrefix(want, have) || globMatch(have, want)
}
