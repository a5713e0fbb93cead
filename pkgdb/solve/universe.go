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

// Universe is all that can be installed for one ABI.
type Universe struct {
	ABI string

	byName   map[string][]*catalog.Package // best first
	names    []string                      // in order
	foreign  map[string]string             // name of a package that is only there for another ABI -> that ABI
	shlibs   map[string][]string           // library -> names of packages whose best version provides it
	provides map[string][]string
}

// ABIError says that the ABI cannot be told from the catalogues, or is none of
// theirs.
type ABIError struct {
	Found      []string
	Wanted     string // "" for any
	Repository string // of the catalogue, where one is wanted
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
		shlibs: map[string][]string{}, provides: map[string][]string{}}
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

// abisOf lists the ABIs of packages that are for one only.
func abisOf(catalogues ...*catalog.Catalogue) []string {
	found := map[string]bool{}
	for _, c := range catalogues {
		for _, p := range c.Packages {
			if !strings.Contains(p.ABI, "*") {
				found[p.ABI] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// checkABI wants one of the catalogues to be for an ABI. Packages that are for
// any machine stand in all of them.
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

// index sorts the candidates of each name and notes what the best provide.
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
		for i := 1; i < len(list); i++ {
			a, b := list[i-1], list[i]
			if a.Repo.Priority == b.Repo.Priority && a.Version == b.Version && a.Sum != b.Sum {
				return &UnresolvedError{Chain: []string{name}, Reason: fmt.Sprintf(
					"%s is in the repositories %q and %q with different bytes and equal priority", a.FullName(), a.Repo.Name, b.Repo.Name)}
			}
		}
		for _, lib := range list[0].ShlibsProvided {
			if !slices.Contains(list[0].ShlibsProvidedIgnore, lib) {
				u.shlibs[lib] = append(u.shlibs[lib], name)
			}
		}
		for _, p := range list[0].Provides {
			u.provides[p] = append(u.provides[p], name)
		}
	}
	return nil
}

// Best returns the package that pkg would choose for a name, nil if there is none.
func (u *Universe) Best(name string) *catalog.Package {
	if list := u.byName[name]; len(list) > 0 {
		return list[0]
	}
	return nil
}

// absent says why a name cannot be had.
func (u *Universe) absent(name string) string {
	if abi := u.foreign[name]; abi != "" {
		return fmt.Sprintf("%s is there for %s only, wanted %s", name, abi, u.ABI)
	}
	return name + " is in no repository"
}

// nearest is the package that somebody may have meant who asked for one that
// is not there, "" if there is none: base packages are often called by half
// their name. Of names with versions the best ones count.
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

// matchABI compares component by component; "*" matches anything, as in
// FreeBSD:15:* (libpkg/pkg_abi.c).
func matchABI(have, want string) bool {
	h, w := strings.Split(have, ":"), strings.Split(want, ":")
	for i, c := range h {
		if c != "*" && (i >= len(w) || !strings.EqualFold(c, w[i])) {
			return false
		}
	}
	return len(h) == len(w) || h[len(h)-1] == "*"
}
