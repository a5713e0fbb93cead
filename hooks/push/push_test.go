// SPDX-License-Identifier: BSD-2-Clause

package push_test

import (
	"context"
	"encoding/json"
	"io"
	"math/rand"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/push"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/transport"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// given is an image to be pushed.
type given struct {
	name, arch string
	version    string // of its packages
	layers     []string
}

const vendor = "The FreeBSD Project"

// save writes an image as an archive. Nothing here looks into its layers.
func save(t *testing.T, g given) *artifact.Ref {
	t.Helper()
	im := &oci.Image{
		Name: "freebsd-" + g.name + ":15.0-RELEASE-" + g.arch, Architecture: g.arch, Created: 1_700_000_000,
		Annotations: map[string]string{v1.AnnotationTitle: "FreeBSD " + g.name, v1.AnnotationVersion: "15.0-RELEASE", v1.AnnotationVendor: vendor, "org.freebsd.abi": "FreeBSD:15:" + g.arch},
	}
	if !slices.Contains([]string{"static", "dynamic", "runtime", "notoolchain", "toolchain"}, g.name) {
		delete(im.Annotations, v1.AnnotationVendor)
	}
	for i, text := range g.layers {
		text += g.arch
		im.Layers = append(im.Layers, oci.Layer{Layer: layer.Layer{MediaType: v1.MediaTypeImageLayerGzip, DiffID: digest.FromString("plain" + text),
			Digest: digest.FromString(text), Size: int64(len(text))}, Created: int64(i), CreatedBy: "orlop " + g.name})
	}
	path := filepath.Join(t.TempDir(), "container-image-"+g.name+".txz")
	err := layout.Write(t.Context(), path, layout.TXZ, im, im.Documents(), func(i int) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(g.layers[i] + g.arch)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.Find(t.Context(), nil, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ref.Close() })
	return ref
}

// families reads images, and gives each a lock that names its version.
func families(t *testing.T, list ...given) []*family.Family {
	t.Helper()
	var refs []*artifact.Ref
	for _, g := range list {
		refs = append(refs, save(t, g))
	}
	members, err := family.Check(t.Context(), refs, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range members {
		l := &lock.Lock{Image: list[i].name, Packages: []lock.Package{{Name: "FreeBSD-runtime", Version: list[i].version}}}
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		m.Lock = &verify.GivenLock{Lock: l, Text: append(text, strings.Repeat(" ", len(list[i].arch)+i)...)}
	}
	all, err := family.Join(members)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// twoPlatforms are three images for two platforms, each on top of the one before.
func twoPlatforms(version string) []given {
	var list []given
	for _, arch := range []string{"amd64", "arm64"} {
		layers := []string{}
		for _, name := range []string{"static", "dynamic", "runtime"} {
			layers = append(layers, strings.Repeat(name+version, 5000))
			list = append(list, given{name, arch, version, slices.Clone(layers)})
		}
	}
	return list
}

func config(s *registrytest.Server) push.Config {
	return push.Config{Client: &registry.Client{
		Settings: transport.Settings{Roots: s.RootCAs(), Dial: s.DialContext}, PlainHTTP: strings.HasPrefix(s.URL(), "http:"), AuthHosts: []string{s.OtherHost()},
		Credentials: func(context.Context, registry.Reference) (registry.Credential, error) {
			return registry.Credential{Username: registrytest.User, Password: registrytest.Password}, nil
		},
		Backoff: time.Millisecond,
	}, Target: s.Host() + "/freebsd/freebsd-{image}", Jobs: 3}
}

// notices collects what users are told.
type notices struct {
	lock sync.Mutex
	list []string
}

func (n *notices) observe(e event.Event) {
	n.lock.Lock()
	defer n.lock.Unlock()
	if e.Notice != "" {
		n.list = append(n.list, e.Notice)
	}
}

func (n *notices) has(text string) bool {
	n.lock.Lock()
	defer n.lock.Unlock()
	return slices.Contains(n.list, text)
}

// serve starts a registry in which three repositories may be made.
func serve(t *testing.T, p registrytest.Profile) *registrytest.Server {
	t.Helper()
	s := registrytest.New(t, p)
	for _, name := range []string{"static", "dynamic", "runtime", "web"} {
		s.CreateRepo("freebsd/freebsd-" + name)
	}
	return s
}

// complete requires what a tag leads to to be there, whole.
func complete(t *testing.T, s *registrytest.Server, repo, tag string) {
	t.Helper()
	var check func(d digest.Digest)
	check = func(d digest.Digest) {
		text := s.Manifest(repo, d)
		if text == nil {
			t.Errorf("%s:%s leads to manifest %s, which is not there", repo, tag, d)
			return
		}
		var doc struct {
			Manifests, Layers []v1.Descriptor
			Config            v1.Descriptor
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		for _, m := range doc.Manifests {
			check(m.Digest)
		}
		for _, b := range doc.Layers {
			if s.Blob(repo, b.Digest) == nil {
				t.Errorf("%s:%s leads to blob %s, which is not there", repo, tag, b.Digest)
			}
		}
	}
	check(s.Tag(repo, tag))
}

// TestProfiles pushes a family to each kind of registry, twice, and reads it back.
func TestProfiles(t *testing.T) {
	t.Parallel()
	for name, p := range registrytest.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.TLS = true
			s := serve(t, p)
			list := twoPlatforms("15.0p3")
			if name == "dockerhub-2024" { // which lets nobody ask for as much, without the API
				list = []given{list[0], list[3]}
			}
			all, cfg := families(t, list...), config(s)
			results, err := push.Run(t.Context(), cfg, all)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				repo := "freebsd/freebsd-" + r.Image
				if r.Digest != all[i].Index.Digest || strings.Join(r.Tags, " ") != "15.0p3 15" || strings.Join(r.Platforms, " ") != "freebsd/amd64 freebsd/arm64" {
					t.Errorf("got %+v", r)
				}
				for _, tag := range r.Tags {
					if got := s.Tag(repo, tag); got != r.Digest {
						t.Errorf("%s:%s is %s, want %s", repo, tag, got, r.Digest)
					}
					complete(t, s, repo, tag)
				}
				pulled(t, cfg, r)
			}
			s.ResetRequests()
			again, err := push.Run(t.Context(), config2(cfg), all)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range again {
				if r.Sent != (push.Sent{}) {
					t.Errorf("the second push of %s sent %+v", r.Image, r.Sent)
				}
			}
			if n := s.Count("PUT", "") + s.Count("POST", "/blobs/upload") + s.Count("PATCH", ""); n > 0 {
				t.Errorf("the second push made %d requests that write", n)
			}
		})
	}
}

