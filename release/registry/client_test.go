// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/transport"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

const repo = "team/image"

// known is the user whom the test registry knows.
func known(context.Context, registry.Reference) (registry.Credential, error) {
	return registry.Credential{Username: registrytest.User, Password: registrytest.Password}, nil
}

// newClient returns a client that retries without much waiting, and logs in.
func newClient(s *registrytest.Server) *registry.Client {
	return &registry.Client{
		Settings:    transport.Settings{Roots: s.RootCAs(), Dial: s.DialContext},
		PlainHTTP:   strings.HasPrefix(s.URL(), "http:"),
		AuthHosts:   []string{s.OtherHost()},
		Credentials: known,
		Backoff:     time.Millisecond,
	}
}

// at returns a repository of the test registry.
func at(s *registrytest.Server, c *registry.Client, name string) *registry.Repository {
	return c.Repository(registry.Reference{Registry: s.Host(), Repository: name})
}

// start runs a registry and returns it with a repository that is there. It speaks https
// where a second host plays a part, which nobody is led to otherwise.
func start(t *testing.T, p registrytest.Profile) (*registrytest.Server, *registry.Repository) {
	t.Helper()
	p.TLS = p.TLS || p.TokenElsewhere || p.Redirects > 0 || p.Location == registrytest.LocationHTTP || p.Location == registrytest.LocationOther
	s := registrytest.New(t, p)
	s.CreateRepo(repo)
	return s, at(s, newClient(s), repo)
}

// opener opens a text from any byte on.
func opener(text []byte) registry.Opener {
	return func(from int64) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text[from:])), nil }
}

func describe(mediaType string, text []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
}

func blobOf(text []byte) v1.Descriptor { return describe(v1.MediaTypeImageLayer, text) }

// document makes a manifest or index ready to be put.
func document(t *testing.T, mediaType string, v any) *registry.Manifest {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return &registry.Manifest{Descriptor: describe(mediaType, text), Text: text}
}

// image makes the manifest of an image of one layer.
func image(t *testing.T, layer []byte) *registry.Manifest {
	t.Helper()
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: describe(v1.MediaTypeImageConfig, []byte("{}")), Layers: []v1.Descriptor{blobOf(layer)}}
	m.SchemaVersion = 2
	return document(t, m.MediaType, m)
}

// attachment makes the manifest of a file that is attached to another manifest. Its
// type is one that all registries take.
func attachment(t *testing.T, file []byte, subject v1.Descriptor) *registry.Manifest {
	t.Helper()
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: describe(v1.MediaTypeImageConfig, []byte("{}")),
		Layers: []v1.Descriptor{blobOf(file)}, Subject: &subject}
	m.SchemaVersion = 2
	return document(t, m.MediaType, m)
}

// upload uploads blobs that the repository lacks.
func upload(t *testing.T, r *registry.Repository, texts ...[]byte) {
	t.Helper()
	for _, text := range texts {
		has, err := r.Has(t.Context(), blobOf(text))
		if err == nil && !has {
			err = r.Upload(t.Context(), blobOf(text), opener(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// put stores a manifest that the repository lacks.
func put(t *testing.T, r *registry.Repository, m *registry.Manifest) {
	t.Helper()
	has, err := r.Has(t.Context(), m.Descriptor)
	if err == nil && !has {
		err = r.Put(t.Context(), m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stored puts an image with its blobs.
func stored(t *testing.T, r *registry.Repository, layer []byte) *registry.Manifest {
	t.Helper()
	m := image(t, layer)
	upload(t, r, []byte("{}"), layer)
	put(t, r, m)
	return m
}

// read reads a blob whole.
func read(t *testing.T, r *registry.Repository, d v1.Descriptor) ([]byte, error) {
	t.Helper()
	body, err := r.Blob(t.Context(), d)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	if closed := body.Close(); err == nil {
		err = closed
	}
	return text, err
}

// fails wants an error of a class, with a text in it.
func fails(t *testing.T, err error, class fault.Class, text string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("got no error, want one with %q", text)
	case fault.ClassOf(err) != class || !strings.Contains(err.Error(), text):
		t.Errorf("got %v of class %d, want %q of class %d", err, fault.ClassOf(err), text, class)
	}
}

func none(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// bytesAtHand are made once.
var bytesAtHand = sync.OnceValue(func() []byte {
	text := make([]byte, 6<<20)
	for i, state := 0, uint32(1); i < len(text); i++ {
		state = state*1664525 + 1013904223
		text[i] = byte(state >> 24)
	}
	return text
})

// random returns up to 6 MiB that no compression makes smaller, and that nobody changes.
func random(n int) []byte { return bytesAtHand()[:n:n] }
