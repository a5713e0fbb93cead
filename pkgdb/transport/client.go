// SPDX-License-Identifier: BSD-2-Clause

// Package transport makes the HTTP clients with which orlop reaches repositories and
// registries: they wait for no server forever, and can be kept from addresses that
// are not public.
package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// dialTimeout bounds the wait for a connection.
const dialTimeout = 15 * time.Second

// Settings say how servers are reached.
type Settings struct {
	Proxy func(*http.Request) (*url.URL, error) // nil for none
	Roots *x509.CertPool                        // who may vouch for a server; nil for those of the system

	// Dial connects, in place of the system; for tests.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// New returns a transport that waits for no server forever and requests no
// compression, so that sizes are those of files.
func New(s Settings) *http.Transport {
	t := &http.Transport{
		Proxy:                  quiet(s.Proxy),
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    15 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
	}
	if s.Dial != nil {
		t.DialContext = s.Dial
	}
	if s.Roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	}
	return t
}

// NewClient returns a client of such a transport that follows a few redirects.
func NewClient(s Settings) *http.Client {
	return &http.Client{Transport: New(s), CheckRedirect: CheckRedirect}
}

// ErrProxy replaces an error that has the proxy's URL, and perhaps its password.
var ErrProxy = errors.New("the address of the proxy is not a readable URL")

// quiet keeps the proxy's URL out of errors.
func quiet(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if proxy == nil {
		return nil
	}
	return func(req *http.Request) (*url.URL, error) {
		u, err := proxy(req)
		if err != nil && strings.HasPrefix(err.Error(), "invalid proxy address") { // golang.org/x/net/http/httpproxy
			return nil, ErrProxy
		}
		return u, err
	}
}

// MaxRedirects is how many redirects of one request are followed.
const MaxRedirects = 5

// CheckRedirect follows a few redirects, none of them from https to http. A user
// and password stay with the host of the URL that has them; a Referer would
// reveal the query to the next host.
func CheckRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	if len(via) >= MaxRedirects {
		return fmt.Errorf("is redirected more than %d times", len(via))
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("is redirected from https to %s", req.URL.Scheme)
	}
	return nil
}

// Roots reads the certificates of a PEM file, which then vouch for servers beside
// those that the system trusts.
func Roots(pem []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil { // a system without certificates
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("has no certificate in PEM form, wanted one or more")
	}
	return pool, nil
}

// Permanent reports whether no retry will change a failed request: certificates,
// redirects, proxies and addresses stay as they are.
func Permanent(err error) bool {
	if _, refused := errors.AsType[*PlaceError](err); refused {
		return true
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	for _, begin := range []string{"tls: ", "x509: ", "is redirected", "http: server gave HTTP response to HTTPS client", "unsupported protocol scheme"} {
		if strings.HasPrefix(err.Error(), begin) {
			return true
		}
	}
	return errors.Is(err, ErrProxy)
}
