// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"bytes"
	"crypto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/orlop/orlop/release/attest"
)

// entity makes a key with a subkey that signs, both of so many seconds, 0 for ever.
func entity(t testing.TB, primary, sub uint32) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("test", "", "test@example.org", settings(made, primary))
	if err == nil {
		err = e.AddSigningSubkey(settings(made, sub))
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func settings(at time.Time, life uint32) *packet.Config {
	return &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return at }, KeyLifetimeSecs: life}
}

// publicRing is a keyring of what is public of keys.
func publicRing(t testing.TB, list ...*openpgp.Entity) attest.Keyring {
	t.Helper()
	var out bytes.Buffer
	for _, e := range list {
		if err := e.Serialize(&out); err != nil {
			t.Fatal(err)
		}
	}
	ring, err := attest.ParseKeyring(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// signing is the subkey that signs.
func signing(e *openpgp.Entity) *openpgp.Subkey { return &e.Subkeys[len(e.Subkeys)-1] }

// TestJudgeKeys refuses what a key has signed that may not, does no more, or does not yet.
func TestJudgeKeys(t *testing.T) {
	t.Parallel()
	const (
		day     = 24 * 60 * 60
		expired = "is by a key that has expired"
		revoked = "is by a key that is revoked"
	)
	for _, tt := range []struct {
		name         string
		primary, sub uint32
		change       func(*openpgp.Entity) error
		want         string // of the primary key
		wantSub      string
	}{
		{name: "a good key"},
		{name: "still good", primary: 400 * day, sub: 400 * day},
		{name: "expired since", primary: 200 * day, want: expired, wantSub: expired},
		{name: "expired before it signed", primary: 10 * day, want: expired, wantSub: expired},
		{name: "subkey expired", sub: 200 * day, wantSub: expired},
		{name: "subkey expired before it signed", sub: day, wantSub: expired},
		{name: "revoked", change: func(e *openpgp.Entity) error {
			return e.RevokeKey(packet.KeyCompromised, "", settings(now.Add(-time.Hour), 0))
		}, want: revoked, wantSub: revoked},
		{name: "retired", change: func(e *openpgp.Entity) error {
			return e.RevokeKey(packet.KeyRetired, "", settings(now.Add(-time.Hour), 0))
		}, want: revoked, wantSub: revoked},
		{name: "to be retired", change: func(e *openpgp.Entity) error {
			return e.RevokeKey(packet.KeyRetired, "", settings(now.Add(time.Hour), 0))
		}},
		{name: "compromised in the future", change: func(e *openpgp.Entity) error {
			return e.RevokeKey(packet.KeyCompromised, "", settings(now.Add(time.Hour), 0))
		}, want: revoked, wantSub: revoked},
		{name: "subkey revoked", change: func(e *openpgp.Entity) error {
			return e.RevokeSubkey(signing(e), packet.KeySuperseded, "", settings(signed.Add(time.Hour), 0))
		}, wantSub: revoked},
		{name: "identity revoked", change: func(e *openpgp.Entity) error {
			id := e.PrimaryIdentity()
			revocation := &packet.Signature{
				Version: 4, SigType: packet.SigTypeCertificationRevocation, PubKeyAlgo: e.PrimaryKey.PubKeyAlgo,
				Hash: crypto.SHA256, CreationTime: signed, IssuerKeyId: &e.PrimaryKey.KeyId,
			}
			id.Signatures = append(id.Signatures, revocation)
			return revocation.SignUserId(id.Name, e.PrimaryKey, e.PrivateKey, settings(signed, 0))
		}, want: revoked, wantSub: revoked},
		{name: "subkey for encryption", change: func(e *openpgp.Entity) error {
			sub := signing(e)
			sub.Sig.FlagSign, sub.Sig.FlagEncryptCommunications, sub.Sig.EmbeddedSignature = false, true, nil
			return sub.Sig.SignKey(sub.PublicKey, e.PrivateKey, settings(made, 0))
		}, wantSub: "is by the key SUB, which may not sign"},
		{name: "key that only certifies", change: func(e *openpgp.Entity) error {
			id := e.PrimaryIdentity()
			id.SelfSignature.FlagSign = false
			return id.SelfSignature.SignUserId(id.Name, e.PrimaryKey, e.PrivateKey, settings(made, 0))
		}, want: "is by the key PRIMARY, which may not sign"},
		{name: "key without flags", change: func(e *openpgp.Entity) error {
			id := e.PrimaryIdentity()
			id.SelfSignature.FlagsValid = false
			return id.SelfSignature.SignUserId(id.Name, e.PrimaryKey, e.PrivateKey, settings(made, 0))
		}, want: "is by the key PRIMARY, which may not sign"},
		{name: "self-signature expired", change: func(e *openpgp.Entity) error {
			id, life := e.PrimaryIdentity(), uint32(day)
			id.SelfSignature.SigLifetimeSecs = &life
			return id.SelfSignature.SignUserId(id.Name, e.PrimaryKey, e.PrivateKey, settings(made, 0))
		}, want: "has expired", wantSub: "has expired"},
		{name: "critical notation in the self-signature", change: func(e *openpgp.Entity) error {
			id := e.PrimaryIdentity()
			id.SelfSignature.Notations = []*packet.Notation{{Name: "x@example.org", IsCritical: true}}
			return id.SelfSignature.SignUserId(id.Name, e.PrimaryKey, e.PrivateKey, settings(made, 0))
		}, want: `has a critical notation "x@example.org", which this version does not know`, wantSub: `has a critical notation "x@example.org", which this version does not know`},
	} {
		e := entity(t, tt.primary, tt.sub)
		if tt.change != nil {
			if err := tt.change(e); err != nil {
				t.Fatal(err)
			}
		}
		ring := publicRing(t, e)
		names := strings.NewReplacer("PRIMARY", e.PrimaryKey.KeyIdString(), "SUB", signing(e).PublicKey.KeyIdString())
		for _, by := range []struct {
			name string
			key  *packet.PrivateKey
			want string
		}{{"primary", e.PrivateKey, tt.want}, {"sub", signing(e).PrivateKey, tt.wantSub}} {
			payload, got, err := ring.VerifyMessage(message(t, by.key, nil), now)
			switch want := names.Replace(by.want); {
			case !bytes.Equal(payload, atomic):
				t.Errorf("%s, %s: got the text %q", tt.name, by.name, payload)
			case want == "" && (err != nil || got.Primary != ring.IDs()[0]), want != "" && (err == nil || err.Error() != want || got.Primary != ""):
				t.Errorf("%s, %s: got %v, %v, want %s", tt.name, by.name, got, err, want)
			}
		}
	}
}

// TestJudgeSignatures refuses signatures that a good key has made.
func TestJudgeSignatures(t *testing.T) {
	t.Parallel()
	e, life := entity(t, 0, 0), uint32(60)
	edit := func(f func(*packet.Signature)) []byte {
		return message(t, e.PrivateKey, func(a *packet.OnePassSignature, s *packet.Signature) { f(s); a.Hash = s.Hash })
	}
	unknown, other := message(t, entity(t, 0, 0).PrivateKey, nil), private(t, "rsa3072.asc")
	changed := bytes.Replace(message(t, e.PrivateKey, nil), []byte("15.0"), []byte("15.1"), 1)
	renamed := *e.PrivateKey
	renamed.Fingerprint = append([]byte{^renamed.Fingerprint[0]}, renamed.Fingerprint[1:]...)
	gpg := file(t, "pgp/plain.gpg") // whose signature has its issuer where nobody signs it
	from, to := private(t, "ed25519.asc").KeyId, other.KeyId
	contradicts := replaceIDs(gpg, from, to)
	ring := publicRing(t, e).Join(rings(t, "ed25519.asc", "rsa3072.asc", "rsa1024.asc", "dsa-public.asc"))
	for _, tt := range []struct {
		name string
		text []byte
		at   time.Time
		want string
	}{
		{"a key not given", unknown, now, "is by the key "},
		{"changed text", changed, now, "does not verify: what it signs is something else"},
		{"SHA-1", edit(func(s *packet.Signature) { s.Hash = crypto.SHA1 }), now, "uses SHA-1, wanted SHA-256, SHA-384 or SHA-512"},
		{"SHA-1 by gpg", file(t, "pgp/sha1.gpg"), now, "uses SHA-1, wanted SHA-256, SHA-384 or SHA-512"},
		{"SHA-224", edit(func(s *packet.Signature) { s.Hash = crypto.SHA224 }), now, "uses SHA-224, wanted SHA-256, SHA-384 or SHA-512"},
		{"RSA 1024", file(t, "pgp/rsa1024.gpg"), now, "is by an RSA key of 1024 bits, wanted at least 2048"},
		{"DSA", file(t, "pgp/dsa.gpg"), now, "is by a key of a kind that does not count, wanted RSA, ECDSA or EdDSA"},
		{"future", message(t, e.PrivateKey, nil), signed.Add(-time.Hour), "is from the future"},
		{"older than its key", edit(func(s *packet.Signature) { s.CreationTime = made.Add(-time.Second) }), now, "is older than its key"},
		{"expired", edit(func(s *packet.Signature) { s.SigLifetimeSecs = &life }), now, "has expired"},
		{"critical notation", edit(func(s *packet.Signature) {
			s.Notations = []*packet.Notation{{Name: "x@example.org", IsCritical: true}}
		}), now, `has a critical notation "x@example.org", which this version does not know`},
		{"a fingerprint of another key with the id", message(t, &renamed, nil), now, "is by the key " + e.PrimaryKey.KeyIdString() + ", which is not among the given ones"},
		{"an id of another key than the fingerprint", contradicts, now, "is by the key " + other.KeyIdString() + ", which is not among the given ones"},
		{"a good one", edit(func(s *packet.Signature) {
			s.Notations = []*packet.Notation{{Name: "x@example.org"}}
		}), now, ""},
		{"a good one of SHA-384", edit(func(s *packet.Signature) { s.Hash = crypto.SHA384 }), now, ""},
		{"a good one until now", edit(func(s *packet.Signature) { s.SigLifetimeSecs = &life }), signed.Add(time.Minute), ""},
	} {
		payload, by, err := ring.VerifyMessage(tt.text, tt.at)
		if payload == nil || tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want) || by != (attest.PGPSignature{})) {
			t.Errorf("%s: got %q by %v, %v, want %s", tt.name, payload, by, err, tt.want)
		}
	}
}

