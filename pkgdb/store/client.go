// SPDX-License-Identifier: BSD-2-Clause

package store

import (
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

// NewClient returns a client that waits for no server forever and requests no
// compression, so that sizes are those of files. Proxy may be nil.
func NewClient(proxy func(*http.Request) (*url.URL, error)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  quiet(proxy),
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:    15 * time.Second,
			ResponseHeaderTimeout:  30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    16,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
		},
		CheckRedirect: checkRedirect,
	}
}

var errProxy = errors.New("the address of the proxy is not a readable URL")

// quiet keeps the proxy's URL out of errors.
func quiet(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if proxy == nil {
		return nil
	}
	return func(req *http.Request) (*url.URL, error) {
		u, err := proxy(req)
		if err != nil && strings.HasPrefix(err.Error(), "invalid proxy address") { // golang.org/x/net/http/httpproxy
			return nil, errProxy
		}
		return u, err
	}
}

// checkRedirect follows a few redirects, none of them from https to http. A user
// and password stay with the host of the URL that has them; a Referer would
// reveal the query to the next host.
func checkRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	if len(via) >= 5 {
		return fmt.Errorf("is redirected more than %d times", len(via))
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("is redirected from https to %s", req.URL.Scheme)
	}
	return nil
}
