// SPDX-License-Identifier: BSD-2-Clause

// Package registrytest is an OCI registry for tests that can be told to
// misbehave.
//
// New starts an in-memory registry on 127.0.0.1 that follows distribution-spec
// 1.1. What differs from that comes from three pieces, which combine:
//
//   - a Profile: the lasting ways of one registry, ready-made for ghcr.io,
//     quay.io, ECR, GitLab and docker.io;
//   - a Handler, given to Server.Handle: it sees a request first and may answer
//     it instead, change it, cut the connection or just do something;
//   - an Edit, given to Server.Edit: it changes an answer on its way out.
//
// Handlers and edits say how many requests they are for and which:
//
//	s := registrytest.New(t, registrytest.GHCR())
//	s.Handle(registrytest.Answer(2, 429, registrytest.Header("Retry-After", "1"), "",
//		registrytest.On("PUT", "/blobs/upload")))
//	s.Edit(registrytest.Always, registrytest.On("HEAD", "/manifests/"),
//		registrytest.Without("Docker-Content-Digest"))
//
// There is a second host, on another port. It holds the same content, asks for
// no credentials, and plays whatever a registry keeps elsewhere: the token
// server, the storage that blobs are redirected to, the target of a Location.
// The log of requests tells which host was asked and with which credentials.
package registrytest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
)

// The credentials that a Server with authentication takes.
const (
	User         = "orlop"
	Password     = "correct horse battery staple"
	RefreshToken = "identity-token-of-orlop"
)

// Bounds that keep a test gone wrong from eating the machine.
const (
	maxManifest = 4 << 20
	maxBlob     = 256 << 20
	maxDrain    = 64 << 20
	maxUploads  = 10_000
	maxLog      = 100_000
)

// Server is a running registry. All its methods may be called at any time from
// any goroutine, also from handlers and edits.
type Server struct {
	main, other *httptest.Server
	client      *http.Client

	mu         sync.Mutex // guards all below
	profile    Profile
	handlers   []Handler
	edits      []editRule
	repos      map[string]*repository
	uploads    map[string]*upload
	settling   map[string]int // repo/reference → requests still answered 404
	tokens     map[string]*token
	signatures map[string]int // signature → requests answered with it
	serial     int            // of the last upload, token or signature
	log        []*entry
	blobBytes  int64
	running    map[digest.Digest]int
	maxRunning map[digest.Digest]int
}

// New starts a registry with that profile and closes it at the end of the test.
func New(t testing.TB, profile Profile) *Server {
	t.Helper()
	s := &Server{
		profile:    profile,
		repos:      make(map[string]*repository),
		uploads:    make(map[string]*upload),
		settling:   make(map[string]int),
		tokens:     make(map[string]*token),
		signatures: make(map[string]int),
		running:    make(map[digest.Digest]int),
		maxRunning: make(map[digest.Digest]int),
	}
	s.main = start(s.serve(false), profile.TLS)
	s.other = start(s.serve(true), profile.TLS)
	s.client = &http.Client{Transport: s.transport()}
	t.Cleanup(s.close)
	if profile.Setup != nil {
		profile.Setup(s)
	}
	return s
}

func start(h http.Handler, secure bool) *httptest.Server {
	srv := httptest.NewUnstartedServer(h)
	// Refused certificates are part of some tests and no news.
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	return srv
}

// close breaks open connections first: Close alone would wait for answers
// without end that nobody reads.
func (s *Server) close() {
	s.client.CloseIdleConnections()
	for _, srv := range []*httptest.Server{s.main, s.other} {
		srv.CloseClientConnections()
		srv.Close()
	}
}

// Host is the registry's host: 127.0.0.1:port, or the name in the profile.
func (s *Server) Host() string {
	if name := s.Profile().Name; name != "" {
		return name
	}
	return s.main.Listener.Addr().String()
}

// OtherHost is the second host: 127.0.0.1:port, or the name in the profile.
func (s *Server) OtherHost() string {
	if name := s.Profile().OtherName; name != "" {
		return name
	}
	return s.other.Listener.Addr().String()
}

// URL is the address of the registry, without a slash at the end.
func (s *Server) URL() string { return s.scheme() + "://" + s.Host() }

// OtherURL is the address of the second host, without a slash at the end.
func (s *Server) OtherURL() string { return s.scheme() + "://" + s.OtherHost() }

func (s *Server) scheme() string {
	if s.main.TLS != nil {
		return "https"
	}
	return "http"
}

// Profile returns a copy of the profile in force.
func (s *Server) Profile() Profile {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.profile
}

// Change alters the profile while the server runs. The names and TLS have no
// effect any more.
func (s *Server) Change(f func(p *Profile)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.profile)
}

// Client returns a client that trusts both hosts and finds their names. It
// follows redirects as http.Client does.
func (s *Server) Client() *http.Client { return s.client }

// RootCAs holds the certificate of both hosts; it is empty without TLS.
func (s *Server) RootCAs() *x509.CertPool {
	pool := x509.NewCertPool()
	if cert := s.main.Certificate(); cert != nil {
		pool.AddCert(cert)
	}
	return pool
}

// DialContext connects the names in the profile to this server's two hosts;
// every other address is dialled as it is.
func (s *Server) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	p := s.Profile()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Name != "" && strings.EqualFold(host, p.Name):
		addr = s.main.Listener.Addr().String()
	case p.OtherName != "" && strings.EqualFold(host, p.OtherName):
		addr = s.other.Listener.Addr().String()
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

func (s *Server) transport() *http.Transport {
	return &http.Transport{
		DialContext:     s.DialContext,
		TLSClientConfig: &tls.Config{RootCAs: s.RootCAs()},
	}
}
