// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// signing is what tests of signatures share: an image and keys.
type signing struct {
	image  []byte // an archive
	lock   []byte
	digest digest.Digest // of its manifest
	keys   string        // a folder with files of keys
	ec, ed *attest.PrivateKey
	pgp    map[string]*openpgp.Entity // good, unknown, expired, revoked
}

// theKeys is the folder of keys, once there is one.
var theKeys string

// theSigning is made once: building an image and keys takes a second.
var theSigning = sync.OnceValues(func() (*signing, error) {
	s := &signing{pgp: map[string]*openpgp.Entity{}}
	var err error
	if s.keys, err = os.MkdirTemp("", "orlop-keys-"); err != nil {
		return nil, err
	}
	theKeys = s.keys
	out := filepath.Join(s.keys, "images")
	status, said := orlopIn(context.Background(), "build", "-q", "--repo", "sample", "-o", out, "static")
	if status != 0 {
		return nil, fmt.Errorf("build: %s", said)
	}
	_, text, _ := strings.Cut(strings.TrimSpace(said), "\t")
	s.digest = digest.Digest(text)
	if s.image, err = os.ReadFile(filepath.Join(out, "container-image-static.txz")); err != nil {
		return nil, err
	}
	if s.lock, err = os.ReadFile(filepath.Join(out, "container-image-static.lock.json")); err != nil {
		return nil, err
	}
	return s, s.makeKeys()
})

// makeKeys writes NAME.pem and NAME.pub, and NAME.sec and NAME.asc of OpenPGP.
func (s *signing) makeKeys() error {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return err
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	for name, key := range map[string]crypto.Signer{"ec": ec, "other": other, "ed": ed, "p384": large} {
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return err
		}
		s.write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
		s.write(name+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
		parsed, err := attest.ParsePrivateKey(s.read(name+".pem"), nil)
		switch {
		case name == "ec":
			s.ec = parsed
		case name == "ed":
			s.ed = parsed
		}
		if err != nil && name != "p384" {
			return err
		}
	}
	return s.makePGP()
}

// born is when the OpenPGP keys of tests were made.
var born = time.Unix(1_600_000_000, 0)

func (s *signing) makePGP() error {
	for name, life := range map[string]uint32{"good": 0, "second": 0, "unknown": 0, "expired": 3600, "revoked": 0} {
		cfg := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, KeyLifetimeSecs: life, Time: func() time.Time { return born }}
		e, err := openpgp.NewEntity(name, "", name+"@example.org", cfg)
		if err != nil {
			return err
		}
		s.pgp[name] = e
		var secret bytes.Buffer
		if err := e.SerializePrivateWithoutSigning(&secret, cfg); err != nil {
			return err
		}
		s.write(name+".sec", secret.Bytes())
		if name == "revoked" {
			if err := e.RevokeKey(packet.KeyCompromised, "stolen", cfg); err != nil {
				return err
			}
		}
		var public bytes.Buffer
		w, err := armor.Encode(&public, openpgp.PublicKeyType, nil)
		if err == nil {
			err = e.Serialize(w)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			return err
		}
		s.write(name+".asc", append(public.Bytes(), '\n'))
	}
	return nil
}

func (s *signing) write(name string, text []byte) {
	if err := os.WriteFile(filepath.Join(s.keys, name), text, 0o600); err != nil {
		panic(err)
	}
}

func (s *signing) read(name string) []byte {
	text, err := os.ReadFile(filepath.Join(s.keys, name))
	if err != nil {
		panic(err)
	}
	return text
}

// forge is one attempt: a copy of the image in a folder of its own.
type forge struct {
	*signing
	t       *testing.T
	dir     string
	archive string
	server  *registrytest.Server // nil before publish
	repo    *registry.Repository
}

func newForge(t *testing.T) *forge {
	t.Helper()
	s, err := theSigning()
	if err != nil {
		t.Fatal(err)
	}
	f := &forge{signing: s, t: t, dir: t.TempDir()}
	f.archive = f.file("container-image-static.txz", s.image)
	f.file("container-image-static.lock.json", s.lock)
	return f
}

// file writes a file into the folder.
func (f *forge) file(name string, text []byte) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// key is the path of a file of keys.
func (f *forge) key(name string) string { return filepath.Join(f.keys, name) }

// identity is the repository that right signatures name.
const identity = "registry.example.org/freebsd/freebsd-static"

// bundle signs a statement with the right key.
func (f *forge) bundle(statement, payloadType string) attest.Signature {
	return attest.Signature{Form: attest.FormBundle, Text: bytes.Replace(
		attest.Bundle(f.ec.Key, []byte(statement), f.sign(attest.PAE(payloadType, []byte(statement)))), []byte(attest.MediaTypeStatement), []byte(payloadType), 1)}
}

// cosign signs a payload with the right key.
func (f *forge) cosign(payload string) attest.Signature {
	return attest.Signature{Form: attest.FormCosign, Text: []byte(payload), Sig: f.sign([]byte(payload))}
}

func (f *forge) sign(text []byte) []byte {
	sig, err := f.ec.Sign(text)
	if err != nil {
		f.t.Fatal(err)
	}
	return sig
}

// secretKey is an OpenPGP key, which signs whatever has become of it.
func (f *forge) secretKey(by string) *attest.PGPKey {
	f.t.Helper()
	key, err := attest.ParsePGPKey(f.read(by+".sec"), nil, born.Add(time.Minute))
	if err != nil {
		f.t.Fatal(err)
	}
	return key
}

