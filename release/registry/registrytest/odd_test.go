// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

const push = "repository:" + repo + ":pull,push"

func TestGHCR(t *testing.T) {
	t.Parallel()
	s := New(t, GHCR())
	c := client{t: t, s: s}
	c.want(403, "GET", c.realm()+"?scope=repository:"+repo+":pull", "")
	c = c.login(true, push)
	c.want(403, "HEAD", "/v2/"+repo+"/manifests/latest", "")
	base := "/v2/" + repo + "/blobs/uploads/"
	if got := c.want(202, "POST", base, "").header.Get("Location"); !strings.HasPrefix(got, "/v2/"+repo+"/blobs/upload/") {
		t.Errorf("Location is %q", got)
	}
	c.want(416, "PATCH", c.start(), strings.Repeat("a", 4<<20+1), "Content-Range", "0-4194304")
	body := c.image(nil)
	c.put(201, "latest", body)
	for _, status := range []int{404, 404, 200} {
		c.want(status, "GET", "/v2/"+repo+"/manifests/latest", "")
	}
	c.want(404, "GET", "/v2/"+repo+"/referrers/"+digest.FromString(body).String(), "")
	client{t: t, s: s}.want(403, "GET", s.URL()+"/token?scope=repository:"+repo+":pull", "") // private
	s.Publish(repo)
	client{t: t, s: s}.login(false, push).want(200, "GET", "/v2/"+repo+"/tags/list", "")
}

func TestQuay(t *testing.T) {
	t.Parallel()
	p := Quay()
	p.Immutable.On = true
	s := New(t, p)
	c := client{t: t, s: s}
	c.want(401, "GET", c.realm()+"?scope=repository:"+repo+":pull,delete", "")
	c = c.login(true, push)
	at := c.start()
	if got := c.want(202, "PATCH", at, "12345").header.Get("Range"); got != "0-4" {
		t.Errorf("Range of PATCH is %q", got)
	}
	if got := c.want(204, "GET", at, "").header.Get("Range"); got != "bytes=0-5" {
		t.Errorf("Range of GET is %q", got)
	}
	subject := descriptor(v1.MediaTypeImageManifest, "subject")
	res := c.put(202, "latest", c.image(func(m *v1.Manifest) { m.Subject = &subject }))
	if got := res.header.Get("OCI-Subject"); got != "" {
		t.Errorf("OCI-Subject is %q", got)
	}
	if got := c.put(409, "latest", c.image(nil)).body; !strings.Contains(got, "TAG_IMMUTABLE") {
		t.Errorf("refused with %s", got)
	}
	c.want(400, "GET", "/v2/"+repo+"/referrers/"+subject.Digest.String(), "")
	if got := c.want(200, "GET", "/v2/"+repo+"/manifests/latest", "", "Accept", "a/b").body; !strings.Contains(got, `"schemaVersion":1`) {
		t.Errorf("manifest is %s", got)
	}
}

func TestECR(t *testing.T) {
	t.Parallel()
	p := ECR()
	p.Immutable.On = true
	s := New(t, p)
	c := client{t: t, s: s}
	if got := c.want(401, "GET", "/v2/", "").header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic ") {
		t.Errorf("challenge is %q", got)
	}
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(User, Password)
	c.auth = r.Header.Get("Authorization")
	c.want(404, "POST", "/v2/"+repo+"/blobs/uploads/", "")
	s.CreateRepo(repo)
	at := c.start()
	c.want(201, "PATCH", at, "123", "Content-Range", "0-2")
	if got := c.want(201, "PATCH", at, "456", "Content-Range", "3-5").header.Get("Range"); got != "0-2" {
		t.Errorf("Range is %q", got)
	}
	c.want(201, "PUT", withDigest(at, digest.FromString("123456")), "")
	c.want(405, "PUT", withDigest(c.start(), digest.FromString("")), "")
	for _, edit := range []func(m *v1.Manifest){
		func(m *v1.Manifest) { m.MediaType = "" },
		func(m *v1.Manifest) { m.Layers = nil },
		func(m *v1.Manifest) { m.ArtifactType = "text/plain; charset=utf-8" },
	} {
		c.put(405, "latest", c.image(edit))
	}
	c.put(201, "latest", c.image(nil))
	c.put(400, "latest", c.image(nil))
	if got := c.want(200, "HEAD", "/v2/"+repo+"/manifests/latest", "").header.Get("Docker-Content-Digest"); got != "" {
		t.Errorf("HEAD has digest %q", got)
	}
}

