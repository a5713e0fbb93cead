// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/attest"
)

// pair is a PUBLIC KEY block and its key, made of a byte.
func pair(t testing.TB, b byte) (string, ed25519.PrivateKey) {
	t.Helper()
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(b)), ed25519.SeedSize)))
	der := append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, key[ed25519.SeedSize:]...)
	return "-----BEGIN PUBLIC KEY-----\n" + base64.StdEncoding.EncodeToString(der) + "\n-----END PUBLIC KEY-----\n", key
}

// TestParseKeys reads several keys in order, with text around them.
func TestParseKeys(t *testing.T) {
	t.Parallel()
	one, first := pair(t, '1')
	two, second := pair(t, '2')
	keys, err := attest.ParseKeys([]byte("The first:\n" + one + "The second:\n" + two + "No more.\n"))
	if err != nil || len(keys) != 2 {
		t.Fatalf("got %d keys, %v", len(keys), err)
	}
	text := []byte("text")
	for i, private := range []ed25519.PrivateKey{first, second} {
		sig, err := private.Sign(nil, text, crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		if !keys[i].Verify(text, sig) || keys[1-i].Verify(text, sig) || keys[i].Verify(nil, sig) || keys[i].Verify(text, nil) {
			t.Errorf("key %d is another one", i)
		}
	}
}

// TestParseKeysFaults refuses a file of which one block is bad.
func TestParseKeysFaults(t *testing.T) {
	t.Parallel()
	one, _ := pair(t, '1')
	for _, tt := range []struct{ text, want string }{
		{"", "is no public key in PEM form"},
		{one + string(file(t, "keys/ed25519.pem")), `is a PEM block "PRIVATE KEY", wanted PUBLIC KEY`},
		{one + "-----BEGIN PUBLIC KEY-----\nA", "has 2 blocks in PEM form, of which 1 can be read"},
		{one + "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", "is no public key that can be read"},
		{"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n", "is a *ecdh.PublicKey, wanted ECDSA on P-256, Ed25519 or RSA"},
	} {
		if _, err := attest.ParseKeys([]byte(tt.text)); err == nil || err.Error() != tt.want {
			t.Errorf("%.60q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

// TestKeyNames gives the same sum as ID and as hint, and none but an empty one of no key.
func TestKeyNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"p256.pem", "ed25519.pem", "rsa3072.pem"} {
		key := privateKey(t, name).Key
		hint, err := base64.StdEncoding.DecodeString(key.Hint())
		if err != nil || len(hint) != 32 || key.ID() != "SHA256:"+hex.EncodeToString(hint) {
			t.Errorf("%s: the ID is %s, the hint %s, %v", name, key.ID(), key.Hint(), err)
		}
	}
	if none := (attest.Key{}); none.ID() != "SHA256:" || none.Hint() != "" || none.Verify(nil, nil) {
		t.Error("no key has a name, or verifies")
	}
}
