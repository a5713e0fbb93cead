// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

// PrivateKey signs. What it makes of the same bytes is always the same.
type PrivateKey struct {
	Key    Key
	signer crypto.Signer
}

// Types of PEM blocks with private keys. The older one of cosign is still in use.
const (
	pkcs8Block     = "PRIVATE KEY"
	sec1Block      = "EC PRIVATE KEY"
	sigstoreBlock  = "ENCRYPTED SIGSTORE PRIVATE KEY"
	oldCosignBlock = "ENCRYPTED COSIGN PRIVATE KEY"
)

// IsPrivateKey reports whether a text has a private key in PEM form.
func IsPrivateKey(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case pkcs8Block, sec1Block, sigstoreBlock, oldCosignBlock, "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY":
			return true
		}
	}
	return false
}

// ParsePrivateKey reads a private key in PEM form: PKCS #8, SEC 1, or cosign's with its
// password (scrypt and secretbox, cosign's KEY_FORMAT). The password is asked for only if
// it is needed. No error has a byte of the key.
func ParsePrivateKey(text []byte, password func() ([]byte, error)) (*PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block != nil && block.Type == "EC PARAMETERS" { // openssl ecparam writes it before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("is no private key in PEM form")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, fmt.Errorf("has another PEM block, %q, wanted one key", more.Type)
	}
	der := block.Bytes
	switch block.Type {
	case sec1Block:
		key, err := x509.ParseECPrivateKey(der)
		if err != nil {
			return nil, errors.New("is no EC private key that can be read")
		}
		return privateKeyOf(key)
	case sigstoreBlock, oldCosignBlock:
		word, err := password()
		if err != nil {
			return nil, err
		}
		if der, err = encrypted.Decrypt(block.Bytes, word); err != nil {
			return nil, errors.New("cannot be decrypted with this password")
		}
	case pkcs8Block:
	default:
		return nil, fmt.Errorf("is a PEM block %q, wanted %s, %s or %s", block.Type, pkcs8Block, sec1Block, sigstoreBlock)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("is no PKCS #8 private key that can be read")
	}
	return privateKeyOf(key)
}

func privateKeyOf(key any) (*PrivateKey, error) {
	signer, is := key.(crypto.Signer)
	if !is {
		return nil, fmt.Errorf("is a %T, which does not sign", key)
	}
	public, err := keyOf(signer.Public())
	if err != nil {
		return nil, err
	}
	return &PrivateKey{public, signer}, nil
}

// Sign signs bytes as Key.Verify checks them. Without a source of random numbers, ECDSA is
// deterministic (RFC 6979; crypto/ecdsa since Go 1.24).
func (p *PrivateKey) Sign(text []byte) ([]byte, error) {
	if _, is := p.signer.(ed25519.PrivateKey); is {
		return p.signer.Sign(nil, text, crypto.Hash(0))
	}
	sum := sha256.Sum256(text)
	return p.signer.Sign(nil, sum[:], crypto.SHA256)
}
