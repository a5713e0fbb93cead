// SPDX-License-Identifier: BSD-2-Clause

package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"
)

func mustRead(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func payload(text []byte) Payload { return Payload{sha256.Sum256(text), blake2b.Sum512(text)} }

// TestKey checks what pkg(8) signed with keys of each type, and everything
// near it.
func TestKey(t *testing.T) {
	t.Parallel()
	data := mustRead(t, "data")
	other, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"rsa", "ecc", "ecdsa"} {
		key := &Key{kind + ".pub", mustRead(t, kind+".pub")}
		good := mustRead(t, kind+".signature")
		signer, err := key.Check(Envelope{Signature: good}, payload(data))
		if err != nil || len(signer) != 64 {
			t.Errorf("%s: got %q, %v", kind, signer, err)
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			if _, err := key.Check(Envelope{Signature: bad}, payload(data)); !refused(err, kind+".pub (sha256 "+signer+"): ") {
				t.Errorf("%s: byte %d changed: got %v", kind, i, err)
			}
		}
		for name, bad := range map[string][]byte{"empty": {}, "cut": good[:len(good)-9], "long": append(bytes.Clone(good), 1), "two NULs": append(bytes.Clone(good), 0, 0)} {
			if _, err := key.Check(Envelope{Signature: bad}, payload(data)); !refused(err, "") {
				t.Errorf("%s: %s: got %v", kind, name, err)
			}
		}
		if _, err := key.Check(Envelope{Signature: good}, payload(data[1:])); !refused(err, "is wrong") {
			t.Errorf("%s: another payload: got %v", kind, err)
		}
		wrong := &Key{"other", encode(t, &other.PublicKey)}
		if _, err := wrong.Check(Envelope{Signature: good}, payload(data)); !refused(err, "") {
			t.Errorf("%s: another key: got %v", kind, err)
		}
	}
	key := &Key{"k", mustRead(t, "rsa.pub")}
	for want, e := range map[string]Envelope{
		"the catalogue is not signed":                                       {},
		"the catalogue is signed for fingerprints, by a, b, not by one key": {Signers: []Pair{{Name: "b"}, {Name: "a"}}},
		`type "dsa" is not known, wanted rsa, ecdsa, ecc or eddsa`:          {Signature: []byte("$PKGSIGN:dsa$x")},
	} {
		if _, err := key.Check(e, payload(data)); !refused(err, want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func refused(err error, want string) bool {
	var e *Error
	return errors.As(err, &e) && strings.Contains(err.Error(), want)
}

func encode(t testing.TB, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// TestOldRSA is the form that pkg made with OpenSSL before 3: a DigestInfo that
// speaks of SHA-1 around the digits. Keys for fingerprints never had it.
func TestOldRSA(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := payload([]byte("data"))
	info, err := asn1.Marshal(struct {
		Algorithm struct {
			OID  asn1.ObjectIdentifier
			Null asn1.RawValue
		}
		Digest []byte
	}{struct {
		OID  asn1.ObjectIdentifier
		Null asn1.RawValue
	}{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, asn1.NullRawValue}, p.digits()})
	if err != nil {
		t.Fatal(err)
	}
	sig, err := rsa.SignPKCS1v15(nil, private, crypto.Hash(0), info)
	if err != nil {
		t.Fatal(err)
	}
	pub := encode(t, &private.PublicKey)
	if _, err := (&Key{"k", pub}).Check(Envelope{Signature: append(sig, 0)}, p); err != nil {
		t.Error(err)
	}
	f := &Fingerprints{Where: "f", Trusted: map[string]string{fingerprintOf(pub): "k"}}
	if _, err := f.Check(Envelope{Signers: []Pair{{"k", sig, pub}}}, p); !refused(err, "is wrong") {
		t.Errorf("for fingerprints: got %v", err)
	}
}

// TestNISTCurve is an ECDSA key of another curve than pkg's own.
func TestNISTCurve(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := payload([]byte("data"))
	digest := sha256.Sum256(p.BLAKE2b[:])
	sig, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	key := &Key{"k", encode(t, &private.PublicKey)}
	if _, err := key.Check(Envelope{Signature: append([]byte("$PKGSIGN:ecdsa$"), sig...)}, p); err != nil {
		t.Error(err)
	}
	if _, err := key.Check(Envelope{Signature: append([]byte("$PKGSIGN:ecdsa$"), sig...)}, payload([]byte("date"))); !refused(err, "is wrong") {
		t.Errorf("got %v", err)
	}
}

// TestEdwards converts keys that pkg would have made of Ed25519's.
func TestEdwards(t *testing.T) {
	t.Parallel()
	for range 20 {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key := weierstrass(t, public)
		message := []byte("message")
		sig := ed25519.Sign(private, message)
		halves, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
		if err != nil {
			t.Fatal(err)
		}
		if err := verifyEdDSA(key, message, halves); err != nil {
			t.Error(err)
		}
		key[40] ^= 1
		if err := verifyEdDSA(key, message, halves); err == nil || !strings.Contains(err.Error(), "not a point of WEI25519") {
			t.Errorf("a key off the curve: got %v", err)
		}
	}
}

// weierstrass is the way back: from Ed25519's key to the file of pkg's.
func weierstrass(t *testing.T, public ed25519.PublicKey) []byte {
	t.Helper()
	le := slices.Clone(public)
	sign := le[31] >> 7
	le[31] &= 127
	slices.Reverse(le)
	y := new(big.Int).SetBytes(le)
	one := big.NewInt(1)
	mod := func(n *big.Int) *big.Int { return n.Mod(n, prime) }
	d := mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), prime)))
	yy := mod(new(big.Int).Mul(y, y))
	xx := mod(new(big.Int).Mul(new(big.Int).Sub(yy, one), new(big.Int).ModInverse(mod(new(big.Int).Add(new(big.Int).Mul(d, yy), one)), prime)))
	x := new(big.Int).ModSqrt(xx, prime)
	if byte(x.Bit(0)) != sign {
		x.Sub(prime, x)
	}
	u := mod(new(big.Int).Mul(new(big.Int).Add(one, y), new(big.Int).ModInverse(mod(new(big.Int).Sub(one, y)), prime)))
	v := mod(new(big.Int).Mul(mod(new(big.Int).Mul(factor, u)), new(big.Int).ModInverse(x, prime)))
	point := make([]byte, 65)
	point[0] = 4
	mod(new(big.Int).Add(u, third)).FillBytes(point[1:33])
	v.FillBytes(point[33:])
	key := mustRead(t, "ecc.pub")
	copy(key[len(key)-65:], point)
	return key
}

