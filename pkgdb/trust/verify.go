// SPDX-License-Identifier: BSD-2-Clause

package trust

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secp "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

var errWrong = errors.New("is wrong: the catalogue is not what was signed")

// verify checks a signature by the types that pkg knows. For RSA keys, old
// allows the form of pkg with OpenSSL before 3. Only errWrong speaks against the
// payload; any other error says what cannot be checked.
func verify(kind string, key, message, sig []byte, old bool) error {
	if !slices.Contains([]string{"rsa", "ecdsa", "ecc", "eddsa"}, kind) {
		return fmt.Errorf("type %q is not known, wanted rsa, ecdsa, ecc or eddsa", kind)
	}
	der := key
	if block, _ := pem.Decode(key); block != nil {
		if block.Type != "PUBLIC KEY" {
			return fmt.Errorf("the key cannot be read: found a %q, wanted a \"PUBLIC KEY\"", block.Type)
		}
		der = block.Bytes
	}
	if found := keyType(der); found != "" && found != kind && (found != "ecc" || kind != "eddsa") {
		return fmt.Errorf("the signature is of type %s, the key of type %s", kind, found)
	}
	switch kind {
	case "rsa":
		return verifyRSA(der, message, sig, old)
	case "ecdsa":
		return verifyECDSA(der, message, sig)
	}
	return verifyEdDSA(der, message, sig)
}

// keyTypes are those of a SubjectPublicKeyInfo (RFC 5280), by their OIDs.
var keyTypes = map[string]string{
	"1.2.840.113549.1.1.1":  "rsa",
	"1.2.840.113549.1.1.10": "rsassa-pss, which is not supported",
	"1.2.840.10040.4.1":     "dsa, which is not supported",
	"1.2.840.10045.2.1":     "ecdsa",
	"1.3.101.112":           "ed25519, which is not supported: pkg has its own form",
	"1.3.101.113":           "ed448, which is not supported",
}

// keyType names the type of a key, "" if unknown.
func keyType(der []byte) string {
	var own struct { // the header of libpkg/pkgsign_ecc.c's form
		App  string `asn1:"utf8"`
		Rest asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &own); err == nil && own.App == "pkg" {
		return "ecc"
	}
	var info struct {
		Algorithm struct {
			Algorithm  asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Key asn1.BitString
	}
	if unmarshal(der, &info) != nil {
		return ""
	}
	oid := info.Algorithm.Algorithm.String()
	return cmp.Or(keyTypes[oid], oid+", which is not supported")
}

// sha1Info is the DigestInfo (RFC 8017, 9.2) before the digits in the old form:
// it announces a SHA-1 of 20 bytes, but 64 follow.
var sha1Info = []byte{0x30, 0x4d, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x40}

// Bounds of RSA keys, in bits: crypto/rsa accepts none that is shorter, OpenSSL
// (OPENSSL_RSA_MAX_MODULUS_BITS) none that is longer.
const minRSA, maxRSA = 1024, 16384

func verifyRSA(der, message, sig []byte, old bool) error {
	any, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return fmt.Errorf("the key cannot be read: %w", err)
	}
	key, ok := any.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the signature is of type rsa, the key is a %T", any)
	}
	if n := key.N.BitLen(); n < minRSA || n > maxRSA {
		return fmt.Errorf("the key is not supported: it has %d bits, wanted %d to %d", n, minRSA, maxRSA)
	}
	if key.E < 3 || key.E%2 == 0 {
		return fmt.Errorf("the key is not supported: its exponent is %d, wanted an odd one above 1", key.E)
	}
	digest := sha256.Sum256(message)
	err = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig)
	if old && errors.Is(err, rsa.ErrVerification) {
		err = rsa.VerifyPKCS1v15(key, 0, append(sha1Info[:len(sha1Info):len(sha1Info)], message...), sig)
	}
	if errors.Is(err, rsa.ErrVerification) {
		return errWrong
	}
	if err != nil {
		return fmt.Errorf("the key is not supported: %w", err)
	}
	return nil
}

// curveSecp256k1 is the curve of keys that pkg-key(8) makes (SEC 2, 2.4.1).
var curveSecp256k1 = asn1.ObjectIdentifier{1, 3, 132, 0, 10}

// curves are other curves of keys that OpenSSL may have made.
var curves = map[string]elliptic.Curve{
	"1.2.840.10045.3.1.7": elliptic.P256(), "1.3.132.0.34": elliptic.P384(), "1.3.132.0.35": elliptic.P521(),
}

