// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestUpload(t *testing.T) {
	t.Parallel()
	for _, form := range []Location{
		LocationAbsolute, LocationPath, LocationRelative, LocationNoScheme, LocationFragment, LocationOther,
	} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			s := New(t, Profile{Location: form, State: true})
			c := client{t: t, s: s}
			at := c.start()
			uploads := "/v2/" + repo + "/blobs/uploads/"
			res := c.want(202, "PATCH", strings.TrimSuffix(at, "#fragment"), "hello, ", "Content-Range", "0-6")
			if got := res.header.Get("Range"); got != "0-6" {
				t.Errorf("Range is %q, want 0-6", got)
			}
			c.want(400, "PATCH", at, "world", "Content-Range", "7-11") // the old state
			at = c.location(uploads, res)
			c.want(416, "PATCH", at, "hello, ", "Content-Range", "0-6")
			if got := c.want(204, "GET", at, "").header.Get("Range"); got != "0-6" {
				t.Errorf("Range of the upload is %q, want 0-6", got)
			}
			d := digest.FromString("hello, world")
			c.want(201, "PUT", withDigest(at, d), "world")
			if got := string(s.Blob(repo, d)); got != "hello, world" {
				t.Errorf("blob is %q", got)
			}
			if s.Uploads() != 0 || s.BlobBytes() < 12 || s.MaxParallel(d) != 1 {
				t.Errorf("uploads %d, bytes %d, parallel %d", s.Uploads(), s.BlobBytes(), s.MaxParallel(d))
			}
		})
	}
}

func TestUploadRefused(t *testing.T) {
	t.Parallel()
	c := client{t: t, s: New(t, Profile{MaxPut: 4, MaxChunk: 4})}
	c.want(400, "PUT", withDigest(c.start(), digest.FromString("a")), "b")
	c.want(413, "PUT", withDigest(c.start(), digest.FromString("12345")), "12345")
	at := c.start()
	c.want(416, "PATCH", at, "12345", "Content-Range", "0-4")
	c.want(204, "DELETE", at, "")
	c.want(404, "GET", at, "")
}

func TestMount(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{})
	c := client{t: t, s: s}
	blob := s.PutBlob("other/image", []byte("layer"))
	address := "/v2/" + repo + "/blobs/uploads/?from=other/image&mount="
	c.want(202, "POST", address+digest.FromString("absent").String(), "")
	c.want(201, "POST", address+blob.Digest.String(), "")
	c.want(200, "HEAD", "/v2/"+repo+"/blobs/"+blob.Digest.String(), "")
}

func TestBlob(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{})
	c := client{t: t, s: s}
	path := "/v2/" + repo + "/blobs/" + s.PutBlob(repo, []byte("0123456789")).Digest.String()
	if got := c.want(206, "GET", path, "", "Range", "bytes=4-").body; got != "456789" {
		t.Errorf("range is %q", got)
	}
	c.want(202, "DELETE", path, "")
	c.want(404, "GET", path, "")
	c.want(404, "GET", "/v2/no/repo/blobs/"+digest.FromString("x").String(), "")
}

func TestManifest(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{})
	c := client{t: t, s: s}
	absent := descriptor(v1.MediaTypeImageLayer, "absent")
	c.put(400, "latest", c.image(func(m *v1.Manifest) { m.Layers = append(m.Layers, absent) }))
	c.put(400, digest.FromString("other").String(), c.image(nil))
	c.put(413, "latest", `{"a":"`+strings.Repeat("a", maxManifest)+`"}`)

	body := c.image(nil)
	d := digest.FromString(body)
	c.put(201, "latest", body)
	c.put(201, d.String(), body)
	if s.Tag(repo, "latest") != d || string(s.Manifest(repo, d)) != body {
		t.Errorf("tags are %v", s.Tags(repo))
	}
	path := "/v2/" + repo + "/manifests/latest"
	head := c.want(200, "HEAD", path, "", "Accept", v1.MediaTypeImageManifest)
	if head.header.Get("Docker-Content-Digest") != d.String() ||
		head.header.Get("Content-Length") != fmt.Sprint(len(body)) {
		t.Errorf("HEAD has %v", head.header)
	}
	c.want(404, "GET", path, "", "Accept", "application/vnd.docker.distribution.manifest.v2+json")
	if got := c.want(200, "GET", path, "").body; got != body {
		t.Errorf("manifest is %q", got)
	}
	index := marshal(v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{
		{MediaType: v1.MediaTypeImageManifest, Digest: d, Size: int64(len(body))}}})
	c.put(201, "index", string(index))
	if got := c.want(200, "GET", "/v2/"+repo+"/tags/list", "").body; got != `{"name":"team/image","tags":["index","latest"]}` {
		t.Errorf("tags are %s", got)
	}
	c.want(202, "DELETE", "/v2/"+repo+"/manifests/"+d.String(), "")
	c.want(404, "GET", path, "")
	c.put(400, "index", string(index))
}

