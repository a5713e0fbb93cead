// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/oci"
)

// Opener opens a blob from some byte on. It may be called any number of times.
type Opener func(from int64) (io.ReadCloser, error)

// maxChunk is the largest part of a blob that ghcr.io takes alone, in bytes.
const maxChunk = 4 << 20

// Upload brings a blob that the repository lacks: in one request, whose bytes are
// checked on their way. After a failure it goes on where the registry says it has
// got, if that can be true, else begins anew.
func (r *Repository) Upload(ctx context.Context, d v1.Descriptor, open Opener) error {
	u := upload{to: r, blob: d, open: open}
	for try := 1; ; try++ {
		err := u.once(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var again *retryError
		if !errors.As(err, &again) || try >= tries {
			return err
		}
		wait, tooLong := r.hold(again.header, try)
		if refused, is := errors.AsType[*StatusError](err); is && tooLong != "" {
			refused.Wait = tooLong
			return refused
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// retryError is a failure after which a new upload may end well.
type retryError struct {
	error
	header http.Header // of the answer; nil for none
}

// Unwrap returns the failure.
func (e *retryError) Unwrap() error { return e.error }

// upload is a blob on its way.
type upload struct {
	to      *Repository
	blob    v1.Descriptor
	open    Opener
	chunked bool  // the registry takes no large bodies
	expired bool  // a token ended on the way, once
	sent    int64 // the most bytes that have left, of one request
}

func (u *upload) what() string { return "blob " + u.blob.Digest.String() }

// once makes one upload from its beginning.
func (u *upload) once(ctx context.Context) error {
	at, err := u.to.begin(ctx, u.what(), "")
	if err != nil {
		return err
	}
	return u.finish(ctx, at)
}

// begin starts an upload and returns where it goes on.
func (r *Repository) begin(ctx context.Context, what, query string, from ...string) (*url.URL, error) {
	resp, err := r.send(ctx, call{what: what, method: http.MethodPost, url: r.url("/blobs/uploads/", query), header: empty(), scopes: r.scopes(true, from...)})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusAccepted {
		return nil, r.refusal(resp, what)
	}
	_ = drain(resp)
	return r.next(resp, what)
}

// next returns where an upload goes on: the last Location counts.
func (r *Repository) next(resp *http.Response, what string) (*url.URL, error) {
	at, err := r.target(resp.Request.URL, resp.Header.Get("Location"))
	if err != nil {
		return nil, &AbsentError{r.Name() + ": " + what + ": the upload", err}
	}
	return at, nil
}

// empty is the header of a request without a body, which some registries want to be
// told.
func empty() http.Header { return http.Header{"Content-Type": {"application/octet-stream"}} }

// finish sends the blob to an upload that has begun.
func (u *upload) finish(ctx context.Context, at *url.URL) error {
	if u.chunked {
		return u.chunks(ctx, at, 0)
	}
	resp, err := u.send(ctx, http.MethodPut, withDigest(at, u.blob.Digest), 0, u.blob.Size)
	if err != nil {
		return u.resume(ctx, at, err)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusRequestEntityTooLarge && !u.chunked:
		u.chunked = true
		_ = drain(resp)
		return &retryError{fmt.Errorf("%s: %s: is too large for one request", u.to.Name(), u.what()), nil}
	case code == http.StatusUnauthorized && !u.expired: // the token ended on the way
		u.expired = true
		return &retryError{u.to.refusal(resp, u.what()), nil}
	case temporary(code):
		return &retryError{u.to.refusal(resp, u.what()), resp.Header}
	}
	return u.stored(ctx, resp)
}

// withDigest adds the digest to the address of an upload, the rest of which stays as
// the registry wrote it.
func withDigest(at *url.URL, d digest.Digest) *url.URL {
	to := *at
	if to.RawQuery != "" {
		to.RawQuery += "&"
	}
	to.RawQuery += "digest=" + url.QueryEscape(d.String())
	return &to
}

// send sends some bytes of the blob in one request, which it does not repeat.
func (u *upload) send(ctx context.Context, method string, at *url.URL, from, to int64) (*http.Response, error) {
	c := call{what: u.what(), method: method, url: at, scopes: u.to.scopes(true), once: true, size: to - from,
		header: http.Header{"Content-Type": {"application/octet-stream"}}}
	if method == http.MethodPatch {
		c.header.Set("Content-Range", fmt.Sprintf("%d-%d", from, to-1))
	}
	c.body = func() (io.Reader, error) {
		f, err := u.open(from)
		if err != nil {
			return nil, err
		}
		return &outgoing{Reader: io.LimitReader(f, to-from), Closer: f, moved: u.to.client.Moved, sent: &u.sent}, nil
	}
	if to == from {
		c.body = nil
	}
	return u.to.send(ctx, c)
}

// outgoing counts bytes on their way.
type outgoing struct {
	io.Reader
	io.Closer
	moved func(int64)
	at    int64
	sent  *int64 // the most of at
}

// Read reads.
func (o *outgoing) Read(b []byte) (int, error) {
	n, err := o.Reader.Read(b)
	o.at += int64(n)
	*o.sent = max(*o.sent, o.at)
	if o.moved != nil && n > 0 {
		o.moved(int64(n))
	}
	return n, err
}

// stored judges the answer to the last request of an upload.
func (u *upload) stored(ctx context.Context, resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusCreated, http.StatusNoContent, http.StatusAccepted, http.StatusOK:
	default:
		e := u.to.refusal(resp, u.what())
		if e.Has("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID") || resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
			return &retryError{e, nil}
		}
		return e
	}
	_ = drain(resp)
	if got := resp.Header.Get("Docker-Content-Digest"); got != "" && got != u.blob.Digest.String() {
		return &oci.MismatchError{What: u.to.Name() + ": what the registry says it stored", Found: clean(got), Wanted: u.blob.Digest.String()}
	}
	if resp.StatusCode == http.StatusCreated || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	has, err := u.to.Has(ctx, u.blob)
	if err == nil && !has {
		err = &retryError{&AbsentError{u.to.Name() + ": " + u.what(), errors.New("was accepted and is not there")}, nil}
	}
	return err
}

// resume goes on with an upload that broke off, if the registry's word for what it
// has can be true. Otherwise it reports the failure.
func (u *upload) resume(ctx context.Context, at *url.URL, cause error) error {
	var refused *StatusError
	if ctx.Err() != nil || permanent(cause) || errors.As(cause, &refused) {
		return cause
	}
	failed := &retryError{cause, nil}
	resp, err := u.to.send(ctx, call{what: u.what(), method: http.MethodGet, url: at, scopes: u.to.scopes(true), once: true})
	if err != nil {
		return failed
	}
	_ = drain(resp)
	has, ok := received(resp.Header.Get("Range"))
	if resp.StatusCode != http.StatusNoContent || !ok || has <= 0 || has > u.sent || has >= u.blob.Size {
		return failed
	}
	if location := resp.Header.Get("Location"); location != "" {
		if at, err = u.to.target(resp.Request.URL, location); err != nil {
			return failed
		}
	}
	if err := u.chunks(ctx, at, has); err != nil {
		return &retryError{err, nil}
	}
	return nil
}

// received reads how many bytes a registry has: 0-LAST, in one of two spellings.
func received(text string) (n int64, ok bool) {
	first, last, ok := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	return n + 1, ok && err == nil && first == "0" && n >= 0
}

// chunks sends the blob from some byte on in small requests, and ends the upload. What
// a registry says in between of how much it has is often wrong: the digest at the end
// decides.
func (u *upload) chunks(ctx context.Context, at *url.URL, from int64) error {
	for from < u.blob.Size {
		to := min(from+maxChunk, u.blob.Size)
		resp, err := u.send(ctx, http.MethodPatch, at, from, to)
		if err != nil {
			return &retryError{err, nil}
		}
		if resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusCreated {
			e := u.to.refusal(resp, u.what())
			if temporary(resp.StatusCode) || resp.StatusCode == http.StatusUnauthorized && !u.expired {
				u.expired = u.expired || resp.StatusCode == http.StatusUnauthorized
				return &retryError{e, resp.Header}
			}
			return e
		}
		_ = drain(resp)
		if at, err = u.to.next(resp, u.what()); err != nil {
			return err
		}
		from = to
	}
	resp, err := u.send(ctx, http.MethodPut, withDigest(at, u.blob.Digest), 0, 0)
	if err != nil {
		return &retryError{err, nil}
	}
	return u.stored(ctx, resp)
}

// Mount takes a blob from another repository of the registry, and reports whether it
// is there now. The answer is only a hint: whatever goes wrong, the blob can still be
// uploaded.
func (r *Repository) Mount(ctx context.Context, d v1.Descriptor, from string, open Opener) (bool, error) {
	if _, failed := r.host.noMounts.Load(from); failed {
		return false, nil
	}
	query := "mount=" + url.QueryEscape(d.Digest.String()) + "&from=" + url.QueryEscape(from)
	resp, err := r.send(ctx, call{what: "blob " + d.Digest.String(), method: http.MethodPost, url: r.url("/blobs/uploads/", query), header: empty(), scopes: r.scopes(true, from), once: true})
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		r.host.noMounts.Store(from, true)
		return false, nil
	}
	_ = drain(resp)
	switch {
	case resp.StatusCode == http.StatusCreated:
		if has, err := r.Has(ctx, d); err == nil && has {
			return true, nil
		}
	case resp.StatusCode == http.StatusAccepted && resp.Header.Get("Location") != "":
		if at, err := r.next(resp, "blob "+d.Digest.String()); err == nil {
			u := upload{to: r, blob: d, open: open}
			return u.finish(ctx, at) == nil, ctx.Err()
		}
	}
	r.host.noMounts.Store(from, true)
	return false, nil
}
