// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/pkgdb/sum"
)

// Bounds of a lock, which is untrusted. One of all of FreeBSD's base packages has
// some 300 KB and 800 packages, and one with 80,000 files of its definition 43 MB.
const (
	maxLock         = 64 << 20 // bytes
	maxLayers       = 127      // as many as an image can have
	maxRepositories = 16
	maxEarlier      = 64 // catalogues of a repository; an update keeps those that it needs
	maxPackages     = 20_000
	maxLockFaults   = 8 // that are reported
)

// MaxEpoch is the end of the year 9999, the last that RFC 3339 can write.
const MaxEpoch = 253402300799

// Error is a lock that cannot be used.
type Error struct {
	File string
	Err  error
}

func (e *Error) Error() string { return e.File + ": " + e.Err.Error() }

// Unwrap returns the fault itself.
func (e *Error) Unwrap() error { return e.Err }

// Usage reports whether the user has to give another lock.
func (e *Error) Usage() bool { return !e.Failed() }

// Failed reports whether another version of orlop could use the lock.
func (e *Error) Failed() bool {
	_, other := errors.AsType[*VersionError](e.Err)
	return other
}

// Parts are what, where, found and wanted, for reports.
func (e *Error) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), e.File, "", ""
}

// VersionError is a lock that needs another version of orlop.
type VersionError struct {
	Err   error
	Orlop string // that knows it
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%v; orlop %s can read it", e.Err, e.Orlop)
}

// Failed reports that this version cannot read it.
func (*VersionError) Failed() bool { return true }

// Unwrap returns the fault itself.
func (e *VersionError) Unwrap() error { return e.Err }

