// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// Bounds of a list of mirrors, those of pkg.
const (
	maxMirrors    = 256
	maxMirrorList = 1 << 20 // bytes
)

// serverList finds the servers of a repository once.
type serverList struct {
	once sync.Once
	urls []*url.URL
}

// bases are the URLs that serve the repository, best first.
func (s *Source) bases(ctx context.Context) []*url.URL {
	s.servers.once.Do(func() {
		switch s.mirror {
		case "srv":
			s.servers.urls = s.srv(ctx)
		case "http":
			s.servers.urls = s.listed(ctx)
		}
		if len(s.servers.urls) == 0 {
			s.servers.urls = []*url.URL{s.url}
		}
	})
	return s.servers.urls
}

// srv looks up _https._tcp.HOST (libpkg/dns_utils.c). The answer changes host
// and port, but not the path. If there is none, the host itself will do.
func (s *Source) srv(ctx context.Context) []*url.URL {
	lookup := s.store.Lookup
	if lookup == nil {
		lookup = systemLookup
	}
	servers, err := lookup(ctx, s.url.Scheme, "tcp", s.url.Hostname())
	if err != nil && ctx.Err() == nil {
		s.store.notice(fmt.Sprintf("%s: there is no list of mirrors (%v); the host itself is asked", s.public, err))
	}
	var urls []*url.URL
	var others []string
	for _, server := range servers[:min(len(servers), maxMirrors)] {
		u := *s.url
		host := strings.TrimSuffix(server.Host, ".")
		u.Host = net.JoinHostPort(host, strconv.Itoa(int(server.Port)))
		if !within(host, s.url.Hostname()) {
			u.User, u.RawQuery = nil, ""
			others = append(others, host)
		}
		urls = append(urls, &u)
	}
	if len(others) > 0 && (s.url.User != nil || s.url.RawQuery != "") {
		s.store.notice(fmt.Sprintf("%s: its user, password and query are not sent to its mirrors %s, which are other hosts", s.public, strings.Join(others, ", ")))
	}
	return urls
}

// within reports whether a host equals another or is part of its domain. Only
// such a host gets secrets: anyone may answer for the DNS, and its answer is as
// good as a redirect (net/http has the same rule there).
func within(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(domain)
	return host == domain || strings.HasSuffix(host, "."+domain) && net.ParseIP(host) == nil
}

// systemLookup orders by priority and weight, as net.LookupSRV does.
func systemLookup(ctx context.Context, service, proto, name string) ([]Server, error) {
	_, records, err := net.DefaultResolver.LookupSRV(ctx, service, proto, name)
	var servers []Server
	for _, r := range records {
		servers = append(servers, Server{r.Target, r.Port})
	}
	return servers, err
}

// listed reads lines "URL: …" from the host's root, else from the repository
// (libpkg/fetch.c: http_getmirrors).
func (s *Source) listed(ctx context.Context) []*url.URL {
	root := *s.url
	root.Path, root.RawPath = "/", ""
	for _, u := range []*url.URL{&root, s.url} {
		text, err := s.mirrorList(ctx, u)
		if err != nil {
			continue // the repository's own answer will show what is wrong
		}
		var urls []*url.URL
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan() && len(urls) < maxMirrors; {
			rest, is := strings.CutPrefix(lines.Text(), "URL:")
			if !is {
				continue
			}
			m, err := url.Parse(strings.TrimSpace(rest))
			if err == nil && (m.Scheme == "http" || m.Scheme == "https") && m.Host != "" && (m.Scheme == s.url.Scheme || m.Scheme == "https") {
				urls = append(urls, m)
			}
		}
		if len(urls) > 0 {
			return urls
		}
	}
	if ctx.Err() == nil {
		s.store.notice(fmt.Sprintf("%s: there is no list of mirrors; the repository itself is asked", s.public))
	}
	return nil
}

func (s *Source) mirrorList(ctx context.Context, u *url.URL) ([]byte, error) {
	f, err := s.store.temp("mirrors")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s.store.Discard(f)
	get := transfer{store: s.store, client: s.client(), file: f, limit: maxMirrorList}
	if err := get.from(ctx, u); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}
