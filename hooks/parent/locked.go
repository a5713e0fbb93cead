// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"context"
	"errors"
	"fmt"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/registry"
)

// Locked opens the parent of a lock: one that the user names, else the lock's own name
// in a registry. Its digest is that of the lock.
func (f *Finder) Locked(ctx context.Context, p *lock.Parent, platform string) (*Image, error) {
	for _, name := range f.Given {
		i, err := f.given(ctx, name, p.Digest, platform)
		if err != nil {
			return nil, fault.Within("parent "+name, err)
		}
		if i != nil {
			i.Lock, i.Vouched = *p, true
			return i, nil
		}
	}
	if !define.Remote(p.Reference) {
		return nil, &AbsentError{p}
	}
	ref, err := registry.ParseReference(p.Reference)
	if err != nil {
		return nil, err
	}
	name := registry.Scheme + ref.Name() + "@" + p.Digest
	i, err := f.open(ctx, name, platform)
	if err != nil {
		return nil, fault.Within("parent "+name, err)
	}
	i.Lock = *p
	if !f.Keys.IsEmpty() {
		i.Vouched = f.signed(ctx, i.ref.Remote) == nil
	}
	return i, ctx.Err()
}

// IsNamed reports whether a reference names the image by its digest.
func (i *Image) IsNamed(reference string) bool {
	ref, err := registry.ParseReference(reference)
	return err == nil && ref.Digest == i.Base.Digest
}

// given opens an image that the user names if it has a digest; nil for another.
func (f *Finder) given(ctx context.Context, name, digest, platform string) (*Image, error) {
	ref, err := f.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	found, err := digestOf(ctx, ref, platform)
	if err != nil || found != digest {
		return nil, errors.Join(err, ref.Close())
	}
	i, err := f.readImage(ctx, ref, platform)
	if err != nil {
		ref.Close()
	}
	return i, err
}

// digestOf returns the digest of an image's manifest.
func digestOf(ctx context.Context, ref *artifact.Ref, platform string) (string, error) {
	source, err := ref.Open(ctx)
	if err != nil {
		return "", err
	}
	c, err := oci.Read(ctx, oci.AlsoDockers(source), platform)
	if c == nil {
		return "", err
	}
	return c.Descriptor.Digest.String(), nil
}

// open opens an image, and reads all of it.
func (f *Finder) open(ctx context.Context, name, platform string) (*Image, error) {
	ref, err := f.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	i, err := f.readImage(ctx, ref, platform)
	if err != nil {
		ref.Close()
	}
	return i, err
}

// AbsentError is the parent of a lock that the user has to name.
type AbsentError struct{ *lock.Parent }

func (e *AbsentError) Error() string {
	return fmt.Sprintf("its parent %s, %s, is nowhere known; --parent names it", e.Reference, e.Digest)
}

// Absent reports that bytes could not be obtained.
func (*AbsentError) Absent() bool { return true }
