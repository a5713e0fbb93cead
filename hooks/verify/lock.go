// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
)

// Lock finds everything in which an image differs from its lock: packages, what else
// is in each layer, and all that the definition puts into config, manifest and
// index. Only a rebuild finds more. Without a lock it checks the image against
// itself.
func Lock(ctx context.Context, a *artifact.Artifact, l *lock.Lock) Findings {
	if l == nil {
		return checkAlone(ctx, a)
	}
	var f Findings
	if a.Complete() {
		f.add(checkPackages(ctx, a, l)...)
		if l.HasGenerated() {
			f.add(checkLayers(ctx, a, l)...)
		} else { // an old lock, which does not say what orlop made
			f.join(checkAlone(ctx, a))
		}
	}
	f.join(Documents(a.Contents, l))
	return f
}

// checkPackages compares the registered packages with the lock's. A database that is
// absent or cannot be read is one fault, which is reported already; so is one in a
// lower layer if the image's own is absent.
func checkPackages(ctx context.Context, a *artifact.Artifact, l *lock.Lock) []error {
	if a.Content == nil || !ownDatabase(a) {
		return nil
	}
	registered, err := a.Content.Registered(ctx)
	if err != nil {
		return nil // Check has reported it
	}
	var errs []error
	fault := func(name, found, wanted string) {
		errs = append(errs, fault.Contentf("package %s: found %s, its lock has %s", name, found, wanted))
	}
	state := func(version string, automatic bool) string {
		if automatic {
			return version + ", automatic"
		}
		return version + ", requested"
	}
	have := map[string]string{}
	for _, p := range registered {
		have[p.Name] = state(p.Version, p.Automatic)
	}
	for _, p := range l.Packages {
		if p.Donor {
			continue
		}
		if want := state(p.Version, p.Requested == ""); have[p.Name] == "" {
			fault(p.Name, "none", want)
		} else if have[p.Name] != want {
			fault(p.Name, have[p.Name], want)
		}
		delete(have, p.Name)
	}
	if l.Parent != nil { // whose packages the lock does not list; the sum of the database covers them
		return errs
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		fault(name, have[name], "none")
	}
	return errs
}

// ownDatabase reports whether the pkg database is in the last layer, as it is in
// every image that orlop makes.
func ownDatabase(a *artifact.Artifact) bool {
	n := len(a.Layers)
	return n > 0 && artifact.Has(a.Layers[n-1], pkgdb.Path)
}