// config2 is the same configuration with a client that remembers nothing.
func config2(cfg push.Config) push.Config {
	c := cfg.Client
	cfg.Client = &registry.Client{Settings: c.Settings, PlainHTTP: c.PlainHTTP, AuthHosts: c.AuthHosts, Credentials: c.Credentials, Backoff: c.Backoff}
	return cfg
}

// pulled reads an image as somebody else does, with its locks.
func pulled(t *testing.T, cfg push.Config, r push.Result) {
	t.Helper()
	ref, err := artifact.Find(t.Context(), config2(cfg).Client, "docker://"+r.Repository+":"+r.Tags[0])
	if err != nil {
		t.Fatal(err)
	}
	platforms, err := ref.Platforms(t.Context(), "")
	if err != nil || len(platforms) != 2 {
		t.Fatalf("got the platforms %v, %v", platforms, err)
	}
	for _, p := range platforms {
		c, err := oci.Read(t.Context(), ref.Remote, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range c.Manifest.Layers {
			b, err := ref.Remote.Blob(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, b); err != nil {
				t.Error(err)
			}
			b.Close()
		}
		locks, notes, err := ref.Remote.From.Attachments(t.Context(), c.Descriptor.Digest, 1<<20, lock.MediaType)
		if err != nil || len(locks) != 1 {
			t.Errorf("%s %s: got %d locks, notes %q, %v", r.Image, p, len(locks), notes, err)
		}
	}
}

// TestSharedLayers sends each layer once, and mounts it elsewhere.
func TestSharedLayers(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{})
	list := twoPlatforms("15.0p3")
	results, err := push.Run(t.Context(), config(s), families(t, list...))
	if err != nil {
		t.Fatal(err)
	}
	var once int64
	seen := map[string]bool{}
	for _, g := range list {
		for _, text := range g.layers {
			if !seen[text+g.arch] {
				seen[text+g.arch] = true
				once += int64(len(text + g.arch))
			}
		}
	}
	mounted := 0
	for _, r := range results {
		mounted += r.Sent.Mounted
	}
	if got := s.BlobBytes(); got < once || got > once+20_000 || mounted < 6 {
		t.Errorf("sent %d bytes of blobs, and mounted %d; want the layers once, %d, and little else", got, mounted, once)
	}
	for text := range seen {
		if n := s.MaxParallel(digest.FromString(text)); n > 1 {
			t.Errorf("a blob was sent %d times at once", n)
		}
	}
}

