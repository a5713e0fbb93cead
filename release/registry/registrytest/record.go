// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"io"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Request is one line of the log.
type Request struct {
	Other  bool // it came to the second host
	Method string
	Path   string
	Query  string // as it was sent
	Auth   string // scheme of Authorization in lower case; empty if there was none
	Header http.Header
	Status int   // 0 as long as there is no answer, or when the connection was cut
	Body   int64 // bytes that were read of the request's body
}

// entry is a Request being served.
type entry struct {
	Request
	upload digest.Digest // that a PUT claims to finish
	open   bool          // counted in Server.running
}

// Requests returns the log, in the order in which requests came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Request, len(s.log))
	for i, e := range s.log {
		list[i] = e.Request
	}
	return list
}

// ResetRequests empties the log. Requests being served vanish from it, too.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// Count is the number of requests in the log, on both hosts, that On would
// match.
func (s *Server) Count(method, text string) int {
	n := 0
	for _, r := range s.Requests() {
		if matches(method, text, r.Method, r.Path, r.Query) {
			n++
		}
	}
	return n
}

// BlobBytes is the number of bytes received in bodies of uploads.
func (s *Server) BlobBytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blobBytes
}

// MaxParallel is the largest number of PUTs that were finishing an upload of
// that blob at the same time, in any repository.
func (s *Server) MaxParallel(blob digest.Digest) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maxRunning[blob]
}

// begin writes a request into the log.
func (s *Server) begin(r *http.Request, other bool) *entry {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	e := &entry{Request: Request{
		Other: other, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		Auth: strings.ToLower(scheme), Header: r.Header.Clone(),
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log) < maxLog {
		s.log = append(s.log, e)
	}
	if d := r.URL.Query().Get("digest"); r.Method == http.MethodPut && d != "" {
		e.upload, e.open = digest.Digest(d), true
		s.running[e.upload]++
		s.maxRunning[e.upload] = max(s.maxRunning[e.upload], s.running[e.upload])
	}
	return e
}

// finish notes the status. It is called before the client can see the answer,
// so that a log read after the answer is complete, and again at the end.
func (s *Server) finish(e *entry, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Status = status
	if e.open {
		e.open = false
		s.running[e.upload]--
	}
}

// countingBody counts what is read of a request's body.
type countingBody struct {
	io.ReadCloser
	s *Server
	e *entry
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.e.Body += int64(n)
	if strings.Contains(b.e.Path, "/blobs/upload") {
		b.s.blobBytes += int64(n)
	}
	return n, err
}

// answer is a ResponseWriter that notes the status. It reads what is left of
// the request first: a client that is still sending would else see a broken
// connection instead of an early answer.
type answer struct {
	http.ResponseWriter
	s       *Server
	e       *entry
	body    io.Reader
	written bool
}

func (a *answer) WriteHeader(status int) {
	if !a.written {
		a.written = true
		_, _ = io.CopyN(io.Discard, a.body, maxDrain)
		a.s.finish(a.e, status)
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if !a.written {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find Flush.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
