// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/attest"
)

var subject = digest.FromString("an image")

// statement withdraws subject.
func statement() string {
	return fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":"%s"}}],`+
		`"predicateType":"https://github.com/orlop/orlop/withdrawal/v1","predicate":{"reason":"it is bad","successor":"15.0p4"}}`, subject.Encoded())
}

// sign signs a payload as DSSE has it.
func sign(t *testing.T, key crypto.Signer, payload string) string {
	t.Helper()
	text, options := attest.PAE(attest.MediaTypeStatement, []byte(payload)), crypto.SignerOpts(crypto.Hash(0))
	if _, is := key.(*ecdsa.PrivateKey); is {
		sum := sha256.Sum256(text)
		text, options = sum[:], crypto.SHA256
	}
	sig, err := key.Sign(rand.Reader, text, options)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(`{"payloadType":"application/vnd.in-toto+json","payload":"%s","signatures":[{"keyid":"","sig":"%s"}]}`, b64([]byte(payload)), b64(sig))
}

func public(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func keyOf(t *testing.T, key crypto.Signer) attest.Key {
	t.Helper()
	keys, err := attest.ParseKeys(public(t, key.Public()))
	if err != nil {
		t.Fatal(err)
	}
	return keys[0]
}

func signedBy(e *attest.Envelope, keys []attest.Key) bool {
	_, ok := e.SignedBy(keys)
	return ok
}

// TestSignedBy believes a payload that one of the keys has signed, and no other.
func TestSignedBy(t *testing.T) {
	t.Parallel()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	both := []attest.Key{keyOf(t, p256), keyOf(t, ed)}
	for i, key := range []crypto.Signer{p256, ed} {
		text := sign(t, key, statement())
		bundle := fmt.Sprintf(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"}},"dsseEnvelope":%s}`, text)
		plain, err := attest.ParseEnvelope([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		packed, err := attest.ParseBundle([]byte(bundle))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []*attest.Envelope{plain, packed} {
			if by, ok := e.SignedBy(both); !ok || by.ID() != both[i].ID() || !signedBy(e, both[i:i+1]) || signedBy(e, both[1-i:2-i]) || signedBy(e, nil) || signedBy(e, []attest.Key{{}}) {
				t.Errorf("%T: a key counts that has not signed, or one does not that has", key)
			}
			e.Payload = []byte(strings.Replace(string(e.Payload), "bad", "fine", 1))
			if signedBy(e, both) {
				t.Errorf("%T: another payload passes", key)
			}
		}
		retyped, err := attest.ParseEnvelope([]byte(strings.Replace(text, "in-toto+json", "other+json", 1)))
		if err != nil || signedBy(retyped, both) {
			t.Errorf("%T: the payload of another type passes, %v", key, err)
		}
	}
}

// TestParseFaults refuses what has two meanings or none.
func TestParseFaults(t *testing.T) {
	t.Parallel()
	parse := map[string]func(string) error{
		"envelope":  func(s string) error { _, err := attest.ParseEnvelope([]byte(s)); return err },
		"bundle":    func(s string) error { _, err := attest.ParseBundle([]byte(s)); return err },
		"statement": func(s string) error { _, err := attest.ParseStatement([]byte(s)); return err },
		"withdrawal": func(s string) error {
			st, err := attest.ParseStatement([]byte(s))
			if err == nil {
				_, err = st.Withdrawal()
			}
			return err
		},
		"key": func(s string) error { _, err := attest.ParseKeys([]byte(s)); return err },
	}
	rsaKey := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}} // too short to be made
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	many := strings.Repeat(`{"sig":""},`, 16) + `{"sig":""}`
	for _, tt := range []struct{ kind, text, want string }{
		{"envelope", `{"payload":"!","signatures":[{"sig":""}]}`, "payload is not base64"},
		{"envelope", `{"payload":"","signatures":[]}`, "has 0 signatures, wanted 1 to 16"},
		{"envelope", `{"payload":"","signatures":[` + many + `]}`, "has 17 signatures, wanted 1 to 16"},
		{"envelope", `{"payload":"","signatures":[{"sig":"?"}]}`, "a signature is not base64"},
		{"envelope", `{"payload":"","payload":"","signatures":[{"sig":""}]}`, "payload"},
		{"bundle", `{"mediaType":"x"}`, `mediaType is "x", wanted "application/vnd.dev.sigstore.bundle.v0.3+json" with an envelope`},
		{"statement", `{"_type":"x"}`, `_type is "x", wanted "https://in-toto.io/Statement/v1"`},
		{"statement", `{"_type":"https://in-toto.io/Statement/v1"}`, "has no subject with a sha256"},
		{"withdrawal", strings.Replace(statement(), "withdrawal/v1", "other", 1), `predicateType is "https://github.com/orlop/orlop/other"`},
		{"withdrawal", strings.Replace(statement(), "it is bad", "", 1), "predicate: has no reason"},
		{"withdrawal", strings.Replace(statement(), "it is bad", strings.Repeat("x", 1025), 1), "predicate: reason or successor has more than 1024 bytes"},
		{"withdrawal", strings.Replace(statement(), `"it is bad"`, "1", 1), "predicate: reason: found number, wanted a string"},
		{"key", "x", "is no public key in PEM form"},
		{"key", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", "is no public key that can be read"},
		{"key", string(public(t, p384.Public())), "is ECDSA on P-384, wanted P-256"},
		{"key", string(public(t, rsaKey.Public())), "is RSA of 1024 bits, wanted at least 2048"},
		{"key", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "is a PEM block \"PRIVATE KEY\", wanted PUBLIC KEY"},
	} {
		if err := parse[tt.kind](tt.text); err == nil || !strings.HasPrefix(err.Error(), tt.want) && !strings.Contains(err.Error(), `"`+tt.want+`"`) {
			t.Errorf("%s %.60s: got %v, want %s", tt.kind, tt.text, err, tt.want)
		}
	}
	if err := parse["withdrawal"](statement()); err != nil {
		t.Error(err)
	}
}

// FuzzStatement reads statements in every form, and verifies without a panic.
func FuzzStatement(f *testing.F) {
	f.Add([]byte(statement()))
	f.Add([]byte(`{"payloadType":"x","payload":"e30=","signatures":[{"sig":"AA=="}]}`))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{"payload":"","signatures":[{"sig":""}]}}`))
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		f.Fatal(err)
	}
	keys, err := attest.ParseKeys(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func([]byte) (*attest.Envelope, error){attest.ParseEnvelope, attest.ParseBundle} {
			if e, err := parse(text); err == nil && signedBy(e, keys) {
				t.Error("a key has signed that nobody has")
			}
		}
		if s, err := attest.ParseStatement(text); err == nil {
			if w, err := s.Withdrawal(); err == nil && w.Reason == "" {
				t.Error("a withdrawal without a reason")
			}
		}
	})
}

// FuzzKey reads keys.
func FuzzKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if keys, err := attest.ParseKeys(text); (err == nil) != (len(keys) > 0) {
			t.Errorf("got %d keys and %v", len(keys), err)
		}
	})
}
