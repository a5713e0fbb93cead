// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/orlop/orlop/pkgdb/secret"
	"github.com/orlop/orlop/pkgdb/transport"
	"github.com/orlop/orlop/pkgdb/until"
)

const (
	// maxCatalogue bounds a file whose size nobody vouches for. The largest
	// catalogue, that of ports, has 10 MB.
	maxCatalogue = 512 << 20
	maxMeta      = 1 << 20 // of meta.conf; pkg has the same limit
)

// download fetches a file whose bytes nobody vouches for yet. Offline it returns
// the last one fetched.
func (s *Source) download(ctx context.Context, path string) (io.ReadSeekCloser, error) {
	what := path + " of repository " + s.public
	if s.store.Offline {
		f, err := s.last(ctx, path)
		if err != nil {
			return nil, absent(what, fmt.Errorf("%w (%w)", errOffline, reason(err)))
		}
		return f, nil
	}
	f, err := s.store.temp("catalogue")
	if err != nil {
		return nil, err
	}
	get := transfer{store: s.store, client: s.client(), file: f, limit: maxCatalogue}
	if path == "meta.conf" || path == "meta.txz" {
		get.limit = maxMeta
	}
	if err = get.fromAny(ctx, s.bases(ctx), path); err == nil {
		err = s.store.rename(f, cataloguesDir, s.catalogue(path))
	} else if ctx.Err() == nil {
		err = &AbsentError{what, err}
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		s.store.Discard(f)
		f.Close()
		return nil, err
	}
	return f, nil
}

// last opens a file that was fetched before.
func (s *Source) last(ctx context.Context, path string) (*os.File, error) {
	dir, err := s.store.folder(cataloguesDir, false)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := OpenRegular(dir, s.catalogue(path))
	if err != nil {
		return nil, err
	}
	return s.store.still(ctx, f, maxCatalogue)
}

// fetch gets a package into the store and opens it. A server that has other
// bytes is skipped.
func (s *Source) fetch(ctx context.Context, want Ref) (io.ReadCloser, error) {
	f, err := s.store.part(want)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, base := range s.bases(ctx) {
		err := s.fetchFrom(ctx, base, f, want)
		if err == nil {
			return f, nil
		}
		if ctx.Err() != nil {
			errs = []error{ctx.Err()}
			break
		}
		errs = append(errs, err)
	}
	info, statErr := f.Stat()
	if statErr == nil && info.Size() == 0 {
		s.store.Discard(f)
	}
	f.Close()
	return nil, errors.Join(errs...)
}

// fetchFrom gets a package from one server and keeps it. If the beginning of the
// file is an earlier run's and the whole is wrong, it starts over.
func (s *Source) fetchFrom(ctx context.Context, base *url.URL, f *os.File, want Ref) error {
	before, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	get := transfer{store: s.store, client: s.client(), file: f, limit: want.Size, exact: true}
	if err := get.fromAny(ctx, []*url.URL{base}, want.Path); err != nil {
		return fmt.Errorf("%s: %w", want.Name, &AbsentError{want.Path + " of repository " + s.public, err})
	}
	if err = verify(ctx, f, want); err == nil {
		return s.store.rename(f, packagesDir, want.name())
	}
	if ctx.Err() == nil {
		if err := f.Truncate(0); err != nil {
			return err
		}
		if before > 0 {
			return s.fetchFrom(ctx, base, f, want)
		}
	}
	return fmt.Errorf("%w (from %s)", err, base.Host)
}

// transfer gets one file.
type transfer struct {
	store  *Store
	client *http.Client
	file   *os.File // what it already has is continued, if exact
	limit  int64    // maximum size in bytes
	exact  bool     // limit is the exact size
}

// refusal is an answer that no retry will change.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// fromAny asks servers in turn, each several times. If all lack the file, that
// is fs.ErrNotExist.
func (t *transfer) fromAny(ctx context.Context, bases []*url.URL, path string) error {
	var errs []error
	for _, base := range bases {
		u := base.JoinPath(escaped(path)...)
		wait := cmp.Or(t.store.Backoff, 500*time.Millisecond)
		for try := 0; ; try++ {
			err := t.from(ctx, u)
			if err == nil || ctx.Err() != nil {
				return err
			}
			_, final := errors.AsType[refusal](err)
			if final || try == cmp.Or(t.store.Retries, 3) {
				errs = append(errs, fmt.Errorf("%s: %w", u.Host, err))
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
				wait *= 2
			}
		}
	}
	return errors.Join(errs...)
}

