// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Always is the number of requests for handlers and edits without an end.
const Always = -1

// Match tells whether a request is meant.
type Match func(r *http.Request) bool

// On matches a method (several with blanks between them, any if empty) and a
// text that occurs in path?query. The texts that tell requests apart are
// /blobs/upload (ghcr has no s there), /blobs/sha256:, mount=, /manifests/,
// /manifests/sha256- (fallback tags), /referrers/, /tags/list, /token and
// /storage/.
func On(method, text string) Match {
	return func(r *http.Request) bool {
		return matches(method, text, r.Method, r.URL.Path, r.URL.RawQuery)
	}
}

func matches(method, text, m, path, query string) bool {
	return (method == "" || slices.Contains(strings.Fields(method), m)) &&
		strings.Contains(path+"?"+query, text)
}

// next narrows m to the first n requests that it matches.
func next(n int, m Match) Match {
	if n < 0 {
		return m
	}
	var left atomic.Int64
	left.Store(int64(n))
	return func(r *http.Request) bool { return m(r) && left.Add(-1) >= 0 }
}

// Handler sees a request before the registry does. It returns true if it has
// answered; else it may have changed the request.
type Handler func(w http.ResponseWriter, r *http.Request) (done bool)

// Handle adds handlers. They are asked in the order in which they were added.
func (s *Server) Handle(h ...Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers = append(s.handlers, h...)
}

// Reset removes all handlers and edits, also those of the profile.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers, s.edits = nil, nil
}

func (s *Server) hooks() ([]Handler, []editRule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.handlers), slices.Clone(s.edits)
}

// Answer answers the next n matching requests itself.
func Answer(n int, status int, header http.Header, body string, m Match) Handler {
	m = next(n, m)
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !m(r) {
			return false
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, body)
		}
		return true
	}
}

// Redirect sends the next n matching requests to url.
func Redirect(n int, status int, url string, m Match) Handler {
	return Answer(n, status, Header("Location", url), "", m)
}

// Challenge answers 401 to the next n matching requests, with the challenge
// that the registry has for them, whatever credentials they bring.
func (s *Server) Challenge(n int, m Match) Handler {
	m = next(n, m)
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !m(r) {
			return false
		}
		e := &exchange{s: s, p: s.Profile(), w: w, r: r}
		for _, p := range paths {
			if parts := p.pattern.FindStringSubmatch(r.URL.Path); parts != nil {
				e.repo = parts[1]
				break
			}
		}
		e.fail(http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return true
	}
}

// Do calls f before the registry sees each of the next n matching requests:
// here others change things at the worst moment.
func Do(n int, m Match, f func()) Handler {
	m = next(n, m)
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if m(r) {
			f()
		}
		return false
	}
}

// Cut closes the connection of the next n matching requests once that many
// bytes of the body were read. What was read of an upload is kept.
func Cut(n int, after int64, m Match) Handler {
	m = next(n, m)
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if !m(r) {
			return false
		}
		if after == 0 {
			panic(http.ErrAbortHandler)
		}
		r.Body = &cutBody{r.Body, after}
		return false
	}
}

type cutBody struct {
	io.ReadCloser
	left int64
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		panic(http.ErrAbortHandler)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// IgnoreRange takes Range from the next n matching requests, so that they get
// everything, with 200.
func IgnoreRange(n int, m Match) Handler {
	m = next(n, m)
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if m(r) {
			r.Header.Del("Range")
		}
		return false
	}
}

// Every asks h for each k-th request only.
func Every(k int, h Handler) Handler {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) bool {
		return count.Add(1)%int64(k) == 0 && h(w, r)
	}
}

// Header makes a header of names and values in turn.
func Header(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// Errors is the body of an error answer.
func Errors(code, message string) string {
	type one struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	return string(marshal(map[string][]one{"errors": {{code, message}}}))
}
