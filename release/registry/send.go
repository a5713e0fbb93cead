// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/orlop/orlop/pkgdb/secret"
	"github.com/orlop/orlop/pkgdb/transport"
)

// call is a request and how it may be repeated.
type call struct {
	what   string // for messages
	method string
	url    *url.URL
	header http.Header
	body   func() (io.Reader, error) // nil for none
	size   int64                     // of the body
	scopes []string                  // that a token needs
	once   bool                      // the caller decides what follows a temporary failure
	here   bool                      // no redirect to another host is followed
	bare   bool                      // no redirect at all, and no credentials but those in the header
}

// AbsentError is a registry that could not be asked.
type AbsentError struct {
	What string
	Err  error
}

func (e *AbsentError) Error() string { return e.What + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *AbsentError) Unwrap() error { return e.Err }

// Absent reports that bytes could not be had or brought.
func (*AbsentError) Absent() bool { return true }

// Hint suggests the one flag that such a failure may need, "" for others.
func (e *AbsentError) Hint() string {
	switch text := e.Err.Error(); {
	case strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "--plain-http speaks http to a registry that has no https"
	case strings.Contains(text, "certificate signed by unknown authority"):
		return "--tls-ca FILE trusts the certificates in a file, too"
	}
	return ""
}

// finalError is a fault that no further try changes.
type finalError struct{ error }

func (finalError) Final() bool { return true }

// Unwrap returns the cause.
func (e finalError) Unwrap() error { return e.error }

func finalf(format string, args ...any) error { return finalError{fmt.Errorf(format, args...)} }

// sourceError is a fault in what was to be sent, and none of the registry.
type sourceError struct{ error }

func (sourceError) Final() bool { return true }

// Unwrap returns the cause.
func (e sourceError) Unwrap() error { return e.error }

// permanent reports whether a request that got no answer will get none.
func permanent(err error) bool {
	if refused, is := errors.AsType[*StatusError](err); is && (refused.Wait != "" || !worthRetry(refused.Status)) {
		return true
	}
	var final interface{ Final() bool }
	return errors.As(err, &final) && final.Final()
}

// send makes a request and returns the answer, whatever its status, once it is
// final: credentials were asked for and given, redirects followed, and what was
// temporary tried again.
func (r *Repository) send(ctx context.Context, c call) (*http.Response, error) {
	renewed := c.bare
	for try := 1; ; try++ {
		if err := r.host.pause.wait(ctx); err != nil {
			return nil, err
		}
		resp, used, err := r.try(ctx, c)
		last := c.once || try >= tries
		switch {
		case ctx.Err() != nil:
			if err == nil {
				resp.Body.Close()
			}
			return nil, ctx.Err()
		case err != nil && (last || permanent(err)):
			return nil, err
		case err != nil:
			if err := sleep(ctx, r.client.backoff(try)); err != nil {
				return nil, err
			}
		case resp.StatusCode == http.StatusUnauthorized && c.once && c.body != nil:
			r.forget(ctx, c.scopes, used)
			return resp, nil
		case resp.StatusCode == http.StatusUnauthorized && !renewed && r.ours(resp.Request.URL):
			renewed = true
			try-- // it was no failure
			if again, err := r.renew(ctx, c, resp, used); err != nil || !again {
				return resp, err
			}
		case !worthRetry(resp.StatusCode):
			return resp, nil
		default:
			if err := r.later(ctx, c, resp, try, last); err != nil || last {
				return resp, err
			}
		}
	}
}

// later waits after a temporary answer, whose body it closes unless it is the last. It
// fails if the registry asks for too much patience.
func (r *Repository) later(ctx context.Context, c call, resp *http.Response, try int, last bool) error {
	wait, tooLong := r.hold(resp.Header, try)
	switch {
	case tooLong != "":
		e := r.refusal(resp, c.what)
		e.Wait = tooLong
		return e
	case last:
		return nil
	}
	drain(resp)
	return sleep(ctx, wait)
}

