// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/keyring"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestToken pushes a blob, and wants so many requests for a token.
func TestToken(t *testing.T) {
	t.Parallel()
	token := registrytest.On("GET POST", "/token")
	edit := func(edits ...registrytest.Edit) func(*registrytest.Server) {
		return func(s *registrytest.Server) { s.Edit(registrytest.Always, token, edits...) }
	}
	for name, tt := range map[string]struct {
		set    func(s *registrytest.Server)
		text   string // of the error; "" for none
		tokens int
	}{
		"fewer scopes": {func(s *registrytest.Server) {
			s.Change(func(p *registrytest.Profile) { p.Grant = registrytest.PullOnly })
		}, "401 Unauthorized", 2},
		"empty": {edit(registrytest.Field("token", ""), registrytest.Field("access_token", nil)), "is empty or no word", 1},
		"10 MiB": {func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(registrytest.Always, 200, nil, strings.Repeat(" ", 10<<20), token))
		}, "more than 1048576 bytes", 1},
		"endless":         {edit(registrytest.Longer(1 << 40)), "more than 1048576 bytes", 1},
		"with a newline":  {edit(registrytest.Field("token", "a\nb")), "is empty or no word", 1},
		"HTML":            {edit(registrytest.Body("text/html", "<html>log in</html>")), "is not JSON", 1},
		"expires_in: -1":  {edit(registrytest.Field("expires_in", -1)), "", 1},
		"expires_in huge": {edit(registrytest.Field("expires_in", 1e300)), "", 1},
		"only access_token": {edit(registrytest.Field("token", nil), registrytest.Field("expires_in", nil),
			registrytest.Field("issued_at", nil)), "", 1},
		"refused":          {edit(registrytest.Status(http.StatusForbidden)), "the token from 127.0.0.1", 1},
		"unavailable once": {func(s *registrytest.Server) { s.Handle(registrytest.Answer(1, 503, nil, "", token)) }, "", 2},
		"unavailable": {func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(registrytest.Always, 503, nil, "", token))
		}, "503 Service Unavailable", 5},
		"later than one waits": {func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(registrytest.Always, 429, registrytest.Header("Retry-After", "86400"), "", token))
		}, "it asks to wait until 2", 1},
		"expires between POST and PUT": {func(s *registrytest.Server) {
			s.Handle(registrytest.Do(1, registrytest.On("PUT", "/blobs/upload"), s.ExpireTokens))
		}, "", 2},
		"good for one request": {func(s *registrytest.Server) {
			s.Change(func(p *registrytest.Profile) { p.TokenUses = 2 })
		}, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, registrytest.Profile{Auth: registrytest.AuthBearer})
			tt.set(s)
			text := []byte("a blob")
			has, err := r.Has(t.Context(), blobOf(text))
			if err == nil && !has {
				err = r.Upload(t.Context(), blobOf(text), opener(text))
			}
			if tt.text == "" {
				none(t, err)
			} else {
				fails(t, err, fault.Absent, tt.text)
			}
			if n := s.Count("", "/token"); n != tt.tokens {
				t.Errorf("%d requests for a token, want %d", n, tt.tokens)
			}
		})
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	const bearer = `Bearer realm="{realm}",service="{service}",scope="{scope}"`
	for name, tt := range map[string]struct {
		challenge []string
		set       func(s *registrytest.Server)
		text      string
		requests  int // for the manifest
	}{
		"two headers, Basic first": {[]string{`Basic realm="x"`, bearer}, nil, "", 2},
		"two in one":               {[]string{`Basic realm="x", charset="UTF-8", ` + bearer}, nil, "", 2},
		"realm unquoted":           {[]string{`bearer realm={realm},service={service}`}, nil, "", 2},
		"Bearer without a realm":   {[]string{`Bearer`}, nil, "in no way that is known", 1},
		"none that is known":       {[]string{`Negotiate abc==`}, nil, "in no way that is known", 1},
		"401 for ever": {nil, func(s *registrytest.Server) {
			s.Handle(s.Challenge(registrytest.Always, registrytest.On("GET", "/manifests/")))
		}, "does not exist or is not yours", 2},
		"401 without a challenge": {nil, func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", "/manifests/"), registrytest.Without("WWW-Authenticate"))
		}, "", 2},
		"401 without any challenge": {nil, func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("", ""), registrytest.Without("WWW-Authenticate"))
		}, "in no way that is known", 1},
		"401 where /v2/ lets all in": {nil, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(registrytest.Always, 401, nil, "", registrytest.On("GET", "/manifests/")),
				registrytest.Answer(registrytest.Always, 200, nil, "", registrytest.On("GET", "/v2/?")))
		}, "401 Unauthorized", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, registrytest.Profile{Auth: registrytest.AuthBearer, Challenge: tt.challenge, Service: "s"})
			s.PutImage(repo, "latest", []byte("layer"))
			if tt.set != nil {
				tt.set(s)
			}
			_, err := r.Manifest(t.Context(), "latest")
			if tt.text == "" {
				none(t, err)
			} else {
				fails(t, err, fault.Absent, tt.text)
			}
			if n := s.Count("GET", "/manifests/"); n != tt.requests {
				t.Errorf("the manifest was asked for %d times, want %d", n, tt.requests)
			}
			for _, req := range s.Requests() {
				if req.Auth == "basic" && req.Path != "/token" {
					t.Errorf("the password went to %s", req.Path)
				}
			}
		})
	}
}

