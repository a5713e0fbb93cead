// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/oci"
)

// maxChunk is the largest part of a blob that ghcr.io takes alone, in bytes.
const maxChunk = 4 << 20

// send sends some bytes of the blob in one request, which it does not repeat.
func (u *upload) send(ctx context.Context, method string, at *url.URL, from, to int64) (*http.Response, error) {
	c := call{what: u.what(), method: method, url: at, scopes: u.to.scopes(true), once: true, size: to - from, header: octets()}
	if method == http.MethodPatch {
		c.header.Set("Content-Range", fmt.Sprintf("%d-%d", from, to-1))
	}
	if to == from {
		return u.to.send(ctx, c)
	}
	c.body = func() (io.Reader, error) {
		f, err := u.open(from)
		if err != nil {
			return nil, err
		}
		out := &outgoing{ReadCloser: f, blob: u.blob, from: from, left: to - from, moved: u.to.client.Moved, sent: &u.sent}
		if to-from == u.blob.Size {
			out.hash = sha256.New()
		}
		return out, nil
	}
	return u.to.send(ctx, c)
}

// outgoing counts bytes on their way, and checks them if they are the whole blob: the
// last ones do not leave if any is wrong.
type outgoing struct {
	io.ReadCloser
	blob     v1.Descriptor
	from     int64     // where the part begins
	hash     hash.Hash // nil for a part that is not all
	at, left int64     // bytes of the part
	moved    func(int64)
	sent     *atomic.Int64 // the most of at
}

// Read reads.
func (o *outgoing) Read(b []byte) (int, error) {
	if o.left == 0 {
		return 0, io.EOF
	}
	n, err := o.ReadCloser.Read(b[:min(int64(len(b)), o.left)])
	if o.left -= int64(n); o.left == 0 {
		err = nil
	}
	if o.hash != nil {
		o.hash.Write(b[:n])
	}
	switch {
	case err == io.EOF:
		return 0, sourceError{oci.SizeMismatch(o.blob.Digest, fmt.Sprint(o.from+o.at+int64(n)), o.blob.Size)}
	case err != nil:
		return 0, sourceError{err}
	case o.left == 0 && o.hash != nil:
		if got := digest.NewDigest(digest.SHA256, o.hash); got != o.blob.Digest {
			return 0, sourceError{&oci.MismatchError{What: "blob " + o.blob.Digest.String(), Found: got.String(), Wanted: o.blob.Digest.String()}}
		}
	}
	o.at += int64(n)
	o.sent.Store(max(o.sent.Load(), o.at))
	if o.moved != nil && n > 0 {
		o.moved(int64(n))
	}
	return n, nil
}

// resume goes on with an upload that broke off, if the registry's word for what it
// has can be true. Otherwise it reports the failure.
func (u *upload) resume(ctx context.Context, at *url.URL, cause error) error {
	if ctx.Err() != nil || permanent(cause) {
		return cause
	}
	failed := retry(cause)
	resp, err := u.to.send(ctx, call{what: u.what(), method: http.MethodGet, url: at, scopes: u.to.scopes(true), once: true})
	if err != nil {
		return failed
	}
	drain(resp)
	has, ok := received(resp.Header.Get("Range")) // one byte, 0-0, can mean none
	if resp.StatusCode != http.StatusNoContent || !ok || has <= 1 || has > u.sent.Load() || has >= u.blob.Size {
		return failed
	}
	if resp.Header.Get("Location") != "" {
		if at, err = u.next(resp); err != nil {
			return failed
		}
	}
	u.resumed = true
	return u.chunks(ctx, at, has)
}

// received reads how many bytes a registry has: 0-LAST, in one of two spellings.
func received(text string) (n int64, ok bool) {
	first, last, ok := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 62)
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
			return retry(err)
		}
		if resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusCreated {
			return u.refused(resp)
		}
		if at, err = u.next(resp); err != nil {
			return err
		}
		from = to
	}
	resp, err := u.send(ctx, http.MethodPut, withDigest(at, u.blob.Digest), 0, 0)
	if err != nil {
		return retry(err)
	}
	return u.stored(ctx, resp)
}
