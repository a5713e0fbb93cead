// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

func FuzzChallenges(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		list := parseChallenges(text)
		size := 0
		for _, c := range list {
			size += len(c.scheme)
			for name, value := range c.params {
				size += len(name) + len(value)
			}
			if c.scheme == "" || len(c.params) > maxChallenges {
				t.Errorf("got %v", c)
			}
		}
		if len(list) > maxChallenges || size > 4*len(text)+4 { // lower case may be longer
			t.Errorf("%d bytes became %d", len(text), size)
		}
	})
}

func FuzzReference(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := ParseReference(text)
		if err != nil {
			if ref != (Reference{}) {
				t.Errorf("got %v and %v", ref, err)
			}
			return
		}
		again, err := ParseReference(ref.String())
		if ref.Digest != "" {
			ref.Tag = "" // which no program takes beside a digest
		}
		if err != nil || again != ref {
			t.Errorf("%q is %#v, and then %#v and %v", text, ref, again, err)
		}
		if u, err := url.Parse("https://" + address(ref.Registry) + "/v2/" + ref.Repository); err != nil || u.Host != address(ref.Registry) || u.Path != "/v2/"+ref.Repository || u.RawQuery != "" {
			t.Errorf("%q has the address %v, and %v", text, u, err)
		}
	})
}

func FuzzNextPage(f *testing.F) {
	from := &url.URL{Scheme: "https", Host: "quay.io", Path: "/v2/a/referrers/x", RawQuery: "n=1"}
	f.Fuzz(func(t *testing.T, text string) {
		to, err := nextPage(from, http.Header{"Link": {text}})
		if to == nil {
			return
		}
		if err != nil || to.Scheme != from.Scheme || to.Host != from.Host && to.Host != from.Host+":443" && !strings.EqualFold(to.Host, from.Host) ||
			to.Path != from.Path || to.User != nil || to.RawQuery == from.RawQuery {
			t.Errorf("%q leads to %s, and %v", text, to, err)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Fuzz(func(t *testing.T, after, date string) {
		if d := retryAfter(http.Header{"Retry-After": {after}, "Date": {date}}); d < 0 {
			t.Errorf("%q at %q is %s", after, date, d)
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		index, err := readIndex(text)
		if err != nil {
			return
		}
		if len(index.Manifests) > maxReferrers {
			t.Errorf("got %d entries", len(index.Manifests))
		}
		for _, d := range joined(index.Manifests, index.Manifests) {
			if d.Digest.Validate() != nil || d.Digest.Algorithm() != digest.SHA256 || d.Size < 0 {
				t.Errorf("got %v", d)
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		token, life, err := readToken(bytes.NewReader(text))
		if err != nil {
			return
		}
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "x", Path: "/"}, Header: http.Header{"Authorization": {"Bearer " + token}}}
		if err := r.Write(new(bytes.Buffer)); err != nil || strings.ContainsAny(token, " \r\n\x00") || life < minLife || life > maxLife {
			t.Errorf("got %q for %s, and %v", token, life, err)
		}
	})
}

func FuzzReceived(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := received(text); ok && n <= 0 {
			t.Errorf("%q is %d", text, n)
		}
	})
}

// TestLife: a token is used for a minute at least, and an hour at most.
func TestLife(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]time.Duration{-1e300: time.Minute, -1: time.Minute, 0: time.Minute, 60: time.Minute, 300: 5 * time.Minute, 1e300: time.Hour} {
		if got := lifeOf(seconds); got != want {
			t.Errorf("%g is %s, want %s", seconds, got, want)
		}
	}
}
