// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"

	"github.com/orlop/orlop/pkgdb/transport"
)

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

// redirectError is a redirect that is not followed.
type redirectError struct{ error }

func (redirectError) Final() bool { return true }

func redirectf(format string, args ...any) error { return redirectError{fmt.Errorf(format, args...)} }

// redirects reports whether an answer leads elsewhere. Only what reads is led.
func redirects(method string, code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return method == http.MethodGet || method == http.MethodHead
	}
	return false
}

// target resolves the Location of a redirect or an upload. Another host must speak
// https. What the registry wrote stays as it is.
func (r *Repository) target(from *url.URL, location string) (*url.URL, error) {
	if location == "" {
		return nil, redirectf("is redirected without a Location")
	}
	to, err := from.Parse(location)
	if err != nil || to.Hostname() == "" {
		return nil, redirectf("is redirected to no readable URL with a host")
	}
	to.Fragment, to.RawFragment = "", ""
	switch {
	case to.User != nil:
		return nil, redirectf("is redirected to a URL with a user in it")
	case to.Scheme != "https" && !r.ours(to):
		return nil, redirectf("is redirected to %s on %s, wanted https", clean(to.Scheme), clean(to.Host))
	}
	return to, nil
}

// reach returns the client for a request. Others than the registry must have public
// addresses, unless the registry itself has none. A proxy connects in our place and by
// its own rules: there only the name can be judged, and the address of the registry
// stays unknown.
func (r *Repository) reach(req *http.Request) (*http.Request, *http.Client, error) {
	proxied := false
	if proxy := r.client.Settings.Proxy; proxy != nil {
		u, err := proxy(req)
		proxied = err == nil && u != nil
	}
	switch {
	case r.ours(req.URL) && proxied:
		return req, r.host.direct, nil
	case r.ours(req.URL):
		trace := &httptrace.ClientTrace{GotConn: r.host.connected}
		return req.WithContext(httptrace.WithClientTrace(req.Context(), trace)), r.host.direct, nil
	case r.host.private.Load():
		return req, r.host.direct, nil
	case !proxied:
		return req, r.host.guarded, nil
	}
	if ip, err := netip.ParseAddr(req.URL.Hostname()); err == nil && transport.NotPublic(ip) != "" {
		return nil, nil, &transport.PlaceError{Place: ip.String(), Err: errors.New("is " + transport.NotPublic(ip))}
	}
	return req, r.host.direct, nil
}

// connected notes whether the registry has an address that is not public.
func (h *host) connected(info httptrace.GotConnInfo) {
	if at, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String()); err == nil && transport.NotPublic(at.Addr()) != "" {
		h.private.Store(true)
	}
}
