// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
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

// send makes a request and returns the answer, whatever its status, once it is
// final: credentials were asked for and given, redirects followed, and what was
// temporary tried again.
func (r *Repository) send(ctx context.Context, c call) (*http.Response, error) {
	renewed := false
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
			r.forget(c.scopes, used)
			return resp, nil
		case resp.StatusCode == http.StatusUnauthorized && !renewed && r.ours(resp.Request.URL):
			renewed = true
			try-- // it was no failure
			if again, err := r.renew(ctx, c, resp, used); err != nil || !again {
				return resp, err
			}
		case !temporary(resp.StatusCode) || resp.StatusCode == http.StatusNotImplemented:
			return resp, nil
		default:
			wait, tooLong := r.hold(resp.Header, try)
			if tooLong != "" {
				e := r.refusal(resp, c.what)
				e.Wait = tooLong
				return nil, e
			}
			if last {
				return resp, nil
			}
			_ = drain(resp)
			if err := sleep(ctx, wait); err != nil {
				return nil, err
			}
		}
	}
}

// permanent reports whether a request that got no answer will get none.
func permanent(err error) bool {
	if transport.Permanent(err) {
		return true
	}
	var final interface{ Final() bool }
	return errors.As(err, &final) && final.Final()
}

// finalError is a fault that no further try changes.
type finalError struct{ error }

func (finalError) Final() bool { return true }

// Unwrap returns the cause.
func (e finalError) Unwrap() error { return e.error }

func finalf(format string, args ...any) error { return finalError{fmt.Errorf(format, args...)} }

// try makes a request once, and follows redirects. It returns the value of
// Authorization that it sent.
func (r *Repository) try(ctx context.Context, c call) (*http.Response, string, error) {
	at, authorization := c.url, ""
	if r.ours(at) {
		if c.body != nil {
			if err := r.introduce(ctx); err != nil {
				return nil, "", err
			}
		}
		var err error
		if authorization, err = r.authorization(ctx, c.scopes); err != nil {
			return nil, "", err
		}
	}
	left := !r.ours(at)
	for hops := 0; ; hops++ {
		sent := authorization
		if left {
			sent = ""
		}
		resp, err := r.request(ctx, c, at, sent)
		if err != nil {
			return nil, authorization, err
		}
		if !redirects(c.method, resp.StatusCode) {
			r.warn(resp.Header)
			return resp, authorization, nil
		}
		_ = drain(resp)
		if hops == transport.MaxRedirects {
			return nil, "", r.unreachable(c, finalf("is redirected more than %d times", hops))
		}
		if at, err = r.target(at, resp.Header.Get("Location")); err != nil {
			return nil, "", r.unreachable(c, err)
		}
		left = left || !r.ours(at)
	}
}

// redirects reports whether an answer leads elsewhere. Only what reads is led.
func redirects(method string, code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return method == http.MethodGet || method == http.MethodHead
	}
	return false
}

// ours reports whether an address is the registry's own, which alone gets secrets.
func (r *Repository) ours(u *url.URL) bool {
	return u.Scheme == r.host.base.Scheme && strings.EqualFold(portOf(u), portOf(r.host.base))
}

// portOf returns HOST:PORT.
func portOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Hostname() + ":" + port
}

// target resolves the Location of a redirect or an upload. Another host must speak
// https. What the registry wrote stays as it is.
func (r *Repository) target(from *url.URL, location string) (*url.URL, error) {
	if location == "" {
		return nil, finalf("is redirected without a Location")
	}
	to, err := from.Parse(location)
	if err != nil || to.Host == "" {
		return nil, finalf("is redirected to an unreadable URL")
	}
	to.Fragment, to.RawFragment = "", ""
	switch {
	case to.User != nil:
		return nil, finalf("is redirected to a URL with a user in it")
	case to.Scheme != "https" && !r.ours(to):
		return nil, finalf("is redirected to %s on %s, wanted https", to.Scheme, to.Host)
	}
	return to, nil
}

// request makes one HTTP request.
func (r *Repository) request(ctx context.Context, c call, at *url.URL, authorization string) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, c.method, at.String(), nil)
	if err != nil {
		cancel(nil)
		return nil, r.unreachable(c, finalError{&secret.Error{Err: err}})
	}
	if c.header != nil {
		req.Header = c.header.Clone()
	}
	req.Header.Set("User-Agent", "orlop")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	if c.body != nil {
		body, err := c.body()
		if err != nil {
			cancel(nil)
			return nil, finalError{err}
		}
		req.Body, req.ContentLength = r.moving(ctx, cancel, body, true), c.size
	}
	client, err := r.reach(req)
	var resp *http.Response
	if err == nil {
		resp, err = client.Do(req)
	}
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

// reach returns the client for a request. Others than the registry must have public
// addresses, unless the registry itself has none. Through a proxy, which connects in
// its own place and by its own rules, only the name can be judged.
func (r *Repository) reach(req *http.Request) (*http.Client, error) {
	if r.ours(req.URL) {
		*req = *req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: r.host.connected}))
		return r.host.direct, nil
	}
	if r.host.private.Load() {
		return r.host.direct, nil
	}
	if proxy := r.client.Settings.Proxy; proxy != nil {
		if u, err := proxy(req); err == nil && u != nil {
			if ip, err := netip.ParseAddr(req.URL.Hostname()); err == nil && transport.NotPublic(ip) != "" {
				return nil, &transport.PlaceError{Place: ip.String(), Err: errors.New("is " + transport.NotPublic(ip))}
			}
			return r.host.direct, nil
		}
	}
	return r.host.guarded, nil
}

// connected notes whether the registry has an address that is not public.
func (h *host) connected(info httptrace.GotConnInfo) {
	if at, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String()); err == nil && transport.NotPublic(at.Addr()) != "" {
		h.private.Store(true)
	}
}

// unreachable makes the error of a request without an answer. It says the host, and
// nothing of a URL that may be secret.
func (r *Repository) unreachable(c call, err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	return &AbsentError{r.Name() + ": " + c.what, &secret.Error{Err: err}}
}

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
		if _, said := r.host.warned.LoadOrStore(text, true); !said {
			r.client.Notice("registry " + r.host.name + " warns: " + text)
		}
	}
}

// drain reads what is left of an answer, so that its connection can be used again.
func drain(resp *http.Response) error {
	_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody))
	return errors.Join(err, resp.Body.Close())
}
