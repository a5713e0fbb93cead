// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/attest"
)

// cosigned is a payload in cosign's older form, as a text to be changed.
var cosigned = string(attest.CosignPayload("quay.io/orlop/base", subject))

// bundled signs a payload of a type and wraps it as cosign does.
func bundled(t testing.TB, key *attest.PrivateKey, kind, payload string) string {
	t.Helper()
	sig, err := key.Sign(attest.PAE(kind, []byte(payload)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(attest.Bundle(key.Key, []byte(payload), sig)), attest.MediaTypeStatement, kind, 1)
}

// TestTexts pins what is signed, which other programs read.
func TestTexts(t *testing.T) {
	t.Parallel()
	const hex = "d6cff6d1a0a2a0d3f3a2a4b8f3ba5cd0d5c0d0a3c0e8a0d0f0c0b0a090807060"
	d := digest.NewDigestFromEncoded(digest.SHA256, hex)
	for _, tt := range []struct{ got, want string }{
		{string(attest.SignStatement(d)), `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + hex + `"}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`},
		{string(attest.CosignPayload("a/b", d)), `{"critical":{"identity":{"docker-reference":"a/b"},"image":{"docker-manifest-digest":"sha256:` + hex + `"},"type":"cosign container image signature"},"optional":null}`},
		{string(attest.AtomicPayload("a/b:c", d)), `{"critical":{"identity":{"docker-reference":"a/b:c"},"image":{"docker-manifest-digest":"sha256:` + hex + `"},"type":"atomic container signature"},"optional":{}}`},
		{string(attest.PAE("http://example.com/HelloWorld", []byte("hello world"))), "DSSEv1 29 http://example.com/HelloWorld 11 hello world"}, // of DSSE's protocol.md
		{attest.SignatureTag(d), "sha256-" + hex + ".sig"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

// TestVerifyBundle refuses a bundle that is not one signature of one image.
func TestVerifyBundle(t *testing.T) {
	t.Parallel()
	key := privateKey(t, "ed25519.pem")
	trust := attest.Trust{Keys: []attest.Key{privateKey(t, "p256.pem").Key, key.Key}}
	st := string(attest.SignStatement(subject))
	good := bundled(t, key, attest.MediaTypeStatement, st)
	_, sigs, _ := strings.Cut(good, `"signatures":[`)
	sig, _, _ := strings.Cut(sigs, "]")
	url := base64.URLEncoding.EncodeToString([]byte(st))
	edit := func(old, now string) string {
		return bundled(t, key, attest.MediaTypeStatement, strings.Replace(st, old, now, 1))
	}
	for _, tt := range []struct {
		name, text, want string
		reads            bool // what it signs
	}{
		{"good", good, "", true},
		{"members of others", strings.Replace(good, `"publicKey"`, `"tlogEntries":[],"certificate":{},"publicKey"`, 1), "", true},
		{"base64 of URLs", strings.Replace(good, base64.StdEncoding.EncodeToString([]byte(st)), url, 1), "", true},
		{"by nobody", strings.Replace(good, sig, `{"sig":"AAAA"}`, 1), "was made by none of the given keys, or of other bytes", true},
		{"of another image", strings.Replace(good, base64.StdEncoding.EncodeToString([]byte(st)), base64.StdEncoding.EncodeToString(attest.SignStatement(digest.FromString("x"))), 1), "was made by none of the given keys, or of other bytes", true},
		{"another predicate", edit("cosign/sign/v1", "cosign/sign/v2"), `is of a statement of type "https://sigstore.dev/cosign/sign/v2", wanted "https://sigstore.dev/cosign/sign/v1"`, true},
		{"another payload type", bundled(t, key, "application/vnd.in-toto+yaml", st), `is of a payload of type "application/vnd.in-toto+yaml", wanted "application/vnd.in-toto+json"`, false},
		{"another statement", edit("Statement/v1", "Statement/v0.1"), `is of a statement that cannot be read: _type is "https://in-toto.io/Statement/v0.1", wanted "https://in-toto.io/Statement/v1"`, false},
		{"sha512", edit(`"sha256"`, `"sha512"`), "is of a statement that cannot be read: has no subject with a sha256", false},
		{"a member twice in the statement", edit(`"predicate":`, `"subject":[],"predicate":`), `is of a statement that cannot be read: has "subject" twice`, false},
		{"two signatures", strings.Replace(good, sig, sig+","+sig, 1), "is no bundle: its envelope has 2 signatures, wanted 1", false},
		{"no signature", strings.Replace(good, sig, "", 1), "is no bundle: its envelope has 0 signatures, wanted 1", false},
		{"no envelope", strings.Replace(good, `"dsseEnvelope":`, `"messageSignature":`, 1), `is no bundle: mediaType is "` + attest.MediaTypeBundle + `", wanted "` + attest.MediaTypeBundle + `" with an envelope`, false},
		{"both", strings.Replace(good, `"dsseEnvelope":`, `"messageSignature":{},"dsseEnvelope":`, 1), "is no bundle: has an envelope and a messageSignature, wanted one of them", false},
		{"an older bundle", strings.Replace(good, "v0.3+json", "v0.2+json", 1), `is no bundle: mediaType is "application/vnd.dev.sigstore.bundle.v0.2+json", wanted "` + attest.MediaTypeBundle + `" with an envelope`, false},
		{"a member twice", strings.Replace(good, `"mediaType":`, `"mediaType":"x","mediaType":`, 1), `is no bundle: has "mediaType" twice`, false},
		{"a member twice further in", strings.Replace(good, `"payload":`, `"payload":"","payload":`, 1), `is no bundle: has "payload" in dsseEnvelope twice`, false},
		{"a capital letter", strings.Replace(good, `"dsseEnvelope":`, `"dsseenvelope":{},"dsseEnvelope":`, 1), `is no bundle: has "dsseenvelope", wanted "dsseEnvelope"`, false},
		{"no JSON", "x", "is no bundle: ", false},
		{"something after", good + "x", "is no bundle: ", false},
	} {
		s := attest.Signature{Form: attest.FormBundle, Text: []byte(tt.text)}
		claim, err := trust.Verify(s)
		if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) || (err == nil) != (claim.Signer == key.Key.ID()) || (len(claim.Digests) == 1) != tt.reads {
			t.Errorf("%s: got %+v, %v, want %s", tt.name, claim, err, tt.want)
		}
		if claim := s.Claim(); (len(claim.Digests) == 1) != tt.reads || claim.Signer != "" || claim.Identity != "" {
			t.Errorf("%s: claims %+v", tt.name, claim)
		}
	}
}

// simpleFaults are changes of a payload that simple signing does not allow.
var simpleFaults = []struct{ name, old, now, want string }{
	{"unknown member in critical", `"type":`, `"x":1,"type":`, `json: unknown field "x"`},
	{"unknown member at the top", `"optional":`, `"x":1,"optional":`, `json: unknown field "x"`},
	{"an extra digest", `"docker-manifest-digest":`, `"digest":"sha256:00","docker-manifest-digest":`, `json: unknown field "digest"`},
	{"a list of digests", `"sha256:` + subject.Encoded() + `"`, `["sha256:` + subject.Encoded() + `"]`, "critical.image.docker-manifest-digest: found array, wanted a string, in line 1"},
	{"a digest twice", `"docker-manifest-digest":`, `"docker-manifest-digest":"x","docker-manifest-digest":`, `has "docker-manifest-digest" in critical.image twice`},
	{"critical twice", `"critical":`, `"critical":{},"critical":`, `has "critical" twice`},
	{"a capital letter", `"critical":`, `"Critical":`, `has "Critical", wanted "critical"`},
	{"another type", `"type":"`, `"type":"A`, "critical.type is "},
	{"no type", `,"type":"cosign container image signature"`, "", `critical.type is "", wanted "cosign container image signature"`},
	{"no type", `,"type":"atomic container signature"`, "", `critical.type is "", wanted "atomic container signature"`},
	{"sha512", "sha256:" + subject.Encoded(), digest.SHA512.FromString("").String(), `critical.image.docker-manifest-digest is "sha512:`},
	{"a capital in the digest", "sha256:" + subject.Encoded(), "sha256:" + strings.ToUpper(subject.Encoded()), "critical.image.docker-manifest-digest is "},
	{"a short digest", subject.Encoded(), subject.Encoded()[1:], "critical.image.docker-manifest-digest is "},
	{"no digest", `"docker-manifest-digest":"sha256:` + subject.Encoded() + `"`, "", "names no image: wanted critical.identity.docker-reference and critical.image.docker-manifest-digest"},
	{"a digest of null", `"sha256:` + subject.Encoded() + `"`, "null", "names no image: "},
	{"no identity", `"identity":{"docker-reference":"quay.io/orlop/base"},`, "", "names no image: "},
	{"no identity", `"identity":{"docker-reference":"quay.io/orlop/base:15.0"},`, "", "names no image: "},
	{"identity of null", `{"docker-reference":"quay.io/orlop/base"}`, "null", "names no image: "},
	{"identity of null", `{"docker-reference":"quay.io/orlop/base:15.0"}`, "null", "names no image: "},
	{"critical of null", `{"critical":`, `{"critical":null,"x":`, `json: unknown field "x"`},
	{"no reference", `"docker-reference":"quay.io/orlop/base"`, "", "names no image: "},
	{"no reference of a tag", `"docker-reference":"quay.io/orlop/base:15.0"`, "", "names no image: "},
	{"no JSON", "{", "", "invalid character ':' after top-level value, in line 1"},
}

// TestVerifySimple refuses payloads that do not name one image, in both forms that have them.
func TestVerifySimple(t *testing.T) {
	t.Parallel()
	key, pgp := privateKey(t, "p256.pem"), pgpKey(t, "ed25519.asc")
	trust := attest.Trust{Keys: []attest.Key{key.Key}, Ring: pgp.Ring(), Now: now}
	signs := map[attest.Form]func(string) attest.Signature{
		attest.FormCosign: func(text string) attest.Signature {
			sig, err := key.Sign([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			return attest.Signature{Form: attest.FormCosign, Text: []byte(text), Sig: sig}
		},
		attest.FormPGP: func(text string) attest.Signature {
			m, err := pgp.Message([]byte(text), signed)
			if err != nil {
				t.Fatal(err)
			}
			return attest.Signature{Form: attest.FormPGP, Text: m}
		},
	}
	for _, form := range []struct {
		name               attest.Form
		text, says         string
		other, who, prefix string
	}{
		{attest.FormCosign, cosigned, "quay.io/orlop/base", string(atomic), key.Key.ID(), "has a payload that cannot be read: "},
		{attest.FormPGP, string(atomic), "quay.io/orlop/base:15.0", cosigned, pgp.Ring().IDs()[0], "signs a text that names no image: "},
	} {
		for _, optional := range []string{"null", "{}", `{"creator":"x","timestamp":1}`, `{"a":{"b":[1]}}`, `"text"`} {
			text, _, _ := strings.Cut(form.text, `"optional":`)
			claim, err := trust.Verify(signs[form.name](text + `"optional":` + optional + "}"))
			if err != nil || claim.Signer != form.who || claim.Identity != form.says || len(claim.Digests) != 1 || claim.Digests[0] != subject || claim.Time.IsZero() != (form.name == attest.FormCosign) {
				t.Errorf("%s, optional %s: got %+v, %v", form.name, optional, claim, err)
			}
		}
		if _, err := trust.Verify(signs[form.name](form.other)); err == nil || !strings.HasPrefix(err.Error(), form.prefix+"critical.type is ") {
			t.Errorf("%s: the payload of another form: %v", form.name, err)
		}
		for _, tt := range simpleFaults {
			text := strings.Replace(form.text, tt.old, tt.now, 1)
			if text == form.text {
				continue // of the other form
			}
			claim, err := trust.Verify(signs[form.name](text))
			if err == nil || !strings.HasPrefix(err.Error(), form.prefix+tt.want) || len(claim.Digests) > 0 || claim.Identity != "" {
				t.Errorf("%s, %s: got %+v, %v, want %s", form.name, tt.name, claim, err, tt.want)
			}
		}
	}
}

// TestRevoked refuses good signatures by a key that counts no more, and names it.
func TestRevoked(t *testing.T) {
	t.Parallel()
	key, pgp := privateKey(t, "p256.pem"), pgpKey(t, "subkey.gpg")
	sig, err := key.Sign([]byte(cosigned))
	if err != nil {
		t.Fatal(err)
	}
	m, err := pgp.Message(atomic, signed)
	if err != nil {
		t.Fatal(err)
	}
	all := []attest.Signature{
		{Form: attest.FormBundle, Text: []byte(bundled(t, key, attest.MediaTypeStatement, string(attest.SignStatement(subject))))},
		{Form: attest.FormCosign, Text: []byte(cosigned), Sig: sig},
		{Form: attest.FormPGP, Text: m},
	}
	trust := attest.Trust{Keys: []attest.Key{key.Key}, Ring: pgp.Ring(), Now: now}
	revoked := trust
	revoked.Revoked = []string{key.Key.ID(), pgp.Ring().IDs()[0]}
	for _, s := range all {
		want, err := trust.Verify(s)
		if err != nil || want.Signer == "" {
			t.Errorf("%s: got %+v, %v", s.Form, want, err)
		}
		claim, err := revoked.Verify(s)
		if err == nil || err.Error() != fmt.Sprintf("is by the key %s, which is revoked", want.Signer) || claim.Signer != want.Signer || claim.Digests[0] != subject {
			t.Errorf("%s: got %+v, %v", s.Form, claim, err)
		}
		nobody := s.Claim()
		if len(nobody.Digests) != 1 || nobody.Digests[0] != subject || nobody.Identity != want.Identity || nobody.Signer != "" {
			t.Errorf("%s: a signature that nobody trusts claims %+v", s.Form, nobody)
		}
		if _, err := (attest.Trust{Now: now}).Verify(s); err == nil {
			t.Errorf("%s: verifies without a key", s.Form)
		}
	}
	if _, err := trust.Verify(attest.Signature{Form: "x"}); err == nil || err.Error() != `has the form "x", which this version does not know` {
		t.Errorf("another form: %v", err)
	}
}

// TestJudges tells which forms the keys of a user can be of.
func TestJudges(t *testing.T) {
	t.Parallel()
	keys, ring := []attest.Key{privateKey(t, "p256.pem").Key}, rings(t, "ed25519.asc")
	for _, tt := range []struct {
		trust              attest.Trust
		plain, pgp, nobody bool
	}{{attest.Trust{}, false, false, true}, {attest.Trust{Keys: keys}, true, false, false}, {attest.Trust{Ring: ring}, false, true, false}, {attest.Trust{Keys: keys, Ring: ring, Now: time.Time{}}, true, true, false}} {
		if tt.trust.IsEmpty() != tt.nobody {
			t.Errorf("%+v: is empty: %t", tt.trust, !tt.nobody)
		}
		for form, want := range map[attest.Form]bool{attest.FormBundle: tt.plain, attest.FormCosign: tt.plain, attest.FormPGP: tt.pgp, attest.FormList: tt.pgp} {
			if tt.trust.Judges(form) != want {
				t.Errorf("%s: judges: %t", form, !want)
			}
		}
	}
}

// FuzzSimple believes only what a key has signed, and reads the rest.
func FuzzSimple(f *testing.F) {
	key := privateKey(f, "p256.pem")
	trust := attest.Trust{Keys: []attest.Key{key.Key}}
	sig, err := key.Sign([]byte(cosigned))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(cosigned), sig)
	f.Add(atomic, []byte{})
	f.Fuzz(func(t *testing.T, text, sig []byte) {
		claim, err := trust.Verify(attest.Signature{Form: attest.FormCosign, Text: text, Sig: sig})
		if err == nil && string(text) != cosigned {
			t.Errorf("believes %q", text)
		}
		for _, d := range claim.Digests {
			if d.Validate() != nil || d.Algorithm() != digest.SHA256 {
				t.Errorf("reads the digest %q", d)
			}
		}
	})
}
