// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/attest"
)

// file reads a file of testdata.
func file(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// sum is a sha256 in hexadecimal.
func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// secret is the password of all keys that have one.
func secret() ([]byte, error) { return []byte("secret"), nil }

// unasked is for keys that need no password.
func unasked() ([]byte, error) { return nil, errors.New("was asked for a password") }

func privateKey(t testing.TB, name string) *attest.PrivateKey {
	t.Helper()
	key, err := attest.ParsePrivateKey(file(t, "keys/"+name), unasked)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPrivateKeyGolden pins what keys make of fixed bytes, as bundles and in cosign's older form.
func TestPrivateKeyGolden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, id, bundle, cosign string }{
		{
			"p256.pem", "3f6cb91face028583ea5781f9371bfb888c2209fadf445e9296cc4710cf3f805",
			"22b1ee190a8904182a0d43bd2b4e067525a543c92ba38deb6cd8b92f37bcc5c8",
			"46d960d7406373c1860da60db4e6a0d05a042686f308744d6c7247928d7ba4f2",
		},
		{
			"ed25519.pem", "38f01bff5ce70a4ce275eca1995d699623668145bf5fbeca608bebcbb5595568",
			"6a69c5ae9b9d3c755d7c35254c1678f819d32e5a074aa05a8f5b2336cc45413f",
			"f8496f1250545e14eae5625dd8e6e2a7374f91fd66e467c8fa4a0822834b30f7",
		},
		{
			"rsa3072.pem", "b26afa102e50942f8175a66b7a923589291effd9c0afb4091bb91b854f337b34",
			"1fa154a74503ca47d23b4dc84575bc2ba68de4d1177f8715f3a8bfa2688df365",
			"5872e776db8357fa35c692379c255822096eb53568fd12249a9131670aa02c03",
		},
	} {
		key := privateKey(t, tt.name)
		if key.Key.ID() != "SHA256:"+tt.id {
			t.Errorf("%s: the ID is %s", tt.name, key.Key.ID())
		}
		trust := attest.Trust{Keys: []attest.Key{key.Key}}
		for range 2 {
			st := attest.SignStatement(subject)
			sig, err := key.Sign(attest.PAE(attest.MediaTypeStatement, st))
			if err != nil {
				t.Fatal(err)
			}
			bundle := attest.Bundle(key.Key, st, sig)
			if got := sum(bundle); got != tt.bundle {
				t.Errorf("%s: the bundle has the sum %s, wanted %s", tt.name, got, tt.bundle)
			}
			payload := attest.CosignPayload("quay.io/orlop/base", subject)
			simple, err := key.Sign(payload)
			if err != nil {
				t.Fatal(err)
			}
			if got := sum(append(payload[:len(payload):len(payload)], simple...)); got != tt.cosign {
				t.Errorf("%s: cosign's signature has the sum %s, wanted %s", tt.name, got, tt.cosign)
			}
			for _, s := range []attest.Signature{{Form: attest.FormBundle, Text: bundle}, {Form: attest.FormCosign, Text: payload, Sig: simple}} {
				claim, err := trust.Verify(s)
				if err != nil || claim.Signer != key.Key.ID() || len(claim.Digests) != 1 || claim.Digests[0] != subject || !claim.Time.IsZero() {
					t.Errorf("%s: a signature of the form %s has the claim %+v, %v", tt.name, s.Form, claim, err)
				}
			}
		}
	}
}

// TestParsePrivateKey reads one key in every form, and asks for the password only if it is needed.
func TestParsePrivateKey(t *testing.T) {
	t.Parallel()
	want := privateKey(t, "p256.pem").Key.ID()
	for name, word := range map[string]func() ([]byte, error){
		"p256-sec1.pem": unasked, "p256-params.pem": unasked, "p256-sigstore.pem": secret, "p256-cosign.pem": secret,
	} {
		key, err := attest.ParsePrivateKey(file(t, "keys/"+name), word)
		if err != nil || key.Key.ID() != want {
			t.Errorf("%s: is another key, %v", name, err)
		}
		if !attest.IsPrivateKey(file(t, "keys/"+name)) {
			t.Errorf("%s: is taken for no private key", name)
		}
	}
	if attest.IsPrivateKey(nil) || attest.IsPrivateKey([]byte("x")) || attest.IsPrivateKey([]byte("-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n")) {
		t.Error("something else is taken for a private key")
	}
}

