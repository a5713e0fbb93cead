// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestErrorBody: what a registry says comes out short and clean.
func TestErrorBody(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		contentType, body string
		want              string // after the status
	}{
		"HTML":             {"text/html; charset=utf-8", "<html>Forbidden</html>", "; it does not exist or is not yours"},
		"1 MiB":            {"text/plain", strings.Repeat("ä", 512<<10), ": " + strings.Repeat("ä", 512) + "…; it does not exist or is not yours"},
		"escape sequences": {"text/plain", "a\x1b[31mb\r\nc\x00\u202ed\xff", ": a[31mb  cd; it does not exist or is not yours"},
		"JSON":             {"application/json", registrytest.Errors("DENIED", "not\ayours"), ": notyours; it does not exist or is not yours"},
		"long JSON":        {"application/json", registrytest.Errors("DENIED", strings.Repeat("x", 2000)), ": " + strings.Repeat("x", 1024) + "…; it does not exist or is not yours"},
		"1,000 errors":     {"application/json", `{"errors":[{"message":"a"}` + strings.Repeat(`,{"message":"b"}`, 1000) + "]}", ": a" + strings.Repeat("; b", 15) + "; it does not exist or is not yours"},
		"nothing":          {"", "", "; it does not exist or is not yours"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, registrytest.Profile{})
			s.Handle(registrytest.Answer(registrytest.Always, 403, registrytest.Header("Content-Type", tt.contentType), tt.body, registrytest.On("GET", "")))
			_, err := r.Manifest(t.Context(), "latest")
			fails(t, err, fault.Absent, "")
			if got := err.Error(); !strings.HasSuffix(got, "HTTP status 403 Forbidden"+tt.want) || strings.ContainsFunc(got, unicode.IsControl) {
				t.Errorf("got %q", got)
			}
		})
	}
	t.Run("endless", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Profile{})
		s.Edit(registrytest.Always, registrytest.On("GET", ""), registrytest.Longer(1<<40))
		_, err := r.Manifest(t.Context(), "latest")
		fails(t, err, fault.Absent, "404")
	})
}

func TestHint(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]registry.StatusError{
		"log in ask more often": {Where: "docker.io/a/b", Status: 429},
		"create it first":       {Where: "1.dkr.ecr.eu-west-1.amazonaws.com/a", Status: 404},
		"new package":           {Where: "ghcr.io/a/b", Status: 403},
		"podman login quay.io":  {Where: "quay.io/a/b", Status: 401},
	} {
		if got := e.Hint(); !strings.Contains(got, want) {
			t.Errorf("%v: hint is %q", &e, got)
		}
	}
	for _, e := range []registry.StatusError{{Where: "quay.io/a/b", Status: 404}, {Where: "quay.io/a/b", Status: 500}} {
		if got := e.Hint(); got != "" {
			t.Errorf("%v: hint is %q", &e, got)
		}
	}
	if got := (&registry.AuthError{Host: "h:1"}).Hint(); !strings.Contains(got, "--auth-host h:1") {
		t.Errorf("hint is %q", got)
	}
}

// TestWarnings: what a registry wants users to know they are told once, and not
// without end.
func TestWarnings(t *testing.T) {
	t.Parallel()
	s, _ := start(t, registrytest.Profile{})
	s.PutImage(repo, "latest", []byte("layer"))
	warnings := []string{`299 - "old\x1b"`, `199 - "no"`, `299 - ""`}
	for i := range 40 {
		warnings = append(warnings, `299 - "`+strings.Repeat("x", i+1)+`"`)
	}
	s.Edit(registrytest.Always, registrytest.On("GET", ""), func(_ *http.Request, a *registrytest.Response) {
		a.Header["Warning"] = warnings
	})
	c, told := newClient(s), 0
	c.Notice = func(text string) {
		if told++; !strings.HasPrefix(text, "registry "+s.Host()+" warns: ") || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("told %q", text)
		}
	}
	for range 2 {
		_, err := at(s, c, repo).Manifest(t.Context(), "latest")
		none(t, err)
	}
	if told != 16 {
		t.Errorf("told of %d warnings, want 16", told)
	}
}

// TestUnreachable: a registry that is not there is absent, whatever the reason.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	s, r := start(t, registrytest.Profile{})
	s.Handle(registrytest.Cut(registrytest.Always, 0, registrytest.On("", "")))
	_, err := r.Manifest(t.Context(), "latest")
	fails(t, err, fault.Absent, s.Host()+"/"+repo+": manifest latest: ")
	if _, is := errors.AsType[*registry.AbsentError](err); !is {
		t.Errorf("got %T", err)
	}
	if n := s.Count("GET", ""); n < 5 {
		t.Errorf("asked %d times, want 5", n)
	}
}
