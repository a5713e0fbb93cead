// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"oras.land/oras-go/v2/registry/remote/auth"
)

// tokens are how a registry is asked, and what it has given for that.
type tokens struct {
	lock  gate       // while a token is fetched, who needs it waits
	way   *challenge // nil before a first refusal
	known map[string]*bearer
	users map[string]Credential // by repository: a helper is asked once
}

// gate is a lock that nobody waits for longer than a context lasts.
type gate chan struct{}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }

// bearer is a token.
type bearer struct {
	text  string
	stale atomic.Bool // it should be renewed
}

// Credential is what a user has for a registry.
type Credential = auth.Credential

// AuthError is a registry that cannot be asked in the user's name.
type AuthError struct {
	Where string
	Err   error
	Host  string // that --auth-host would allow; "" if that is not it
}

func (e *AuthError) Error() string { return e.Where + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *AuthError) Unwrap() error { return e.Err }

// Absent reports that bytes could not be had or brought.
func (*AuthError) Absent() bool { return true }

// Final reports that no further try changes that.
func (*AuthError) Final() bool { return true }

// Hint says how the user allows a host.
func (e *AuthError) Hint() string {
	if e.Host == "" {
		return ""
	}
	return "--auth-host " + e.Host + " allows it, if that host may have them"
}

// scopes returns what a token needs for this repository, and for pulling from others.
// Some registries refuse a whole token to those who ask for more.
func (r *Repository) scopes(push bool, from ...string) []string {
	actions := []string{auth.ActionPull}
	if push {
		actions = append(actions, auth.ActionPush)
	}
	list := []string{auth.ScopeRepository(r.Reference.Repository, actions...)}
	for _, other := range from {
		list = append(list, auth.ScopeRepository(other, auth.ActionPull))
	}
	return auth.CleanScopes(list)
}

// key names a token. Credentials may differ from repository to repository.
func (r *Repository) key(scopes []string) string {
	return r.Reference.Repository + "\n" + strings.Join(scopes, "\n")
}

// open is the way to a registry that lets everybody in.
var open = challenge{scheme: "none"}

// introduce asks how the registry wants to be asked, if that is unknown, so that no
// body is sent in vain.
func (r *Repository) introduce(ctx context.Context) error {
	t := &r.host.tokens
	if err := t.lock.enter(ctx); err != nil {
		return err
	}
	defer t.lock.leave()
	if t.way != nil {
		return nil
	}
	var err error
	t.way, err = r.ping(ctx)
	return err
}

// ping asks for the challenge of the registry itself.
func (r *Repository) ping(ctx context.Context) (*challenge, error) {
	u := *r.host.base
	u.Path = "/v2/"
	c := call{what: "how to log in", method: http.MethodGet, url: &u, bare: true, once: true}
	resp, err := r.send(ctx, c)
	if err != nil {
		return nil, err
	}
	if worthRetry(resp.StatusCode) {
		return nil, r.refusal(resp, c.what)
	}
	drain(resp)
	if resp.StatusCode != http.StatusUnauthorized {
		return &open, nil
	}
	if way := preferred(challenges(resp.Header)); way != nil {
		return way, nil
	}
	return nil, &AuthError{Where: r.host.name, Err: errors.New("asks for credentials, in no way that is known: wanted Basic or Bearer")}
}

// authorization returns the value of the header for a request, "" for none.
func (r *Repository) authorization(ctx context.Context, scopes []string) (string, error) {
	t := &r.host.tokens
	if err := t.lock.enter(ctx); err != nil {
		return "", err
	}
	defer t.lock.leave()
	switch {
	case t.way == nil || t.way.scheme == open.scheme:
		return "", nil
	case t.way.scheme == "basic":
		c, err := r.credential(ctx)
		if err != nil || c.Username == "" && c.Password == "" {
			return "", err
		}
		return basic(c), nil
	}
	key := r.key(scopes)
	if b := t.known[key]; b != nil && !b.stale.Load() {
		return "Bearer " + b.text, nil
	}
	b, err := r.fetch(ctx, t.way, scopes)
	if err != nil {
		return "", finalError{err} // it was tried often enough
	}
	t.known[key] = b
	return "Bearer " + b.text, nil
}

func basic(c Credential) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password))
}

// credential returns what the user has for the repository. The caller is in the gate.
func (r *Repository) credential(ctx context.Context) (Credential, error) {
	name := r.Reference.Repository
	c, known := r.host.tokens.users[name]
	if known || r.client.Credentials == nil {
		return c, nil
	}
	c, err := r.client.Credentials(ctx, r.Reference)
	if err != nil {
		return c, finalError{err}
	}
	r.host.tokens.users[name] = c
	return c, nil
}

// renew takes the challenge of a refusal, whose body it closes unless the refusal is
// the answer, and reports whether the same request may have another one now: with
// other credentials than those that were refused.
func (r *Repository) renew(ctx context.Context, c call, resp *http.Response, used string) (bool, error) {
	again, err := r.after(ctx, c.scopes, resp.Header, used)
	if err == nil && (again == "" || again == used) {
		return false, nil
	}
	drain(resp)
	return err == nil, err
}

// after returns what to send after a refusal.
func (r *Repository) after(ctx context.Context, scopes []string, h http.Header, used string) (string, error) {
	t := &r.host.tokens
	if err := t.lock.enter(ctx); err != nil {
		return "", err
	}
	way := preferred(challenges(h))
	var err error
	if way == nil {
		way, err = r.ping(ctx)
	}
	if err == nil {
		t.way = way
		t.drop(r.key(scopes), used)
	}
	t.lock.leave()
	if err != nil {
		return "", err
	}
	return r.authorization(ctx, scopes)
}

// drop drops a token that was refused. The caller is in the gate.
func (t *tokens) drop(key, used string) {
	if b := t.known[key]; b != nil && used == "Bearer "+b.text {
		delete(t.known, key)
	}
}

// forget drops a token that was refused, so that the next request asks for another.
func (r *Repository) forget(ctx context.Context, scopes []string, used string) {
	t := &r.host.tokens
	if t.lock.enter(ctx) == nil {
		t.drop(r.key(scopes), used)
		t.lock.leave()
	}
}
