// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
)

// Put stores a manifest or index by its digest, and reads it back. Its blobs, or the
// manifests of an index, must be there.
func (r *Repository) Put(ctx context.Context, m *Manifest) error {
	return r.put(ctx, m, m.Digest.String())
}

// Tag sets a tag to a manifest, and reads it back. It fails with an ImmutableError if
// the registry keeps another one there.
func (r *Repository) Tag(ctx context.Context, m *Manifest, tag string) error {
	err := r.put(ctx, m, tag)
	refused, is := errors.AsType[*StatusError](err)
	if !is || !slices.Contains(fixed, refused.Status) {
		return err
	}
	// Registries have many ways to say that a tag stays what it is.
	there, other := r.Manifest(ctx, tag)
	switch {
	case other != nil:
		return err
	case there.Digest == m.Digest:
		return nil
	}
	return &ImmutableError{r.Name(), tag, there.Digest, m.Digest, refused}
}

// fixed are the answers to a change of a tag that cannot be changed.
var fixed = []int{http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusConflict, http.StatusPreconditionFailed}

// ImmutableError is a tag that must not change and names something else.
type ImmutableError struct {
	Where         string // the repository
	Tag           string
	Found, Wanted digest.Digest
	Err           error // the registry's; nil if it was not asked to
}

func (e *ImmutableError) Error() string {
	text := fmt.Sprintf("%s: tag %s is %s, wanted %s, and it never moves", e.Where, e.Tag, e.Found, e.Wanted)
	if e.Err != nil {
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	return text
}

// Wrong reports that bytes are there and others were wanted.
func (*ImmutableError) Wrong() bool { return true }

// put stores a manifest under a name, and reads it back.
func (r *Repository) put(ctx context.Context, m *Manifest, name string) error {
	if err := r.write(ctx, m, name, nil); err != nil {
		return err
	}
	return r.readBack(ctx, m, name)
}

// write stores a manifest under a name, with some headers.
func (r *Repository) write(ctx context.Context, m *Manifest, name string, header http.Header) error {
	what := "manifest " + name
	if len(m.Text) > oci.MaxDocument {
		return fault.Unsupportedf("%s: %s: has %d bytes, the most that registries take is %d", r.Name(), what, len(m.Text), oci.MaxDocument)
	}
	c := call{what: what, method: http.MethodPut, url: r.url("/manifests/"+name, ""), size: int64(len(m.Text)),
		header: http.Header{"Content-Type": {m.MediaType}}, scopes: r.scopes(true),
		body: func() (io.Reader, error) { return bytes.NewReader(m.Text), nil }}
	maps.Copy(c.header, header)
	resp, err := r.send(ctx, c)
	if err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		drain(resp)
	default:
		return r.refusal(resp, what)
	}
	if got := resp.Header.Get("Docker-Content-Digest"); got != "" && got != m.Digest.String() {
		return &oci.MismatchError{What: r.Name() + ": " + what + " as the registry stored it", Found: clean(got), Wanted: m.Digest.String()}
	}
	return nil
}

// lowered reports whether the registry has put a manifest at the tag in lower case, as
// some do with all tags.
func (r *Repository) lowered(ctx context.Context, m *Manifest, tag string) bool {
	if strings.ToLower(tag) == tag {
		return false
	}
	there, err := r.Manifest(ctx, strings.ToLower(tag))
	return err == nil && there.Digest == m.Digest
}

// UnseenError is something that a registry has accepted and does not show.
type UnseenError struct{ Err error }

func (e *UnseenError) Error() string {
	return e.Err.Error() + ", although the registry has accepted it"
}

// Failed reports that the push has failed, and not the user's right to it.
func (*UnseenError) Failed() bool { return true }

// waits are those for what was accepted and cannot be seen yet, half a minute in all,
// in units of the client's back-off.
var waits = []time.Duration{2, 4, 8, 16, 30}

// readBack gets what was just stored and compares it.
func (r *Repository) readBack(ctx context.Context, m *Manifest, name string) error {
	for try := 0; ; try++ {
		there, err := r.Manifest(ctx, name)
		refused, is := errors.AsType[*StatusError](err)
		unseen := is && refused.Status == http.StatusNotFound || err == nil && there.Digest != m.Digest && digest.Digest(name).Validate() != nil
		switch {
		case err == nil && there.Digest == m.Digest:
			return nil
		case !unseen:
			return err
		case try == len(waits) && err == nil:
			return &oci.MismatchError{What: r.Name() + ": tag " + name + " read back", Found: there.Digest.String(), Wanted: m.Digest.String()}
		case try == len(waits) && r.lowered(ctx, m, name):
			return &UnseenError{fmt.Errorf("%w: it keeps the tag as %s", err, strings.ToLower(name))}
		case try == len(waits):
			return &UnseenError{err}
		}
		if err := sleep(ctx, waits[try]*r.client.backoff(1)); err != nil {
			return err
		}
	}
}