// replaceIDs puts another key id where a message of gpg announces it, and in the issuer at
// the end of its signature.
func replaceIDs(text []byte, from, to uint64) []byte {
	bytesOf := func(n uint64) []byte {
		var b [8]byte
		for i := range b {
			b[i] = byte(n >> (56 - 8*i))
		}
		return b[:]
	}
	text = bytes.Replace(text, bytesOf(from), bytesOf(to), 1)
	last := bytes.LastIndex(text, bytesOf(from))
	return slices.Concat(text[:last], bytesOf(to), text[last+8:])
}

// TestKeyringTwice believes a key that is given twice, or once without what is new of it.
func TestKeyringTwice(t *testing.T) {
	t.Parallel()
	e := entity(t, 0, 0)
	old := publicRing(t, e)
	text := message(t, signing(e).PrivateKey, nil)
	for name, ring := range map[string]attest.Keyring{"joined": old.Join(old), "in a file": publicRing(t, e, e)} {
		if _, _, err := ring.VerifyMessage(text, now); err != nil || len(ring.IDs()) != 2 || ring.IDs()[0] != ring.IDs()[1] {
			t.Errorf("%s: %v, %v", name, ring.IDs(), err)
		}
	}
	if (attest.Keyring{}).Join(old).IsEmpty() || !(attest.Keyring{}).Join(attest.Keyring{}).IsEmpty() {
		t.Error("a keyring is empty that is not, or the other way round")
	}
	if _, _, err := (attest.Keyring{}).VerifyMessage(text, now); err == nil || !strings.HasPrefix(err.Error(), "is by the key ") {
		t.Errorf("an empty keyring: %v", err)
	}
}

