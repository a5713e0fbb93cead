// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/registry"
)

// Finder finds images, and says which of them are trusted.
type Finder struct {
	Find     func(ctx context.Context, reference string) (*artifact.Ref, error)
	Keys     attest.Trust // whose signatures count
	Unsigned bool         // take what a registry has, whoever made it
	// Given are references that the user names for the parents of locks.
	Given []string
	Notes Notes // of earlier runs; nil for none
	Blobs Blobs // that were fetched; nil to keep none
}

// Check finds references that cannot be trusted, whatever they lead to.
func (f *Finder) Check(reference string) error {
	if !define.Remote(reference) {
		return nil
	}
	ref, err := registry.ParseReference(reference)
	if err != nil {
		return err
	}
	if ref.Digest == "" && f.Keys.IsEmpty() && !f.Unsigned {
		return fault.Usagef("who vouches for it? Wanted its digest (%s@sha256:…), --parent-key, or --insecure-unsigned", reference)
	}
	return nil
}

// judge says why an image may be taken. A tag was resolved by now.
func (f *Finder) judge(ctx context.Context, ref *artifact.Ref) (lock.Trust, error) {
	switch {
	case ref.Remote == nil:
		return lock.OnDisk, nil
	case !f.Keys.IsEmpty():
		return lock.ByKey, f.signed(ctx, ref.Remote)
	case ref.Remote.Asked.Digest != "":
		return lock.ByDigest, nil
	case f.Unsigned:
		return lock.Unsigned, nil
	}
	return "", f.Check(ref.Name)
}

// signed requires a signature by a key that counts, for this repository and these bytes.
func (f *Finder) signed(ctx context.Context, image *registry.Image) error {
	found, _, err := signature.Registry(ctx, image.From, image.Digest)
	if err != nil {
		return err
	}
	var reasons []string
	for _, s := range found {
		if _, why := s.Judge(f.Keys, image.Digest, image.Reference.Name()); why == "" {
			return nil
		} else if !slices.Contains(reasons, why) {
			reasons = append(reasons, why)
		}
	}
	return &UntrustedError{image.Digest, reasons}
}

// UntrustedError is an image of a registry that no given key has signed.
type UntrustedError struct {
	Digest  digest.Digest
	Reasons []string // why the signatures that it has do not count
}

func (e *UntrustedError) Error() string {
	if len(e.Reasons) == 0 {
		return fmt.Sprintf("%s is not signed", e.Digest)
	}
	return fmt.Sprintf("%s has no signature that counts: one %s", e.Digest, strings.Join(e.Reasons, "; one "))
}

// Wrong reports that nobody vouches for the bytes.
func (*UntrustedError) Wrong() bool { return true }
