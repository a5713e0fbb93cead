// SPDX-License-Identifier: BSD-2-Clause

// Package solve turns a request and catalogues into a plan: which packages, in
// which order, and why each of them; or an explanation why there is no plan.
//
// A request for base packages leaves no real choice, so this is not a SAT solver
// like libpkg's (libpkg/pkg_solve.c). Names are closed over dependencies, in the
// highest available version; a shared library or "requires" that nothing planned
// provides pulls in its only provider, or replaces an unrequested package by its
// older version that provides it; if several could serve, the user is asked to
// name one. A requirement that no package provides does not stop pkg, so it is
// recorded in the plan. The order of installation is pkg's: dependencies first,
// ties by name (libpkg/pkg_jobs_schedule.c).
package solve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
)

// Step is one layer's part of a request: packages on top of what the steps
// before it install.
type Step struct {
	Name string
	// Want are names, NAME-VERSION, or shell patterns over either; "a | b" takes
	// the first that the catalogue has.
	Want []string
	// Donors are packages that only lend files, best first, as the caller ranks
	// them.
	Donors []string
	// Without are names, or shell patterns over them, of packages that are not installed
	// although others depend on them.
	Without []string
}

// Kind says what pulled a package in.
type Kind string

// The kinds of reasons, in the words of pkg's own explanations.
const (
	Request    Kind = "request"
	Dependency Kind = "dependency"
	Shlib      Kind = "shlib"
	Require    Kind = "require"
	Donor      Kind = "donor"
	Parent     Kind = "parent" // it was there before the first step
)

// Reason is why a package is in a plan.
type Reason struct {
	Kind Kind
	By   string // name of the package that needs it; the step's for a request
	What string // the pattern, dependency, library or requirement
}

// Planned is a package of a plan.
type Planned struct {
	*catalog.Package
	Why Reason
	// Requested is the first step whose request matches the package, -1 if none does.
	Requested int
}

// Missing is a requirement that no package of the catalogue provides.
type Missing struct {
	Kind Kind // Shlib or Require
	What string
	By   []string // names of packages, sorted
}

// StepPlan is what one step adds.
type StepPlan struct {
	Name     string
	Packages []*Planned // in the order of installation
	Donors   []*Planned // by name; none of them is installed by this or a lower step
	Missing  []Missing  // of this step's packages, by kind and text
	Chosen   []string   // for each alternative of the request, "a | b: a"
	Wanted   []string   // names of present packages that no lower step requests, but this one, sorted
}

// All are the packages of a step, then its donors.
func (s *StepPlan) All() []*Planned { return slices.Concat(s.Packages, s.Donors) }

// Plan is the answer to a request.
type Plan struct {
	ABI string
	// Present are the packages that were there before the first step, by name. They
	// stay as they are.
	Present []*Planned
	Steps   []StepPlan

	byName map[string]*Planned
}

// NewPlan is a plan whose steps are already known, such as those of a lock.
func NewPlan(abi string, present []*catalog.Package, steps []StepPlan) *Plan {
	p := newPlan(abi, present)
	p.Steps = steps
	for i := range steps {
		for _, pkg := range steps[i].Packages {
			p.byName[pkg.Name] = pkg
		}
	}
	return p
}

// newPlan is a plan without steps.
func newPlan(abi string, present []*catalog.Package) *Plan {
	p := &Plan{ABI: abi, byName: map[string]*Planned{}}
	for _, pkg := range present {
		pl := &Planned{Package: pkg, Why: Reason{Kind: Parent}, Requested: -1}
		p.Present = append(p.Present, pl)
		p.byName[pkg.Name] = pl
	}
	return p
}

// Wanted are the names of present packages that some step requests.
func (p *Plan) Wanted() map[string]bool {
	names := map[string]bool{}
	for _, step := range p.Steps {
		for _, name := range step.Wanted {
			names[name] = true
		}
	}
	return names
}

// Lookup returns the package that the plan installs under a name, or nil.
func (p *Plan) Lookup(name string) *Planned { return p.byName[name] }

// Automatic reports whether pkg would mark the package as automatic in the
// database of the image whose top layer is step.
func (p *Plan) Automatic(pkg *Planned, step int) bool {
	return pkg.Requested < 0 || pkg.Requested > step
}

// Why explains a package, from itself up to the request, one line per reason.
func (p *Plan) Why(name string) []string {
	var lines []string
	for pkg := p.byName[name]; pkg != nil; pkg = p.byName[pkg.Why.By] {
		lines = append(lines, pkg.reason())
		if pkg.Why.Kind == Request || pkg.Why.Kind == Parent {
			break
		}
	}
	return lines
}

func (pkg *Planned) reason() string {
	w := pkg.Why
	switch w.Kind {
	case Request:
		if w.What != pkg.Name {
			return fmt.Sprintf("%s is requested by %s as %q", pkg.FullName(), w.By, w.What)
		}
		return fmt.Sprintf("%s is requested by %s", pkg.FullName(), w.By)
	case Dependency:
		return fmt.Sprintf("%s is a dependency of %s", pkg.FullName(), w.By)
	case Parent:
		return pkg.FullName() + " is installed in the parent"
	case Donor:
		return fmt.Sprintf("%s lends files to %s", pkg.FullName(), w.By)
	}
	return fmt.Sprintf("%s provides %s (%s), which %s needs", pkg.FullName(), w.What, w.Kind, w.By)
}

// UnresolvedError is a request that cannot be met.
type UnresolvedError struct {
	Chain  []string // from the request to the failure
	Reason string
	Lack   string // the package that no repository has, if that is the reason
}

func (e *UnresolvedError) Error() string {
	return "cannot resolve " + strings.Join(e.Chain, ", ") + ": " + e.Reason
}

// Unmet reports that the request cannot be met.
func (*UnresolvedError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *UnresolvedError) Parts() (what, where, found, wanted string) {
	return e.Reason, strings.Join(e.Chain, ", "), "", e.Lack
}

// Lacks returns which package is missing, and which needs it.
func (e *UnresolvedError) Lacks() (what, by string) {
	return e.Lack, e.Chain[len(e.Chain)-1]
}
