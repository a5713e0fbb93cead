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
	listed, noAPI, err := r.listed(ctx, subject)
	if err != nil {
		return nil, nil, err
	}
	fallback, err := r.fallback(ctx, subject)
	own, is := errors.AsType[*FallbackError](err)
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil && noAPI != nil && !(is && own.Is == subjectItself):
		return nil, nil, err
	case err != nil:
		notes = append(notes, err.Error())
	}
	if refused, is := errors.AsType[*StatusError](noAPI); noAPI != nil && !(is && refused.Status == http.StatusNotFound) {
		notes = append(notes, noAPI.Error())
	}
	list = joined(listed, fallback.list)
	if artifactType != "" {
		list = slices.DeleteFunc(list, func(d v1.Descriptor) bool { return d.ArtifactType != artifactType })
	}
	return list, notes, nil
}

// joined returns what is in one of two lists, sorted by digest.
func joined(a, b []v1.Descriptor) (list []v1.Descriptor) {
	seen := map[digest.Digest]bool{}
	for _, d := range slices.Concat(a, b) {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b v1.Descriptor) int { return strings.Compare(a.Digest.String(), b.Digest.String()) })
	return list
}

// listed asks the referrers API. Any answer that is no list means that there is no
// API, which noAPI says, and never that nothing is attached.
func (r *Repository) listed(ctx context.Context, subject digest.Digest) (list []v1.Descriptor, noAPI, err error) {
	c := call{what: "what is attached to " + subject.String(), method: http.MethodGet, url: r.url("/referrers/"+subject.String(), ""),
		header: http.Header{"Accept": {v1.MediaTypeImageIndex}}, scopes: r.scopes(false), here: true}
	for page := 1; page <= maxPages; page++ {
		index, more, err := r.page(ctx, c)
		if page == 1 && err != nil && ctx.Err() == nil && isNoAPI(err) {
			return nil, err, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if list = append(list, index.Manifests...); len(list) > maxReferrers {
			return nil, nil, finalf("%s: %s: has more than %d entries, the most that this version reads", r.Name(), c.what, maxReferrers)
		}
		if more == nil {
			return list, nil, nil
		}
		c.url = more
	}
	return nil, nil, finalf("%s: %s: has more than %d pages, the most that this version reads", r.Name(), c.what, maxPages)
}

// page gets one page of a list, and where the next is.
func (r *Repository) page(ctx context.Context, c call) (v1.Index, *url.URL, error) {
	resp, text, err := r.get(ctx, c)
	if err != nil {
		return v1.Index{}, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return v1.Index{}, nil, r.refusal(resp, c.what)
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	index, err := readIndex(text)
	if mediaType != v1.MediaTypeImageIndex {
		err = fmt.Errorf("is of type %q, wanted %q", clean(mediaType), v1.MediaTypeImageIndex)
	}
	if err != nil {
		return index, nil, &listError{r.Name() + ": " + c.what, err}
	}
	more, err := nextPage(resp.Request.URL, resp.Header)
	return index, more, err
}

// listError is an answer that should be a list and is something else.
type listError struct {
	what string
	err  error
}

func (e *listError) Error() string { return e.what + ": " + e.err.Error() }

// Unwrap returns the cause.
func (e *listError) Unwrap() error { return e.err }

// Wrong reports that bytes are there and wrong.
func (*listError) Wrong() bool { return true }

// isNoAPI reports whether a failure says that there is no API, or none for this user:
// not that the registry cannot be asked at all, which a later try may change.
func isNoAPI(err error) bool {
	if _, led := errors.AsType[redirectError](err); led { // as to a page where people log in
		return true
	}
	if _, other := errors.AsType[*listError](err); other {
		return true
	}
	refused, is := errors.AsType[*StatusError](err)
	return is && refused.Wait == "" && !worthRetry(refused.Status)
}

// nextPage returns where a list goes on, nil at its end. No Link leads elsewhere.
func nextPage(from *url.URL, h http.Header) (*url.URL, error) {
	for text := strings.Join(h.Values("Link"), ","); text != ""; {
		var target, params string
		target, params, text = link(text)
		if !isNext(params) {
			continue
		}
		to, err := from.Parse(target)
		if err != nil || to.Scheme != from.Scheme || to.User != nil || portOf(to) != portOf(from) || to.Path != from.Path {
			return nil, finalf("%s: the next page of a list is elsewhere", from.Host)
		}
		if to.RawQuery == from.RawQuery {
			return nil, finalf("%s: the next page of a list is the same one", from.Host)
		}
		to.Fragment, to.RawFragment = "", ""
		return to, nil
	}
	return nil, nil
}

// link splits <TARGET>; PARAMETERS off a Link header (RFC 8288). A comma in the target
// does not end it.
func link(text string) (target, params, rest string) {
	text = strings.TrimLeft(text, " \t,")
	if after, is := strings.CutPrefix(text, "<"); is {
		target, text, _ = strings.Cut(after, ">")
	}
	params, rest, _ = strings.Cut(text, ",")
	return target, params, rest
}

// isNext reports whether one of the parameters is rel=next.
func isNext(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") && strings.EqualFold(strings.Trim(value, " \t\""), "next") {
			return true
		}
	}
	return false
}

// readIndex reads an index of what is attached.
func readIndex(text []byte) (v1.Index, error) {
	var index v1.Index
	var outline struct {
		Manifests []json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(text, &outline); err != nil {
		return index, strict.Explain(text, err)
	}
	if n := len(outline.Manifests); n > maxReferrers { // which would take much more memory than text
		return index, fmt.Errorf("has %d entries, the most that this version reads is %d", n, maxReferrers)
	}
	if err := strict.Unmarshal(text, &index); err != nil {
		return index, err
	}
	if index.MediaType != "" && index.MediaType != v1.MediaTypeImageIndex || index.Manifests == nil && index.MediaType == "" {
		return index, fmt.Errorf("is of type %q, wanted %q", clean(index.MediaType), v1.MediaTypeImageIndex)
	}
	for _, d := range index.Manifests {
		if err := oci.CheckDigest(d.Digest); err != nil {
			return index, err
		}
		if d.Size < 0 {
			return index, fmt.Errorf("size of %s is %d, wanted 0 or more", d.Digest, d.Size)
		}
	}
	return index, nil
}
