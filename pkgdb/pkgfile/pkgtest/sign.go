// SPDX-License-Identifier: BSD-2-Clause

package pkgtest

import (
	"archive/tar"
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/orlop/orlop/pkgdb/packing"
)

// Signer signs repositories as `pkg repo` with a signing command does.
type Signer struct {
	key    *rsa.PrivateKey
	public []byte
}

// NewSigner makes a signer with a new key.
func NewSigner(random io.Reader) *Signer {
	key := must(rsa.GenerateKey(random, 2048))
	der := must(x509.MarshalPKIXPublicKey(&key.PublicKey))
	return &Signer{key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
}

// Fingerprint is the sha256 of the public key.
func (s *Signer) Fingerprint() string {
	digest := sha256.Sum256(s.public)
	return hex.EncodeToString(digest[:])
}

// Trust makes dir a folder of fingerprints that trusts the signer.
func (s *Signer) Trust(dir string) {
	text := fmt.Sprintf("function: sha256\nfingerprint: %s\n", s.Fingerprint())
	check(os.MkdirAll(filepath.Join(dir, "trusted"), 0o755))
	check(os.WriteFile(filepath.Join(dir, "trusted", "test"), []byte(text), 0o600))
}

// Sign puts signature and key into the catalogue of a repository.
func (s *Signer) Sign(dir string) {
	data := CatalogueData(dir)
	writeMembers(filepath.Join(dir, "data.pkg"), member{"data.sig", s.Signature(data)}, member{"data.pub", s.public}, member{"data", data})
}

// Signature is that of a payload, for fingerprints.
func (s *Signer) Signature(payload []byte) []byte {
	digest := sha256.Sum256(payload)
	digest = sha256.Sum256([]byte(hex.EncodeToString(digest[:])))
	return must(rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:]))
}

// Public is the public key, in PEM.
func (s *Signer) Public() []byte { return s.public }

// Unsign removes the signature from the catalogue of a repository.
func Unsign(dir string) {
	writeMembers(filepath.Join(dir, "data.pkg"), member{"data", CatalogueData(dir)})
}

// CatalogueData is the payload of a repository's catalogue.
func CatalogueData(dir string) []byte {
	f := must(os.Open(filepath.Join(dir, "data.pkg")))
	defer f.Close()
	plain := must(packing.NewReader(f))
	defer plain.Close()
	for r := tar.NewReader(plain); ; {
		if h := must(r.Next()); h.Name == "data" {
			return must(io.ReadAll(r))
		}
	}
}

type member struct {
	name string
	text []byte
}

func writeMembers(file string, members ...member) {
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, m := range members {
		check(w.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.text))}))
		must(w.Write(m.text))
	}
	check(w.Close())
	check(os.WriteFile(file, compress(plain.Bytes()), 0o666))
}
