// SPDX-License-Identifier: BSD-2-Clause

package transport

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"

	"github.com/orlop/orlop/pkgdb/secret"
)

// PlaceError is a place that nobody may be sent to because of what a document or a
// server says.
type PlaceError struct {
	Place string
	Err   error
}

func (e *PlaceError) Error() string { return e.Place + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *PlaceError) Unwrap() error { return e.Err }

// Guard returns a client like another one that reaches only public addresses, and
// none through a proxy, which would make the request for us where nobody could check
// the address.
func Guard(like *http.Client) *http.Client {
	c := *like
	old, _ := like.Transport.(*http.Transport)
	if old == nil {
		old = New(Settings{})
	}
	t := old.Clone()
	t.DialContext = (&net.Dialer{Timeout: dialTimeout, Control: OnlyPublic}).DialContext
	t.DialTLSContext, t.Proxy = nil, nil
	c.Transport = unproxied{t, old}
	return &c
}

// unproxied refuses what another transport would send through a proxy.
type unproxied struct{ direct, like *http.Transport }

// RoundTrip implements http.RoundTripper.
func (u unproxied) RoundTrip(req *http.Request) (*http.Response, error) {
	if u.like.Proxy != nil {
		if proxy, err := u.like.Proxy(req); err != nil || proxy != nil {
			return nil, &PlaceError{secret.Cut(req.URL.String()), errors.New("would be requested through a proxy")}
		}
	}
	return u.direct.RoundTrip(req)
}

// OnlyPublic is for net.Dialer.Control: it checks the address of a connection before
// it is made.
func OnlyPublic(_, address string, _ syscall.RawConn) error {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return &PlaceError{address, errors.New("is not an address that can be checked")}
	}
	if why := NotPublic(host.Addr()); why != "" {
		return &PlaceError{host.Addr().String(), errors.New("is " + why)}
	}
	return nil
}

// reserved are the networks that netip does not classify (IANA's registries of
// special-purpose addresses).
var reserved = []struct {
	net netip.Prefix
	why string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("100::/64"), "discarded"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("5f00::/16"), "for segment routing"},
	{netip.MustParsePrefix("2001::/32"), "a tunnel address, which hides where it leads"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a translator address, which hides where it leads"},
	{netip.MustParsePrefix("fec0::/10"), "a site's private address"},
}

// embedded are the networks of IPv6 whose addresses contain an IPv4 address, and
// the byte where it begins.
var embedded = []struct {
	net netip.Prefix
	at  int
}{
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
}

// NotPublic says why an address is not publicly reachable, "" if it is.
func NotPublic(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsUnspecified():
		return "not an address"
	case a.IsLoopback():
		return "this machine's own address"
	case a.IsPrivate():
		return "a private address"
	case a.IsLinkLocalUnicast(), a.IsMulticast(), a.IsInterfaceLocalMulticast():
		return "an address of the local network"
	}
	for _, r := range reserved {
		if r.net.Contains(a) {
			return r.why
		}
	}
	for _, e := range embedded {
		if e.net.Contains(a) {
			b := a.As16()
			return NotPublic(netip.AddrFrom4([4]byte(b[e.at : e.at+4])))
		}
	}
	return ""
}
