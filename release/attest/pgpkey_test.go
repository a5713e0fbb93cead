// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/orlop/orlop/release/attest"
)

// TestMessageGolden pins the messages of keys of every kind.
func TestMessageGolden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, sum string }{
		{"ed25519.asc", "c5dfd4a9719d4e6a8505f622a76a953242a9ece9589fc89dfba022c85fe480aa"},
		{"rsa3072.asc", "a3d82511c33ac9bc26c7b44d8d36e479d3b235cac608849257c8eef761bd3980"},
		{"passphrase.asc", "952fc90b8662c2601dd1f962d7bdd43a2d253e79b5af3442f6a77ac9664d0370"},
		{"subkey.asc", "debb184615b2ee76505e06a08dfe928d500630c65d6c7866dd9cd2de26ca9979"},
		{"subkey.gpg", "debb184615b2ee76505e06a08dfe928d500630c65d6c7866dd9cd2de26ca9979"},
		{"subkey-only.asc", "debb184615b2ee76505e06a08dfe928d500630c65d6c7866dd9cd2de26ca9979"},
	} {
		key := pgpKey(t, tt.name)
		for range 2 {
			m, err := key.Message(atomic, signed)
			if got := sum(m); err != nil || got != tt.sum {
				t.Errorf("%s: got %s, %v", tt.name, got, err)
			}
			payload, by, err := key.Ring().VerifyMessage(m, now)
			if err != nil || !bytes.Equal(payload, atomic) || by.Primary != key.Ring().IDs()[0] || !by.Time.Equal(signed) {
				t.Errorf("%s: got %s by %v, %v", tt.name, payload, by, err)
			}
		}
		if !key.Deterministic() {
			t.Errorf("%s: does not sign alike", tt.name)
		}
	}
}

// TestMessageTime is never before the key was made and bound.
func TestMessageTime(t *testing.T) {
	t.Parallel()
	e, bound := entity(t, 0, 0), made.AddDate(0, 0, 1)
	signing(e).Sig.CreationTime = bound
	var later bytes.Buffer
	if err := e.SerializePrivate(&later, settings(bound, 0)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		text []byte
		want time.Time
	}{{"primary key", file(t, "pgp/ed25519.asc"), made}, {"subkey", file(t, "pgp/subkey.gpg"), made}, {"subkey bound later", later.Bytes(), bound}} {
		key, err := attest.ParsePGPKey(tt.text, unasked, now)
		if err != nil {
			t.Fatal(err)
		}
		m, err := key.Message(atomic, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if _, by, err := key.Ring().VerifyMessage(m, now); err != nil || !by.Time.Equal(tt.want) {
			t.Errorf("%s: got %v, %v", tt.name, by, err)
		}
	}
}

// TestParsePGPKeyFaults refuses a file without one secret key that signs.
func TestParsePGPKeyFaults(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte { return file(t, "pgp/"+name) }
	wrong := func() ([]byte, error) { return []byte("Secret"), nil }
	for _, tt := range []struct {
		name string
		text []byte
		word func() ([]byte, error)
		at   time.Time
		want string
	}{
		{"empty", nil, unasked, now, "has no OpenPGP key"},
		{"another passphrase", read("passphrase.asc"), wrong, now, "cannot be decrypted with this passphrase"},
		{"no passphrase", read("passphrase.asc"), unasked, now, "was asked for a password"},
		{"two keys", append(read("ed25519.asc"), read("rsa3072.asc")...), unasked, now, "has 2 OpenPGP keys, wanted 1"},
		{"public", read("dsa-public.asc"), unasked, now, "has only the public part of the key that signs"},
		{"not yet", read("ed25519.asc"), unasked, made.Add(-time.Hour), "has no key that may sign now: it has expired, is revoked, or is for something else"},
		{"a message", read("armoured.asc"), unasked, now, `has a "PGP MESSAGE", wanted PGP PUBLIC KEY BLOCK or PGP PRIVATE KEY BLOCK`},
	} {
		_, err := attest.ParsePGPKey(tt.text, tt.word, tt.at)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	for name, want := range map[string]bool{"ed25519.asc": true, "passphrase.asc": true, "subkey.gpg": true, "dsa-public.asc": false, "plain.gpg": false} {
		if attest.IsSecretPGP(read(name)) != want {
			t.Errorf("%s: has a secret key: %t", name, !want)
		}
	}
	if _, err := attest.ParsePGPKey(read("ed25519.asc"), unasked, now); err != nil {
		t.Error(err)
	}
}
