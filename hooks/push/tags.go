// SPDX-License-Identifier: BSD-2-Clause

package push

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/registry"
)

// tag is a name for an image in its repository.
type tag struct {
	name string
	rule rule
	set  bool // it names the image already
}

// rule says when a tag may come to name something else. Tags are set in the order of
// their rules.
type rule int

const (
	fixed  rule = iota // never
	moving             // to a newer version
	free               // whenever the user asks for it
)

// wantedTags lists the tags of an image: those of its version if it is FreeBSD's and has
// all its platforms, those of its definition if it is the user's own, and those that
// the user gives. If there are none, one keeps a registry from collecting the image.
func wantedTags(cfg Config, j *job) ([]tag, error) {
	var tags []tag
	add := func(r rule, names ...string) {
		for _, name := range names {
			if !slices.ContainsFunc(tags, func(t tag) bool { return t.name == name }) {
				tags = append(tags, tag{name: name, rule: r})
			}
		}
	}
	first, ours := j.Members[0], j.Members[0].IsFreeBSDs()
	switch def, known := first.Definition(); {
	case cfg.NoTags:
	case ours && len(j.Members) > 1:
		of := release.TagsOf(j.Version())
		if of.Fixed == "" && len(cfg.Tags) == 0 {
			return nil, fault.Usagef("neither its lock nor its annotations tell a version of FreeBSD's packages: give --tag or --no-tags")
		}
		if of.Fixed != "" {
			add(fixed, of.Fixed)
		}
		if of.Moving != "" {
			add(moving, of.Moving)
		}
	case !ours && known:
		add(free, def.Tags...)
	}
	for _, name := range cfg.Tags {
		switch {
		case ours && release.IsFixedTag(name):
			add(fixed, name)
		case ours && release.IsMovingTag(name):
			add(moving, name)
		default:
			add(free, name)
		}
	}
	if len(tags) == 0 {
		add(free, holdingTag(j))
	}
	slices.SortStableFunc(tags, func(a, b tag) int { return cmp.Compare(a.rule, b.rule) })
	return tags, checkTags(tags)
}

// holdingTag is the tag of an image that has no other yet: some registries collect what
// has none within the hour.
func holdingTag(j *job) string {
	name := "orlop-" + cmp.Or(j.Version(), j.Members[0].Manifest.Annotations[v1.AnnotationVersion], j.root().Digest.Encoded()[:12])
	if len(j.Members) == 1 {
		name += "-" + artifact.TargetArch(j.Members[0].Contents)
	}
	return name
}

// checkTags finds tags that a registry cannot tell apart, or cannot have.
func checkTags(tags []tag) error {
	for i, t := range tags {
		if err := registry.CheckTag(t.name); err != nil {
			return &fault.UsageError{Err: err}
		}
		for _, other := range tags[:i] {
			if strings.EqualFold(t.name, other.name) {
				return fault.Usagef("tags %s and %s: differ only in case, which some registries do not keep", other.name, t.name)
			}
		}
	}
	return nil
}

// chooseTags finds the tags of all images, and looks at what they name now. A tag that
// never moves and names something else stops the whole push.
func chooseTags(ctx context.Context, cfg Config, jobs []*job) error {
	if cfg.NoTags && len(cfg.Tags) > 0 {
		return fault.Usagef("--tag and --no-tags contradict each other")
	}
	return each(ctx, cfg, jobs, func(ctx context.Context, j *job) error {
		tags, err := wantedTags(cfg, j)
		if err != nil {
			return err
		}
		for _, name := range cfg.MoveTags {
			if !slices.ContainsFunc(tags, func(t tag) bool { return t.name == name }) {
				return fault.Usagef("--move-tag %s: the image gets no such tag", name)
			}
		}
		var errs []error
		for _, t := range tags {
			keep, err := j.look(ctx, cfg, &t)
			errs = append(errs, err)
			if keep != "" {
				j.kept = append(j.kept, keep)
				cfg.Observe.Notice("image %s: %s", j.Image, keep)
				continue
			}
			j.tags = append(j.tags, t)
		}
		return errors.Join(errs...)
	})
}

// look finds what a tag names now. It returns why the tag stays where it is, "" if it
// does not.
func (j *job) look(ctx context.Context, cfg Config, t *tag) (keep string, err error) {
	there, err := j.to.Manifest(ctx, t.name)
	if refused, is := errors.AsType[*registry.StatusError](err); is && isUnknown(refused.Status) {
		return "", nil // no registry tells a stranger whether it has it
	}
	if err != nil {
		return "", err
	}
	switch {
	case there.Digest == j.root().Digest:
		t.set = true
	case t.rule == fixed:
		return "", &registry.ImmutableError{Where: j.to.Name(), Tag: t.name, Found: there.Digest, Wanted: j.root().Digest}
	case t.rule == moving && !slices.Contains(cfg.MoveTags, t.name):
		was, now := j.versionThere(ctx, there), j.Version()
		if was != "" && (now == "" || pkgver.Compare(was, now) >= 0) {
			return fmt.Sprintf("tag %s stays: it names version %s, and this is %s; --move-tag %s moves it", t.name, was, cmp.Or(now, "of none"), t.name), nil
		}
	}
	return "", nil
}

func isUnknown(status int) bool {
	return status == http.StatusNotFound || status == http.StatusUnauthorized || status == http.StatusForbidden
}

// versionThere finds the version of what a tag names: that of the packages in its lock,
// and of its annotations; "" if neither tells.
func (j *job) versionThere(ctx context.Context, there *registry.Manifest) string {
	var doc struct {
		Manifests   []v1.Descriptor
		Annotations map[string]string
	}
	if json.Unmarshal(there.Text, &doc) != nil {
		return ""
	}
	newest := lock.VersionOf(doc.Annotations)
	subject := there.Digest
	if len(doc.Manifests) > 0 {
		subject = doc.Manifests[0].Digest
	}
	found, _, err := j.to.Attachments(ctx, subject, maxLock, lock.MediaType)
	if err != nil {
		return newest
	}
	for _, a := range found {
		var l struct{ Packages []lock.Package } // all that matters here of a lock of any format
		if json.Unmarshal(a.Text, &l) == nil {
			newest = lock.Newer(newest, lock.LockedVersion(l.Packages))
		}
	}
	return newest
}

// maxLock bounds a lock, in bytes.
const maxLock = 64 << 20

// setTags sets the tags of all images: first those that never move.
func setTags(ctx context.Context, cfg Config, jobs []*job) error {
	cfg.Observe.Send(event.Event{Hook: "tags"})
	for _, r := range []rule{fixed, moving, free} {
		err := each(ctx, cfg, jobs, func(ctx context.Context, j *job) error {
			for _, t := range j.tags {
				if t.rule != r || t.set {
					continue
				}
				if err := j.to.Tag(ctx, j.root(), t.name); err != nil {
					return err
				}
				j.count(Sent{Manifests: 1})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
