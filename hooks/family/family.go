// SPDX-License-Identifier: BSD-2-Clause

// Package family joins images of one name for several platforms: it reads and checks
// them, wherever they are, and makes the index by which a registry offers them as one.
package family

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// Member is an image for one platform.
type Member struct {
	*oci.Contents
	Ref    *artifact.Ref
	Source oci.Source        // open until the reference is closed
	Lock   *verify.GivenLock // nil if there is none
	Kept   []Catalogue       // that vouch for the lock
	Notes  []string
}

// Catalogue is a signed catalogue kept with a lock.
type Catalogue struct {
	Name string // of its file
	Text []byte
}

// Family is one image for all its platforms.
type Family struct {
	Image   string          // its short name, as in runtime
	Members []*Member       // by architecture and variant
	Refs    []*artifact.Ref // all that have some of them, beside which there may be signatures
	// Index leads to all members; of a single member, too.
	Index     v1.Descriptor
	IndexText []byte
}

// agreed are the annotations in which all members of a family agree. Of these the first
// two must be the same; the others are those of the index only where they are.
var agreed = []string{v1.AnnotationTitle, v1.AnnotationVersion, v1.AnnotationVendor, v1.AnnotationLicenses, v1.AnnotationDescription,
	v1.AnnotationSource, v1.AnnotationURL, v1.AnnotationDocumentation, v1.AnnotationRevision}

// Join sorts images into families. Two images of one name that contradict each other
// are an error, and so are two for one platform.
func Join(members []*Member) ([]*Family, error) {
	var families []*Family
	for _, m := range members {
		i := slices.IndexFunc(families, func(f *Family) bool { return f.Image == m.Image() })
		if i < 0 {
			families = append(families, &Family{Image: m.Image()})
			i = len(families) - 1
		}
		if err := families[i].add(m); err != nil {
			return nil, err
		}
	}
	for _, f := range families {
		f.makeIndex()
	}
	slices.SortFunc(families, func(a, b *Family) int { return strings.Compare(a.Image, b.Image) })
	return families, nil
}

// ContradictionError is an image that does not fit another one of its name.
type ContradictionError struct {
	One, Other string // as the user named them
	What       string
	Found      string
	Wanted     string
}

func (e *ContradictionError) Error() string {
	return fmt.Sprintf("%s and %s are not one image: %s is %q and %q", e.Other, e.One, e.What, e.Wanted, e.Found)
}

// Unmet reports that the request cannot be met.
func (*ContradictionError) Unmet() bool { return true }

// add adds a member in its place. The same image named twice is one.
func (f *Family) add(m *Member) error {
	if !slices.Contains(f.Refs, m.Ref) {
		f.Refs = append(f.Refs, m.Ref)
	}
	for _, other := range f.Members {
		if other.Descriptor.Digest == m.Descriptor.Digest {
			return nil
		}
		if err := disagree(other.Manifest.Annotations, m.Manifest.Annotations, other.Ref.Name, m.Ref.Name); err != nil {
			return err
		}
		if a, b := other.Platform(), m.Platform(); a == b {
			return &ContradictionError{m.Ref.Name, other.Ref.Name, "both are for " + a + "; the manifest", m.Descriptor.Digest.String(), other.Descriptor.Digest.String()}
		}
	}
	f.Members = append(f.Members, m)
	slices.SortFunc(f.Members, func(a, b *Member) int {
		return cmp.Or(strings.Compare(a.Config.Architecture, b.Config.Architecture), strings.Compare(a.Config.Variant, b.Config.Variant), strings.Compare(a.Config.OS, b.Config.OS))
	})
	return nil
}

// disagree compares the annotations that all members of a family must have in common.
func disagree(one, other map[string]string, nameOne, nameOther string) error {
	for _, key := range agreed[:2] {
		if a, b := one[key], other[key]; a != b {
			return &ContradictionError{nameOther, nameOne, strings.TrimPrefix(key, "org.opencontainers.image."), b, a}
		}
	}
	return nil
}

func (f *Family) makeIndex() {
	var images []v1.Descriptor
	for _, m := range f.Members {
		d := m.Descriptor
		d.Platform = &v1.Platform{OS: m.Config.OS, Architecture: m.Config.Architecture, Variant: m.Config.Variant}
		images = append(images, d)
	}
	annotations := map[string]string{}
	for _, key := range agreed {
		value := f.Members[0].Manifest.Annotations[key]
		if value != "" && !slices.ContainsFunc(f.Members, func(m *Member) bool { return m.Manifest.Annotations[key] != value }) {
			annotations[key] = value
		}
	}
	f.IndexText = oci.ImageIndex(images, annotations)
	f.Index = oci.DescriptorOf(v1.MediaTypeImageIndex, f.IndexText)
}

// Image returns the short name of the image.
func (m *Member) Image() string { return artifact.Name(m.Contents) }

// Platform spells the platform as --platform does.
func (m *Member) Platform() string {
	return oci.PlatformText(m.Config.Platform)
}

// IsFreeBSDs reports whether the image is one of FreeBSD's own: by its definition, or
// else by what it says of itself.
func (m *Member) IsFreeBSDs() bool {
	if def, ok := m.Definition(); ok {
		return def.FreeBSD
	}
	return m.Manifest.Annotations[v1.AnnotationVendor] == define.Vendor && slices.Contains(define.StandardNames(), m.Image())
}

// RefName is the name that the layout around the index gives it.
func (f *Family) RefName() string {
	m := f.Members[0]
	name := f.Image
	if m.IsFreeBSDs() {
		name = define.Image{Name: f.Image, FreeBSD: true}.FullName()
	}
	if version := m.Manifest.Annotations[v1.AnnotationVersion]; version != "" {
		name += ":" + version
	}
	return name
}

// Only returns the one family of a list that must have no more.
func Only(families []*Family) (*Family, error) {
	if len(families) > 1 {
		a, b := families[0].Members[0], families[1].Members[0]
		return nil, &ContradictionError{b.Ref.Name, a.Ref.Name, "the image", b.Image(), a.Image()}
	}
	return families[0], nil
}

// Check reads images and finds what is wrong with them, in all bytes but those inside
// layers: documents, digests and sizes of all blobs, and what their locks say.
func Check(ctx context.Context, refs []*artifact.Ref, platform string, jobs int) ([]*Member, error) {
	lists, errs := make([][]*Member, len(refs)), make([]error, len(refs))
	var group errgroup.Group
	group.SetLimit(jobs)
	var near beside
	for i, ref := range refs {
		group.Go(func() error {
			lists[i], errs[i] = read(ctx, ref, platform, &near)
			return nil
		})
	}
	_ = group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	members := slices.Concat(lists...)
	errs = append(errs, checkBlobs(ctx, members, jobs))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return members, nil
}
