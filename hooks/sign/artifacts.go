// SPDX-License-Identifier: BSD-2-Clause

package sign

import (
	"cmp"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	art "github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
)

// artifact is an archive, and what is to be signed of it.
type artifact struct {
	base  string           // its path without the ending
	items []signature.Item // of the image, or of the index and all its images
	lock  []signature.Item // of its lock, if it has one of its own
	list  []signature.Item // lines of the list of digests
}

// Items lists all that is to be signed of images.
func Items(cfg Config, members []*family.Member) ([]signature.Item, error) {
	artifacts, err := find(cfg, members)
	var list []signature.Item
	for _, a := range artifacts {
		list = slices.Concat(list, a.items, a.lock, a.list)
	}
	return list, err
}

// find sorts images by the archives that they are in.
func find(cfg Config, members []*family.Member) ([]artifact, error) {
	if err := cfg.check(members); err != nil {
		return nil, err
	}
	var list []artifact
	for i := 0; i < len(members); {
		n := i + 1
		for n < len(members) && members[n].Ref == members[i].Ref {
			n++
		}
		a := cfg.artifactOf(members[i:n])
		if slices.ContainsFunc(list, func(other artifact) bool { return other.base == a.base }) {
			return nil, fault.Usagef("%s: the signatures of another image given would have the same names", members[i].Ref.Name)
		}
		for _, item := range slices.Concat(a.items, a.lock, a.list) {
			if err := item.Check(); err != nil {
				return nil, fault.Unsupportedf("%s: %w", members[i].Ref.Name, err)
			}
		}
		list, i = append(list, a), n
	}
	return list, nil
}

// check finds what cannot be signed here.
func (cfg Config) check(members []*family.Member) error {
	names := map[string]bool{}
	for _, m := range members {
		if m.Ref.File == nil || m.Ref.File.Piped {
			return fault.Usagef("%s: is no file, so there is no place for signatures next to it", m.Ref.Name)
		}
		names[m.Image()] = true
		if cfg.Identity == "" {
			continue
		}
		if ref, err := registry.ParseReference(cfg.identityOf(m.Image())); err != nil || ref.Tag != "" || ref.Digest != "" {
			return fault.Usagef("--identity: found %s, wanted REGISTRY/PATH", cfg.Identity)
		}
	}
	if len(names) > 1 && cfg.Identity != "" && !strings.Contains(cfg.Identity, "{image}") {
		return fault.Usagef("--identity: found %s for %d images, wanted {image} in it, for the name of each", cfg.Identity, len(names))
	}
	for _, tag := range cfg.Tags {
		if err := registry.CheckTag(tag); err != nil {
			return &fault.UsageError{Err: err}
		}
	}
	return nil
}

// artifactOf lists what is to be signed of the images of one archive.
func (cfg Config) artifactOf(members []*family.Member) artifact {
	first := members[0]
	a := artifact{base: art.Base(first.Ref.Path())}
	identity := cfg.identityOf(first.Image())
	if identity != "" {
		ref, _ := registry.ParseReference(identity) // checked before
		identity = ref.Name()
	}
	forms := slices.DeleteFunc(slices.Clone(cfg.Forms), func(f attest.Form) bool { return f == attest.FormList })
	add := func(s signature.Subject, tags []string) {
		a.items = append(a.items, s.Items(identity, tags, forms...)...)
	}
	tags := slices.Compact(slices.Sorted(slices.Values(slices.Concat(first.Tags(), cfg.Tags))))
	top := top(first)
	name := cmp.Or(top.Annotations[v1.AnnotationRefName], first.Image())
	if top.Digest != first.Descriptor.Digest {
		index := signature.Subject{Name: name, Version: first.Version(), Digest: top.Digest}
		add(index, tags)
		a.list = index.Items("", nil, attest.FormList)
	}
	for _, m := range members {
		s := signature.Subject{Name: name, Version: m.Version(), Platform: m.Platform(), Digest: m.Descriptor.Digest}
		add(s, tags)
		if top.Digest == m.Descriptor.Digest {
			a.list = s.Items("", nil, attest.FormList)
		}
	}
	if first.Lock != nil && top.Digest == first.Descriptor.Digest {
		of := signature.Subject{Name: release.LockLine(lock.Name(first.Lock.Lock)), Version: first.Version(), Digest: digest.FromBytes(first.Lock.Text)}
		if slices.Contains(cfg.Forms, attest.FormBundle) {
			a.lock = of.Items("", nil, attest.FormBundle)
		}
		a.list = append(a.list, of.Items("", nil, attest.FormList)...)
	}
	if !slices.Contains(cfg.Forms, attest.FormList) {
		a.list = nil
	}
	return a
}

// identityOf is the repository of an image, "" for none.
func (cfg Config) identityOf(image string) string {
	return strings.ReplaceAll(cfg.Identity, "{image}", image)
}

// top describes what an archive leads to: an image, or the index that it is in.
func top(m *family.Member) v1.Descriptor {
	for _, d := range m.Contents.Index.Manifests {
		if d.Digest == m.Descriptor.Digest {
			return d
		}
	}
	if len(m.Contents.Index.Manifests) > 0 {
		return m.Contents.Index.Manifests[0]
	}
	return m.Descriptor
}
