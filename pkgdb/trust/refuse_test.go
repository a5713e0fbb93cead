// SPDX-License-Identifier: BSD-2-Clause

package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rsaKey is a key whose modulus nobody has made of primes.
func rsaKey(t *testing.T, bits uint, low int64, exponent int) []byte {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return encode(t, &rsa.PublicKey{N: n.Add(n, big.NewInt(low)), E: exponent})
}

// spki is a key of any type.
func spki(t *testing.T, point []byte, oid asn1.ObjectIdentifier, parameters any) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Algorithm struct {
			OID        asn1.ObjectIdentifier
			Parameters any
		}
		Key asn1.BitString
	}{struct {
		OID        asn1.ObjectIdentifier
		Parameters any
	}{oid, parameters}, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// TestKeysNotSupported has keys that can check nothing: the message tells what
// they are, and does not say that the payload is another.
func TestKeysNotSupported(t *testing.T) {
	t.Parallel()
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecPublic, p256 := asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	otherCurve := bytes.Replace(mustRead(t, "ecc.pub"), []byte("WEI25519"), []byte("WEI22222"), 1)
	private := bytes.Replace(mustRead(t, "ecc.pub"), []byte{1, 1, 0xff}, []byte{1, 1, 0}, 1)
	for _, tt := range []struct {
		kind, want string
		key        []byte
	}{
		{"rsa", "the key is not supported: it has 512 bits, wanted 1024 to 16384", rsaKey(t, 512, 1, 65537)},
		{"rsa", "the key is not supported: it has 1023 bits, wanted 1024 to 16384", rsaKey(t, 1023, 1, 65537)},
		{"rsa", "the key is not supported: it has 20000 bits, wanted 1024 to 16384", rsaKey(t, 20000, 1, 65537)},
		{"rsa", "the key is not supported: its exponent is 4, wanted an odd one above 1", rsaKey(t, 2048, 1, 4)},
		{"rsa", "the key is not supported: its exponent is 1, wanted an odd one above 1", rsaKey(t, 2048, 1, 1)},
		{"rsa", "the key is not supported: crypto/rsa: ", rsaKey(t, 2048, 0, 65537)},
		{"rsa", "is wrong: the catalogue is not what was signed", rsaKey(t, 1024, 1, 65537)},
		{"rsa", "is wrong: the catalogue is not what was signed", rsaKey(t, 16384, 1, 3)},
		{"rsa", "the signature is of type rsa, the key of type ed25519, which is not supported", encode(t, edwards)},
		{"rsa", "the signature is of type rsa, the key of type ecdsa", encode(t, &p224.PublicKey)},
		{"rsa", "the signature is of type rsa, the key of type dsa, which is not supported", spki(t, []byte{1}, asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, 1)},
		{"rsa", "the signature is of type rsa, the key of type 1.2.3.4, which is not supported", spki(t, []byte{1}, asn1.ObjectIdentifier{1, 2, 3, 4}, 1)},
		{"rsa", `the key cannot be read: found a "RSA PUBLIC KEY", wanted a "PUBLIC KEY"`, pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: []byte{1}})},
		{"rsa", "the key cannot be read: ", []byte("no key")},
		{"ecdsa", "the key is not supported: it is on the curve 1.3.132.0.33, wanted secp256k1, P-256", encode(t, &p224.PublicKey)},
		{"ecdsa", "the key is not supported: it spells its curve out", spki(t, []byte{4}, ecPublic, struct{ Version int }{1})},
		{"ecdsa", "the key is not supported: its point is compressed", spki(t, append([]byte{2}, make([]byte, 32)...), ecPublic, p256)},
		{"ecdsa", "the key cannot be read: ", spki(t, make([]byte, 65), ecPublic, p256)},
		{"ecdsa", "the signature is of type ecdsa, the key of type ecc", mustRead(t, "ecc.pub")},
		{"eddsa", "the signature is of type eddsa, the key of type ecdsa", encode(t, &p224.PublicKey)},
		{"eddsa", `the key is not supported: it is a public one of "pkg", version 1, of type "ecc" on the curve "WEI22222", wanted`, otherCurve},
		{"eddsa", `the key is not supported: it is a private one of "pkg"`, private},
	} {
		key := &Key{"k", tt.key}
		sig := append([]byte("$PKGSIGN:"+tt.kind+"$"), make([]byte, 64)...)
		_, err := key.Check(Envelope{Signature: sig}, payload([]byte("data")))
		if !refused(err, "): "+tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

// TestFoldersThatCannotBeRead has all that may stand in place of a folder of
// fingerprints, or of a file in it: the error names it, and no key is trusted
// because a revocation could not be read.
func TestFoldersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	good := func(path string) error {
		text := "function: sha256\nfingerprint: \"" + strings.Repeat("ab", 32) + "\"\n"
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600))
	}
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	dangling := func(path string) error { return os.Symlink("nowhere", path) }
	loop := func(path string) error { return os.Symlink(filepath.Base(path), path) }
	file := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	endless := func(path string) error { return os.Symlink("/dev/zero", path) }
	in := func(name string, put func(string) error) func(string) error {
		return func(path string) error { return errors.Join(os.MkdirAll(path, 0o755), put(filepath.Join(path, name))) }
	}
	folder := func(path string) error { return os.Mkdir(path, 0o755) }
	for _, tt := range []struct {
		name, want string
		put        func(string) error
	}{
		{"a dangling link", ": is a link that leads nowhere", dangling},
		{"a link to itself", ": too many levels", loop},
		{"a file", ": not a directory", file("x")},
		{"a pipe", ": not a directory", pipe},
		{"a dangling link in it", "/x: is a link that leads nowhere", in("x", dangling)},
		{"a pipe in it", "/x: found a pipe, wanted a regular file", in("x", pipe)},
		{"a folder in it", "/x: found a folder, wanted a regular file", in("x", folder)},
		{"a device in it", "/x: found a device, wanted a regular file", in("x", endless)},
		{"a large file in it", "/x: has more than 65536 bytes", in("x", file(strings.Repeat("#", 1<<17)))},
		{"an empty file in it", "/x: has no function", in("x", file(""))},
		{"another hash", `/x: function is "blake2", which is not supported`, in("x", file("function: blake2\nfingerprint: x"))},
	} {
		for _, place := range []string{"trusted", "revoked"} {
			dir := t.TempDir()
			if place == "revoked" {
				if err := good(filepath.Join(dir, "trusted/a")); err != nil {
					t.Fatal(err)
				}
			}
			if err := tt.put(filepath.Join(dir, place)); err != nil {
				t.Fatal(err)
			}
			if _, err := inTime(t, dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, place)+tt.want) {
				t.Errorf("%s: %s: got %v, want %s", place, tt.name, err, tt.want)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		put     func(string) error
		revoked int
	}{
		{"nothing", func(string) error { return nil }, 0},
		{"an empty folder", folder, 0},
		{"a file that keeps the folder", in(".empty", file("")), 0},
		{"a hidden fingerprint", in(".x", good), 1},
		{"a link to a fingerprint", in("x", func(path string) error { return os.Symlink("../trusted/a", path) }), 1},
	} {
		dir := t.TempDir()
		if err := errors.Join(good(filepath.Join(dir, "trusted/a")), tt.put(filepath.Join(dir, "revoked"))); err != nil {
			t.Fatal(err)
		}
		if f, err := inTime(t, dir); err != nil || len(f.Trusted) != 1 || len(f.Revoked) != tt.revoked {
			t.Errorf("%s: got %+v, %v, want %d revoked", tt.name, f, err, tt.revoked)
		}
	}
}

// inTime fails a test whose folder keeps its reader waiting.
func inTime(t *testing.T, dir string) (f *Fingerprints, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f, err = ReadFingerprints(dir)
	}()
	select {
	case <-done:
		return f, err
	case <-time.After(10 * time.Second):
		t.Fatal("still reading after 10 seconds")
		return nil, nil
	}
}

// TestReadKeyRefuses has all that is no file of a key.
func TestReadKeyRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink("nowhere", link)); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"":          "signature_type pubkey needs the file of a key, none is given",
		dir:         dir + ": found a folder, wanted a regular file",
		pipe:        pipe + ": found a pipe, wanted a regular file",
		link:        link + ": is a link that leads nowhere",
		"/dev/zero": "/dev/zero: found a device, wanted a regular file",
	} {
		if _, err := ReadKey(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", file, err, want)
		}
	}
}
