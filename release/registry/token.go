// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"
)

// tokens are how a registry is asked, and what it has given for that.
type tokens struct {
	lock  sync.Mutex // while one is fetched, who needs it waits
	way   *challenge // nil before a first refusal
	known map[string]*bearer
}

// bearer is a token.
type bearer struct {
	text  string
	stale atomic.Bool // it should be renewed
}

// Bounds of what a realm says of its token, and of the answer itself.
const (
	minLife  = 60 * time.Second // also that of a token without expires_in (distribution's token specification)
	maxLife  = time.Hour
	maxToken = 1 << 20 // bytes of the answer
)

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

// introduce asks how the registry wants to be asked, if that is unknown, so that no
// body is sent in vain.
func (r *Repository) introduce(ctx context.Context) error {
	t := &r.host.tokens
	t.lock.Lock()
	known := t.way != nil
	t.lock.Unlock()
	if known {
		return nil
	}
	way, err := r.ping(ctx)
	if err != nil {
		return err
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.way == nil {
		t.way = way
	}
	return nil
}

// open is the way to a registry that lets everybody in.
var open = challenge{scheme: "none"}

// ping asks for the challenge of the registry itself.
func (r *Repository) ping(ctx context.Context) (*challenge, error) {
	u := *r.host.base
	u.Path = "/v2/"
	resp, err := r.request(ctx, call{what: "GET /v2/", method: http.MethodGet, url: &u}, &u, "")
	if err != nil {
		return nil, err
	}
	_ = drain(resp)
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
	t.lock.Lock()
	defer t.lock.Unlock()
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
		return "", err
	}
	if t.known == nil {
		t.known = map[string]*bearer{}
	}
	t.known[key] = b
	return "Bearer " + b.text, nil
}

func basic(c Credential) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password))
}

// renew takes the challenge of a refusal, and reports whether the same request may
// have another answer now: with other credentials than those that were refused.
func (r *Repository) renew(ctx context.Context, c call, resp *http.Response, used string) (bool, error) {
	way := preferred(challenges(resp.Header))
	if way == nil {
		var err error
		if way, err = r.ping(ctx); err != nil {
			_ = drain(resp)
			return false, err
		}
	}
	t := &r.host.tokens
	t.lock.Lock()
	t.way = way
	t.lock.Unlock()
	r.forget(c.scopes, used)
	again, err := r.authorization(ctx, c.scopes)
	if err != nil {
		_ = drain(resp)
		return false, err
	}
	if again == "" || again == used {
		return false, nil // the refusal is the answer
	}
	return true, drain(resp)
}

// forget drops a token that was refused.
func (r *Repository) forget(scopes []string, used string) {
	t := &r.host.tokens
	t.lock.Lock()
	defer t.lock.Unlock()
	if b := t.known[r.key(scopes)]; b != nil && used == "Bearer "+b.text {
		delete(t.known, r.key(scopes))
	}
}

func (r *Repository) credential(ctx context.Context) (Credential, error) {
	if r.client.Credentials == nil {
		return Credential{}, nil
	}
	c, err := r.client.Credentials(ctx, r.Reference)
	if err != nil {
		return c, finalError{err}
	}
	return c, nil
}

// fetch gets a token from the realm of a challenge.
func (r *Repository) fetch(ctx context.Context, way *challenge, scopes []string) (*bearer, error) {
	c, err := r.credential(ctx)
	if err != nil {
		return nil, err
	}
	if c.AccessToken != "" {
		return &bearer{text: c.AccessToken}, nil
	}
	realm, err := r.realm(way.params["realm"], c != Credential{})
	if err != nil {
		return nil, err
	}
	resp, err := r.askRealm(ctx, realm, way.params["service"], scopes, c)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		e := r.refusal(resp, "the token from "+realm.Host)
		return nil, finalError{e}
	}
	b, err := readToken(resp.Body)
	if err != nil {
		return nil, &AuthError{Where: r.Name() + ": the token from " + realm.Host, Err: err}
	}
	return b, nil
}

