// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// elsewhere claims to be connected to a public address.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(96, 47, 72, 84), Port: 443} }

// public makes a registry seem to have a public address. Nobody else does.
func public(s *registrytest.Server, c *registry.Client) *registry.Client {
	c.Settings.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := s.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return elsewhere{conn}, nil
	}
	return c
}

// portOf is the port of the second host.
func portOf(s *registrytest.Server) string {
	_, port, _ := net.SplitHostPort(s.OtherHost())
	return port
}

// TestRealm: a realm that nobody should ask gets nothing, and above all no secret.
func TestRealm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		realm     func(s *registrytest.Server) string
		anonymous bool
		text      string
	}{
		"http":            {func(s *registrytest.Server) string { return "http://" + s.Host() + "/token" }, false, `is "http"`},
		"http elsewhere":  {func(*registrytest.Server) string { return "http://auth.example.org/token" }, true, `is "http"`},
		"file":            {func(*registrytest.Server) string { return "file:///etc/passwd" }, true, "not a readable URL"},
		"none":            {func(*registrytest.Server) string { return "token" }, true, "not a readable URL"},
		"without a host":  {func(*registrytest.Server) string { return "https://:443/token" }, false, "not a readable URL"},
		"another host":    {func(*registrytest.Server) string { return "https://auth.example.org/token" }, false, "for another host, auth.example.org"},
		"169.254.169.254": {func(*registrytest.Server) string { return "https://169.254.169.254/token" }, true, "an address of the local network"},
		"a name of 10.0.0.1": {func(s *registrytest.Server) string { return "https://localhost:" + portOf(s) + "/token" }, true,
			"own address"},
		"user part": {func(s *registrytest.Server) string { return "https://u:p@" + s.OtherHost() + "/token" }, true, "has a user in it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, registrytest.Profile{Auth: registrytest.AuthBearer, TLS: true})
			challenge := []string{`Bearer realm="` + tt.realm(s) + `",service="x"`}
			s.Change(func(p *registrytest.Profile) { p.Challenge = challenge })
			c := public(s, newClient(s))
			if tt.anonymous {
				c.Credentials = nil
			}
			_, err := at(s, c, repo).Manifest(t.Context(), "latest")
			fails(t, err, fault.Absent, tt.text)
			if n := s.Count("", "/token"); n != 0 {
				t.Errorf("the realm was asked %d times", n)
			}
		})
	}
}

// TestRealmAllowed: a registry that has a private address may have its tokens beside
// it, and the user may name a host.
func TestRealmAllowed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user, host, public bool
		text               string
	}{
		"anonymous, private":     {false, false, false, ""},
		"anonymous, public":      {false, false, true, "own address"},
		"with a secret":          {true, false, false, "for another host"},
		"allowed":                {true, true, false, ""},
		"allowed and not public": {true, true, true, "own address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, registrytest.Profile{Auth: registrytest.AuthBearer, TokenElsewhere: true})
			s.PutImage(repo, "latest", []byte("layer"))
			c := newClient(s)
			if !tt.user {
				c.Credentials = nil
			}
			if !tt.host {
				c.AuthHosts = nil
			}
			if tt.public {
				public(s, c)
			}
			_, err := at(s, c, repo).Manifest(t.Context(), "latest")
			if tt.text == "" {
				none(t, err)
			} else {
				fails(t, err, fault.Absent, tt.text)
				if n := s.Count("", "/token"); n != 0 {
					t.Errorf("the realm was asked %d times", n)
				}
			}
		})
	}
}

// TestKnownRealms: two registries are known to have tokens elsewhere. Each has a name
// here, which leads to the test registry only without TLS.
func TestKnownRealms(t *testing.T) {
	t.Parallel()
	for name, realm := range map[string]string{"docker.io": "https://auth.docker.io/token", "registry.gitlab.com": "https://gitlab.com/jwt/auth", "quay.io": "https://auth.docker.io/token"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := registrytest.New(t, registrytest.Profile{Name: strings.Replace(name, "docker.io", "registry-1.docker.io", 1), Auth: registrytest.AuthBearer,
				Challenge: []string{`Bearer realm="` + realm + `",service="x"`}})
			c, asked := newClient(s), ""
			c.Settings.Proxy = func(req *http.Request) (*url.URL, error) { // where requests would go
				if req.URL.Scheme == "https" {
					asked = req.URL.Host
					return &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, nil
				}
				return nil, nil
			}
			_, err := c.Repository(registry.Reference{Registry: name, Repository: repo}).Manifest(t.Context(), "latest")
			if name == "quay.io" {
				fails(t, err, fault.Absent, "for another host")
			} else {
				fails(t, err, fault.Absent, "the token from "+asked)
			}
			if known := asked != ""; known != (name != "quay.io") {
				t.Errorf("asked %q", asked)
			}
		})
	}
}

// TestRealmRedirect: a token is not fetched from where a realm leads.
func TestRealmRedirect(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		s, r := start(t, registrytest.Profile{Auth: registrytest.AuthBearer, TLS: true})
		s.Handle(registrytest.Redirect(1, code, s.OtherURL()+"/token", registrytest.On("", "/token")))
		_, err := r.Manifest(t.Context(), "latest")
		fails(t, err, fault.Failed, "HTTP status 30")
		for _, req := range s.Requests() {
			if req.Other {
				t.Error("the other host was asked")
			}
		}
	}
}

// TestProxy: what a registry leads to is judged by its name where a proxy connects, and
// a proxy's private address makes no registry private.
func TestProxy(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.Profile{Name: "registry.example.org", Redirects: 1})
	d := s.PutBlob(repo, []byte("blob"))
	c := newClient(s)
	c.Settings.Dial = nil
	var proxied *url.URL
	c.Settings.Proxy = func(req *http.Request) (*url.URL, error) {
		if req.URL.Scheme == "http" {
			return proxied, nil
		}
		return nil, nil // as NO_PROXY has it
	}
	proxied, _ = url.Parse(s.URL())
	proxied.Host = proxyTo(t, s)
	for _, target := range []string{"https://127.0.0.1:" + portOf(s) + "/x", "https://169.254.169.254/latest/meta-data"} {
		s.Handle(registrytest.Redirect(1, http.StatusFound, target, registrytest.On("GET", "/blobs/")))
		_, err := read(t, at(s, c, repo), d)
		fails(t, err, fault.Absent, "address")
	}
}

// proxyTo starts a proxy that connects every request to the registry.
func proxyTo(t *testing.T, s *registrytest.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.RequestURI = ""
		resp, err := s.Client().Transport.RoundTrip(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for k, v := range resp.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(resp.StatusCode)
	})}
	go server.Serve(l)
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}
