// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release/oci"
)

// Bounds of a list of referrers.
const (
	maxPages     = 100
	maxReferrers = 1000
)

// Referrers lists what is attached to a manifest, by artifact type: "" for all. It
// asks the referrers API and reads the fallback tag, joined by digest, sorted. What is
// wrong with one of the two is in notes if the other has an answer.
func (r *Repository) Referrers(ctx context.Context, subject digest.Digest, artifactType string) (list []v1.Descriptor, notes []string, err error) {
	listed, _, apiErr := r.listed(ctx, subject)
	fallback, tagErr := r.fallback(ctx, subject)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if fatal(apiErr) {
		return nil, nil, apiErr
	}
	if tagErr != nil {
		notes = append(notes, tagErr.Error())
	}
	seen := map[digest.Digest]bool{}
	for _, d := range slices.Concat(listed, fallback) {
		if !seen[d.Digest] && (artifactType == "" || d.ArtifactType == artifactType) {
			seen[d.Digest] = true
			list = append(list, d)
		}
	}
	slices.SortFunc(list, byDigest)
	return list, notes, nil
}

func byDigest(a, b v1.Descriptor) int { return strings.Compare(a.Digest.String(), b.Digest.String()) }

// fatal reports whether a failure of the API says that the registry cannot be asked at
// all: no answer, or none for this user.
func fatal(err error) bool {
	refused, is := errors.AsType[*StatusError](err)
	return err != nil && (!is || refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden || temporary(refused.Status) && refused.Status != http.StatusNotImplemented)
}

// listed asks the referrers API. Api reports whether there is one: an answer of any
// other kind means that there is not, and never that nothing is attached.
func (r *Repository) listed(ctx context.Context, subject digest.Digest) (list []v1.Descriptor, api bool, err error) {
	at := r.url("/referrers/"+subject.String(), "")
	for page := 0; page < maxPages; page++ {
		what := "what is attached to " + subject.String()
		resp, err := r.send(ctx, call{what: what, method: http.MethodGet, url: at, header: http.Header{"Accept": {v1.MediaTypeImageIndex}}, scopes: r.scopes(false)})
		switch {
		case err != nil && ctx.Err() == nil && notAPI(err):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		case resp.StatusCode != http.StatusOK:
			return list, false, r.refusal(resp, what)
		}
		text, err := document(resp)
		resp.Body.Close()
		mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		index, bad := readIndex(text)
		if err != nil || bad != nil || mediaType != v1.MediaTypeImageIndex || !r.ours(resp.Request.URL) {
			return nil, false, nil
		}
		if list = append(list, index.Manifests...); len(list) > maxReferrers {
			return nil, true, finalf("%s: more than %d manifests are attached to %s, the most that this version reads", r.Name(), maxReferrers, subject)
		}
		more, err := nextPage(resp.Request.URL, resp.Header)
		if err != nil || more == nil {
			return list, true, err
		}
		at = more
	}
	return nil, true, finalf("%s: what is attached to %s has more than %d pages", r.Name(), subject, maxPages)
}

// notAPI reports whether a request got nowhere because it was led elsewhere, as to a
// page where people log in.
func notAPI(err error) bool {
	var final interface{ Final() bool }
	return errors.As(err, &final) && final.Final() && strings.Contains(err.Error(), "is redirected")
}

// nextPage returns where a list goes on, nil at its end. No Link leads elsewhere.
func nextPage(from *url.URL, h http.Header) (*url.URL, error) {
	for _, link := range strings.Split(strings.Join(h.Values("Link"), ","), ",") {
		target, params, ok := strings.Cut(strings.TrimSpace(link), ">")
		if rel := strings.ReplaceAll(params, `"`, ""); !ok || !strings.HasPrefix(target, "<") || !strings.Contains(rel, "rel=next") {
			continue
		}
		to, err := from.Parse(target[1:])
		if err != nil || to.Scheme != from.Scheme || portOf(to) != portOf(from) || to.Path != from.Path {
			return nil, finalf("%s: the next page of a list is elsewhere", from.Host)
		}
		if to.RawQuery == from.RawQuery {
			return nil, finalf("%s: the next page of a list is the same one", from.Host)
		}
		return to, nil
	}
	return nil, nil
}

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

