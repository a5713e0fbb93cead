// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"cmp"
	"context"
	"errors"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
)

// base opens the image that a chain stands on, once; nil if it stands on none.
func (r *resolver) base(ctx context.Context, lowest define.Image) (*parent.Image, error) {
	if !define.IsReference(lowest.Parent) {
		return nil, nil
	}
	reference := cmp.Or(r.parents[lowest.Name], lowest.Parent)
	if base := r.bases[reference]; base != nil {
		return base, nil
	}
	platform, err := r.Release.Platform()
	if err == nil {
		err = fault.Within("parent "+reference, r.Parents.Check(reference))
	}
	if err != nil {
		return nil, err
	}
	base, err := r.Parents.Open(ctx, reference, platform.String())
	if err != nil {
		return nil, fault.Within("image "+lowest.Name, err)
	}
	if err := r.stand(reference, base); err != nil {
		return nil, err
	}
	base.Lacks, err = base.Gaps(ctx, r.Inherited.Join(r.Exceptions))
	return base, err
}

// stand adds an image that steps stand on, if packages for the ABI run there.
func (r *resolver) stand(reference string, base *parent.Image) error {
	r.bases[reference], r.Bases = base, append(r.Bases, base)
	for _, note := range base.Odd {
		r.observe.Notice("parent %s: %s", reference, note)
	}
	return base.Fits(r.Release.ABI)
}

// lockedBase opens the image that a lock's stands on, once; nil if it stands on none.
func (r *resolver) lockedBase(ctx context.Context, l *lock.Lock) (*parent.Image, error) {
	if l.Parent == nil {
		return nil, nil
	}
	if base := r.bases[l.Parent.Digest]; base != nil {
		return base, nil
	}
	platform, err := r.Release.Platform()
	if err != nil {
		return nil, err
	}
	base, err := r.Parents.Locked(ctx, l.Parent, platform.String())
	if err != nil {
		return nil, fault.Within("lock of "+l.Image, err)
	}
	return base, r.stand(l.Parent.Digest, base)
}

// Under is what a lock says of the image below the lowest step; nil for none.
func (m *Step) Under() *lock.Parent {
	if m.Base == nil {
		return nil
	}
	return &m.Base.Lock
}

// present lists what is installed below the lowest step.
func (m *Step) present() []*catalog.Package {
	if m.Base == nil {
		return nil
	}
	return m.Base.Present()
}

// fits checks that the image below is new enough for the packages.
func (m *Step) fits() error {
	if m.Base == nil {
		return nil
	}
	var errs []error
	for _, p := range m.Own().Packages {
		errs = append(errs, m.Base.Accepts(p.Package))
	}
	return errors.Join(errs...)
}
