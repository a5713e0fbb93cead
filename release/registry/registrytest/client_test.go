// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

const repo = "team/image"

// client is as simple as a client of a registry can be.
type client struct {
	t    *testing.T
	s    *Server
	auth string // Authorization
}

// result is an answer with its body read.
type result struct {
	status int
	header http.Header
	body   string
	err    error // of reading it
}

// do sends a request; address is a path, or a whole URL. Redirects are not
// followed.
func (c client) do(method, address, body string, header ...string) result {
	c.t.Helper()
	res, err := c.try(method, address, body, header...)
	if err != nil {
		c.t.Fatal(err)
	}
	return res
}

func (c client) try(method, address, body string, header ...string) (result, error) {
	c.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = c.s.URL() + address
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header = Header(header...)
	if c.auth != "" {
		r.Header.Set("Authorization", c.auth)
	}
	res, err := c.s.Client().Transport.RoundTrip(r)
	if err != nil {
		return result{}, err
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	return result{res.StatusCode, res.Header, string(got), err}, nil
}

// want sends a request and checks the status.
func (c client) want(status int, method, address, body string, header ...string) result {
	c.t.Helper()
	res := c.do(method, address, body, header...)
	if res.status != status {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, address, res.status, status, res.body)
	}
	return res
}

// login gets a token for scopes, with or without credentials.
func (c client) login(known bool, scopes ...string) client {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet,
		c.realm()+"?"+url.Values{"scope": scopes}.Encode(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if known {
		r.SetBasicAuth(User, Password)
	}
	res, err := c.s.Client().Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
		c.t.Fatalf("no token: status %d, %v", res.StatusCode, err)
	}
	c.auth = "Bearer " + answer.Token
	return c
}

// realm is the one in the challenge of /v2/.
func (c client) realm() string {
	c.t.Helper()
	challenge := c.want(http.StatusUnauthorized, "GET", "/v2/", "").header.Get("WWW-Authenticate")
	_, rest, _ := strings.Cut(challenge, `realm="`)
	realm, _, ok := strings.Cut(rest, `"`)
	if !ok {
		c.t.Fatalf("no realm in %q", challenge)
	}
	return realm
}

// location resolves the Location of an answer to a request for base.
func (c client) location(base string, res result) string {
	c.t.Helper()
	from, err := url.Parse(c.s.URL() + base)
	if err != nil {
		c.t.Fatal(err)
	}
	to, err := from.Parse(res.header.Get("Location"))
	if err != nil {
		c.t.Fatal(err)
	}
	return to.String()
}

// start begins an upload and returns its address.
func (c client) start() string {
	c.t.Helper()
	base := "/v2/" + repo + "/blobs/uploads/"
	return c.location(base, c.want(http.StatusAccepted, "POST", base, ""))
}

// upload uploads a blob with POST and PUT.
func (c client) upload(body string) digest.Digest {
	c.t.Helper()
	d := digest.FromString(body)
	c.want(http.StatusCreated, "PUT", withDigest(c.start(), d), body)
	return d
}

func withDigest(address string, d digest.Digest) string {
	address, _, _ = strings.Cut(address, "#")
	if strings.Contains(address, "?") {
		return address + "&digest=" + d.String()
	}
	return address + "?digest=" + d.String()
}

// image is the text of a manifest whose blobs are uploaded.
func (c client) image(edit func(m *v1.Manifest)) string {
	c.t.Helper()
	m := v1.Manifest{
		MediaType: v1.MediaTypeImageManifest,
		Config:    descriptor(v1.MediaTypeImageConfig, "{}"),
		Layers:    []v1.Descriptor{descriptor(v1.MediaTypeImageLayer, "layer")},
	}
	m.SchemaVersion = 2
	c.upload("{}")
	c.upload("layer")
	if edit != nil {
		edit(&m)
	}
	return string(marshal(m))
}

func descriptor(mediaType, body string) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromString(body), Size: int64(len(body))}
}

// put puts a manifest.
func (c client) put(status int, ref, body string) result {
	c.t.Helper()
	return c.want(status, "PUT", "/v2/"+repo+"/manifests/"+ref, body, "Content-Type", parse([]byte(body)).typeOr())
}

// typeOr is the manifest's type; one that names none is an image.
func (p parts) typeOr() string {
	if p.MediaType == "" {
		return v1.MediaTypeImageManifest
	}
	return p.MediaType
}
