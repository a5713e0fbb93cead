// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Key is a public key whose statements the user believes: ECDSA on P-256, as cosign
// makes them, or Ed25519.
type Key struct{ public any }

// ParseKey reads a public key in PEM form (RFC 7468, PUBLIC KEY).
func ParseKey(text []byte) (Key, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return Key{}, errors.New("is no public key in PEM form")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return Key{}, errors.New("is no public key that can be read")
	}
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return Key{k}, nil
		}
	case ed25519.PublicKey:
		return Key{k}, nil
	}
	return Key{}, fmt.Errorf("is a %T, wanted ECDSA on P-256 or Ed25519", public)
}

// verify checks a signature: ASN.1 of ECDSA over the sha256, or Ed25519's own.
func (k Key) verify(text, sig []byte) bool {
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(text)
		return ecdsa.VerifyASN1(public, sum[:], sig)
	case ed25519.PublicKey:
		return ed25519.Verify(public, text, sig)
	}
	return false
}