// TestSharedCatalogue sends the catalogue that vouches for several images once, and
// attaches it to each.
func TestSharedCatalogue(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{})
	all := families(t, twoPlatforms("15.0p3")...)
	text := make([]byte, 2<<20)
	rand.New(rand.NewSource(1)).Read(text)
	for _, f := range all {
		for _, m := range f.Members {
			m.Kept = []family.Catalogue{{Name: "container-image-catalogue-FreeBSD-ports.pkg", Text: text}}
		}
	}
	for _, tt := range []struct {
		what string
		most int64
	}{{"the first time", 2<<20 + 500_000}, {"again", 0}} {
		before := s.BlobBytes()
		if _, err := push.Run(t.Context(), config(s), all); err != nil {
			t.Fatal(err)
		}
		if got := s.BlobBytes() - before; got > tt.most {
			t.Errorf("%s: sent %d bytes of blobs, want at most %d", tt.what, got, tt.most)
		}
	}
	for _, f := range all {
		if s.Blob("freebsd/freebsd-"+f.Image, digest.FromBytes(text)) == nil {
			t.Errorf("%s: the catalogue is not there", f.Image)
		}
	}
}

// TestInterrupted ends a push at any moment: no tag leads to anything incomplete, and
// the next push ends well.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(1))
	for i := range pushesToEnd {
		s := serve(t, registrytest.Profile{NoReferrers: i%2 == 0})
		all := families(t, twoPlatforms("15.0p3")...)
		ctx, cancel := context.WithCancel(t.Context())
		after := 1 + random.Intn(130)
		s.Handle(registrytest.Do(after, func() registrytest.Match {
			var n atomic.Int64
			return func(*http.Request) bool {
				if n.Add(1) == int64(after) {
					cancel()
				}
				return false
			}
		}(), func() {}))
		_, err := push.Run(ctx, config(s), all)
		cancel()
		for _, repo := range s.Repos() {
			for _, tag := range s.Tags(repo) {
				if !strings.HasPrefix(tag, "sha256-") {
					complete(t, s, repo, tag)
				}
			}
		}
		if _, again := push.Run(t.Context(), config(s), all); again != nil {
			t.Errorf("after %d requests and %v: %v", after, err, again)
		}
	}
}

// TestResumes sends no blob again that had arrived before a push was interrupted.
// What was still under way then may have to be sent again.
func TestResumes(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{})
	list := twoPlatforms("15.0p3")
	all := families(t, list...)
	s.Handle(registrytest.Answer(registrytest.Always, 403, nil, registrytest.Errors("DENIED", "not now"), registrytest.On("PUT", "/manifests/")))
	if _, err := push.Run(t.Context(), config(s), all); err == nil {
		t.Fatal("a push without manifests ended well")
	}
	if tags := s.Tags("freebsd/freebsd-runtime"); len(tags) > 0 {
		t.Errorf("found the tags %v", tags)
	}
	before := s.BlobBytes()
	arrived, missing := arrivals(s, list)
	if arrived == 0 {
		t.Fatal("no layer arrived before the first manifest was refused")
	}
	s.Reset()
	if _, err := push.Run(t.Context(), config(s), all); err != nil {
		t.Fatal(err)
	}
	if again := s.BlobBytes() - before - missing; again > 5000 {
		t.Errorf("sent %d bytes again; %d bytes of layers had arrived", again, arrived)
	}
}

// arrivals counts the bytes of the layers that a registry has and has not.
func arrivals(s *registrytest.Server, list []given) (arrived, missing int64) {
	seen := make(map[string]bool)
	for _, g := range list {
		for _, text := range g.layers {
			text += g.arch
			if seen[text] {
				continue
			}
			seen[text] = true
			stored := slices.ContainsFunc(s.Repos(), func(repo string) bool { return s.Blob(repo, digest.FromString(text)) != nil })
			if stored {
				arrived += int64(len(text))
			} else {
				missing += int64(len(text))
			}
		}
	}
	return arrived, missing
}
