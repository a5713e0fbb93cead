// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"net/http"
	"net/url"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Mount takes a blob from another repository of the registry, and reports whether it
// is there now. The answer is only a hint: whatever goes wrong, the blob can still be
// uploaded. A registry that begins an upload instead gets the blob at once.
func (r *Repository) Mount(ctx context.Context, d v1.Descriptor, from string, open Opener) (bool, error) {
	if _, failed := r.host.noMounts.Load(from); failed {
		return false, nil
	}
	u := &upload{to: r, blob: d, open: open}
	query := "mount=" + url.QueryEscape(d.Digest.String()) + "&from=" + url.QueryEscape(from)
	resp, err := r.send(ctx, call{what: u.what(), method: http.MethodPost, url: r.url("/blobs/uploads/", query),
		header: octets(), scopes: r.scopes(true, from), once: true})
	there := false
	if err == nil {
		there, err = u.mounted(ctx, resp)
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		r.host.noMounts.Store(from, true)
	}
	return there, nil
}

// mounted judges the answer to a mount. It fails if no further mount should be tried.
func (u *upload) mounted(ctx context.Context, resp *http.Response) (bool, error) {
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusAccepted {
		return false, u.to.refusal(resp, u.what())
	}
	at, err := u.next(resp)
	if err != nil {
		return false, err
	}
	if resp.StatusCode == http.StatusAccepted {
		return u.finish(ctx, at) == nil, nil
	}
	has, err := u.to.Has(ctx, u.blob)
	if err == nil && !has {
		err = finalf("is not there")
	}
	return has, err
}
