// SPDX-License-Identifier: BSD-2-Clause

package policy_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/attest"
)

var (
	manifest = digest.FromString("an image")
	other    = digest.FromString("another image")
	now      = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

// party is somebody who signs in both forms.
type party struct {
	key        *attest.PrivateKey
	pgp        *attest.PGPKey
	public     []byte // of key
	ring       []byte // of pgp
	publicText string // in base64
	ringText   string // in base64
}

// parties makes two of them, once: keys take a while.
var parties = sync.OnceValue(func() [2]party {
	var all [2]party
	for i := range all {
		all[i] = newParty()
	}
	return all
})

func newParty() party {
	var p party
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(err)
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	must(err)
	p.key, err = attest.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil)
	must(err)
	p.public = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	made := now.Add(-time.Hour)
	cfg := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return made }}
	e, err := openpgp.NewEntity("x", "", "x@example.org", cfg)
	must(err)
	var text, ring bytes.Buffer
	must(e.SerializePrivate(&text, cfg))
	must(e.Serialize(&ring))
	p.pgp, err = attest.ParsePGPKey(text.Bytes(), nil, now)
	must(err)
	p.ring = ring.Bytes()
	p.publicText, p.ringText = base64.StdEncoding.EncodeToString(p.public), base64.StdEncoding.EncodeToString(p.ring)
	return p
}

// must ends the tests when there are no keys to test with.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// cosign signs as cosign does.
func (p party) cosign(identity string, d digest.Digest) attest.Signature {
	payload := attest.CosignPayload(identity, d)
	sig, err := p.key.Sign(payload)
	must(err)
	return attest.Signature{Form: attest.FormCosign, Text: payload, Sig: sig}
}

// simple signs as podman and skopeo do.
func (p party) simple(identity string, d digest.Digest) attest.Signature {
	text, err := p.pgp.Message(attest.AtomicPayload(identity, d), now)
	must(err)
	return attest.Signature{Form: attest.FormPGP, Text: text}
}

// files are what policies in the tests name.
func files(path string) ([]byte, error) {
	all := parties()
	switch path {
	case "/a.pub":
		return all[0].public, nil
	case "/b.pub":
		return all[1].public, nil
	case "/both.pub":
		return append(bytes.Clone(all[0].public), all[1].public...), nil
	case "/a.gpg":
		return all[0].ring, nil
	case "/b.gpg":
		return all[1].ring, nil
	case "/empty":
		return nil, nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// required is a policy by which all is refused but what meets some requirements.
func required(requirements string) string {
	return fmt.Sprintf(`{"default":[{"type":"reject"}],"transports":{"docker":{"docker.io/freebsd":[%s]}}}`, requirements)
}

// pgp and cosign are requirements of signatures by the first party, for an identity.
func pgp(identity string) string {
	return `{"type":"signedBy","keyType":"GPGKeys","keyPath":"/a.gpg"` + signedIdentity(identity) + `}`
}

func cosign(identity string) string {
	return `{"type":"sigstoreSigned","keyPath":"/a.pub"` + signedIdentity(identity) + `}`
}

func signedIdentity(identity string) string {
	if identity == "" {
		return ""
	}
	return `,"signedIdentity":` + identity
}

// typed is a signedIdentity of a type with pairs of members.
func typed(kind string, pairs ...string) string {
	text := fmt.Sprintf(`{"type":%q`, kind)
	for i := 0; i < len(pairs); i += 2 {
		text += fmt.Sprintf(`,%q:%q`, pairs[i], pairs[i+1])
	}
	return text + "}"
}

// contains fails a test unless an error has a text.
func contains(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
		t.Errorf("got %v, want %s", err, want)
	}
}
