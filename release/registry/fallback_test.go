// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

func TestFallback(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set   func(a attached, tag string)
		reads fault.Class // of who looks; 0 for no error
		text  string
		keeps bool // who pushes succeeds
	}{
		"the subject": {func(a attached, _ string) {
			a.Change(func(p *registrytest.Profile) { p.FallbackSubject = true })
		}, 0, "the manifest itself", true},
		"the subject for ever": {func(a attached, tag string) {
			a.Handle(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodGet {
					r.URL.Path = strings.ReplaceAll(r.URL.Path, tag, a.subject.Digest.String())
				}
				return false
			})
		}, 0, "the manifest itself", false},
		"an image": {func(a attached, tag string) {
			a.PutImage(repo, tag, []byte("other"))
		}, fault.Wrong, "something else", false},
		"an index of docker": {func(a attached, tag string) {
			const list = "application/vnd.docker.distribution.manifest.list.v2+json"
			a.PutManifest(repo, tag, list, []byte(`{"schemaVersion":2,"mediaType":"`+list+`","manifests":[]}`))
		}, fault.Wrong, "something else", false},
		"5 MiB": {func(a attached, tag string) {
			a.PutManifest(repo, tag, v1.MediaTypeImageIndex, []byte(`{"schemaVersion":2,"manifests":[]`+strings.Repeat(" ", 5<<20)+"}"))
		}, fault.Failed, "4194304 bytes", false},
		"1,001 entries": {func(a attached, _ string) {
			var list []v1.Descriptor
			for i := range 1001 {
				list = append(list, blobOf(fmt.Append(nil, i)))
			}
			a.AddFallback(repo, a.subject.Digest, list...)
		}, fault.Wrong, "1001 entries", false},
		"negative size": {func(a attached, _ string) {
			a.AddFallback(repo, a.subject.Digest, v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: a.entry.Digest, Size: -1})
		}, fault.Wrong, "-1", false},
		"403 to writers": {func(a attached, _ string) {
			a.Handle(registrytest.Answer(registrytest.Always, 403, nil, registrytest.Errors("DENIED", "immutable"), registrytest.On("PUT", fallback)))
		}, 0, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := attach(t, registrytest.Profile{NoReferrers: true})
			tt.set(a, registry.FallbackTag(a.subject.Digest))
			if tt.reads == 0 {
				a.found(t, tt.text)
			} else {
				_, _, err := a.r.Referrers(t.Context(), a.subject.Digest, "")
				fails(t, err, tt.reads, tt.text)
			}
			err := a.list(t)
			if tt.keeps {
				none(t, err)
				a.found(t, "", a.entry)
				return
			}
			fails(t, err, fault.Failed, "keeps nothing that is attached")
			if _, is := errors.AsType[*registry.UnkeptError](err); !is {
				t.Errorf("got %T", err)
			}
		})
	}
}

// TestFallbackEntries writes a list with an entry that the registry takes no more.
func TestFallbackEntries(t *testing.T) {
	t.Parallel()
	t.Run("an entry that is not there", func(t *testing.T) {
		t.Parallel()
		a := attach(t, registrytest.Profile{NoReferrers: true})
		gone := describe(v1.MediaTypeImageManifest, []byte("gone"))
		gone.ArtifactType = lockType
		a.AddFallback(repo, a.subject.Digest, gone)
		list, notes, err := a.r.Attachments(t.Context(), a.subject.Digest, 1<<20, lockType)
		if err != nil || len(list) != 0 || !strings.Contains(strings.Join(notes, ""), gone.Digest.String()) {
			t.Errorf("got %v, notes %q, and %v", list, notes, err)
		}
		var said []string
		c := newClient(a.Server)
		c.Notice = func(text string) { said = append(said, text) }
		none(t, at(a.Server, c, repo).Listed(t.Context(), a.subject.Digest, []v1.Descriptor{a.entry}))
		a.found(t, "", a.entry)
		if len(said) != 1 || !strings.Contains(said[0], gone.Digest.String()) {
			t.Errorf("said %q", said)
		}
	})
}

func TestFallbackRace(t *testing.T) {
	t.Parallel()
	put := func(a attached) v1.Descriptor { return a.PutArtifact(repo, a.subject, lockType, []byte("other")) }
	t.Run("fallback changed by another between GET and PUT", func(t *testing.T) {
		t.Parallel()
		a := attach(t, registrytest.Profile{NoReferrers: true})
		other := put(a)
		a.AddFallback(repo, a.subject.Digest) // so that there is something to match
		tag := registry.FallbackTag(a.subject.Digest)
		a.Handle(registrytest.Do(1, registrytest.On("PUT", fallback), func() { a.AddFallback(repo, a.subject.Digest, other) }),
			func(w http.ResponseWriter, r *http.Request) bool {
				match := r.Header.Get("If-Match")
				if r.Method != http.MethodPut || match == "" || match == `"`+a.Tag(repo, tag).String()+`"` {
					return false
				}
				w.WriteHeader(http.StatusPreconditionFailed)
				return true
			})
		none(t, a.list(t))
		a.found(t, "", a.entry, other)
	})
	t.Run("replaced by another after PUT", func(t *testing.T) {
		t.Parallel()
		a := attach(t, registrytest.Profile{NoReferrers: true})
		other, gets := put(a), 0
		a.Handle(registrytest.Do(registrytest.Always, registrytest.On("GET", fallback), func() {
			if gets++; gets == 2 {
				a.PutIndex(repo, registry.FallbackTag(a.subject.Digest), other)
			}
		}))
		none(t, a.list(t))
		a.found(t, "", a.entry, other)
	})
	t.Run("replaced by another for ever", func(t *testing.T) {
		t.Parallel()
		a := attach(t, registrytest.Profile{NoReferrers: true})
		other := put(a)
		a.Handle(registrytest.Do(registrytest.Always, registrytest.On("GET", fallback), func() {
			a.PutIndex(repo, registry.FallbackTag(a.subject.Digest), other)
		}))
		fails(t, a.list(t), fault.Failed, "before it was written")
		if n := a.Count("PUT", fallback); n > 3 {
			t.Errorf("written %d times, want 3 at most", n)
		}
	})
}