func TestGitLab(t *testing.T) {
	t.Parallel()
	s := New(t, GitLab())
	c := client{t: t, s: s}
	if realm := c.realm(); !strings.HasPrefix(realm, s.OtherURL()) {
		t.Errorf("realm is %q", realm)
	}
	c = c.login(true, push)
	c.want(401, "POST", "/v2/"+repo+"/blobs/uploads/", "")
	s.CreateRepo(repo)
	body := c.image(nil)
	d := digest.FromString(body)
	c.put(201, "latest", body)
	if got := c.want(200, "GET", "/v2/"+repo+"/manifests/"+FallbackTag(d), "").body; got != body {
		t.Errorf("fallback is %q", got)
	}
	got := c.put(400, "x", c.image(func(m *v1.Manifest) { m.ArtifactType = "a/b" })).body
	if !strings.Contains(got, "unknown media type") {
		t.Errorf("refused with %s", got)
	}
}

func TestDockerHub(t *testing.T) {
	t.Parallel()
	s := New(t, DockerHub2024())
	c := client{t: t, s: s}
	blob := s.PutBlob("team/source", []byte("layer"))
	c.want(403, "GET", c.realm()+"?scope=repository:no/such:pull", "")
	c = c.login(true, push)
	c.want(401, "GET", "/v2/one/two/three/tags/list", "")
	mount := "/v2/" + repo + "/blobs/uploads/?from=team/source&mount=" + blob.Digest.String()
	c.want(401, "POST", mount, "")
	c.auth = ""
	c = c.login(true, push, "repository:team/source:pull")
	c.want(201, "POST", mount, "")

	subject := descriptor(v1.MediaTypeImageManifest, "absent")
	c.put(400, "x", c.image(func(m *v1.Manifest) { m.Subject = &subject }))
	subject = s.PutImage(repo, "latest", []byte("layer"))
	res := c.put(201, "x", c.image(func(m *v1.Manifest) { m.Subject = &subject }))
	if res.header.Get("OCI-Subject") == "" {
		t.Error("no OCI-Subject")
	}
	c.want(404, "GET", "/v2/"+repo+"/referrers/"+subject.Digest.String(), "")
	path := "/v2/" + repo + "/manifests/latest"
	c.want(200, "GET", path, "")
	if got := c.want(200, "HEAD", path, "").header.Get("ratelimit-remaining"); got != "99;w=21600" {
		t.Errorf("ratelimit-remaining is %q", got)
	}
	for range 99 {
		c.want(200, "GET", path, "")
	}
	c.want(429, "GET", path, "")
}

func TestProfilesStart(t *testing.T) {
	t.Parallel()
	for name, p := range Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.Name, p.OtherName, p.TLS = "registry.example.com", "auth.example.com", true
			s := New(t, p)
			c := client{t: t, s: s}
			if status := c.do("GET", "/v2/", "").status; status != 200 && status != 401 {
				t.Errorf("status is %d", status)
			}
			c.want(404, "GET", s.OtherURL()+"/", "")
		})
	}
}

func TestStorage(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{Redirects: 3, SignatureUses: 1})
	blob := s.PutBlob(repo, []byte("0123456789"))
	path := "/v2/" + repo + "/blobs/" + blob.Digest.String()
	res, err := s.Client().Get(s.URL() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if got, err := io.ReadAll(res.Body); string(got) != "0123456789" || err != nil {
		t.Errorf("blob is %q, %v", got, err)
	}
	if n := s.Count("GET", "/storage/"); n != 3 {
		t.Errorf("%d requests to the storage, want 3", n)
	}
	c := client{t: t, s: s}
	c.want(403, "GET", res.Request.URL.String(), "") // used once
	c.auth = "Bearer x"
	c.want(400, "GET", c.want(307, "GET", path, "").header.Get("Location"), "")
	log := s.Requests()
	if last := log[len(log)-1]; !last.Other || last.Auth != "bearer" {
		t.Errorf("log ends with %+v", last)
	}
}