// fallback reads the list at the fallback tag, nil if there is none. Some registries
// resolve the tag to the subject itself, which is no list.
func (r *Repository) fallback(ctx context.Context, subject digest.Digest) ([]v1.Descriptor, error) {
	tag := FallbackTag(subject)
	m, err := r.Manifest(ctx, tag)
	if refused, is := errors.AsType[*StatusError](err); is && refused.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if m.Digest == subject {
		return nil, &FallbackError{r.Name(), tag, subjectItself}
	}
	index, err := readIndex(m.Text)
	if err != nil {
		return nil, &FallbackError{r.Name(), tag, "something else (" + err.Error() + ")"}
	}
	if len(index.Manifests) > maxReferrers {
		return nil, &FallbackError{r.Name(), tag, fmt.Sprintf("a list of %d", len(index.Manifests))}
	}
	return index.Manifests, nil
}

// readIndex reads an index of what is attached.
func readIndex(text []byte) (v1.Index, error) {
	var index v1.Index
	if err := strict.Unmarshal(text, &index); err != nil {
		return index, err
	}
	if index.MediaType != "" && index.MediaType != v1.MediaTypeImageIndex || index.Manifests == nil && index.MediaType == "" {
		return index, fmt.Errorf("its type is %q", clean(index.MediaType))
	}
	for _, d := range index.Manifests {
		if err := oci.CheckDigest(d.Digest); err != nil {
			return index, err
		}
		if d.Size < 0 {
			return index, fmt.Errorf("size of %s is %d", d.Digest, d.Size)
		}
	}
	return index, nil
}

// UnkeptError is a registry that keeps no attachments.
type UnkeptError struct {
	Where string
	Err   error // what is wrong with its fallback tag; nil for nothing
}

func (e *UnkeptError) Error() string {
	text := e.Where + ": the registry keeps nothing that is attached: it has no referrers API"
	if e.Err != nil {
		return text + fmt.Sprintf(", and the fallback tag does not work: %v", e.Err)
	}
	return text + ", and the fallback tag shows something else"
}

// Unwrap returns the cause.
func (e *UnkeptError) Unwrap() error { return e.Err }

// Failed reports that this registry cannot do it.
func (*UnkeptError) Failed() bool { return true }

// Listed makes sure that others find what is attached to a subject, which is stored
// already: by the API, whatever its headers say, or else by the fallback tag.
func (r *Repository) Listed(ctx context.Context, subject digest.Digest, attached []v1.Descriptor) error {
	listed, api, err := r.listed(ctx, subject)
	if fatal(err) {
		return err
	}
	if api && err == nil && len(absentFrom(listed, attached)) == 0 {
		return nil
	}
	for try := 0; ; try++ {
		there, err := r.fallback(ctx, subject)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch own, is := errors.AsType[*FallbackError](err); {
		case err == nil && len(absentFrom(there, attached)) == 0:
			return nil
		case err != nil && !(is && own.Is == subjectItself): // where that stands, a list may still be stored
			return &UnkeptError{r.Name(), err}
		case try == writes:
			return &UnkeptError{r.Name(), err}
		}
		if err := r.writeFallback(ctx, subject, append(slices.Clone(there), absentFrom(there, attached)...)); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &UnkeptError{r.Name(), err}
		}
	}
}

// writes is how often the fallback tag is written: another writer may come between.
const writes = 3

// absentFrom returns what a list lacks.
func absentFrom(list, wanted []v1.Descriptor) []v1.Descriptor {
	return slices.DeleteFunc(slices.Clone(wanted), func(w v1.Descriptor) bool {
		return slices.ContainsFunc(list, func(d v1.Descriptor) bool { return d.Digest == w.Digest })
	})
}

// writeFallback stores a list at the fallback tag, sorted.
func (r *Repository) writeFallback(ctx context.Context, subject digest.Digest, list []v1.Descriptor) error {
	slices.SortFunc(list, byDigest)
	index := v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: list}
	index.SchemaVersion = 2
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	m := &Manifest{v1.Descriptor{MediaType: v1.MediaTypeImageIndex, Digest: digest.FromBytes(text), Size: int64(len(text))}, text}
	return r.put(ctx, m, FallbackTag(subject))
}
