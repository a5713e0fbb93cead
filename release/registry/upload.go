// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/oci"
)

// Opener opens a blob from some byte on. It may be called any number of times.
type Opener func(from int64) (io.ReadCloser, error)

// Upload brings a blob that the repository lacks: in one request, whose bytes are
// checked on their way. After a failure it goes on where the registry says it has
// got, if that can be true, else begins anew.
func (r *Repository) Upload(ctx context.Context, d v1.Descriptor, open Opener) error {
	if err := oci.CheckDigest(d.Digest); err != nil {
		return err
	}
	u := &upload{to: r, blob: d, open: open}
	for try := 1; ; try++ {
		err := u.once(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		again, is := errors.AsType[*retryError](err)
		if !is {
			return err
		}
		if try >= tries {
			return again.error
		}
		// A wait that the registry asked for is a pause, in which no request is made.
		if err := sleep(ctx, r.client.backoff(try)); err != nil {
			return err
		}
	}
}

// retryError is a failure after which a new upload may end well.
type retryError struct{ error }

// Unwrap returns the failure.
func (e *retryError) Unwrap() error { return e.error }

// retry marks a failure, unless nothing changes it.
func retry(err error) error {
	if permanent(err) {
		return err
	}
	return &retryError{err}
}

// upload is a blob on its way.
type upload struct {
	to      *Repository
	blob    v1.Descriptor
	open    Opener
	resumed bool         // what the registry has was taken on trust
	expired bool         // a token ended on the way, once
	sent    atomic.Int64 // the most bytes that have left, of one request
}

func (u *upload) what() string { return "blob " + u.blob.Digest.String() }

// once makes one upload from its beginning.
func (u *upload) once(ctx context.Context) error {
	resp, err := u.to.send(ctx, call{what: u.what(), method: http.MethodPost, url: u.to.url("/blobs/uploads/", ""),
		header: octets(), scopes: u.to.scopes(true)})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusAccepted {
		return u.to.refusal(resp, u.what())
	}
	at, err := u.next(resp)
	if err != nil {
		return err
	}
	u.resumed = false
	return u.finish(ctx, at)
}

// next closes an answer and returns where an upload goes on: the last Location counts.
func (u *upload) next(resp *http.Response) (*url.URL, error) {
	drain(resp)
	at, err := u.to.target(resp.Request.URL, resp.Header.Get("Location"))
	if err != nil {
		return nil, &AbsentError{u.to.Name() + ": " + u.what() + ": the upload", err}
	}
	return at, nil
}

// octets is the header of bytes, and of requests without any: some registries want to
// be told.
func octets() http.Header { return http.Header{"Content-Type": {"application/octet-stream"}} }

// finish sends the blob to an upload that has begun.
func (u *upload) finish(ctx context.Context, at *url.URL) error {
	if most := u.to.host.tooLarge.Load(); most > 0 && u.blob.Size >= most {
		return u.chunks(ctx, at, 0)
	}
	resp, err := u.send(ctx, http.MethodPut, withDigest(at, u.blob.Digest), 0, u.blob.Size)
	if err != nil {
		return u.resume(ctx, at, err)
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

// stored judges the answer to the last request of an upload.
func (u *upload) stored(ctx context.Context, resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusCreated, http.StatusNoContent, http.StatusAccepted, http.StatusOK:
	default:
		return u.refused(resp)
	}
	drain(resp)
	if got := resp.Header.Get("Docker-Content-Digest"); got != "" && got != u.blob.Digest.String() {
		return &oci.MismatchError{What: u.to.Name() + ": what the registry says it stored", Found: clean(got), Wanted: u.blob.Digest.String()}
	}
	if resp.StatusCode == http.StatusCreated || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	has, err := u.to.Has(ctx, u.blob)
	if err == nil && !has {
		err = &retryError{&AbsentError{u.to.Name() + ": " + u.what(), errors.New("was accepted and is not there")}}
	}
	return err
}

// refused judges an answer that does not take the blob, or a part of it.
func (u *upload) refused(resp *http.Response) error {
	e := u.to.refusal(resp, u.what())
	again := worthRetry(e.Status) || e.Has("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID") ||
		u.resumed && e.Has("DIGEST_INVALID")
	switch largest := &u.to.host.tooLarge; e.Status {
	case http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable:
		again = true
	case http.StatusUnauthorized: // the token ended on the way
		again, u.expired = !u.expired, true
	case http.StatusRequestEntityTooLarge:
		if most := largest.Load(); most == 0 || u.blob.Size < most {
			again = largest.CompareAndSwap(most, u.blob.Size) && u.blob.Size > 0
		}
	}
	if again {
		return &retryError{e}
	}
	return e
}
