// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// token is the token server: GET with Basic or without credentials, POST with
// grant_type=password or refresh_token.
func (e *exchange) token() {
	r := e.r
	if err := r.ParseForm(); err != nil || r.Method != http.MethodGet && r.Method != http.MethodPost {
		e.notAllowed()
		return
	}
	known, ok := e.identity()
	if !ok {
		e.send(http.StatusUnauthorized, "application/json",
			[]byte(Errors("UNAUTHORIZED", "incorrect username or password")))
		return
	}
	var scopes []string
	for _, s := range r.Form["scope"] {
		scopes = append(scopes, strings.Fields(s)...)
	}
	if e.p.Grant != nil {
		var status int
		if scopes, status = e.p.Grant(scopes); status != 0 {
			e.send(status, "application/json", []byte(Errors("DENIED", "requested access is denied")))
			return
		}
	}
	actions := make(map[string][]string)
	for _, scope := range scopes {
		if !e.grant(actions, scope, known) {
			e.send(e.p.TokenUnknown, "application/json",
				[]byte(Errors("DENIED", "requested access to the resource is denied")))
			return
		}
	}
	e.sendToken(actions)
}

// identity tells whether the client gave credentials, and whether they are
// right or missing.
func (e *exchange) identity() (known, ok bool) {
	if user, password, given := e.r.BasicAuth(); given {
		return true, user == User && password == Password
	}
	form := e.r.PostForm
	switch form.Get("grant_type") {
	case "password":
		return true, form.Get("username") == User && form.Get("password") == Password
	case "refresh_token":
		return true, form.Get("refresh_token") == RefreshToken
	}
	return false, e.r.Method == http.MethodGet
}

// grant adds what a scope asks for and the client may do. It returns false if
// the scope spoils the token.
func (e *exchange) grant(actions map[string][]string, scope string, known bool) bool {
	kind, rest, _ := strings.Cut(scope, ":")
	i := strings.LastIndex(rest, ":")
	if kind != "repository" || i < 0 {
		return true
	}
	name, asked := rest[:i], strings.Split(rest[i+1:], ",")
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	repo := e.s.repos[name]
	visible := repo != nil && (known || !e.p.Private || repo.public)
	if !visible && !slices.Contains(asked, "push") {
		if e.p.TokenUnknown != 0 {
			return false
		}
		if !known {
			return true
		}
	}
	for _, action := range asked {
		if known || action == "pull" && visible {
			actions[name] = append(actions[name], action)
		}
	}
	return true
}

func (e *exchange) sendToken(actions map[string][]string) {
	life, left := cmp.Or(e.p.TokenLife, 5*time.Minute), cmp.Or(e.p.TokenUses, -1)
	now := time.Now()
	e.s.mu.Lock()
	e.s.serial++
	text := fmt.Sprintf("token-%d", e.s.serial)
	e.s.tokens[text] = &token{actions, now.Add(life), left}
	e.s.mu.Unlock()

	e.sendJSON("application/json", map[string]any{
		"token": text, "access_token": text, "expires_in": int(life.Seconds()),
		"issued_at": now.UTC().Format(time.RFC3339),
	})
}

// PullOnly is a Grant that silently leaves out everything but pull.
func PullOnly(scopes []string) ([]string, int) {
	var granted []string
	for _, s := range scopes {
		if i := strings.LastIndex(s, ":"); i >= 0 {
			granted = append(granted, s[:i]+":pull")
		}
	}
	return granted, 0
}