// TestFingerprints checks pairs of .sig and .pub.
func TestFingerprints(t *testing.T) {
	t.Parallel()
	p := payload(mustRead(t, "fingerprints.payload"))
	pair := Pair{"data", mustRead(t, "fingerprints.sig"), mustRead(t, "fingerprints.pub")}
	read := func(name string) *Fingerprints {
		f, err := ReadFingerprints(filepath.Join("testdata/folders", name))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	sum := fingerprintOf(pair.Pub)
	stranger := Pair{"x", []byte("sig"), []byte("pub")}
	for _, e := range []Envelope{{Signers: []Pair{pair}}, {Signers: []Pair{stranger, pair}}} {
		if signer, err := read("good").Check(e, p); err != nil || signer != sum {
			t.Errorf("got %q, %v", signer, err)
		}
	}
	changed := Pair{"data", bytes.Clone(pair.Sig), pair.Pub}
	changed.Sig[9] ^= 1
	for _, tt := range []struct {
		folder, want string
		signers      []Pair
	}{
		{"wrong", "found the keys data (sha256 " + sum + "), none of which testdata/folders/wrong trusts", []Pair{pair}},
		{"revoked", "signature of key data (sha256 " + sum + "): the key is revoked (fixture-15-compromised)", []Pair{pair}},
		{"revoked", "the key is revoked", []Pair{stranger, pair}},
		{"good", "the catalogue is not signed, wanted a key of testdata/folders/good", nil},
		{"good", "signature of key data (sha256 " + sum + "): is wrong", []Pair{changed}},
		{"good", "is wrong", []Pair{pair, {"again", []byte("x"), pair.Pub}}},
		{"good", "found only one of .sig and .pub", []Pair{{"data", pair.Sig, nil}}},
		{"good", "found only one of .sig and .pub", []Pair{{"data", nil, pair.Pub}}},
		{"good", "the signature is of type ecdsa, the key of type rsa", []Pair{{"data", append([]byte("$PKGSIGN:ecdsa$"), pair.Sig...), pair.Pub}}},
		{"good", `type "x" is not known`, []Pair{{"data", append([]byte("$PKGSIGN:x$"), pair.Sig...), append([]byte("$PKGSIGN:x$"), pair.Pub...)}}},
	} {
		if _, err := read(tt.folder).Check(Envelope{Signers: tt.signers}, p); !refused(err, tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	if _, err := read("good").Check(Envelope{Signature: []byte("x")}, p); !refused(err, "signed by one key, not for fingerprints") {
		t.Errorf("got %v", err)
	}
}

func TestReadFingerprints(t *testing.T) {
	t.Parallel()
	good := "function: \"sha256\"\nfingerprint: \"" + strings.Repeat("ab", 32) + "\"\n"
	for _, tt := range []struct{ file, text, want string }{
		{"trusted/a", good, ""},
		{"trusted/.hidden", good, "trusted: holds no fingerprint"},
		{"trusted/a", "function: \"md5\"; fingerprint: x", `trusted/a: function is "md5", which is not supported, wanted sha256`},
		{"trusted/a", "function: sha256", "trusted/a: has no fingerprint"},
		{"trusted/a", "function: sha256; fingerprint: abc", `fingerprint "abc" is not a sha256`},
		{"trusted/a", "{", "trusted/a:1"},
		{"trusted/a", strings.Repeat("#", 1<<17), "trusted/a: has more than 65536 bytes"},
		{"revoked/a", good, "no such file or directory"},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, tt.file)
		if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(tt.text), 0o600)); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFingerprints(dir)
		if tt.want == "" && (err != nil || len(f.Trusted) != 1) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %.30s: got %v, %v, want %q", tt.file, tt.text, f, err, tt.want)
		}
	}
	f, err := ReadFingerprints("/usr/share/keys/pkgbase-15") // not on this machine, unless it is FreeBSD 15
	if err != nil || len(f.Trusted) == 0 {
		t.Errorf("FreeBSD's own: got %v, %v", f, err)
	}
	if f, err := FreeBSD("pkg", "pkgbase-15", "pkgbase-99"); err != nil || len(f.Trusted) != 3 {
		t.Errorf("FreeBSD's own: got %v, %v", f, err)
	}
	if _, err := FreeBSD("pkgbase-99"); err == nil {
		t.Error("pkgbase-99 has keys")
	}
}