func TestReferrers(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{PageSize: 2})
	c := client{t: t, s: s}
	subject := s.PutImage(repo, "latest", []byte("layer"))
	res := c.put(201, "artifact", c.image(func(m *v1.Manifest) { m.ArtifactType, m.Subject = "a/a", &subject }))
	if got := res.header.Get("OCI-Subject"); got != subject.Digest.String() {
		t.Errorf("OCI-Subject is %q", got)
	}
	for i := range 3 {
		s.PutArtifact(repo, subject, "b/b", fmt.Append(nil, i))
	}
	path := "/v2/" + repo + "/referrers/"
	if list, _ := c.list(path + subject.Digest.String() + "?artifactType=a/a"); len(list) != 1 {
		t.Errorf("filtered: %v", list)
	}
	list, link := c.list(path + subject.Digest.String())
	next := strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	more, end := c.list(next)
	if len(list) != 2 || len(more) != 2 || end != "" || list[0].Digest == more[0].Digest {
		t.Errorf("pages: %v, %v, %q", list, more, end)
	}
	if list, _ := c.list(path + digest.FromString("unknown").String()); list == nil || len(list) != 0 {
		t.Errorf("referrers of nothing: %v", list)
	}
	s.AddFallback(repo, subject.Digest, list...)
	if got := s.Fallback(repo, subject.Digest); len(got) != 2 {
		t.Errorf("fallback lists %v", got)
	}
	s.DropUntagged(repo)
	if got := len(s.Manifests(repo)); got != 6 {
		t.Errorf("%d manifests, want all 6", got)
	}
}

func (c client) list(path string) (list []v1.Descriptor, link string) {
	c.t.Helper()
	res := c.want(200, "GET", path, "")
	var index v1.Index
	if err := json.Unmarshal([]byte(res.body), &index); err != nil {
		c.t.Fatal(err)
	}
	return index.Manifests, res.header.Get("Link")
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{Auth: AuthBearer, TokenUses: 3, TLS: true})
	c := client{t: t, s: s}
	s.PutImage(repo, "latest", []byte("layer"))
	pull, push := "repository:"+repo+":pull", "repository:"+repo+":pull,push"
	path := "/v2/" + repo + "/manifests/latest"

	res := c.want(401, "GET", path, "")
	want := `Bearer realm="` + s.URL() + `/token",service="",scope="` + pull + `"`
	if got := res.header.Get("WWW-Authenticate"); got != want {
		t.Errorf("challenge is %q, want %q", got, want)
	}
	anonymous := c.login(false, push)
	anonymous.want(200, "GET", path, "")
	anonymous.want(401, "POST", "/v2/"+repo+"/blobs/uploads/", "")
	known := c.login(true, pull, push)
	known.upload("blob")
	known.want(200, "GET", path, "")
	known.want(401, "GET", path, "") // used up
	known = c.login(true, push)
	s.ExpireTokens()
	known.want(401, "GET", path, "")
	c.want(200, "POST", s.URL()+"/token", "grant_type=refresh_token&refresh_token="+RefreshToken,
		"Content-Type", "application/x-www-form-urlencoded")
	c.auth = "Basic b3RoZXI6b3RoZXI="
	c.want(401, "GET", "/token", "")
}

func TestChallenges(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{Auth: AuthBearer, Challenge: []string{`Basic realm="x"`, `bearer realm={realm}`}})
	c := client{t: t, s: s}
	got := c.want(401, "GET", "/v2/", "").header.Values("WWW-Authenticate")
	if len(got) != 2 || got[1] != "bearer realm="+s.URL()+"/token" {
		t.Errorf("challenges are %q", got)
	}
	s.Edit(Always, On("", "/v2/"+repo), Without("WWW-Authenticate"))
	if got := c.want(401, "GET", "/v2/"+repo+"/tags/list", "").header.Get("WWW-Authenticate"); got != "" {
		t.Errorf("challenge is %q, want none", got)
	}
}

func TestParallel(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{})
	c := client{t: t, s: s}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			body := fmt.Sprint("blob ", i)
			d := digest.FromString(body)
			at, err := c.try("POST", "/v2/"+repo+"/blobs/uploads/", "")
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := c.try("PUT", withDigest(at.header.Get("Location"), d), body); err != nil || s.Blob(repo, d) == nil {
				t.Error(err, s.Blob(repo, d))
			}
		})
	}
	group.Wait()
	if n := s.Count("PUT", "/blobs/upload"); n != 8 {
		t.Errorf("%d PUTs, want 8", n)
	}
	for _, r := range s.Requests() {
		if r.Status != http.StatusAccepted && r.Status != http.StatusCreated {
			t.Errorf("%s %s: status %d", r.Method, r.Path, r.Status)
		}
	}
}