// TestParsePrivateKeyFaults refuses other keys, and says nothing of their bytes.
func TestParsePrivateKeyFaults(t *testing.T) {
	t.Parallel()
	read := func(name string) string { return string(file(t, "keys/"+name)) }
	wrong := func() ([]byte, error) { return []byte("Secret"), nil }
	const wanted = ", wanted PRIVATE KEY, EC PRIVATE KEY or ENCRYPTED SIGSTORE PRIVATE KEY"
	for _, tt := range []struct {
		name, text string
		word       func() ([]byte, error)
		want       string
	}{
		{"another password", read("p256-cosign.pem"), wrong, "cannot be decrypted with this password"},
		{"no password", read("p256-sigstore.pem"), unasked, "was asked for a password"},
		{"a cipher of another kind", "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\ne30=\n-----END ENCRYPTED COSIGN PRIVATE KEY-----\n", secret, "cannot be decrypted with this password"},
		{"P-384", read("p384.pem"), unasked, "is ECDSA on P-384, wanted P-256"},
		{"RSA 1024", read("rsa1024.pem"), unasked, "is RSA of 1024 bits, wanted at least 2048"},
		{"PKCS #1", read("rsa1024-pkcs1.pem"), unasked, `is a PEM block "RSA PRIVATE KEY"` + wanted},
		{"PKCS #8 with a password", read("p256-pkcs8-encrypted.pem"), secret, `is a PEM block "ENCRYPTED PRIVATE KEY"` + wanted},
		{"SEC 1 with a password", read("p256-sec1-encrypted.pem"), secret, "is no EC private key that can be read"},
		{"a key that cannot sign", read("x25519.pem"), unasked, "is a *ecdh.PrivateKey, which does not sign"},
		{"two keys", read("p256.pem") + read("ed25519.pem"), unasked, `has another PEM block, "PRIVATE KEY", wanted one key`},
		{"two SEC 1 keys", read("p256-params.pem") + read("p256-sec1.pem"), unasked, `has another PEM block, "EC PRIVATE KEY", wanted one key`},
		{"parameters alone", strings.SplitAfter(read("p256-params.pem"), "-----END EC PARAMETERS-----\n")[0], unasked, "is no private key in PEM form"},
		{"a public key", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", unasked, `is a PEM block "PUBLIC KEY"` + wanted},
		{"nothing", "", unasked, "is no private key in PEM form"},
		{"garbage", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IGJ5dGVz\n-----END PRIVATE KEY-----\n", unasked, "is no PKCS #8 private key that can be read"},
		{"garbage of SEC 1", "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0IGJ5dGVz\n-----END EC PRIVATE KEY-----\n", unasked, "is no EC private key that can be read"},
		{"half a key", strings.Replace(read("p256.pem"), "\nMIGH", "\nMIGG", 1), unasked, "is no PKCS #8 private key that can be read"},
	} {
		_, err := attest.ParsePrivateKey([]byte(tt.text), tt.word)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
			continue
		}
		for line := range strings.Lines(tt.text) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "-") && strings.Contains(err.Error(), line[:min(len(line), 8)]) {
				t.Errorf("%s: the error has bytes of the key", tt.name)
			}
		}
	}
}

// FuzzPrivateKey reads private keys, and signs with those that it can read.
func FuzzPrivateKey(f *testing.F) {
	for _, name := range []string{"p256.pem", "p256-params.pem", "ed25519.pem", "p256-sigstore.pem"} {
		f.Add(file(f, "keys/"+name))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := attest.ParsePrivateKey(text, unasked)
		if err != nil {
			return
		}
		sig, err := key.Sign(text)
		if err != nil || !key.Key.Verify(text, sig) {
			t.Errorf("a key does not sign: %v", err)
		}
		if !attest.IsPrivateKey(text) {
			t.Error("a private key is taken for none")
		}
	})
}