func FuzzCheck(f *testing.F) {
	key := &Key{"k", mustRead(f, "rsa.pub")}
	p := payload([]byte("data"))
	for _, kind := range []string{"rsa", "ecc", "ecdsa"} {
		f.Add(mustRead(f, kind+".pub"), mustRead(f, kind+".signature"))
	}
	f.Fuzz(func(t *testing.T, pub, sig []byte) {
		if _, err := key.Check(Envelope{Signature: sig}, p); err == nil {
			t.Error("accepted")
		}
		if _, err := (&Key{"k", pub}).Check(Envelope{Signature: sig}, p); err == nil {
			t.Error("accepted")
		}
		all := &Fingerprints{Where: "w", Trusted: map[string]string{fingerprintOf(pub): "k"}}
		if _, err := all.Check(Envelope{Signers: []Pair{{"k", sig, pub}}}, p); err == nil {
			t.Error("accepted")
		}
	})
}

// FuzzEdited takes a payload that pkg signed (rsa, ecc and ecdsa with one key, rsa
// for fingerprints), puts other bytes for a few of its signature, key or payload,
// and wants nothing to vouch for it unless key and payload are what they were.
func FuzzEdited(f *testing.F) {
	for which := range uint8(3) {
		f.Add(uint8(0), which, uint16(20), uint8(1), []byte("x"))
	}
	type set struct{ pub, sig, text []byte }
	var sets []set
	for _, kind := range []string{"rsa", "ecc", "ecdsa"} {
		sets = append(sets, set{mustRead(f, kind+".pub"), mustRead(f, kind+".signature"), mustRead(f, "data")})
	}
	sets = append(sets, set{mustRead(f, "fingerprints.pub"), mustRead(f, "fingerprints.sig"), mustRead(f, "fingerprints.payload")})
	der := func(pub []byte) []byte {
		if _, pub = splitKind(pub); bytes.Contains(pub, []byte("-----BEGIN")) {
			if block, _ := pem.Decode(pub); block != nil {
				return block.Bytes
			}
		}
		return pub
	}
	f.Fuzz(func(t *testing.T, kind, which uint8, at uint16, gone uint8, with []byte) {
		is := int(kind) % len(sets)
		good := sets[is]
		now := good
		text := []*[]byte{&now.sig, &now.pub, &now.text}[which%3]
		from := int(at) % (len(*text) + 1)
		to := min(from+int(gone), len(*text))
		*text = slices.Concat((*text)[:from], with, (*text)[to:])
		var err error
		if is < 3 {
			_, err = (&Key{"k", now.pub}).Check(Envelope{Signature: now.sig}, payload(now.text))
		} else {
			trust := &Fingerprints{Where: "w", Trusted: map[string]string{fingerprintOf(now.pub): "k"}}
			_, err = trust.Check(Envelope{Signers: []Pair{{"k", now.sig, now.pub}}}, payload(now.text))
		}
		if _, wrong := errors.AsType[*Error](err); err != nil && !wrong {
			t.Errorf("got %v, want an Error", err)
		}
		same := bytes.Equal(now.text, good.text) && bytes.Equal(der(now.pub), der(good.pub)) && bytes.Equal(bytes.TrimRight(now.sig, "\x00"), bytes.TrimRight(good.sig, "\x00"))
		switch {
		case err == nil && !same:
			t.Error("accepted")
		case err != nil && bytes.Equal(now.text, good.text) && bytes.Equal(now.pub, good.pub) && bytes.Equal(now.sig, good.sig):
			t.Error(err)
		}
	})
}
