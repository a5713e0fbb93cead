// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Bounds of what a realm says of its token, and of the answer itself.
const (
	minLife  = 60 * time.Second // also that of a token without expires_in (distribution's token specification)
	maxLife  = time.Hour
	maxToken = 1 << 20 // bytes of the answer
)

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
	what := "the token from " + clean(realm.Host)
	resp, err := r.askRealm(ctx, call{what: what, url: realm, bare: true}, way.params["service"], scopes, c)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, r.refusal(resp, what)
	}
	defer resp.Body.Close()
	text, life, err := readToken(resp.Body)
	if err != nil {
		return nil, &AuthError{Where: r.Name() + ": " + what, Err: err}
	}
	b := &bearer{text: text}
	time.AfterFunc(life/4*3, func() { b.stale.Store(true) })
	return b, nil
}

// askRealm asks with an identity token if there is one, which some realms take only in
// the place of a password. No redirect is followed: the request may carry a secret.
func (r *Repository) askRealm(ctx context.Context, ask call, service string, scopes []string, c Credential) (*http.Response, error) {
	if c.RefreshToken != "" {
		resp, err := r.send(ctx, posted(ask, service, scopes, c.RefreshToken))
		if err != nil || resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
			return resp, err
		}
		drain(resp)
		c = Credential{Username: "<token>", Password: c.RefreshToken}
	}
	query, err := url.ParseQuery(ask.url.RawQuery)
	if err != nil {
		query = url.Values{}
	}
	if service != "" {
		query.Set("service", service)
	}
	query["scope"] = append(query["scope"], scopes...)
	ask.method, ask.header = http.MethodGet, http.Header{}
	if c.Username != "" || c.Password != "" {
		query.Set("account", c.Username)
		ask.header.Set("Authorization", basic(c))
	}
	at := *ask.url
	at.RawQuery = query.Encode()
	ask.url = &at
	return r.send(ctx, ask)
}

// posted makes the request of a token for an identity token (OAuth 2, as distribution
// has it).
func posted(ask call, service string, scopes []string, secret string) call {
	text := url.Values{"grant_type": {"refresh_token"}, "service": {service}, "client_id": {"orlop"},
		"scope": {strings.Join(scopes, " ")}, "refresh_token": {secret}}.Encode()
	ask.method, ask.size = http.MethodPost, int64(len(text))
	ask.header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	ask.body = func() (io.Reader, error) { return strings.NewReader(text), nil }
	return ask
}

// realm judges where a token is to be fetched, before anything is sent. Whether its
// address is public is judged at the connection.
func (r *Repository) realm(text string, secret bool) (*url.URL, error) {
	refuse := func(format string, args ...any) (*url.URL, error) {
		return nil, &AuthError{Where: r.host.name, Err: fmt.Errorf("names a realm for its tokens that "+format, args...)}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return refuse("is not a readable URL with a host")
	case u.User != nil:
		return refuse("has a user in it")
	case u.Scheme != "https" && !r.ours(u):
		return refuse("is %q on %s, wanted https", u.Scheme, clean(u.Host))
	case secret && !r.trusted(u):
		return nil, &AuthError{Where: r.host.name, Host: clean(u.Host), Err: fmt.Errorf("wants the user's credentials for another host, %s", clean(u.Host))}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// realms are the hosts of two registries that keep tokens apart from images.
var realms = map[string]string{DockerHub: "auth.docker.io", "registry.gitlab.com": "gitlab.com"}

// trusted reports whether a host may get the user's credentials.
func (r *Repository) trusted(u *url.URL) bool {
	hosts := r.client.AuthHosts
	if own, has := realms[r.host.name]; has {
		hosts = append(slices.Clone(hosts), own)
	}
	return r.ours(u) || slices.ContainsFunc(hosts, func(host string) bool {
		return strings.EqualFold(portOf(u), portOf(&url.URL{Scheme: u.Scheme, Host: host}))
	})
}

// readToken reads a realm's answer: a token, and how long it is used.
func readToken(body io.Reader) (token string, life time.Duration, err error) {
	text, err := io.ReadAll(io.LimitReader(body, maxToken+1))
	if err != nil {
		return "", 0, err
	}
	if len(text) > maxToken {
		return "", 0, fmt.Errorf("has more than %d bytes", maxToken)
	}
	var answer struct {
		Token       string  `json:"token"`
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return "", 0, errors.New("is not JSON, wanted an object with a token")
	}
	token = cmp.Or(answer.Token, answer.AccessToken)
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", 0, errors.New("is empty or no word")
	}
	return token, lifeOf(answer.ExpiresIn), nil
}

// lifeOf returns how long a token is used, given what the realm says of it.
func lifeOf(seconds float64) time.Duration {
	return time.Duration(min(max(seconds, minLife.Seconds()), maxLife.Seconds()) * float64(time.Second))
}
