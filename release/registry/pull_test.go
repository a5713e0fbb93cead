// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

func TestManifest(t *testing.T) {
	t.Parallel()
	const always = registrytest.Always
	get := registrytest.On("GET", "/manifests/")
	edit := func(edits ...registrytest.Edit) func(*registrytest.Server) {
		return func(s *registrytest.Server) { s.Edit(always, get, edits...) }
	}
	for name, tt := range map[string]struct {
		set   func(s *registrytest.Server)
		class fault.Class // 0 for success
		text  string
	}{
		"without digest or length":       {edit(registrytest.Without("Docker-Content-Digest", "Content-Length")), 0, ""},
		"gzip encoding on GET":           {edit(registrytest.Gzip()), 0, ""},
		"no gzip at all":                 {edit(registrytest.Set("Content-Encoding", "gzip")), fault.Absent, "gzip"},
		"a Content-Type with parameters": {edit(registrytest.Set("Content-Type", v1.MediaTypeImageManifest+"; charset=utf-8")), 0, ""},
		"a wrong Content-Type":           {edit(registrytest.Set("Content-Type", "text/plain")), 0, ""},
		"another digest in the header": {edit(registrytest.Set("Docker-Content-Digest", blobOf(nil).Digest.String())), fault.Wrong,
			"wanted " + blobOf(nil).Digest.String()},
		"a digest that nobody knows": {edit(registrytest.Set("Docker-Content-Digest", "md5:00")), 0, ""},
		"other bytes":                {edit(registrytest.Spoil()), fault.Wrong, "wanted sha256:"},
		"shorter":                    {edit(registrytest.Shorter(10)), fault.Wrong, "wanted sha256:"},
		"cut":                        {edit(registrytest.CutBody(10)), fault.Absent, "unexpected EOF"},
		"cut twice":                  {func(s *registrytest.Server) { s.Edit(2, get, registrytest.CutBody(10)) }, 0, ""},
		"longer":                     {edit(registrytest.Longer(10)), fault.Wrong, "wanted sha256:"},
		"endless":                    {edit(registrytest.Longer(1 << 40)), fault.Failed, "more than 4194304 bytes"},
		"200 with errors":            {edit(registrytest.Body("application/json", registrytest.Errors("DENIED", "no \x1b[31mway"))), fault.Absent, "is an error: no [31mway"},
		"404":                        {edit(registrytest.Status(404)), fault.Absent, "does not exist or is not yours"},
		"six redirects": {func(s *registrytest.Server) {
			s.Handle(registrytest.Redirect(always, 302, s.URL()+"/v2/"+repo+"/manifests/latest", get))
		}, fault.Absent, "more than 5 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, registrytest.Profile{})
			d := s.PutImage(repo, "latest", []byte("layer"))
			tt.set(s)
			m, err := r.Manifest(t.Context(), "latest")
			if tt.class == 0 {
				none(t, err)
				if err == nil && (m.Digest != d.Digest || m.MediaType != d.MediaType || m.Size != d.Size) {
					t.Errorf("got %v, want %v", m.Descriptor, d)
				}
				return
			}
			fails(t, err, tt.class, tt.text)
		})
	}
	// What a digest names, it decides.
	for name, edit := range map[string]registrytest.Edit{"other bytes": registrytest.Spoil(), "shorter": registrytest.Shorter(10), "longer": registrytest.Longer(10)} {
		t.Run(name+" of a digest", func(t *testing.T) {
			t.Parallel()
			s, r := start(t, registrytest.Profile{})
			d := s.PutImage(repo, "latest", []byte("layer"))
			s.Edit(always, get, edit, registrytest.Without("Docker-Content-Digest"))
			_, err := r.Manifest(t.Context(), d.Digest.String())
			fails(t, err, fault.Wrong, "wanted "+d.Digest.String())
		})
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	text := []byte("layer")
	const always = registrytest.Always
	head := registrytest.On("HEAD", "")
	for name, tt := range map[string]struct {
		profile registrytest.Profile
		set     func(s *registrytest.Server)
		blob    bool
		other   bool // the manifest's answer
	}{
		"HEAD without digest or length": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(always, head, registrytest.Without("Docker-Content-Digest", "Content-Length"))
		}, true, true},
		"HEAD 405": {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Answer(always, 405, nil, "", head)) }, true, true},
		"HEAD 405, none": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(always, 405, nil, "", head))
			s.DropRepo(repo)
		}, false, false},
		"length wrong": {registrytest.Profile{}, func(s *registrytest.Server) { s.Edit(always, head, registrytest.Set("Content-Length", "7")) }, false, true},
		"403":          {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Answer(always, 403, nil, "", head)) }, false, false},
		"404":          {registrytest.Profile{}, func(s *registrytest.Server) { s.DropRepo(repo) }, false, false},
		"a storage that takes no HEAD": {registrytest.Profile{Redirects: 1}, func(s *registrytest.Server) {
			blob := registrytest.On("HEAD", "/blobs/")
			s.Handle(registrytest.Redirect(always, 307, s.OtherURL()+"/storage/x", blob))
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, tt.profile)
			m := s.PutImage(repo, "latest", text)
			tt.set(s)
			has, err := r.Has(t.Context(), blobOf(text))
			none(t, err)
			there, err := r.Has(t.Context(), m)
			none(t, err)
			if has != tt.blob || there != tt.other {
				t.Errorf("blob %v, manifest %v, want %v and %v", has, there, tt.blob, tt.other)
			}
		})
	}
	t.Run("500", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Profile{})
		s.Handle(registrytest.Answer(always, 500, nil, "", head))
		_, err := r.Has(t.Context(), blobOf(text))
		fails(t, err, fault.Absent, "500")
	})
}