// askRealm asks with an identity token if there is one, which some realms take only
// as a query's.
func (r *Repository) askRealm(ctx context.Context, realm *url.URL, service string, scopes []string, c Credential) (*http.Response, error) {
	if c.RefreshToken != "" {
		form := url.Values{"grant_type": {"refresh_token"}, "service": {service}, "client_id": {"orlop"},
			"scope": {strings.Join(scopes, " ")}, "refresh_token": {c.RefreshToken}}
		text := form.Encode()
		resp, err := r.tokenRequest(ctx, call{what: "the token", method: http.MethodPost, url: realm, size: int64(len(text)),
			header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			body:   func() (io.Reader, error) { return strings.NewReader(text), nil }}, "")
		if err != nil || resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
			return resp, err
		}
		_ = drain(resp)
		c = Credential{Username: "<token>", Password: c.RefreshToken}
	}
	query, err := url.ParseQuery(realm.RawQuery)
	if err != nil {
		query = url.Values{}
	}
	if service != "" {
		query.Set("service", service)
	}
	query["scope"] = append(query["scope"], scopes...)
	authorization := ""
	if c.Username != "" || c.Password != "" {
		query.Set("account", c.Username)
		authorization = basic(c)
	}
	at := *realm
	at.RawQuery = query.Encode()
	return r.tokenRequest(ctx, call{what: "the token", method: http.MethodGet, url: &at}, authorization)
}

// tokenRequest follows no redirect: it may carry a secret.
func (r *Repository) tokenRequest(ctx context.Context, c call, authorization string) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := r.request(ctx, c, c.url, authorization)
		if err != nil && permanent(err) || try >= tries || err == nil && !temporary(resp.StatusCode) {
			return resp, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		wait := r.client.backoff(try)
		if err == nil {
			asked := retryAfter(resp.Header)
			if asked > wait && asked > 30*time.Second { // who waits holds up all others
				return resp, nil
			}
			wait = max(wait, asked)
			_ = drain(resp)
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// realm judges where a token is to be fetched, before anything is sent. Whether its
// address is public is judged at the connection.
func (r *Repository) realm(text string, secret bool) (*url.URL, error) {
	refuse := func(format string, args ...any) (*url.URL, error) {
		return nil, &AuthError{Where: r.host.name, Err: fmt.Errorf("names a realm for its tokens that "+format, args...)}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return refuse("is not a readable URL")
	case u.User != nil:
		return refuse("has a user in it")
	case u.Scheme != "https" && !r.ours(u):
		return refuse("is %q on %s, wanted https", u.Scheme, u.Host)
	case secret && !r.trusted(u):
		return nil, &AuthError{Where: r.host.name, Host: u.Host, Err: fmt.Errorf("wants the user's credentials for another host, %s", u.Host)}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// realms are the hosts of two registries that keep tokens apart from images.
var realms = map[string]string{dockerHub: "auth.docker.io", "registry.gitlab.com": "gitlab.com"}

// trusted reports whether a host may get the user's credentials.
func (r *Repository) trusted(u *url.URL) bool {
	at := strings.ToLower(portOf(u))
	return r.ours(u) || at == realms[r.host.name]+":443" ||
		slices.ContainsFunc(r.client.AuthHosts, func(host string) bool {
			return at == strings.ToLower(portOf(&url.URL{Scheme: u.Scheme, Host: host}))
		})
}

// readToken reads a realm's answer.
func readToken(body io.Reader) (*bearer, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxToken+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxToken {
		return nil, fmt.Errorf("has more than %d bytes", maxToken)
	}
	var answer struct {
		Token       string  `json:"token"`
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return nil, errors.New("is not JSON, wanted an object with a token")
	}
	b := &bearer{text: answer.Token}
	if b.text == "" {
		b.text = answer.AccessToken
	}
	if b.text == "" || strings.ContainsFunc(b.text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, errors.New("is empty or no word")
	}
	life := maxLife
	if answer.ExpiresIn < maxLife.Seconds() {
		life = max(minLife, time.Duration(answer.ExpiresIn*float64(time.Second)))
	}
	time.AfterFunc(life/4*3, func() { b.stale.Store(true) })
	return b, nil
}
