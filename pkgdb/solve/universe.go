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

// Universe is everything that can be installed for one ABI. It reads only those
// packages that somebody asks for, of catalogues that may have tens of thousands.
// It is for one goroutine.
type Universe struct {
	ABI string

	catalogues []*catalog.Catalogue
	fits       map[string]bool               // ABIs of packages
	all        bool                          // they all fit
	byName     map[string][]*catalog.Package // those asked for, the best first
	sorted     []string                      // all names, in order; nil before somebody asks

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
	u := &Universe{ABI: abi, catalogues: catalogues, fits: map[string]bool{}, all: true, byName: map[string][]*catalog.Package{}}
	for _, c := range catalogues {
		for _, have := range c.ABIs() {
			u.fits[have] = matchABI(have, abi)
			u.all = u.all && u.fits[have]
		}
	}
	return u, ctx.Err()
}

// abisOf lists the ABIs of packages that are for only one.
func abisOf(catalogues ...*catalog.Catalogue) []string {
	found := map[string]bool{}
	for _, c := range catalogues {
		for _, abi := range c.ABIs() {
			if !isGlob(abi) && strings.Count(abi, ":") > 1 { // FreeBSD:15 is for any machine
				found[abi] = true
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

// named returns the packages of a name: by priority of the repository, then version,
// the highest first. Of equal ones in both, the name of the repository decides, so
// that the order of repositories does not matter.
func (u *Universe) named(name string) []*catalog.Package {
	list, known := u.byName[name]
	if known {
		return list
	}
	for _, c := range u.catalogues {
		for _, p := range c.Named(name) {
			if u.fits[p.ABI] {
				list = append(list, p)
			}
		}
	}
	if local := slices.IndexFunc(list, func(p *catalog.Package) bool { return p.Repo.Local }); local >= 0 {
		list = list[local : local+1] // the user has named it
	}
	slices.SortStableFunc(list, func(a, b *catalog.Package) int {
		return cmp.Or(cmp.Compare(b.Repo.Priority, a.Repo.Priority), pkgver.Compare(b.Version, a.Version), cmp.Compare(a.Repo.Name, b.Repo.Name))
	})
	u.byName[name] = list
	return list
}

// names returns the names of all packages, in order.
func (u *Universe) names(ctx context.Context) []string {
	if u.sorted != nil {
		return u.sorted
	}
	var list []string
	for _, c := range u.catalogues {
		for name := range c.Names() {
			if ctx.Err() != nil {
				return nil
			}
			if u.all || len(u.named(name)) > 0 {
				list = append(list, name)
			}
		}
	}
	if until.Sort(ctx, list, strings.Compare) != nil {
		return nil
	}
	u.sorted = slices.Compact(list)
	return u.sorted
}

// Best returns the package that pkg would choose for a requested name, nil if
// there is none: from the repository with the highest priority, in its highest
// version.
func (u *Universe) Best(name string) *catalog.Package {
	if list := u.named(name); len(list) > 0 {
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
	for _, q := range u.named(p.Name) {
		if q.Repo.Priority == p.Repo.Priority && q.Version == p.Version && q.Sum != p.Sum {
			return q
		}
	}
	return nil
}

// ofOrigin is the name of a package that has an origin, "" if none does.
func (u *Universe) ofOrigin(ctx context.Context, origin string) string {
	var names []string
	for _, c := range u.catalogues {
		for p := range c.All() {
			if ctx.Err() != nil {
				return ""
			}
			if p.Origin == origin && u.fits[p.ABI] {
				names = append(names, p.Name)
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}

// foreign is the ABI of a package that exists only for another one, "" if it exists
// for none.
func (u *Universe) foreign(name string) string {
	abi := ""
	for _, c := range u.catalogues {
		for _, p := range c.Named(name) {
			if !u.fits[p.ABI] {
				abi = max(abi, p.ABI)
			}
		}
	}
	return abi
}

// absent says why a name is not available.
func (u *Universe) absent(ctx context.Context, name string) string {
	if abi := u.foreign(name); abi != "" {
		return fmt.Sprintf("%s is only available for %s, wanted %s", name, abi, u.ABI)
	}
	if strings.Contains(name, "/") {
		if of := u.ofOrigin(ctx, name); of != "" {
			return fmt.Sprintf("%s is an origin, wanted a name: the package is %s", name, of)
		}
	}
	return name + " is in no repository"
}

// nearest is the package that was probably meant by a name that does not exist,
// "" if there is none: base packages are often called by half their name. Of
// names with versions the best ones count.
func (u *Universe) nearest(ctx context.Context, want string) string {
	if u.Best("FreeBSD-"+want) != nil {
		return "FreeBSD-" + want
	}
	if name := spelling.Nearest(want, u.names(ctx)); name != "" {
		return name
	}
	var full []string
	for _, name := range u.names(ctx) {
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
