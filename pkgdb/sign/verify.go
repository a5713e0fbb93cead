// SPDX-License-Identifier: BSD-2-Clause

package sign

import (
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

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secp "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

var errWrong = errors.New("is wrong: the catalogue is not what was signed")

// verify checks a signature by the types that pkg knows. For RSA keys, old
// allows the form of pkg with OpenSSL before 3.
func verify(kind string, key, message, sig []byte, old bool) error {
	der := key
	if block, _ := pem.Decode(key); block != nil {
		der = block.Bytes
	}
	switch kind {
	case "rsa":
		return verifyRSA(der, message, sig, old)
	case "ecdsa":
		return verifyECDSA(der, message, sig)
	case "ecc", "eddsa":
		return verifyEdDSA(der, message, sig)
	}
	return fmt.Errorf("type %q is not known, wanted rsa, ecdsa, ecc or eddsa", kind)
}

// sha1Info is the DigestInfo (RFC 8017, 9.2) that stands before the digits in
// the old form: it announces a SHA-1 of 20 bytes, but 64 follow.
var sha1Info = []byte{0x30, 0x4d, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x40}

func verifyRSA(der, message, sig []byte, old bool) error {
	any, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return fmt.Errorf("the key cannot be read: %w", err)
	}
	key, ok := any.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the signature is of type rsa, the key is a %T", any)
	}
	digest := sha256.Sum256(message)
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig) == nil {
		return nil
	}
	if old && rsa.VerifyPKCS1v15(key, 0, append(sha1Info[:len(sha1Info):len(sha1Info)], message...), sig) == nil {
		return nil
	}
	return errWrong
}

// curveSecp256k1 is the curve of keys that pkg-key(8) makes (SEC 2, 2.4.1).
var curveSecp256k1 = asn1.ObjectIdentifier{1, 3, 132, 0, 10}

// curves are others that OpenSSL may have made keys for.
var curves = map[string]elliptic.Curve{
	"1.2.840.10045.3.1.7": elliptic.P256(), "1.3.132.0.34": elliptic.P384(), "1.3.132.0.35": elliptic.P521(),
}

func verifyECDSA(der, message, sig []byte) error {
	var key struct { // SubjectPublicKeyInfo, RFC 5480
		Algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
		Point     asn1.BitString
	}
	if err := unmarshal(der, &key); err != nil {
		return fmt.Errorf("the key cannot be read: %w", err)
	}
	digest := sha256.Sum256(message)
	if key.Algorithm.Curve.Equal(curveSecp256k1) {
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
	curve := curves[key.Algorithm.Curve.String()]
	if curve == nil {
		return fmt.Errorf("the key is on the curve %v, wanted secp256k1 or one of NIST's", key.Algorithm.Curve)
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
// other clothes. The key is a point of WEI25519, a form of the curve in short
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
	if key.App != "pkg" || key.Version != 1 || key.Kind != "ecc" || key.Curve != "WEI25519" || !key.Public {
		return fmt.Errorf("the key is one of %s %d %s %s, wanted a public one of pkg 1 ecc WEI25519", key.App, key.Version, key.Kind, key.Curve)
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
		return nil, errors.New("the key is no point of WEI25519")
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

// unmarshal reads DER and wants nothing behind it.
func unmarshal(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow its end", len(rest))
	}
	return err
}