func verifyECDSA(der, message, sig []byte) error {
	var key struct { // SubjectPublicKeyInfo, RFC 5480
		Algorithm struct {
			Algorithm asn1.ObjectIdentifier
			Curve     asn1.RawValue
		}
		Point asn1.BitString
	}
	if err := unmarshal(der, &key); err != nil {
		return fmt.Errorf("the key cannot be read: %w", err)
	}
	var name asn1.ObjectIdentifier
	if unmarshal(key.Algorithm.Curve.FullBytes, &name) != nil {
		return errors.New("the key is not supported: it spells its curve out, wanted the name of one")
	}
	digest := sha256.Sum256(message)
	if name.Equal(curveSecp256k1) {
		public, err := secp256k1.ParsePubKey(key.Point.Bytes)
		if err != nil {
			return fmt.Errorf("the key cannot be read: %w", err)
		}
		s, err := secp.ParseDERSignature(sig)
		if err != nil || !s.Verify(digest[:], public) {
			return errWrong
		}
		return nil
	}
	curve := curves[name.String()]
	if curve == nil {
		return fmt.Errorf("the key is not supported: it is on the curve %v, wanted secp256k1, P-256, P-384 or P-521", name)
	}
	if p := key.Point.Bytes; len(p) > 0 && (p[0] == 2 || p[0] == 3) {
		return errors.New("the key is not supported: its point is compressed")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, key.Point.Bytes)
	if err != nil {
		return fmt.Errorf("the key cannot be read: %w", err)
	}
	if !ecdsa.VerifyASN1(public, digest[:], sig) {
		return errWrong
	}
	return nil
}

// verifyEdDSA checks a signature of libecc's EDDSA25519: Ed25519 (RFC 8032) in
// another encoding. The key is a point of WEI25519, a form of the curve in short
// Weierstrass coordinates, the signature a SEQUENCE of its halves as integers.
func verifyEdDSA(der, message, sig []byte) error {
	var key struct { // libpkg/pkgsign_ecc.c
		App     string `asn1:"utf8"`
		Version int
		Kind    string `asn1:"utf8"`
		Curve   string `asn1:"utf8"`
		Public  bool
		Point   asn1.BitString
	}
	if err := unmarshal(der, &key); err != nil {
		return fmt.Errorf("the key cannot be read: %w", err)
	}
	if again, err := asn1.Marshal(key); err != nil || !bytes.Equal(again, der) { // encoding/asn1 takes any type of string
		return errors.New("the key cannot be read: found other DER than pkg writes")
	}
	if key.App != "pkg" || key.Version != 1 || key.Kind != "ecc" || key.Curve != "WEI25519" || !key.Public {
		what := "private"
		if key.Public {
			what = "public"
		}
		return fmt.Errorf("the key is not supported: it is a %s one of %q, version %d, of type %q on the curve %q, wanted a public one of pkg, version 1, of type ecc on WEI25519", what, key.App, key.Version, key.Kind, key.Curve)
	}
	public, err := edwards(key.Point.Bytes)
	if err != nil {
		return err
	}
	var halves struct{ R, S *big.Int }
	if unmarshal(sig, &halves) != nil || halves.R.Sign() < 0 || halves.S.Sign() < 0 || halves.R.BitLen() > 256 || halves.S.BitLen() > 256 {
		return errWrong
	}
	plain := make([]byte, ed25519.SignatureSize)
	halves.R.FillBytes(plain[:32])
	halves.S.FillBytes(plain[32:])
	if !ed25519.Verify(public, message, plain) {
		return errWrong
	}
	return nil
}

// The field of Curve25519, and the maps from WEI25519 to it and on to the
// Edwards curve (RFC 7748, 4.1; draft-ietf-lwig-curve-representations).
var (
	prime  = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	third  = new(big.Int).Mul(big.NewInt(486662), new(big.Int).ModInverse(big.NewInt(3), prime))      // A/3
	factor = integer("51042569399160536130206135233146329284152202253034631822681833788666877215207") // a root of -486664
	weierA = integer("19298681539552699237261830834781317975544997444273427339909597334573241639236") // WEI25519: y² = x³ + ax + b
	weierB = integer("55751746669818908907645289078257140818241103727901012315294400837956729358436")
)

func integer(digits string) *big.Int {
	n, _ := new(big.Int).SetString(digits, 10)
	return n
}

// edwards turns an uncompressed point of WEI25519 into a key of Ed25519.
func edwards(point []byte) (ed25519.PublicKey, error) {
	if len(point) != 65 || point[0] != 4 {
		return nil, fmt.Errorf("the key's point has %d bytes, wanted 65 and uncompressed", len(point))
	}
	x, y := new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
	mod := func(n *big.Int) *big.Int { return n.Mod(n, prime) }
	mul := func(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }
	left := mul(y, y)
	right := mod(new(big.Int).Add(new(big.Int).Add(mul(mul(x, x), x), mul(weierA, x)), weierB))
	if x.Cmp(prime) >= 0 || y.Cmp(prime) >= 0 || left.Cmp(right) != 0 {
		return nil, errors.New("the key is not a point of WEI25519")
	}
	u := mod(new(big.Int).Sub(x, third))
	down := new(big.Int).ModInverse(mod(new(big.Int).Add(u, big.NewInt(1))), prime)
	upright := new(big.Int).ModInverse(y, prime)
	if down == nil || upright == nil {
		return nil, errors.New("the key is a point of small order")
	}
	ey := mul(mod(new(big.Int).Sub(u, big.NewInt(1))), down)
	ex := mul(mul(factor, u), upright)
	key := make([]byte, ed25519.PublicKeySize)
	ey.FillBytes(key)
	for i := range 16 {
		key[i], key[31-i] = key[31-i], key[i]
	}
	key[31] |= byte(ex.Bit(0)) << 7
	return key, nil
}

// unmarshal reads DER and allows nothing after it.
func unmarshal(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow its end", len(rest))
	}
	return err
}