func TestHandlers(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{})
	c := client{t: t, s: s}
	blob := s.PutBlob(repo, []byte("0123456789"))
	path := "/v2/" + repo + "/blobs/" + blob.Digest.String()
	s.Handle(
		Answer(1, 503, Header("Retry-After", "soon"), "<html>", On("GET", path)),
		Cut(1, 4, On("PATCH", "/blobs/upload")),
		Cut(1, 0, On("POST", "mount=")),
		IgnoreRange(Always, On("GET", path)),
		Redirect(1, 303, "https://example.org/", On("GET", "/referrers/")),
		Do(1, On("HEAD", path), func() { s.DropBlob(repo, blob.Digest) }),
		Every(3, Answer(Always, 500, nil, "", On("GET", "/tags/list"))),
	)
	if res := c.want(503, "GET", path, ""); res.header.Get("Retry-After") != "soon" {
		t.Errorf("header is %v", res.header)
	}
	c.want(200, "GET", path, "", "Range", "bytes=4-")
	at := c.start()
	if _, err := c.try("PATCH", at, "0123456789"); err == nil {
		t.Error("the connection was not cut")
	}
	if got := c.want(204, "GET", at, "").header.Get("Range"); got != "0-3" {
		t.Errorf("Range is %q", got)
	}
	if _, err := c.try("POST", "/v2/"+repo+"/blobs/uploads/?mount=x", ""); err == nil {
		t.Error("the connection was not cut")
	}
	c.want(303, "GET", "/v2/"+repo+"/referrers/x", "")
	c.want(404, "HEAD", path, "")
	failed := 0
	for range 6 {
		if c.do("GET", "/v2/"+repo+"/tags/list", "").status == 500 {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d of 6 requests failed, want 2", failed)
	}
	s.Reset()
	s.Change(func(p *Profile) { p.Auth = AuthBearer })
	s.Handle(s.Challenge(1, On("GET", "/tags/list")))
	if got := c.want(401, "GET", "/v2/"+repo+"/tags/list", "").header.Get("WWW-Authenticate"); !strings.Contains(got, repo) {
		t.Errorf("challenge is %q", got)
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{})
	c := client{t: t, s: s}
	blob := s.PutBlob(repo, []byte("0123456789"))
	path := "/v2/" + repo + "/blobs/" + blob.Digest.String()
	get := func(edits ...Edit) result {
		s.Edit(1, On("GET", path), edits...)
		return c.do("GET", path, "")
	}
	if got := get(Spoil()).body; got != "0123456788" {
		t.Errorf("spoilt: %q", got)
	}
	if got := get(Shorter(3)); got.body != "012" || got.err != nil {
		t.Errorf("shorter: %q, %v", got.body, got.err)
	}
	if got := get(CutBody(3)); got.body != "012" || got.err == nil {
		t.Errorf("cut: %q, %v", got.body, got.err)
	}
	if got := get(Longer(100_000)); len(got.body) != 100_010 || got.err != nil {
		t.Errorf("longer: %d, %v", len(got.body), got.err)
	}
	if got := get(Status(203), Body("text/html", "<html>"), LinkTo("")); got.status != 203 || got.body != "<html>" || !strings.Contains(got.header.Get("Link"), path) {
		t.Errorf("html: %+v", got)
	}
	if got := get(Body("a/b", `{"a":1,"b":2}`), Field("a", nil), Reformat()).body; got != "{\n    \"b\": 2\n}" {
		t.Errorf("field: %q", got)
	}
	s.Edit(1, On("HEAD", path), Without("Content-Length"))
	if got := c.want(200, "HEAD", path, "").header.Get("Content-Length"); got != "" {
		t.Errorf("length is %q", got)
	}
	s.Edit(1, On("HEAD", path), Set("Content-Length", "17"))
	if got := c.want(200, "HEAD", path, "").header.Get("Content-Length"); got != "17" {
		t.Errorf("length is %q", got)
	}
	if got := get(Gzip()).body; got != "0123456789" { // the transport unpacks
		t.Errorf("gzip: %q", got)
	}
}

func TestEndless(t *testing.T) {
	t.Parallel()
	s := New(t, Profile{})
	blob := s.PutBlob(repo, []byte("0123456789"))
	s.Edit(Always, On("GET", "/blobs/"), Longer(1<<50))
	res, err := s.Client().Get(s.URL() + "/v2/" + repo + "/blobs/" + blob.Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	// Nobody closes the body: the server must end all the same.
	if _, err := io.CopyN(&bytes.Buffer{}, res.Body, 1<<20); err != nil {
		t.Error(err)
	}
}
