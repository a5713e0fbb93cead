// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/registry"
)

// ownFiles are the files that definitions bring. Those of their folders are hashed first,
// as nothing else says what they are; archives and other images have sums, so they are only
// unpacked if an earlier build has not made the layers.
type ownFiles map[*resolve.Step]*ownSet

// ownSet is what one image has of its own.
type ownSet struct {
	own.Set
	whole  bool                  // all of it was read
	images map[int]*parent.Image // that its trees are taken from, by their numbers
}

// close releases what files are read from.
func (all ownFiles) close() {
	for _, set := range all {
		set.Close()
	}
}

// sets are those of all steps.
func (all ownFiles) sets() map[*resolve.Step]own.Set {
	sets := map[*resolve.Step]own.Set{}
	for m, set := range all {
		sets[m] = set.Set
	}
	return sets
}

// digests are those of the images that trees are taken from.
func (s *ownSet) digests() []string {
	var list []string
	for _, i := range slices.Sorted(maps.Keys(s.images)) {
		list = append(list, s.images[i].Base.Digest.String())
	}
	return list
}

// owner reads the files that definitions bring.
type owner struct {
	Config
	family *resolve.Family
	create func() (*os.File, error) // makes a file without a name
}

// ownerOf returns the owner of a run; without an output folder its files are anywhere.
func ownerOf(cfg Config, family *resolve.Family, out *output.Folder) *owner {
	if out == nil {
		return &owner{cfg, family, layout.Unnamed}
	}
	return &owner{cfg, family, out.Scratch}
}

// begin hashes the files of definitions' folders, and opens other images. An error comes
// with those so far.
func (o *owner) begin(ctx context.Context) (ownFiles, error) {
	all := ownFiles{}
	var errs []error
	for _, m := range o.family.Steps {
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		all[m] = &ownSet{images: map[int]*parent.Image{}}
		errs = append(errs, fault.Within("image "+m.Def.Name, o.beginOne(ctx, m, all[m])))
	}
	return all, errors.Join(errs...)
}

// beginOne is begin for one image. What a lock fixes comes from the lock.
func (o *owner) beginOne(ctx context.Context, m *resolve.Step, set *ownSet) (err error) {
	if m.Pinned != nil && (!m.Folder.Given(m.Def.Locals()) || !m.DefinedWell() && m.Def.TakesFromDisk()) {
		set.Set, err = own.Locked(ctx, m.Pinned.Own, streamed(o.Input), o.create, o.Observe)
		set.whole = true
		return err
	}
	if set.Files, err = own.Local(ctx, &m.Def, m.Folder, o.create, o.Observe); err != nil {
		return err
	}
	for i := range m.Def.Trees {
		if m.Def.Trees[i].Image != "" {
			if err := o.openImage(ctx, m, set, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete unpacks archives and other images.
func (o *owner) complete(ctx context.Context, all ownFiles) error {
	var errs []error
	for _, m := range o.family.Steps {
		if set := all[m]; !set.whole && ctx.Err() == nil {
			errs = append(errs, fault.Within("image "+m.Def.Name, o.completeOne(ctx, m, set)))
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

func (o *owner) completeOne(ctx context.Context, m *resolve.Step, set *ownSet) error {
	for _, i := range slices.Sorted(maps.Keys(set.images)) {
		image := set.images[i]
		if err := image.Examine(ctx); err != nil {
			return err
		}
		more, err := own.Image(ctx, &m.Def.Trees[i], i+1, image.Whole, image.Base.Digest.String(), o.create)
		if err != nil {
			return err
		}
		set.Join(more)
	}
	for i := range m.Def.Archives {
		more, err := o.readArchive(ctx, m, i)
		if err != nil {
			return err
		}
		set.Join(more)
	}
	set.whole = true
	if err := set.Settle(); err != nil || m.Pinned == nil {
		return err
	}
	return own.Compare(set.Files, m.Pinned.Own)
}

// readArchive unpacks a release archive of a definition, once its sum is right.
func (o *owner) readArchive(ctx context.Context, m *resolve.Step, i int) (own.Set, error) {
	a := &m.Def.Archives[i]
	repos := repositories(o.Input)
	if repos == nil {
		return own.Set{}, fault.Unsupportedf("archive %s: an image from a root folder can have none", a.URL)
	}
	locks, _ := o.Input.(*input.Locks)
	guarded := m.Pinned != nil && !m.DefinedWell() && (locks == nil || !locks.LockURLs) // a stranger's URL
	file, err := repos.Store.Release(ctx, a.URL, a.SHA256, guarded)
	if err != nil {
		return own.Set{}, err
	}
	set, err := own.Archive(ctx, a, 1+len(m.Def.Trees)+i, file, o.create, o.Observe)
	if err != nil {
		file.Close()
	}
	return set, err
}

// openImage opens the image that a tree of a definition is taken from. One of a registry is,
// for a lock, the one that the lock has.
func (o *owner) openImage(ctx context.Context, m *resolve.Step, set *ownSet, i int) error {
	t := &m.Def.Trees[i]
	platform := t.Platform
	if platform == "" {
		p, err := o.family.Release.Platform()
		if err != nil {
			return err
		}
		platform = p.String()
	}
	reference := define.Within(m.Folder.Dir, t.Image)
	if m.Pinned != nil {
		at := slices.IndexFunc(m.Pinned.Own, func(f lock.Own) bool { return f.Group == i+1 })
		if at >= 0 {
			reference = pinned(reference, m.Pinned.Own[at].From)
		}
	}
	image, err := o.Parents.Take(ctx, reference, platform)
	if err != nil {
		return err
	}
	set.images[i] = image
	set.Closing(image)
	return nil
}

// pinned is a reference to an image of a registry by its digest.
func pinned(reference, digest string) string {
	ref, err := registry.ParseReference(reference)
	if err != nil || !define.Remote(reference) {
		return reference
	}
	return registry.Scheme + ref.Name() + "@" + digest
}

// streamed passes on files of the artifacts that are built again, nil for none.
func streamed(in input.Input) own.Stream {
	if locks, is := in.(*input.Locks); is {
		return locks.Streamed
	}
	return nil
}
