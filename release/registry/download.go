// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/transport"
)

// download reads a blob, from as many answers as it takes.
type download struct {
	ctx    context.Context
	from   *Repository
	blob   v1.Descriptor
	body   io.ReadCloser
	skip   int64 // bytes of body that were returned before
	at     int64 // bytes returned so far
	since  int64 // bytes since the last failure
	failed int   // times, without much progress in between
}

func (b *download) what() string { return "blob " + b.blob.Digest.String() }

// open asks for what is left. A storage behind the registry that refuses a signed
// address, because it is too old, is asked again by way of the registry.
func (b *download) open() error {
	for try := 1; ; try++ {
		c := call{what: b.what(), method: http.MethodGet, url: b.from.url("/blobs/"+b.blob.Digest.String(), ""),
			header: http.Header{}, scopes: b.from.scopes(false)}
		if b.at > 0 {
			c.header.Set("Range", fmt.Sprintf("bytes=%d-", b.at))
		}
		resp, err := b.from.send(b.ctx, c)
		if err != nil {
			return err
		}
		elsewhere := !b.from.ours(resp.Request.URL)
		if old := resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusBadRequest; old && elsewhere && try < tries {
			drain(resp)
			if err := sleep(b.ctx, b.from.client.backoff(try)); err != nil {
				return err
			}
			continue
		}
		return b.accept(resp)
	}
}

// accept judges an answer to a request for the rest of a blob. What was read already
// is passed over if the registry sends it again.
func (b *download) accept(resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		b.skip = b.at
	case code == http.StatusPartialContent:
		if got, want := resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/", b.at, b.blob.Size-1); b.at == 0 || !strings.HasPrefix(got, want) {
			resp.Body.Close()
			return &AbsentError{b.from.Name() + ": " + b.what(), finalf("came as the range %q, wanted %q and its size", clean(got), want)}
		}
	case code == http.StatusRequestedRangeNotSatisfiable && b.at > 0: // there is no rest
		resp.Body.Close()
		resp.Body = http.NoBody
	default:
		return b.from.refusal(resp, b.what())
	}
	b.body = resp.Body
	return nil
}

// Read reads, and goes on with another answer when one breaks off.
func (b *download) Read(p []byte) (int, error) {
	for {
		n, err := b.next(p)
		b.came(int64(n))
		switch {
		case err != nil && b.at >= b.blob.Size:
			return n, io.EOF // that there is more, nobody can say: the digest decides
		case err == nil || n > 0:
			return n, nil // the next read tells
		case err == io.EOF && b.failed > 0:
			return 0, io.EOF // it is shorter than promised, and not by accident
		}
		if err := b.again(err); err != nil {
			return 0, err
		}
	}
}

// next reads what is new in an answer.
func (b *download) next(p []byte) (int, error) {
	for b.skip > 0 {
		n, err := io.CopyN(io.Discard, b.body, b.skip)
		if b.skip -= n; err != nil {
			return 0, err
		}
	}
	return b.body.Read(p)
}

// came counts bytes. Only some at once are progress: a registry that sends one byte
// before each failure would keep us for ever.
func (b *download) came(n int64) {
	b.at += n
	if b.since += n; b.since >= transport.MinBytes {
		b.failed = 0
	}
	if b.from.client.Moved != nil && n > 0 {
		b.from.client.Moved(n)
	}
}

// again asks for the rest after a failure.
func (b *download) again(cause error) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	b.since = 0
	if b.failed++; b.failed >= tries {
		return &AbsentError{fmt.Sprintf("%s: %s, after %d of %d bytes", b.from.Name(), b.what(), b.at, b.blob.Size), cause}
	}
	b.body.Close()
	b.body, b.skip = http.NoBody, 0
	if err := sleep(b.ctx, b.from.client.backoff(b.failed)); err != nil {
		return err
	}
	return b.open()
}

// Close ends the transfer.
func (b *download) Close() error { return b.body.Close() }
