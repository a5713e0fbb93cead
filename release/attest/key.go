// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// Key is a public key whose signatures the user believes: ECDSA on P-256, as cosign
// makes them, Ed25519, or RSA of at least 2048 bits.
type Key struct{ public crypto.PublicKey }

// minRSA is the least size of an RSA key, in bits.
const minRSA = 2048

// ParseKeys reads public keys in PEM form (RFC 7468, PUBLIC KEY), at least one. Text
// between them counts for nothing; a block of another type, or one that cannot be read,
// is an error, since a list of keys that are revoked must be whole.
func ParseKeys(text []byte) ([]Key, error) {
	var keys []Key
	blocks := bytes.Count(text, []byte("-----BEGIN"))
	for {
		block, rest := pem.Decode(text)
		switch {
		case block == nil && len(keys) > 0 && len(keys) == blocks:
			return keys, nil
		case block == nil && len(keys) > 0:
			return nil, fmt.Errorf("has %d blocks in PEM form, of which %d can be read", blocks, len(keys))
		case block == nil:
			return nil, errors.New("is no public key in PEM form")
		case block.Type != "PUBLIC KEY":
			return nil, fmt.Errorf("is a PEM block %q, wanted PUBLIC KEY", block.Type)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, errors.New("is no public key that can be read")
		}
		k, err := keyOf(public)
		if err != nil {
			return nil, err
		}
		keys, text = append(keys, k), rest
	}
}

// keyOf accepts a public key of a known kind.
func keyOf(public crypto.PublicKey) (Key, error) {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return Key{k}, nil
		}
		return Key{}, fmt.Errorf("is ECDSA on %s, wanted P-256", k.Curve.Params().Name)
	case ed25519.PublicKey:
		return Key{k}, nil
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSA {
			return Key{}, fmt.Errorf("is RSA of %d bits, wanted at least %d", n, minRSA)
		}
		return Key{k}, nil
	}
	return Key{}, fmt.Errorf("is a %T, wanted ECDSA on P-256, Ed25519 or RSA", public)
}

// Verify checks a signature: ASN.1 of ECDSA over the sha256, Ed25519's own, or RSA's
// (PKCS #1 v1.5) over the sha256.
func (k Key) Verify(text, sig []byte) bool {
	sum := sha256.Sum256(text)
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, sum[:], sig)
	case ed25519.PublicKey:
		return ed25519.Verify(public, text, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], sig) == nil
	}
	return false
}

// sum is the sha256 of the key as a PUBLIC KEY block has it.
func (k Key) sum() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil { // of no key at all
		return nil
	}
	sum := sha256.Sum256(der)
	return sum[:]
}

// ID names the key: SHA256:HEX, of the bytes of its PUBLIC KEY block.
func (k Key) ID() string { return "SHA256:" + hex.EncodeToString(k.sum()) }

// Hint is how a bundle names the key.
func (k Key) Hint() string { return base64.StdEncoding.EncodeToString(k.sum()) }