// TestImage: what a tag named first, it names for the image, whatever comes after.
func TestImage(t *testing.T) {
	t.Parallel()
	for _, moment := range []string{"GET and the children", "HEAD and GET"} {
		t.Run("tag moves between "+moment, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, registrytest.Profile{})
			first, second := s.PutImage(repo, "", []byte("layer")), s.PutImage(repo, "", []byte("other"))
			s.PutIndex(repo, "latest", first)
			index := s.Tag(repo, "latest")
			move := func() { s.SetTag(repo, "latest", second.Digest) }
			if moment == "HEAD and GET" {
				s.Handle(registrytest.Do(1, registrytest.On("HEAD", "/manifests/latest"), move))
			}
			i, err := newClient(s).Image(t.Context(), registry.Reference{Registry: s.Host(), Repository: repo})
			if err != nil {
				t.Fatal(err)
			}
			move()
			files, err := i.Index(t.Context())
			none(t, err)
			if i.Digest != index || !strings.HasSuffix(i.Reference.String(), "@"+index.String()) || !bytes.Contains(files.Index, []byte(index)) {
				t.Errorf("got %s with %s, want %s", i.Reference, files.Index, index)
			}
			text, err := readFrom(t, i, i.Descriptor)
			if err != nil || !bytes.Equal(text, s.Manifest(repo, index)) {
				t.Errorf("got %q and %v", text, err)
			}
			_, err = readFrom(t, i, first)
			none(t, errors.Join(err, i.Close()))
			longer := i.Descriptor
			longer.Size++
			_, err = readFrom(t, i, longer)
			fails(t, err, fault.Wrong, "size of blob")
		})
	}
	t.Run("schema 1", func(t *testing.T) {
		t.Parallel()
		s, _ := start(t, registrytest.Profile{})
		s.Handle(registrytest.Answer(registrytest.Always, 200, registrytest.Header("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws"),
			`{"schemaVersion":1}`, registrytest.On("GET", "/manifests/")))
		i, err := newClient(s).Image(t.Context(), registry.Reference{Registry: s.Host(), Repository: repo})
		if err != nil {
			t.Fatal(err)
		}
		_, err = i.Index(t.Context())
		fails(t, err, fault.Wrong, "v1+prettyjws")
	})
}

func readFrom(t *testing.T, src oci.Source, d v1.Descriptor) ([]byte, error) {
	t.Helper()
	body, err := src.Blob(t.Context(), d)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = b.ReadFrom(body)
	return b.Bytes(), errors.Join(err, body.Close())
}

// TestNotTLS: what no further try changes is not tried again.
func TestNotTLS(t *testing.T) {
	t.Parallel()
	s, _ := start(t, registrytest.Profile{TLS: true})
	for name, change := range map[string]func(c *registry.Client){
		"a certificate of nobody": func(c *registry.Client) { c.Settings.Roots = nil },
		"http":                    func(c *registry.Client) { c.PlainHTTP = true },
	} {
		c := newClient(s)
		c.Backoff = time.Hour
		change(c)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := at(s, c, repo).Manifest(ctx, "latest")
		cancel()
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := s.Count("", "/v2/"); n != 0 {
		t.Errorf("%d requests came", n)
	}
}