// try makes a request once, and follows redirects. It returns the value of
// Authorization that it sent.
func (r *Repository) try(ctx context.Context, c call) (*http.Response, string, error) {
	authorization, err := r.credentials(ctx, c)
	if err != nil {
		return nil, "", err
	}
	at, left := c.url, !r.ours(c.url)
	for hops := 0; ; hops++ {
		sent := authorization
		if left {
			sent = ""
		}
		resp, err := r.request(ctx, c, at, sent)
		if err != nil {
			return nil, authorization, err
		}
		if c.bare || !redirects(c.method, resp.StatusCode) {
			r.warn(resp.Header)
			return resp, authorization, nil
		}
		drain(resp)
		if hops == transport.MaxRedirects {
			return nil, "", r.unreachable(c, redirectf("is redirected more than %d times", hops))
		}
		if at, err = r.target(at, resp.Header.Get("Location")); err != nil {
			return nil, "", r.unreachable(c, err)
		}
		if left = left || !r.ours(at); left && c.here {
			return nil, "", r.unreachable(c, redirectf("is redirected to %s, wanted an answer here", clean(at.Host)))
		}
	}
}

// credentials returns the value of Authorization for a request, "" for none.
func (r *Repository) credentials(ctx context.Context, c call) (string, error) {
	if c.bare || !r.ours(c.url) {
		return "", nil
	}
	if c.body != nil {
		if err := r.introduce(ctx); err != nil {
			return "", err
		}
	}
	return r.authorization(ctx, c.scopes)
}

// request makes one HTTP request.
func (r *Repository) request(ctx context.Context, c call, at *url.URL, authorization string) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, client, err := r.prepare(ctx, c, at)
	if err != nil {
		cancel(nil)
		return nil, r.unreachable(c, finalError{err})
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	if c.body != nil {
		body, err := c.body()
		if err != nil {
			cancel(nil)
			return nil, sourceError{fmt.Errorf("%s: %w", c.what, err)}
		}
		req.Body, req.ContentLength = r.moving(ctx, cancel, body, true), c.size
	}
	resp, err := client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, transport.ErrSlow) {
			err = cause
		}
		cancel(nil)
		return nil, r.unreachable(c, err)
	}
	resp.Body = r.moving(ctx, cancel, resp.Body, false)
	return resp, nil
}

// prepare makes a request without body and credentials, and the client for it.
func (r *Repository) prepare(ctx context.Context, c call, at *url.URL) (*http.Request, *http.Client, error) {
	req, err := http.NewRequestWithContext(ctx, c.method, at.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	if c.header != nil {
		req.Header = c.header.Clone()
	}
	req.Header.Set("User-Agent", "orlop")
	return r.reach(req)
}

// unreachable makes the error of a request without an answer. It says the host, and
// nothing of a URL that may be secret.
func (r *Repository) unreachable(c call, err error) error {
	if source, is := errors.AsType[sourceError](err); is {
		return source
	}
	final := transport.Permanent(err) || permanent(err)
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	err = &AbsentError{r.Name() + ": " + c.what, &secret.Error{Err: err}}
	if final {
		return finalError{err}
	}
	return err
}

// maxWarnings bounds how many warnings of a registry are passed on.
const maxWarnings = 16

// warn passes on what the registry wants its users to know (distribution-spec,
// Warnings), each text once.
func (r *Repository) warn(h http.Header) {
	if r.client.Notice == nil {
		return
	}
	for _, text := range h.Values("Warning") {
		text, is := strings.CutPrefix(text, `299 - "`)
		if text = clean(strings.TrimSuffix(text, `"`)); !is || text == "" {
			continue
		}
		if r.host.news(text) {
			r.client.Notice("registry " + r.host.name + " warns: " + text)
		}
	}
}

// drain reads what is left of an answer, so that its connection can be used again.
func drain(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody)) // who needs the rest asks again
	_ = resp.Body.Close()
}
