// SPDX-License-Identifier: BSD-2-Clause

package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/policy"
)

const (
	repository = "docker.io/freebsd/x"
	tagged     = repository + ":15.0"
	anything   = `{"type":"insecureAcceptAnything"}`
	refused    = `{"type":"reject"}`
)

// judge judges an image that is asked for by a tag, a digest or neither.
func judge(t *testing.T, text, asked string, signatures ...attest.Signature) (policy.Verdict, error) {
	t.Helper()
	p, err := policy.Parse([]byte(text), files)
	if err != nil {
		t.Fatal(err)
	}
	return p.Judge(image(asked), signatures, now)
}

func image(asked string) policy.Image {
	i := policy.Image{Name: asked, Manifest: manifest}
	if name, d, has := strings.Cut(i.Name, "@"); has {
		i.Name, i.Digest = name, digest.Digest(d)
	}
	if at := strings.LastIndexByte(i.Name, ':'); at > strings.LastIndexByte(i.Name, '/') {
		i.Name, i.Tag = i.Name[:at], i.Name[at+1:]
	}
	return i
}

// TestJudge accepts an image for which all requirements hold, and says why another is
// refused.
func TestJudge(t *testing.T) {
	t.Parallel()
	a, b := parties()[0], parties()[1]
	by := "@" + manifest.String()
	list := func(s ...attest.Signature) []attest.Signature { return s }
	const mine = `policy: docker "docker.io/freebsd": `
	for _, tt := range []struct {
		name, requirements, asked string
		signatures                []attest.Signature
		want                      string // "" for accepted
		claims                    int
	}{
		{"anything", anything, tagged, nil, "", 0},
		{"anything twice", anything + "," + anything, tagged, nil, "", 0},
		{"reject", refused, tagged, list(a.simple(tagged, manifest)), mine + "reject: accepts no image", 0},
		{"anything and reject", anything + "," + refused, tagged, nil, mine + "reject: accepts no image", 0},
		{"pgp", pgp(""), tagged, list(a.simple(tagged, manifest)), "", 1},
		{"cosign", cosign(""), tagged, list(a.cosign(tagged, manifest)), "", 1},
		{"none", pgp(""), tagged, nil, mine + "signedBy: no signature counts: there is none", 0},
		{"anything and none", anything + "," + pgp(""), tagged, nil, mine + "signedBy: no signature counts", 0},
		{"of another form", pgp(""), tagged, list(a.cosign(tagged, manifest)), `signature 1 has the form "cosign", wanted "pgp"`, 0},
		{"pgp for cosign", cosign(""), tagged, list(a.simple(tagged, manifest)), `signature 1 has the form "pgp", wanted "cosign"`, 0},
		{"pgp of another", pgp(""), tagged, list(b.simple(tagged, manifest)), "which is not among the given ones", 0},
		{"cosign of another", cosign(""), tagged, list(b.cosign(tagged, manifest)), mine + "sigstoreSigned: no signature counts: signature 1 was made by none of the given keys, or of other bytes", 0},
		{"pgp of another manifest", pgp(""), tagged, list(a.simple(tagged, other)), "signature 1 is of " + other.String() + ", wanted " + manifest.String(), 0},
		{"cosign of another manifest", cosign(""), tagged, list(a.cosign(tagged, other)), "signature 1 is of " + other.String(), 0},
		{"second counts", pgp(""), tagged, list(b.simple(tagged, manifest), a.simple(tagged, manifest)), "", 1},
		{"all that count", pgp(""), tagged, list(a.simple(tagged, manifest), a.simple(tagged, manifest)), "", 2},
		{"both forms", pgp("") + "," + cosign(""), tagged, list(a.cosign(tagged, manifest), a.simple(tagged, manifest)), "", 2},
		{"one of both forms", pgp("") + "," + cosign(""), tagged, list(a.simple(tagged, manifest)), "sigstoreSigned: no signature counts", 0},
		{"one for two", pgp("") + "," + pgp(typed("matchRepository")), tagged, list(a.simple(tagged, manifest)), "", 1},
		{"anything and pgp", anything + "," + pgp(""), tagged, list(a.simple(tagged, manifest)), "", 1},
		{"either key", `{"type":"sigstoreSigned","keyPaths":["/a.pub","/b.pub"]}`, tagged, list(b.cosign(tagged, manifest)), "", 1},
		{"either ring", `{"type":"signedBy","keyType":"GPGKeys","keyPaths":["/a.gpg","/b.gpg"]}`, tagged, list(b.simple(tagged, manifest)), "", 1},
		{"damaged", pgp(""), tagged, list(attest.Signature{Form: attest.FormPGP, Text: []byte("x")}), "signature 1 is no signed OpenPGP message", 0},

		{"default, short name", pgp(""), "docker.io/freebsd/x:15.0", list(a.simple("freebsd/x:15.0", manifest)), "", 1},
		{"default, other tag", pgp(""), tagged, list(a.simple(repository+":14.0", manifest)), "signature 1 is for docker.io/freebsd/x:14.0, wanted docker.io/freebsd/x:15.0", 0},
		{"default, no tag", pgp(""), tagged, list(a.simple(repository, manifest)), "signature 1 is for docker.io/freebsd/x without a tag or digest, wanted docker.io/freebsd/x:15.0", 0},
		{"default, digest for tag", pgp(""), tagged, list(a.simple(repository+by, manifest)), "signature 1 is for docker.io/freebsd/x@sha256:", 0},
		{"default by digest, tag", pgp(""), repository + by, list(a.simple(tagged, manifest)), "", 1},
		{"default by digest, no tag", pgp(""), repository + by, list(a.simple(repository, manifest)), "without a tag or digest", 0},
		{"default by digest, other name", pgp(""), repository + by, list(a.simple("docker.io/other/x:15.0", manifest)), "signature 1 is for docker.io/other/x, wanted docker.io/freebsd/x", 0},
		{"default by both", pgp(""), tagged + by, list(a.simple(repository+":14.0", manifest)), "", 1},
		{"default by neither", pgp(""), repository, list(a.simple(tagged, manifest)), "is asked for by neither a tag nor a digest", 0},
		{"named default", pgp(typed("matchRepoDigestOrExact")), repository + by, list(a.simple(tagged, manifest)), "", 1},

		{"exact", pgp(typed("matchExact")), tagged, list(a.simple(tagged, manifest)), "", 1},
		{"exact by digest", pgp(typed("matchExact")), repository + by, list(a.simple(repository+by, manifest)), "", 1},
		{"exact by digest, tag", pgp(typed("matchExact")), repository + by, list(a.simple(tagged, manifest)), "signature 1 is for docker.io/freebsd/x:15.0, wanted docker.io/freebsd/x@", 0},
		{"exact by neither", pgp(typed("matchExact")), repository, list(a.simple(repository, manifest)), "is asked for by neither", 0},

		{"repository", cosign(typed("matchRepository")), tagged, list(a.cosign(repository, manifest)), "", 1},
		{"repository, other tag", cosign(typed("matchRepository")), tagged, list(a.cosign(repository+":1", manifest)), "", 1},
		{"repository, other name", cosign(typed("matchRepository")), tagged, list(a.cosign("docker.io/other/x", manifest)), mine + "sigstoreSigned: no signature counts: signature 1 is for docker.io/other/x, wanted docker.io/freebsd/x", 0},
		{"repository, no reference", cosign(typed("matchRepository")), tagged, list(a.cosign("docker.io/FreeBSD/x", manifest)), `signature 1 is for "docker.io/FreeBSD/x", which is no reference`, 0},
		{"repository, library", cosign(typed("matchRepository")), tagged, list(a.cosign("x", manifest)), "signature 1 is for docker.io/library/x, wanted", 0},

		{"exact reference", pgp(typed("exactReference", "dockerReference", "example.com/y:2")), tagged, list(a.simple("example.com/y:2", manifest)), "", 1},
		{"exact reference, other", pgp(typed("exactReference", "dockerReference", "example.com/y:2")), tagged, list(a.simple(tagged, manifest)), "wanted example.com/y:2", 0},
		{"exact repository", pgp(typed("exactRepository", "dockerRepository", "example.com/y")), tagged, list(a.simple("example.com/y:2", manifest)), "", 1},
		{"exact repository, other", pgp(typed("exactRepository", "dockerRepository", "example.com/y")), tagged, list(a.simple(tagged, manifest)), "wanted example.com/y", 0},

		{"remap", pgp(typed("remapIdentity", "prefix", "docker.io/freebsd", "signedPrefix", "example.com")), tagged, list(a.simple("example.com/x:15.0", manifest)), "", 1},
		{"remap all", pgp(typed("remapIdentity", "prefix", repository, "signedPrefix", "example.com/y")), repository + by, list(a.simple("example.com/y:2", manifest)), "", 1},
		{"remap, old name", pgp(typed("remapIdentity", "prefix", "docker.io/freebsd", "signedPrefix", "example.com")), tagged, list(a.simple(tagged, manifest)), "signature 1 is for docker.io/freebsd/x:15.0, wanted example.com/x:15.0", 0},
		{"remap, not below", pgp(typed("remapIdentity", "prefix", "docker.io/free", "signedPrefix", "example.com")), tagged, list(a.simple(tagged, manifest)), "", 1},
		{"remap to no name in full", pgp(typed("remapIdentity", "prefix", "docker.io/freebsd", "signedPrefix", "y")), tagged, list(a.simple("y/x:15.0", manifest)), "has to be for y/x:15.0, which is no name in full", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := judge(t, required(tt.requirements), tt.asked, tt.signatures...)
			if tt.want != "" {
				contains(t, err, tt.want)
				if class := fault.ClassOf(err); class != fault.Wrong || v.Claims != nil || v.Insecure {
					t.Errorf("got class %d and %+v, want %d and nothing", class, v, fault.Wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Claims) != tt.claims || v.Insecure != (tt.claims == 0) || v.Scope != `docker "docker.io/freebsd"` {
				t.Errorf("got %+v, want %d claims", v, tt.claims)
			}
		})
	}
}

// TestScope finds the requirements that are the most specific.
func TestScope(t *testing.T) {
	t.Parallel()
	by := "@" + manifest.String()
	for _, tt := range []struct{ scopes, asked, want string }{
		{"docker.io/a/x:1 docker.io/a/x docker.io/a docker.io *.io -", "docker.io/a/x:1", `docker "docker.io/a/x:1"`},
		{"docker.io/a/x:2 docker.io/a/x docker.io/a docker.io *.io -", "docker.io/a/x:1", `docker "docker.io/a/x"`},
		{"docker.io/a/x" + by + " docker.io/a/x", "docker.io/a/x" + by, `docker "docker.io/a/x` + by + `"`},
		{"docker.io/a/x:1 docker.io/a", "docker.io/a/x:1" + by, `docker "docker.io/a"`},
		{"docker.io/a/xy docker.io/a docker.io", "docker.io/a/x", `docker "docker.io/a"`},
		{"docker.io/ab docker.io *.io -", "docker.io/a/x:1", `docker "docker.io"`},
		{"*.io -", "docker.io/a/x:1", `docker "*.io"`},
		{"-", "docker.io/a/x:1", `docker`},
		{"", "docker.io/a/x:1", "default"},
		{"*.example.com *.com", "a.b.example.com:5000/x:1", `docker "*.example.com"`},
		{"*.com *.b.example.com", "a.b.example.com/x:1", `docker "*.b.example.com"`},
		{"*.example.com", "example.com/x:1", "default"},
		{"example.com", "example.com:5000/x:1", "default"},
		{"example.com:5000 *.com", "example.com:5000/x:1", `docker "example.com:5000"`},
		{"localhost", "localhost/x:1", `docker "localhost"`},
	} {
		var scopes []string
		for scope := range strings.FieldsSeq(tt.scopes) {
			scopes = append(scopes, `"`+strings.TrimPrefix(scope, "-")+`":[`+anything+`]`)
		}
		v, err := judge(t, `{"default":[`+anything+`],"transports":{"dir":{"":[`+refused+`]},"docker":{`+strings.Join(scopes, ",")+`}}}`, tt.asked)
		if err != nil || v.Scope != tt.want {
			t.Errorf("%s, %s: got %s, %v, want %s", tt.scopes, tt.asked, v.Scope, err, tt.want)
		}
	}
}

// TestImage judges no image whose name is not in full.
func TestImage(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(`{"default":[`+anything+`]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []policy.Image{
		{},
		{Name: "x", Tag: "1", Manifest: manifest},
		{Name: "docker.io/x", Tag: "1", Manifest: manifest},
		{Name: tagged, Manifest: manifest},
		{Name: repository, Tag: "-", Manifest: manifest},
		{Name: repository, Digest: "sha256:0", Manifest: manifest},
		{Name: repository, Tag: "1"},
	} {
		_, err := p.Judge(i, nil, now)
		contains(t, err, "image ")
		if class := fault.ClassOf(err); class != fault.Failed || p.Forms(i) != nil {
			t.Errorf("%+v: got class %d, want %d", i, class, fault.Failed)
		}
	}
	if _, err := new(policy.Policy).Judge(image(tagged), nil, now); err == nil {
		t.Error("a policy without requirements accepts an image")
	}
}

// TestForms tells what to fetch.
func TestForms(t *testing.T) {
	t.Parallel()
	for requirements, want := range map[string][]attest.Form{
		anything:                      nil,
		refused:                       nil,
		pgp(""):                       {attest.FormPGP},
		cosign("") + "," + anything:   {attest.FormCosign},
		pgp("") + "," + cosign(""):    {attest.FormCosign, attest.FormPGP},
		cosign("") + "," + cosign(""): {attest.FormCosign},
	} {
		p, err := policy.Parse([]byte(required(requirements)), files)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Forms(image(tagged)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", requirements, got, want)
		}
		if got := p.Forms(image("docker.io/other/x:1")); got != nil {
			t.Errorf("%s: got %q for another image, want none", requirements, got)
		}
	}
}

// TestReasons is short also if there are many signatures.
func TestReasons(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]attest.Signature{{Form: attest.FormPGP}}, 100)
	_, err := judge(t, required(pgp("")), tagged, many...)
	contains(t, err, "; signature 10 is no signed OpenPGP message: found packets of the types [], wanted 4, 11 and 2 alone; and 90 more")
}
