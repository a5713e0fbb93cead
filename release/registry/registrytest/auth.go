// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// token is a bearer token that was given out.
type token struct {
	actions map[string][]string // repository → what may be done there
	expires time.Time
	left    int // requests; negative: no limit
}

func (t *token) allows(repo, action string) bool {
	return slices.Contains(t.actions[repo], action) || slices.Contains(t.actions[repo], "*")
}

// ExpireTokens makes all tokens given out so far worthless.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// authorized checks the credentials for the repository and the method. The
// second host asks for none: what it serves is signed or public.
func (e *exchange) authorized() bool {
	if e.other || e.p.Auth == AuthNone {
		return true
	}
	if e.p.Auth == AuthBasic {
		user, password, _ := e.r.BasicAuth()
		if user == User && password == Password {
			return true
		}
		e.fail(http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return false
	}
	text, ok := strings.CutPrefix(e.r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		e.fail(http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return false
	}
	t := e.s.use(text)
	switch {
	case t == nil:
		e.deny("invalid_token")
	case e.repo != "" && !t.allows(e.repo, e.action()):
		e.deny("insufficient_scope")
	case e.p.Mount == MountNeedsPull && e.mountSource() != "" && !t.allows(e.mountSource(), "pull"):
		e.deny("insufficient_scope")
	default:
		return true
	}
	return false
}

// use takes one request off a token. It returns nil if the token is none.
func (s *Server) use(text string) *token {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[text]
	if t == nil || t.left == 0 || time.Now().After(t.expires) {
		delete(s.tokens, text)
		return nil
	}
	if t.left > 0 {
		t.left--
	}
	return t
}

// allowed tells whether the client's token, if any is needed, covers action on
// another repository than the request's.
func (e *exchange) allowed(repo, action string) bool {
	if e.p.Auth != AuthBearer || e.other {
		return true
	}
	text, _ := strings.CutPrefix(e.r.Header.Get("Authorization"), "Bearer ")
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	t := e.s.tokens[text]
	return t != nil && t.allows(repo, action)
}

func (e *exchange) deny(reason string) {
	e.challenge(reason)
	e.send(http.StatusUnauthorized, "application/json",
		[]byte(Errors("UNAUTHORIZED", "authentication required")))
}

// action is what the request needs in its repository. Uploads are for those who
// may push, also to look at.
func (e *exchange) action() string {
	switch {
	case strings.Contains(e.r.URL.Path, "/blobs/upload"):
		return "push"
	case e.r.Method == http.MethodGet || e.r.Method == http.MethodHead:
		return "pull"
	case e.r.Method == http.MethodDelete:
		return "delete"
	}
	return "push"
}

func (e *exchange) mountSource() string {
	if e.r.Method != http.MethodPost || e.r.URL.Query().Get("mount") == "" {
		return ""
	}
	return e.r.URL.Query().Get("from")
}

// challenge writes WWW-Authenticate, once.
func (e *exchange) challenge(reason string) {
	if e.w.Header().Get("WWW-Authenticate") != "" || e.p.Auth == AuthNone && e.p.Challenge == nil {
		return
	}
	var scope string
	if e.repo != "" {
		scope = "repository:" + e.repo + ":" + e.wanted()
	}
	texts := e.p.Challenge
	if texts == nil {
		texts = []string{e.usual(scope, reason)}
	}
	fill := strings.NewReplacer("{realm}", e.realm(), "{service}", e.p.Service, "{scope}", scope)
	for _, text := range texts {
		e.w.Header().Add("WWW-Authenticate", fill.Replace(text))
	}
}

func (e *exchange) wanted() string {
	if e.action() == "push" {
		return "pull,push"
	}
	return e.action()
}

func (e *exchange) usual(scope, reason string) string {
	if e.p.Auth == AuthBasic {
		return fmt.Sprintf("Basic realm=%q,service=%q", e.s.URL()+"/", e.p.Service)
	}
	text := `Bearer realm="{realm}",service="{service}"`
	if scope != "" {
		text += `,scope="{scope}"`
	}
	if reason != "" {
		text += `,error="` + reason + `"`
	}
	return text
}

func (e *exchange) realm() string {
	if e.p.TokenElsewhere {
		return e.s.OtherURL() + "/token"
	}
	return e.s.URL() + "/token"
}
