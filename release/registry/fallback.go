// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
)

// FallbackTag is where a registry without the referrers API has what is attached to a
// manifest (distribution-spec, Referrers Tag Schema).
func FallbackTag(subject digest.Digest) string {
	return subject.Algorithm().String() + "-" + subject.Encoded()
}

// FallbackError is a fallback tag that is no list of attachments.
type FallbackError struct {
	Where, Tag, Is string
}

// subjectItself is what some registries show at the fallback tag.
const subjectItself = "the manifest itself"

func (e *FallbackError) Error() string {
	return fmt.Sprintf("%s: tag %s is %s, wanted an index of what is attached", e.Where, e.Tag, e.Is)
}

// Wrong reports that bytes are there and wrong.
func (*FallbackError) Wrong() bool { return true }

// fallback is what a fallback tag has.
type fallback struct {
	list []v1.Descriptor
	was  digest.Digest // of the index; "" if there is none
	etag string
}

// fallback reads the list at the fallback tag. Some registries resolve the tag to the
// subject itself, which is no list.
func (r *Repository) fallback(ctx context.Context, subject digest.Digest) (fallback, error) {
	tag := FallbackTag(subject)
	m, h, err := r.manifest(ctx, tag)
	if refused, is := errors.AsType[*StatusError](err); is && refused.Status == http.StatusNotFound {
		return fallback{}, nil
	}
	if err != nil {
		return fallback{}, err
	}
	there := fallback{was: m.Digest, etag: h.Get("Etag")}
	if m.Digest == subject {
		return there, &FallbackError{r.Name(), tag, subjectItself}
	}
	index, err := readIndex(m.Text)
	if err != nil {
		return there, &FallbackError{r.Name(), tag, "something else (" + err.Error() + ")"}
	}
	there.list = index.Manifests
	return there, nil
}

// UnkeptError is a registry that keeps no attachments.
type UnkeptError struct {
	Where string
	Err   error // what is wrong with its fallback tag; nil for nothing
}

func (e *UnkeptError) Error() string {
	text := e.Where + ": the registry keeps nothing that is attached: no referrers API shows it"
	if e.Err != nil {
		return text + fmt.Sprintf(", and the fallback tag does not work: %v", e.Err)
	}
	return text + ", and the fallback tag shows something else"
}

// Unwrap returns the cause.
func (e *UnkeptError) Unwrap() error { return e.Err }

// Failed reports that this registry cannot do it.
func (*UnkeptError) Failed() bool { return true }

// Hint says how to push all the same.
func (*UnkeptError) Hint() string { return "--no-attachments pushes without locks and catalogues" }

// writes is how often the fallback tag is written: another writer may come between.
const writes = 3

// Listed makes sure that others find what is attached to a subject, which is stored
// already: by the API, whatever its headers say, or else by the fallback tag.
func (r *Repository) Listed(ctx context.Context, subject digest.Digest, attached []v1.Descriptor) error {
	listed, noAPI, err := r.listed(ctx, subject)
	if err != nil {
		return err
	}
	if noAPI == nil && !lacks(listed, attached) {
		return nil
	}
	wanted := attached // and what others have written, which may get lost beside ours
	there, err := r.fallback(ctx, subject)
	for try := 0; ; try++ {
		if err == nil && !lacks(there.list, wanted) {
			return nil
		}
		// Where the subject itself stands, a list may still be stored.
		if own, is := errors.AsType[*FallbackError](err); err != nil && !(is && own.Is == subjectItself) || try == writes {
			return r.unkept(ctx, err)
		}
		if try == writes-1 {
			there.etag = "" // perhaps it is not the tag that differs
		}
		wanted = joined(wanted, there.list)
		before := there
		there, err = r.list(ctx, subject, wanted, before)
		if refused, is := errors.AsType[*StatusError](err); is && refused.BlobUnknown() {
			rest, missing := r.present(ctx, wanted)
			if missing != nil || lacks(rest, attached) {
				return r.unkept(ctx, errors.Join(missing, err)) // what is missing is ours
			}
			wanted = rest
			there, err = r.list(ctx, subject, wanted, before)
		}
	}
}

// present leaves out what a registry lists and has no more: it may not take a list
// with that.
func (r *Repository) present(ctx context.Context, list []v1.Descriptor) (there []v1.Descriptor, err error) {
	for _, d := range list {
		has, err := r.Has(ctx, d)
		if err != nil {
			return nil, err
		}
		if has {
			there = append(there, d)
		} else if r.client.Notice != nil {
			r.client.Notice(fmt.Sprintf("%s: %s is listed as attached and is not there; the list goes on without it", r.Name(), d.Digest))
		}
	}
	return there, nil
}

// unkept judges why a fallback tag does not work: what is for the registry or the user
// to mend stays as it is.
func (r *Repository) unkept(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	refused, is := errors.AsType[*StatusError](err)
	if err != nil && fault.ClassOf(err) == fault.Absent && !(is && refused.unknown()) {
		return err
	}
	return &UnkeptError{r.Name(), err}
}

// lacks reports whether a list has not all of the others.
func lacks(list, wanted []v1.Descriptor) bool {
	return slices.ContainsFunc(wanted, func(w v1.Descriptor) bool {
		return !slices.ContainsFunc(list, func(d v1.Descriptor) bool { return d.Digest == w.Digest })
	})
}

// list stores a list at the fallback tag, and returns what the tag shows then, once that
// is no longer what it was.
func (r *Repository) list(ctx context.Context, subject digest.Digest, list []v1.Descriptor, before fallback) (fallback, error) {
	tag := FallbackTag(subject)
	if len(list) > maxReferrers {
		return before, &FallbackError{r.Name(), tag, "full"}
	}
	index := v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: list}
	index.SchemaVersion = 2
	text, err := json.Marshal(index)
	if err != nil {
		return before, err
	}
	m := &Manifest{v1.Descriptor{MediaType: v1.MediaTypeImageIndex, Digest: digest.FromBytes(text), Size: int64(len(text))}, text}
	header := http.Header{}
	if before.etag != "" {
		header.Set("If-Match", before.etag)
	}
	err = r.write(ctx, m, tag, header)
	if refused, is := errors.AsType[*StatusError](err); is && refused.Status == http.StatusPreconditionFailed && before.etag != "" {
		return r.fallback(ctx, subject) // another writer came between
	}
	if err != nil {
		return before, err
	}
	for _, wait := range waits {
		now, err := r.fallback(ctx, subject)
		if now.was != "" && now.was != before.was {
			return now, err
		}
		if _, other := errors.AsType[*FallbackError](err); err != nil && !other {
			return now, err
		}
		if err := sleep(ctx, wait*r.client.backoff(1)); err != nil {
			return now, err
		}
	}
	return before, &FallbackError{r.Name(), tag, "what it was before it was written"}
}
