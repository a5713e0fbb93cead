// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/orlop/orlop/release/attest"
)

// TestClearSignedStrict refuses text that nobody signs in the armour of the signature, and
// in the Hash header.
func TestClearSignedStrict(t *testing.T) {
	t.Parallel()
	text := string(file(t, "pgp/list.asc"))
	const begin = "\n-----BEGIN PGP SIGNATURE-----\n" // not the one in the text
	for name, bad := range map[string]string{
		"after the checksum": strings.Replace(text, "=8MLn\n", "=8MLn\nSHA256 (evil) = 2\n", 1),
		"before a 2nd BEGIN": strings.Replace(text, begin, begin+"SHA256 (evil) = 2"+begin, 1),
		"a comment":          strings.Replace(text, begin, begin+"Comment: SHA256 (evil) = 2\n", 1),
		"the Hash header":    strings.Replace(text, "SHA512", "SHA512, SHA256 (evil) = 2", 1),
	} {
		if _, err := attest.ParseClearSigned([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestMessageStrict refuses packets after the signature that readers pass over.
func TestMessageStrict(t *testing.T) {
	t.Parallel()
	plain, ring := file(t, "pgp/plain.gpg"), rings(t, "ed25519.asc")
	for name, p := range map[string][]byte{
		"marker": framed(10, []byte("PGP")), "trust": framed(12, []byte("x")), "type 40": framed(40, []byte("x")), "type 60": framed(60, []byte("x")),
		"signature v3": framed(2, []byte{3, 1}), "signature of hash 99": framed(2, []byte{4, 0, 22, 99, 0, 0}), "signature of algorithm 99": framed(2, []byte{4, 0, 99, 8, 0, 0}),
	} {
		if _, _, err := ring.VerifyMessage(slices.Concat(plain, p), now); err == nil {
			t.Errorf("%s: accepted after the signature", name)
		}
	}
}

// TestArmourStrict refuses text in armour that belongs to nothing.
func TestArmourStrict(t *testing.T) {
	t.Parallel()
	text := string(file(t, "pgp/armoured.asc"))
	const begin = "-----BEGIN PGP MESSAGE-----\n"
	for name, bad := range map[string]string{
		"after the checksum": strings.Replace(text, "=MNt+\n", "=MNt+\nevil\n", 1),
		"before a 2nd BEGIN": strings.Replace(text, begin, begin+"evil\n"+begin, 1),
		"another END":        strings.Replace(text, "END PGP MESSAGE", "END PGP SIGNATURE", 1),
	} {
		if _, err := attest.ParseArmour([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestKeyringStrict refuses keys and revocations that would otherwise vanish.
func TestKeyringStrict(t *testing.T) {
	t.Parallel()
	good := file(t, "pgp/subkey.gpg")
	for name, p := range map[string][]byte{
		"version 3":    framed(6, append([]byte{3, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 20)...)),
		"algorithm 99": framed(6, append([]byte{4, 0, 0, 0, 0, 99}, make([]byte, 20)...)),
	} {
		if ring, err := attest.ParseKeyring(slices.Concat(good, p, framed(13, []byte("x")))); err == nil {
			t.Errorf("a second key of %s vanishes: %v", name, ring.IDs())
		}
	}
	list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(file(t, "pgp/ed25519.asc")))
	if err != nil {
		t.Fatal(err)
	}
	var primary, all bytes.Buffer
	_, _ = list[0].PrimaryKey.Serialize(&primary), list[0].Serialize(&all)
	revocation := framed(2, []byte{4, 0x20, 22, 99, 0, 0, 0, 0, 0, 0, 0, 1, 1}) // of the hash 99
	if _, err := attest.ParseKeyring(slices.Concat(primary.Bytes(), revocation, all.Bytes()[primary.Len():])); err == nil {
		t.Error("a revocation of an unknown hash vanishes, and the key counts")
	}
}

// TestPGPKeyStrict refuses secret keys whose signatures nobody here would accept.
func TestPGPKeyStrict(t *testing.T) {
	t.Parallel()
	if _, err := attest.ParsePGPKey(file(t, "pgp/rsa1024.asc"), unasked, now); err == nil {
		t.Error("RSA 1024 may sign")
	}
	c := settings(made, 0)
	c.V6Keys, c.Algorithm = true, packet.PubKeyAlgoEd25519
	e, err := openpgp.NewEntity("v6", "", "v6@example.org", c)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := e.SerializePrivate(&out, c); err != nil {
		t.Fatal(err)
	}
	if _, err := attest.ParsePGPKey(out.Bytes(), unasked, now); err == nil {
		t.Error("a key of version 6 may sign, and makes messages that nobody can read")
	}
}

// TestMergeLimit writes no more signatures than it reads.
func TestMergeLimit(t *testing.T) {
	t.Parallel()
	key := pgpKey(t, "ed25519.asc")
	var all attest.ClearSigned
	for n := range 17 {
		text, err := key.ClearSign([]byte(list), signed.AddDate(0, 0, n))
		if err != nil {
			t.Fatal(err)
		}
		c := clearSigned(t, text)
		all.Text = c.Text
		all.Merge(c)
	}
	text, err := all.Bytes()
	if err != nil {
		return
	}
	if _, err := attest.ParseClearSigned(text); err != nil {
		t.Error(err)
	}
}
