// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"bytes"
	"crypto"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/orlop/orlop/release/attest"
)

var (
	made   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)  // when keys were
	signed = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)  // when something was
	now    = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // when it is verified
)

// atomic is the text of all messages.
var atomic = attest.AtomicPayload("quay.io/orlop/base:15.0", subject)

func pgpKey(t testing.TB, name string) *attest.PGPKey {
	t.Helper()
	key, err := attest.ParsePGPKey(file(t, "pgp/"+name), secret, now)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rings joins the keys of files.
func rings(t testing.TB, names ...string) attest.Keyring {
	t.Helper()
	var all attest.Keyring
	for _, name := range names {
		ring, err := attest.ParseKeyring(file(t, "pgp/"+name))
		if err != nil {
			t.Fatal(err)
		}
		all = all.Join(ring)
	}
	return all
}

// message signs atomic with a key, after an edit of the announcement and the signature.
func message(t testing.TB, key *packet.PrivateKey, edit func(*packet.OnePassSignature, *packet.Signature)) []byte {
	t.Helper()
	announced := &packet.OnePassSignature{Version: 3, Hash: crypto.SHA256, PubKeyAlgo: key.PubKeyAlgo, KeyId: key.KeyId, IsLast: true}
	sig := &packet.Signature{Version: 4, PubKeyAlgo: key.PubKeyAlgo, Hash: crypto.SHA256, CreationTime: signed, IssuerKeyId: &key.KeyId}
	if edit != nil {
		edit(announced, sig)
	}
	random := false
	h := sig.Hash.New()
	h.Write(atomic)
	if err := sig.Sign(h, key, &packet.Config{NonDeterministicSignaturesViaNotation: &random}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := announced.Serialize(&out); err != nil {
		t.Fatal(err)
	}
	out.Write(framed(11, append([]byte("b\x00\x00\x00\x00\x00"), atomic...)))
	if err := sig.Serialize(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// framed is a packet of a type, with a length of five bytes.
func framed(kind byte, body []byte) []byte {
	n := len(body)
	return append([]byte{0xc0 | kind, 0xff, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

// private is the first secret key of a file.
func private(t testing.TB, name string) *packet.PrivateKey {
	t.Helper()
	list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(file(t, "pgp/"+name)))
	if err != nil {
		t.Fatal(err)
	}
	return list[0].PrivateKey
}

// TestVerifyMessageOfGPG believes what gpg --sign writes, compressed in each way and not.
func TestVerifyMessageOfGPG(t *testing.T) {
	t.Parallel()
	ring := rings(t, "ed25519.asc", "rsa3072.asc", "subkey.gpg")
	for name, by := range map[string]string{
		"compressed.gpg": "ed25519.asc", "plain.gpg": "ed25519.asc", "bzip2.gpg": "ed25519.asc", "zlib.gpg": "rsa3072.asc", "armoured.asc": "subkey.asc",
	} {
		list, err := attest.ParseArmour(file(t, "pgp/"+name))
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %d messages, %v", name, len(list), err)
		}
		payload, got, err := ring.VerifyMessage(list[0], now)
		if err != nil || !bytes.Equal(payload, atomic) || got.Primary != rings(t, by).IDs()[0] || !got.Time.Equal(signed) {
			t.Errorf("%s: got %s by %v, %v", name, payload, got, err)
		}
	}
}

// TestVerifyMessageFaults refuses what is no message of one signature over one text.
func TestVerifyMessageFaults(t *testing.T) {
	t.Parallel()
	key := private(t, "ed25519.asc")
	ring := rings(t, "ed25519.asc", "rsa3072.asc")
	good := message(t, key, nil)
	other := private(t, "rsa3072.asc").KeyId
	const (
		none   = "is no signed OpenPGP message"
		shape  = "is no OpenPGP message of one signature over one text"
		differ = "has another signature than it announces, wanted one of binary data, version 4"
	)
	twice := func(a *packet.OnePassSignature, _ *packet.Signature) { a.IsLast = false }
	announced, literal := good[:15], framed(11, append([]byte("b\x00\x00\x00\x00\x00"), atomic...))
	for _, tt := range []struct {
		name string
		text []byte
		want string
	}{
		{"empty", nil, "is no signed OpenPGP message: found packets of the types [], wanted 4, 11 and 2 alone"},
		{"garbage", []byte("garbage"), "is no signed OpenPGP message: it is not a sequence of OpenPGP packets"},
		{"a secret key", file(t, "pgp/subkey.gpg"), "is no signed OpenPGP message: found packets of the types [5 13 2 7 2], wanted 4, 11 and 2 alone"},
		{"the text alone", atomic, "is no signed OpenPGP message: it is not a sequence of OpenPGP packets"},
		{"unsigned", file(t, "pgp/store.gpg"), "is no signed OpenPGP message: found packets of the types [11], wanted 4, 11 and 2 alone"},
		{"unsigned and compressed", compressed(t, file(t, "pgp/store.gpg")), "is no signed OpenPGP message: found packets of the types [11], wanted 4, 11 and 2 alone"},
		{"detached", file(t, "pgp/detached.gpg"), "is no signed OpenPGP message: found packets of the types [2], wanted 4, 11 and 2 alone"},
		{"signature first", append(file(t, "pgp/detached.gpg"), literal...), "is no signed OpenPGP message: found packets of the types [2 11], wanted 4, 11 and 2 alone"},
		{"two signatures", file(t, "pgp/two.gpg"), "is no signed OpenPGP message: found packets of the types [4 4 11 2 2], wanted 4, 11 and 2 alone"},
		{"announced as not the last", message(t, key, twice), shape},
		{"no text", announced, "is no signed OpenPGP message: found packets of the types [4], wanted 4, 11 and 2 alone"},
		{"compressed text", append(announced[:15:15], compressed(t, literal)...), "is no signed OpenPGP message: found packets of the types [4 8], wanted 4, 11 and 2 alone"},
		{"no signature", good[:15+len(literal)], "is no signed OpenPGP message: found packets of the types [4 11], wanted 4, 11 and 2 alone"},
		{"cut", good[:len(good)-1], "is no signed OpenPGP message: it is not a sequence of OpenPGP packets"},
		{"cut in the text", good[:100], "is no signed OpenPGP message: it is not a sequence of OpenPGP packets"},
		{"long text", append(announced[:15:15], framed(11, make([]byte, attest.MaxSignature+8))...), "is no signed OpenPGP message: found packets of the types [4 11], wanted 4, 11 and 2 alone"},
		{"two signatures, one announced", append(good[:len(good):len(good)], file(t, "pgp/detached.gpg")...), "is no signed OpenPGP message: found packets of the types [4 11 2 2], wanted 4, 11 and 2 alone"},
		{"two texts", append(good[:len(good):len(good)], literal...), "is no signed OpenPGP message: found packets of the types [4 11 2 11], wanted 4, 11 and 2 alone"},
		{"trailing garbage", append(good[:len(good):len(good)], 0), "is no signed OpenPGP message: it is not a sequence of OpenPGP packets"},
		{"trailing user ID", append(good[:len(good):len(good)], framed(13, []byte("x"))...), "is no signed OpenPGP message: found packets of the types [4 11 2 13], wanted 4, 11 and 2 alone"},
		{"something after compression", append(compressed(t, good), literal...), "is no signed OpenPGP message: found packets of the types [8 11], wanted 4, 11 and 2 alone"},
		{"something in compression", compressed(t, append(good[:len(good):len(good)], literal...)), "is no signed OpenPGP message: found packets of the types [4 11 2 11], wanted 4, 11 and 2 alone"},
		{"nested compression", compressed(t, compressed(t, good)), "is no signed OpenPGP message: found packets of the types [8], wanted 4, 11 and 2 alone"},
		{"bomb", compressed(t, append(good[:15:15], framed(11, make([]byte, 1<<24))...)), "has more than 65536 bytes when uncompressed"},
		{"broken compression", framed(8, []byte("\x01\xff\xff")), "cannot be uncompressed"},
		{"text mode", file(t, "pgp/textmode.gpg"), differ},
		{"another hash announced", message(t, key, func(a *packet.OnePassSignature, _ *packet.Signature) { a.Hash = crypto.SHA512 }), differ},
		{"another key announced", message(t, key, func(a *packet.OnePassSignature, _ *packet.Signature) { a.KeyId = other }), differ},
		{"another type", message(t, key, func(_ *packet.OnePassSignature, s *packet.Signature) { s.SigType = packet.SigTypeGenericCert }), differ},
	} {
		payload, by, err := ring.VerifyMessage(tt.text, now)
		if err == nil || err.Error() != tt.want || payload != nil || by != (attest.PGPSignature{}) {
			t.Errorf("%s: got %q by %v, %v, want %s", tt.name, payload, by, err, tt.want)
		}
	}
}

// compressed packs packets with zlib.
func compressed(t testing.TB, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := packet.SerializeCompressed(unclosed{&out}, packet.CompressionZLIB, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type unclosed struct{ *bytes.Buffer }

func (unclosed) Close() error { return nil }

// TestArmour writes messages as text and reads them again.
func TestArmour(t *testing.T) {
	t.Parallel()
	a, b := file(t, "pgp/plain.gpg"), file(t, "pgp/compressed.gpg")
	text, err := attest.Armour([][]byte{a, b})
	if err != nil || sum(text) != "fade7ea2ca98d7145d24dda321c374dcc24f33f530576117e7973719aa13f3ef" {
		t.Errorf("got %s, %v", sum(text), err)
	}
	list, err := attest.ParseArmour(append([]byte("\n\n"), bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))...))
	if err != nil || len(list) != 2 || !bytes.Equal(list[0], a) || !bytes.Equal(list[1], b) {
		t.Errorf("got %d messages, %v", len(list), err)
	}
	if list, err := attest.ParseArmour(a); err != nil || len(list) != 1 || !bytes.Equal(list[0], a) {
		t.Errorf("a binary file: got %d messages, %v", len(list), err)
	}
	block := string(file(t, "pgp/armoured.asc"))
	for _, tt := range []struct{ name, text, want string }{
		{"a key", string(file(t, "pgp/dsa-public.asc")), "has no PGP MESSAGE where one was wanted"},
		{"text between", block + "text\n" + block, "has no PGP MESSAGE where one was wanted"},
		{"text after", block + "text", "has no PGP MESSAGE where one was wanted"},
		{"no end", block[:len(block)/2], "has a PGP MESSAGE with a line that is no part of it, or without an end"},
		{"no empty line", strings.Replace(block, "\n\n", "\n", 1), "has a PGP MESSAGE with a header that may say anything, or without an empty line"},
		{"bad base64", strings.Replace(block, "\n\n", "\n\n?", 1), "has a PGP MESSAGE with a line that is no part of it, or without an end"},
		{"many", strings.Repeat("-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----\n", 1001), "has a PGP MESSAGE that cannot be read"},
	} {
		if _, err := attest.ParseArmour([]byte(tt.text)); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// FuzzMessage believes no other text than the one that the keys have signed.
func FuzzMessage(f *testing.F) {
	ring := rings(f, "ed25519.asc", "rsa3072.asc")
	for _, name := range []string{"plain.gpg", "compressed.gpg", "two.gpg", "textmode.gpg"} {
		f.Add(file(f, "pgp/"+name))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		payload, by, err := ring.VerifyMessage(text, now)
		if err == nil && !bytes.Equal(payload, atomic) {
			t.Errorf("%s has signed %q", by.Primary, payload)
		}
		if len(payload) > attest.MaxSignature {
			t.Errorf("got %d bytes", len(payload))
		}
	})
}

// FuzzArmour reads messages, and reads the same of what it writes of them.
func FuzzArmour(f *testing.F) {
	for _, name := range []string{"armoured.asc", "plain.gpg", "ed25519.asc"} {
		f.Add(file(f, "pgp/"+name))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := attest.ParseArmour(text)
		if err != nil || len(list) == 0 {
			return
		}
		written, err := attest.Armour(list)
		if err != nil {
			t.Fatal(err)
		}
		again, err := attest.ParseArmour(written)
		if err != nil || !slices.EqualFunc(list, again, bytes.Equal) {
			t.Errorf("reads otherwise when written: %v", err)
		}
	})
}

// BenchmarkVerifyMessage verifies messages of two lengths.
func BenchmarkVerifyMessage(b *testing.B) {
	key := pgpKey(b, "ed25519.asc")
	for _, n := range []int{6000, 60000} {
		m, err := key.Message(make([]byte, n), signed)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				if _, _, err := key.Ring().VerifyMessage(m, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
