// SPDX-License-Identifier: BSD-2-Clause

// Package registry is a client of registries for images (OCI distribution-spec 1.1,
// with what 2026's registries really answer). It pulls, uploads, tags, and attaches.
// Every byte that comes is checked against its digest and length.
//
// It takes from oras-go the names of repositories, tags and scopes, and the codes of
// errors (packages registry, registry/remote/auth and registry/remote/errcode). The
// requests are made here, since oras-go
//
//   - reads only the first WWW-Authenticate header, keeps a token until it is refused,
//     and looks up the address of a realm before it connects, not when;
//   - gives the credentials of one path of a registry to all others;
//   - refuses an upload whose Location is on another host, and encodes its query again;
//   - can neither resume an upload nor a download;
//   - waits three seconds at most, whatever Retry-After says, and not as a date or on
//     status 503;
//   - follows ten redirects;
//   - takes status 201 alone as success for a manifest, and needs a Content-Length and
//     an exact Content-Type;
//   - believes OCI-Subject, and writes the fallback tag of a subject once for each
//     attachment.
//
// Not supported: pushing by several tags in one request, deleting, docker's schema 1.
package registry

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orlop/orlop/pkgdb/transport"
)

// Client reaches registries. Its zero value asks anonymously, over https.
type Client struct {
	Settings  transport.Settings
	PlainHTTP bool     // registries speak http; this client never falls back to it
	AuthHosts []string // may also get a user's password, as hosts of a realm

	// Credentials returns what the user has for a repository, and is asked once for each,
	// perhaps from several goroutines; nil for nothing at all.
	Credentials func(ctx context.Context, of Reference) (Credential, error)
	Moved       func(bytes int64) // is told of the bytes of blobs, both ways, from many goroutines; may be nil
	Notice      func(string)      // what a registry wants users to know; may be nil
	Backoff     time.Duration     // before the first retry, doubled for the next; 0 for half a second
	Window      time.Duration     // in which a transfer must make progress; 0 for 30 seconds
	Patience    time.Duration     // the longest wait that a registry may ask for; 0 for five minutes
	lock        sync.Mutex
	hosts       map[string]*host
}

// Repository is a repository of a registry.
type Repository struct {
	Reference // without tag and digest
	client    *Client
	host      *host
}

// Repository returns the repository of a reference. It asks nothing yet.
func (c *Client) Repository(ref Reference) *Repository {
	ref.Tag, ref.Digest = "", ""
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.hosts == nil {
		c.hosts = map[string]*host{}
	}
	h := c.hosts[ref.Registry]
	if h == nil {
		h = newHost(c, ref.Registry)
		c.hosts[ref.Registry] = h
	}
	return &Repository{ref, c, h}
}

// host is what all repositories of a registry share.
type host struct {
	name     string   // as references have it
	base     *url.URL // scheme and address
	direct   *http.Client
	guarded  *http.Client // reaches only public addresses
	pause    pause        // of all requests
	private  atomic.Bool  // its address is not public
	tokens   tokens
	noMounts sync.Map     // repositories from which a mount has failed
	tooLarge atomic.Int64 // size of a blob that it did not take in one request; 0 for none

	lock   sync.Mutex // guards warned
	warned map[string]bool
}

func newHost(c *Client, name string) *host {
	h := &host{name: name, base: &url.URL{Scheme: "https", Host: address(name)}, warned: map[string]bool{}}
	h.tokens = tokens{lock: make(gate, 1), known: map[string]*bearer{}, users: map[string]Credential{}}
	if c.PlainHTTP {
		h.base.Scheme = "http"
	}
	t := transport.New(c.Settings)
	t.ResponseHeaderTimeout = headerWindows * c.window()
	t.ForceAttemptHTTP2 = false // several connections carry more than one
	t.MaxIdleConnsPerHost = 2 * maxParallel
	h.direct = &http.Client{Transport: t, CheckRedirect: asItIs}
	h.guarded = transport.Guard(h.direct)
	return h
}

const (
	// headerWindows bound the wait for an answer after the whole request was sent, three
	// minutes in all. A registry may copy a large blob before it answers.
	headerWindows = 6
	maxParallel   = 8 // transfers at once that anybody needs
)

// window is the time in which a transfer must make progress.
func (c *Client) window() time.Duration { return cmp.Or(c.Window, 30*time.Second) }

// news reports whether a warning is new, and one of not too many.
func (h *host) news(text string) bool {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.warned[text] || len(h.warned) == maxWarnings {
		return false
	}
	h.warned[text] = true
	return true
}

// asItIs leaves redirects to those who know what they may lead to.
func asItIs(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// url returns the address of something in the repository.
func (r *Repository) url(path, query string) *url.URL {
	u := *r.host.base
	u.Path, u.RawQuery = "/v2/"+r.Reference.Repository+path, query
	return &u
}