// message signs a payload with an OpenPGP key.
func (f *forge) message(by, payload string) attest.Signature {
	f.t.Helper()
	text, err := f.secretKey(by).Message([]byte(payload), born.Add(time.Minute))
	if err != nil {
		f.t.Fatal(err)
	}
	return attest.Signature{Form: attest.FormPGP, Text: text}
}

// list clear-signs a text.
func (f *forge) list(by, text string) string {
	f.t.Helper()
	signed, err := f.secretKey(by).ClearSign([]byte(text), born.Add(time.Minute))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(signed)
}

// line is the right line of a list.
func (f *forge) line() string {
	return fmt.Sprintf("SHA256 (freebsd-static:15.0-RELEASE-p3-amd64) = %s\n", f.digest.Encoded())
}

// beside writes signatures beside the archive.
func (f *forge) beside(list ...attest.Signature) {
	f.t.Helper()
	files, err := signature.Merge(nil, nil, list)
	if err != nil {
		f.t.Fatal(err)
	}
	for ending, text := range files {
		f.file("container-image-static"+ending, text)
	}
}

// publish pushes the image, behind an index if the registry shall have one, and adds
// signatures to what the tag names.
func (f *forge) publish(index bool, list ...attest.Signature) string {
	f.t.Helper()
	f.server = registrytest.New(f.t, registrytest.Profile{NoReferrers: index})
	name := f.server.Host() + "/freebsd/freebsd-static"
	if status, said := orlop(f.t, "push", "-q", "--plain-http", "--tag", "t", f.archive, name); status != 0 {
		f.t.Fatal(said)
	}
	f.repo = (&registry.Client{PlainHTTP: true, Backoff: time.Millisecond}).Repository(registry.Reference{Registry: f.server.Host(), Repository: "freebsd/freebsd-static"})
	m, err := f.repo.Manifest(f.t.Context(), "t")
	if err != nil {
		f.t.Fatal(err)
	}
	top := m.Descriptor
	if index {
		top.Platform = &v1.Platform{OS: "freebsd", Architecture: "amd64"}
		top = f.server.PutIndex("freebsd/freebsd-static", "t", top)
	}
	if _, err := signature.Publish(f.t.Context(), f.repo, top, list); err != nil {
		f.t.Fatal(err)
	}
	return "docker://" + name + ":t"
}

// here is the name of the repository that publish makes.
func (f *forge) here() string { return f.server.Host() + "/freebsd/freebsd-static" }

// indexDigest is that of the index which publish makes.
func (f *forge) indexDigest() digest.Digest {
	f.t.Helper()
	probe := &forge{signing: f.signing, t: f.t, dir: f.dir, archive: f.archive}
	probe.publish(true)
	return probe.server.Tag("freebsd/freebsd-static", "t")
}

// add adds signatures of a manifest to what publish has pushed.
func (f *forge) add(subject digest.Digest, list ...attest.Signature) {
	f.t.Helper()
	m, err := f.repo.Manifest(f.t.Context(), subject.String())
	if err == nil {
		_, err = signature.Publish(f.t.Context(), f.repo, m.Descriptor, list)
	}
	f.must(err)
}

func (f *forge) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// remote looks at a published image with the right keys, but at no lock.
func (f *forge) remote(ref string) []string {
	return []string{"verify", "-q", "--plain-http", "--key", f.key("ec.pub"), "--keyring", f.key("good.asc"), ref}
}

// trust makes a folder of keys.
func (f *forge) trust(trusted, revoked []string) string {
	f.t.Helper()
	dir := filepath.Join(f.dir, "trust")
	for name, list := range map[string][]string{"trusted": trusted, "revoked": revoked} {
		f.must(os.MkdirAll(filepath.Join(dir, name), 0o700))
		for _, key := range list {
			f.must(os.WriteFile(filepath.Join(dir, name, key), f.read(key), 0o600))
		}
	}
	return dir
}

// pipe is a FIFO from which the archive comes.
func (f *forge) pipe() string {
	f.t.Helper()
	name := filepath.Join(f.dir, "pipe.txz")
	f.must(syscall.Mkfifo(name, 0o600))
	go func() { _ = os.WriteFile(name, f.image, 0o600) }()
	return name
}

// web serves the same answer to everything.
func (f *forge) web(status int, text string) string {
	f.t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	f.t.Cleanup(s.Close)
	return s.URL
}

// policed judges an image with cosign's signature by a policy whose default requires
// this, with a key.
func policed(requirements, key string) func(*forge) []string {
	return func(f *forge) []string {
		if key != "" {
			requirements = strings.Replace(requirements, "%s", f.key(key), 1)
		}
		f.beside(f.cosign(f.simple()))
		return f.verify("--identity", identity, "--policy", f.file("p.json", []byte(`{"default":`+requirements+`}`)))
	}
}

// editSig changes a bit of a bundle's signature, and editPayload one of its payload.
func editSig(bundle []byte, at int) []byte {
	i := bytes.Index(bundle, []byte(`"sig":"`)) + len(`"sig":"`) + at
	return replaceBase64(bundle, i)
}

func editPayload(bundle []byte) []byte {
	return replaceBase64(bundle, bytes.Index(bundle, []byte(`"payload":"`))+len(`"payload":"`)+20)
}

// replaceBase64 changes a digit.
func replaceBase64(text []byte, at int) []byte {
	text = bytes.Clone(text)
	if text[at]++; text[at] == '/'+1 || text[at] == 'Z'+1 || text[at] == 'z'+1 || text[at] == '9'+1 || text[at] == '+'+1 {
		text[at] = 'A'
	}
	return text
}