// TestParseKeyring reads armoured and binary keys, several, and with text in front.
func TestParseKeyring(t *testing.T) {
	t.Parallel()
	one, two := file(t, "pgp/ed25519.asc"), file(t, "pgp/subkey.asc")
	both := append(rings(t, "ed25519.asc").IDs(), rings(t, "subkey.gpg").IDs()...)
	for name, text := range map[string][]byte{
		"two blocks":       slices.Concat(one, two),
		"text in front":    slices.Concat([]byte("pub ed25519 2026-01-01\n\n"), one, []byte("\n"), two),
		"lines of Windows": bytes.ReplaceAll(slices.Concat(one, two), []byte("\n"), []byte("\r\n")),
	} {
		if ring, err := attest.ParseKeyring(text); err != nil || !slices.Equal(ring.IDs(), both) {
			t.Errorf("%s: got %v, %v, want %v", name, ring.IDs(), err, both)
		}
	}
	binary := file(t, "pgp/subkey.gpg")
	for _, tt := range []struct {
		name string
		text []byte
		want string
	}{
		{"nothing", nil, "has no OpenPGP key"},
		{"garbage", []byte("garbage"), "has no OpenPGP key that can be used: it is not a sequence of OpenPGP packets"},
		{"a message", file(t, "pgp/plain.gpg"), "has an OpenPGP packet of type 4 among its keys"},
		{"an armoured message", file(t, "pgp/armoured.asc"), `has a "PGP MESSAGE", wanted PGP PUBLIC KEY BLOCK or PGP PRIVATE KEY BLOCK`},
		{"text after", append(slices.Clone(one), "text"...), "has something that is no armoured block"},
		{"cut", binary[:len(binary)-1], "has no OpenPGP key that can be used: it is not a sequence of OpenPGP packets"},
		{"a changed name", bytes.Replace(binary, []byte("subkey@"), []byte("subkez@"), 1), "has no OpenPGP key that can be used ("},
		{"a good one, and one that is cut", append(binary[:len(binary):len(binary)], binary[:len(binary)-1]...), "has no OpenPGP key that can be used: it is not a sequence of OpenPGP packets"},
		{"too many", bytes.Repeat(binary, 1001), "has more than 1000 OpenPGP keys"},
	} {
		ring, err := attest.ParseKeyring(tt.text)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !ring.IsEmpty() {
			t.Errorf("%s: got %d keys, %v, want %s", tt.name, len(ring.IDs()), err, tt.want)
		}
	}
}

// FuzzKeyring reads keys, of which each has a fingerprint and none has signed a message.
func FuzzKeyring(f *testing.F) {
	for _, name := range []string{"ed25519.asc", "subkey.gpg", "dsa-public.asc"} {
		f.Add(file(f, "pgp/"+name))
	}
	text := file(f, "pgp/plain.gpg")
	by := rings(f, "ed25519.asc").IDs()[0]
	f.Fuzz(func(t *testing.T, keys []byte) {
		ring, err := attest.ParseKeyring(keys)
		if (err == nil) != (len(ring.IDs()) > 0) || ring.IsEmpty() != (err != nil) {
			t.Errorf("got %d keys and %v", len(ring.IDs()), err)
		}
		if _, got, err := ring.VerifyMessage(text, now); err == nil && got.Primary != by {
			t.Errorf("%s has signed what it has not", got.Primary)
		}
		_, _ = attest.ParsePGPKey(keys, unasked, now)
	})
}