// Parse reads a lock. An unknown key, or a package without a layer, is an error: it
// would change the image.
func Parse(file string, text []byte) (*Lock, error) {
	l := new(Lock)
	if err := l.parse(text); err != nil {
		return nil, &Error{file, err}
	}
	var errs []error
	for _, err := range l.check() {
		if len(errs) == maxLockFaults {
			errs = append(errs, &Error{file, errors.New("has more faults")})
			break
		}
		errs = append(errs, &Error{file, err})
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return l, nil
}

func (l *Lock) parse(text []byte) error {
	if len(text) > maxLock {
		return fmt.Errorf("has %d bytes, wanted at most %d", len(text), maxLock)
	}
	if err := readFormat(text); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(l); err != nil {
		return strict.Explain(text, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("has data after its end")
	}
	if err := strict.Check(text, l); err != nil {
		return err
	}
	l.Bytes = max(l.Bytes, 1)
	if l.Annotations == nil { // a lock from before there were any
		l.Annotations = map[string]string{}
	}
	return nil
}

// check finds values that no build writes.
func (l *Lock) check() []error {
	if len(l.Layers) == 0 || l.Layers[len(l.Layers)-1].Image != l.Image {
		return []error{fmt.Errorf("its last layer is not %q, the image's own", l.Image)}
	}
	for _, b := range []struct {
		what       string
		found, max int
	}{{"layers", len(l.Layers), maxLayers}, {"repositories", len(l.Repositories), maxRepositories}, {"packages", len(l.Packages), maxPackages}} {
		if b.found > b.max {
			return []error{fmt.Errorf("has %d %s, wanted at most %d", b.found, b.what, b.max)}
		}
	}
	layers, repos := map[string]int{"": -1}, map[string]bool{}
	for i, layer := range l.Layers {
		if _, twice := layers[layer.Image]; twice {
			return []error{fmt.Errorf("layer %q occurs twice, or has no name", layer.Image)}
		}
		if layer.Epoch < 0 || layer.Epoch > MaxEpoch {
			return []error{fmt.Errorf("layer %q: epoch %d is not in the years 1970 to 9999", layer.Image, layer.Epoch)}
		}
		layers[layer.Image] = i
	}
	for _, r := range l.Repositories {
		if repos[r.Name] {
			return []error{fmt.Errorf("repository %q occurs twice", r.Name)}
		}
		if err := CheckURL(r.URL); err != nil {
			return []error{fmt.Errorf("repository %q: %w", r.Name, err)}
		}
		repos[r.Name] = true
	}
	if l.Parent != nil {
		if err := l.Parent.check(); err != nil {
			return []error{fmt.Errorf("parent: %w", err)}
		}
	}
	return slices.Concat(l.checkPackages(layers, repos), l.checkDigests(), l.checkParts())
}

// checkParts wants each package of a step in at most one of the layers over which it is
// split. Those without files are in none.
func (l *Lock) checkParts() []error {
	if n := len(l.Written()); n > maxLayers {
		return []error{fmt.Errorf("has %d layers with those of packages, wanted at most %d", n, maxLayers)}
	}
	var errs []error
	for _, layer := range l.Layers {
		left := map[string]bool{}
		for _, p := range l.Packages {
			if p.Layer == layer.Image && !p.Donor && len(layer.Parts) > 0 {
				left[p.Name] = true
			}
		}
		for i, part := range layer.Parts {
			if part.Epoch < 0 || part.Epoch > layer.Epoch || len(part.Packages) == 0 {
				errs = append(errs, fmt.Errorf("layer %q: its part %d has the epoch %d and %d packages, wanted none later than %d and at least one", layer.Image, i+1, part.Epoch, len(part.Packages), layer.Epoch))
			}
			for _, name := range part.Packages {
				if !left[name] {
					errs = append(errs, fmt.Errorf("layer %q: its part %d has package %s, which the step does not install, or another part has", layer.Image, i+1, name))
				}
				delete(left, name)
			}
		}
	}
	return errs
}

func (l *Lock) checkPackages(layers map[string]int, repos map[string]bool) []error {
	installed := map[string]bool{}
	var errs []error
	for _, p := range l.Packages {
		if err := p.check(layers, repos); err != nil {
			errs = append(errs, fmt.Errorf("package %s-%s: %w", p.Name, p.Version, err))
		}
		if !p.Donor && installed[p.Name] {
			errs = append(errs, fmt.Errorf("package %s occurs twice", p.Name))
		}
		installed[p.Name] = installed[p.Name] || !p.Donor
		if len(errs) > maxLockFaults {
			break
		}
	}
	return errs
}

func (l *Lock) checkDigests() []error {
	var errs []error
	for _, r := range l.Repositories {
		if len(r.Earlier) > maxEarlier {
			errs = append(errs, fmt.Errorf("repository %q: has %d earlier catalogues, wanted at most %d", r.Name, len(r.Earlier), maxEarlier))
			continue
		}
		for i, c := range r.All() {
			if len(c.Catalogue) != 64 || strings.Trim(c.Catalogue, "0123456789abcdef") != "" {
				errs = append(errs, fmt.Errorf("repository %q: catalogue %q is not a sha256", r.Name, c.Catalogue))
			} else if slices.ContainsFunc(r.All()[:i], func(e Earlier) bool { return e.Catalogue == c.Catalogue }) {
				errs = append(errs, fmt.Errorf("repository %q: catalogue %q occurs twice", r.Name, c.Catalogue))
			}
		}
	}
	return errs
}

func (p Package) check(layers map[string]int, repos map[string]bool) error {
	if i, ok := layers[p.Layer]; !ok || i < 0 {
		return fmt.Errorf("layer %q is not in the lock", p.Layer)
	}
	if _, ok := layers[p.Requested]; !ok {
		return fmt.Errorf("layer %q, which requests it, is not in the lock", p.Requested)
	}
	if !p.Local() && !repos[p.Repository] {
		return fmt.Errorf("repository %q is not in the lock", p.Repository)
	}
	if p.Sum == "" {
		return errors.New("has no sum: an image built from a root can only be rebuilt from that root")
	}
	if _, err := sum.Parse(p.Sum); err != nil {
		return err
	}
	if p.Name == "" || p.Version == "" || p.Size <= 0 || p.Path == "" || path.Clean("/" + p.Path)[1:] != p.Path {
		return fmt.Errorf("size %d, path %q: wanted more than 0 bytes and a clean path inside the repository", p.Size, p.Path)
	}
	return nil
}

// Plan returns the plan of the image that the first layers make, on what is present in
// the parent. Pkg returns the package of each entry.
func (l *Lock) Plan(layers int, present []*catalog.Package, pkg func(Package) *catalog.Package) *solve.Plan {
	steps := make([]solve.StepPlan, layers)
	index := map[string]int{"": -1}
	for i := range l.Layers {
		index[l.Layers[i].Image] = i
	}
	for _, p := range l.Packages {
		at := index[p.Layer]
		if at >= layers {
			continue
		}
		step := &steps[at]
		entry := &solve.Planned{Package: pkg(p), Requested: index[p.Requested], Why: solve.Reason{Kind: solve.Dependency}}
		if p.Donor {
			entry.Why = solve.Reason{Kind: solve.Donor, By: p.Layer, What: p.Name}
			step.Donors = append(step.Donors, entry)
			continue
		}
		step.Packages = append(step.Packages, entry)
	}
	for i := range steps {
		steps[i].Name, steps[i].Chosen, steps[i].Wanted = l.Layers[i].Image, l.Layers[i].Alternatives, l.Layers[i].Wanted
		for _, m := range l.Layers[i].Missing {
			steps[i].Missing = append(steps[i].Missing, solve.Missing{Kind: solve.Kind(m.Kind), What: m.What, By: m.By})
		}
	}
	return solve.NewPlan(l.ABI, present, steps)
}

func (e *RollbackError) Error() string {
	return fmt.Sprintf("repository %q: rollback: its newest %s is %s, the lock has %s", e.Repo, e.Package, e.Found, e.Wanted)
}

// Wrong reports that the bytes are there but wrong.
func (*RollbackError) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *RollbackError) Parts() (what, where, found, wanted string) {
	return "rollback of " + e.Package, fmt.Sprintf("repository %q", e.Repo), e.Found, e.Wanted
}