// TestPing: that the registry could not be asked once does not mean that it lets all in.
func TestPing(t *testing.T) {
	t.Parallel()
	s, r := start(t, registrytest.Profile{Auth: registrytest.AuthBasic})
	s.Handle(registrytest.Answer(2, 503, nil, "", registrytest.On("GET", "/v2/?")))
	m := s.PutImage(repo, "", []byte("layer"))
	text := s.Manifest(repo, m.Digest)
	none(t, r.Tag(t.Context(), &registry.Manifest{Descriptor: m, Text: text}, "latest"))
	if n := s.Count("PUT", ""); n != 1 {
		t.Errorf("%d PUTs, want 1", n)
	}
}

// TestCredentials: each kind of credential gets in, and wrong ones do not.
func TestCredentials(t *testing.T) {
	t.Parallel()
	post := registrytest.On("POST", "/token")
	for name, tt := range map[string]struct {
		auth registrytest.Auth
		c    registry.Credential
		set  func(s *registrytest.Server)
		text string
	}{
		"password":       {registrytest.AuthBearer, registry.Credential{Username: registrytest.User, Password: registrytest.Password}, nil, ""},
		"basic":          {registrytest.AuthBasic, registry.Credential{Username: registrytest.User, Password: registrytest.Password}, nil, ""},
		"wrong password": {registrytest.AuthBearer, registry.Credential{Username: registrytest.User, Password: "x"}, nil, "the token from"},
		"wrong basic":    {registrytest.AuthBasic, registry.Credential{Username: registrytest.User, Password: "x"}, nil, "401"},
		"anonymous":      {registrytest.AuthBasic, registry.Credential{}, nil, "401"},
		"identity token": {registrytest.AuthBearer, registry.Credential{RefreshToken: registrytest.RefreshToken}, nil, ""},
		"identity token of a realm without POST": {registrytest.AuthBearer, registry.Credential{RefreshToken: registrytest.RefreshToken}, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(1, 404, nil, "", post), func(_ http.ResponseWriter, r *http.Request) bool {
				if user, password, _ := r.BasicAuth(); user == "<token>" && password == registrytest.RefreshToken {
					r.SetBasicAuth(registrytest.User, registrytest.Password)
				}
				return false
			})
		}, ""},
		"registry token that is wrong": {registrytest.AuthBearer, registry.Credential{AccessToken: "token-99"}, nil, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, registrytest.Profile{Auth: tt.auth, Private: true})
			s.PutImage(repo, "latest", []byte("layer"))
			if tt.set != nil {
				tt.set(s)
			}
			c, asked := newClient(s), 0
			c.Credentials = func(context.Context, registry.Reference) (registry.Credential, error) {
				asked++
				return tt.c, nil
			}
			for range 2 {
				_, err := at(s, c, repo).Manifest(t.Context(), "latest")
				if tt.text == "" {
					none(t, err)
				} else {
					fails(t, err, fault.Absent, tt.text)
				}
				if err != nil && strings.Contains(err.Error(), registrytest.Password) {
					t.Error("the error has the password")
				}
			}
			if asked != 1 {
				t.Errorf("asked for credentials %d times, want once", asked)
			}
		})
	}
	t.Run("a helper that fails", func(t *testing.T) {
		t.Parallel()
		s, _ := start(t, registrytest.Profile{Auth: registrytest.AuthBearer})
		c := newClient(s)
		c.Credentials = func(context.Context, registry.Reference) (registry.Credential, error) {
			return registry.Credential{}, &keyring.HelperError{Name: "x", Err: context.DeadlineExceeded}
		}
		_, err := at(s, c, repo).Manifest(t.Context(), "latest")
		fails(t, err, fault.Failed, "docker-credential-x")
	})
}

// TestRepositories: what one repository has is not sent for another.
func TestRepositories(t *testing.T) {
	t.Parallel()
	s, _ := start(t, registrytest.Profile{Auth: registrytest.AuthBasic})
	s.PutImage(repo, "latest", []byte("layer"))
	s.CreateRepo("other/image")
	c := newClient(s)
	c.Credentials = func(ctx context.Context, of registry.Reference) (registry.Credential, error) {
		if of.Repository != repo {
			return registry.Credential{}, nil
		}
		return known(ctx, of)
	}
	_, err := at(s, c, repo).Manifest(t.Context(), "latest")
	none(t, err)
	_, err = at(s, c, "other/image").Manifest(t.Context(), "latest")
	fails(t, err, fault.Absent, "401")
	for _, req := range s.Requests() {
		if strings.Contains(req.Path, "other/") && req.Auth != "" {
			t.Error("the other repository got credentials")
		}
	}
}
