// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// RacedError is a tag that others write to at the same time.
type RacedError struct{ Where, Tag string }

func (e *RacedError) Error() string {
	return fmt.Sprintf("%s: tag %s shows something else after each of %d tries to write it: somebody else writes to it, too", e.Where, e.Tag, writes)
}

// Failed reports that this did not work now, and may later.
func (*RacedError) Failed() bool { return true }

// Update makes another manifest of the one at a tag, as long as change says so: it gets
// what is there, nil for nothing, and returns what should be there, nil for no change.
// The blobs of that must be there when it returns. Where the registry knows If-Match, no
// other writer's change is overwritten. Elsewhere one that comes between a read and a
// write is, so change should keep what it has seen. It returns how often it wrote.
func (r *Repository) Update(ctx context.Context, tag string, change func(there *Manifest) (*Manifest, error)) (sent int, err error) {
	there, etag, err := r.at(ctx, tag)
	for try := 0; err == nil; try++ {
		next, err := change(there)
		if err != nil || next == nil {
			return sent, err
		}
		if try == writes {
			return sent, &RacedError{r.Name(), tag}
		}
		header := http.Header{}
		if etag != "" && try < writes-1 { // the last time without: an ETag may be of something else than the manifest
			header.Set("If-Match", etag)
		}
		err = r.write(ctx, next, tag, header)
		refused, is := errors.AsType[*StatusError](err)
		switch {
		case err == nil:
			sent++
			there, etag, err = r.changed(ctx, tag, there)
		case is && refused.Status == http.StatusPreconditionFailed && header.Get("If-Match") != "":
			there, etag, err = r.at(ctx, tag)
		case is && refused.BlobUnknown(): // it may have lost what it has accepted: change brings it again
			there, etag, err = r.at(ctx, tag)
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, err
}

// at gets the manifest at a tag, nil for none. Registries that count requests count no
// HEAD, and most tags that are asked for here are not there.
func (r *Repository) at(ctx context.Context, tag string) (*Manifest, string, error) {
	what := "whether there is a tag " + tag
	head, err := r.send(ctx, call{what: what, method: http.MethodHead, url: r.url("/manifests/"+tag, ""), header: http.Header{"Accept": {accept}}, scopes: r.scopes(false)})
	if err != nil {
		return nil, "", err
	}
	if drain(head); head.StatusCode == http.StatusNotFound {
		return nil, "", nil
	}
	m, h, err := r.manifest(ctx, tag)
	if refused, is := errors.AsType[*StatusError](err); is && refused.Status == http.StatusNotFound {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	return m, h.Get("Etag"), nil
}

// changed gets the manifest at a tag that was just written, once it is no longer what it
// was, or after half a minute.
func (r *Repository) changed(ctx context.Context, tag string, before *Manifest) (*Manifest, string, error) {
	for try := 0; ; try++ {
		now, etag, err := r.at(ctx, tag)
		if err != nil || now != nil && (before == nil || now.Digest != before.Digest) || try == len(waits) {
			return now, etag, err
		}
		if err := sleep(ctx, waits[try]*r.client.backoff(1)); err != nil {
			return nil, "", err
		}
	}
}

// At gets the manifest at a tag, nil if there is none.
func (r *Repository) At(ctx context.Context, tag string) (*Manifest, error) {
	m, _, err := r.at(ctx, tag)
	return m, err
}