// escaped are the components of a path, which may contain any byte.
func escaped(path string) []string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return parts
}

// from makes one request and stores the response.
func (t *transfer) from(ctx context.Context, u *url.URL) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return refusal{t.requestFault(err)}
	}
	at, err := t.begin(req)
	if err != nil {
		return err
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return t.requestFault(err)
	}
	defer resp.Body.Close()
	if at, err = t.accept(resp, at); err != nil {
		return err
	}
	dog := &transport.Watchdog{Window: t.store.Window, Came: t.store.Came, Bark: cancel}
	defer dog.Start(ctx)()
	disk := until.NewDisk(ctx, t.file)
	n, err := io.Copy(disk, io.LimitReader(io.TeeReader(resp.Body, dog), t.limit-at+1))
	if err == nil {
		err = disk.Finish()
	}
	switch {
	case errors.Is(context.Cause(ctx), transport.ErrSlow):
		return transport.ErrSlow
	case err != nil:
		return fmt.Errorf("after %d bytes: %w", at+n, err)
	case at+n > t.limit:
		_ = t.file.Truncate(0)
		return refusal{fmt.Errorf("sends more than %d bytes", t.limit)}
	case t.exact && at+n < t.limit:
		return fmt.Errorf("sends %d bytes, wanted %d", at+n, t.limit)
	}
	return nil
}

// begin requests the rest of a partial file.
func (t *transfer) begin(req *http.Request) (int64, error) {
	info, err := t.file.Stat()
	if err != nil {
		return 0, err
	}
	at := info.Size()
	if !t.exact || at >= t.limit {
		at = 0
	}
	if at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
	}
	return at, nil
}

// accept checks the header of a response and positions the file for its body.
func (t *transfer) accept(resp *http.Response, at int64) (int64, error) {
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent && at > 0:
		if got, want := resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", at, t.limit-1, t.limit); got != want {
			_ = t.file.Truncate(0)
			return 0, fmt.Errorf("sends the range %q, wanted %q", got, want)
		}
	case code == http.StatusOK:
		at = 0
	case code == http.StatusNotFound || code == http.StatusGone:
		return 0, refusal{fmt.Errorf("HTTP status %s: %w", status(code), fs.ErrNotExist)}
	case code == http.StatusRequestedRangeNotSatisfiable:
		_ = t.file.Truncate(0)
		return 0, fmt.Errorf("HTTP status %s", status(code))
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return 0, fmt.Errorf("HTTP status %s", status(code))
	default:
		return 0, refusal{fmt.Errorf("HTTP status %s", status(code))}
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return 0, refusal{fmt.Errorf("sends the file packed with %.40q, which was not asked for", enc)}
	}
	if n := resp.ContentLength; n >= 0 && (at+n > t.limit || t.exact && at+n < t.limit) {
		return 0, refusal{fmt.Errorf("announces %d bytes, wanted %s", at+n, t.wanted())}
	}
	if err := t.file.Truncate(at); err != nil {
		return 0, err
	}
	_, err := t.file.Seek(at, io.SeekStart)
	return at, err
}

// status omits the server's own words.
func status(code int) string { return strings.TrimSpace(fmt.Sprint(code, " ", http.StatusText(code))) }

func (t *transfer) wanted() string {
	if t.exact {
		return fmt.Sprint(t.limit)
	}
	return fmt.Sprintf("at most %d", t.limit)
}

// requestFault removes the URL, whose public part the message already has, and
// recognizes what no retry will change: certificates, redirects and proxies.
func (t *transfer) requestFault(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if _, refused := errors.AsType[*transport.PlaceError](err); refused {
		return refusal{forbidden(err)}
	}
	switch {
	case strings.HasPrefix(err.Error(), "failed to parse Location header"): // it quotes the header
		return refusal{errors.New("is redirected to an unreadable URL")}
	case transport.Permanent(err):
		return refusal{&secret.Error{Err: err}}
	}
	return &secret.Error{Err: err}
}
