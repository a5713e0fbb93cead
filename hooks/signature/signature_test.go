// SPDX-License-Identifier: BSD-2-Clause

package signature_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
)

var (
	image = signature.Subject{Name: "freebsd-static:15.0", Version: "15.0", Platform: "freebsd/amd64", Digest: digest.FromString("image")}
	lock  = signature.Subject{Name: "freebsd-static:15.0 lock", Version: "15.0", Digest: digest.FromString("lock")}
	where = registry.Reference{Registry: "docker.io", Repository: "freebsd/freebsd-static"}
)

// ed is a key from a number.
func ed(t testing.TB, seed byte) signature.KeySigner {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(append(make([]byte, 31), seed)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := attest.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return signature.KeySigner{PrivateKey: key}
}

// TestMessages makes the same messages of the same items in any order, one of equal
// bytes, and one of all lines of a list.
func TestMessages(t *testing.T) {
	t.Parallel()
	forms := []attest.Form{attest.FormBundle, attest.FormCosign, attest.FormPGP, attest.FormList}
	again := image
	again.Name = "another-name"
	items := slices.Concat(image.Items(where.Name(), []string{"15.0", "15"}, forms...), lock.Items("", nil, attest.FormBundle, attest.FormList), again.Items(where.Name(), nil, attest.FormBundle))
	messages := signature.Messages(items)
	var got []string
	for _, m := range messages {
		got = append(got, fmt.Sprintf("%s %d", m.Form(), len(m.Items)))
	}
	if want := "bundle 2, bundle 1, cosign 1, pgp 1, pgp 1, pgp 1, list 2"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	slices.Reverse(items)
	for i, m := range signature.Messages(items) {
		if m.Sum() != messages[i].Sum() {
			t.Errorf("message %d is another one in another order", i)
		}
	}
	want := fmt.Sprintf("SHA256 (freebsd-static:15.0) = %s\nSHA256 (freebsd-static:15.0 lock) = %s\n", image.Digest.Encoded(), lock.Digest.Encoded())
	if text := string(messages[len(messages)-1].Text); text != want {
		t.Errorf("the list is %s, want %s", text, want)
	}
	if items := image.Items("", []string{"15"}, attest.FormCosign, attest.FormPGP); len(items) > 0 {
		t.Errorf("without a repository: %v", items)
	}
}

// TestCheck refuses items that could be printed, or listed, as something else.
func TestCheck(t *testing.T) {
	t.Parallel()
	right := image.Items(where.Name(), []string{"15.0"}, attest.FormBundle, attest.FormCosign, attest.FormPGP, attest.FormList)
	for _, i := range append(right, lock.Items("", nil, attest.FormList)...) {
		if err := i.Check(); err != nil {
			t.Errorf("%+v: %v", i, err)
		}
	}
	for name, edit := range map[string]func(*signature.Item){
		"no name":               func(i *signature.Item) { i.Name = "" },
		"a line more":           func(i *signature.Item) { i.Name = "a) = 00\nSHA256 (b" },
		"a path":                func(i *signature.Item) { i.Name = "../a" },
		"a long name":           func(i *signature.Item) { i.Name = strings.Repeat("a", 256) },
		"a version with blanks": func(i *signature.Item) { i.Version = "15 0" },
		"a platform":            func(i *signature.Item) { i.Platform = "FreeBSD" },
		"no digest":             func(i *signature.Item) { i.Digest = "sha256:0" },
		"another digest":        func(i *signature.Item) { i.Digest = digest.SHA512.FromString("x") },
		"no form":               func(i *signature.Item) { i.Form = "" },
		"a bundle's identity":   func(i *signature.Item) { i.Form = attest.FormBundle },
		"a quote":               func(i *signature.Item) { i.Identity = `x/y","a":"b` },
		"a short name":          func(i *signature.Item) { i.Identity = "freebsd/freebsd-static" },
		"a digest in it":        func(i *signature.Item) { i.Identity += "@" + image.Digest.String() },
		"a tag for cosign":      func(i *signature.Item) { i.Identity += ":15" },
	} {
		i := image.Items(where.Name(), nil, attest.FormCosign)[0]
		edit(&i)
		if i.Check() == nil {
			t.Errorf("%s: %+v passes", name, i)
		}
	}
}

// wrong signs with another key than it says.
type wrong struct{ signature.KeySigner }

func (w wrong) Sign(context.Context, []byte) ([]byte, error) { return make([]byte, 64), nil }

// TestSign makes no signature twice, and returns none that its public key does not verify.
func TestSign(t *testing.T) {
	t.Parallel()
	one, two := ed(t, 1), ed(t, 2)
	signers := signature.Signers{Keys: []signature.Signer{one, one, two}, Now: time.Now}
	for _, m := range signature.Messages(image.Items(where.Name(), nil, attest.FormBundle, attest.FormCosign)) {
		list, err := signers.Sign(t.Context(), m, nil)
		if err != nil || len(list) != 2 {
			t.Fatalf("got %d signatures, %v", len(list), err)
		}
		if more, err := signers.Sign(t.Context(), m, list[:1]); err != nil || len(more) != 1 || string(more[0].Text)+string(more[0].Sig) != string(list[1].Text)+string(list[1].Sig) {
			t.Errorf("beside the first: %v, %v", more, err)
		}
		if !signers.HaveSigned(m, list) || signers.HaveSigned(m, list[:1]) {
			t.Error("it does not know who has signed")
		}
		bad := signature.Signers{Keys: []signature.Signer{wrong{one}}, Now: time.Now}
		if _, err := bad.Sign(t.Context(), m, nil); fault.ClassOf(err) != fault.Wrong {
			t.Errorf("a wrong signature: %v", err)
		}
	}
	if forms := (signature.Signers{}).Forms(); len(forms) > 0 || !(signature.Signers{}).IsEmpty() {
		t.Errorf("nobody signs in the forms %v", forms)
	}
}

// TestLookaside adds signatures under the next free names, and reads them in order.
func TestLookaside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := signature.Lookaside{Place: "file://" + dir}
	add := func(texts ...string) {
		t.Helper()
		var list []attest.Signature
		for _, text := range texts {
			list = append(list, attest.Signature{Form: attest.FormPGP, Text: []byte(text)})
		}
		if err := l.Add(where, image.Digest, list); err != nil {
			t.Fatal(err)
		}
	}
	add()
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("nothing makes %v", entries)
	}
	add("a", "b")
	add("c")
	found, notes, err := l.Read(t.Context(), where, image.Digest)
	if err != nil || len(notes) > 0 || len(found) != 3 || string(found[0].Text)+string(found[1].Text)+string(found[2].Text) != "abc" {
		t.Errorf("got %v, %v, %v", found, notes, err)
	}
	folder := filepath.Join(dir, "freebsd/freebsd-static@sha256="+image.Digest.Encoded())
	if entries, _ := os.ReadDir(folder); len(entries) != 3 {
		t.Errorf("the folder has %v", entries)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(folder, "signature-4")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Read(t.Context(), where, image.Digest); fault.ClassOf(err) != fault.Wrong {
		t.Errorf("a link: %v", err)
	}
	var many []string
	for i := range signature.Most {
		many = append(many, fmt.Sprint(i))
	}
	list := make([]attest.Signature, len(many))
	if err := l.Add(where, lock.Digest, list); err != nil {
		t.Fatal(err)
	}
	if err := l.Add(where, lock.Digest, list[:1]); fault.ClassOf(err) != fault.Failed {
		t.Errorf("one more than the most: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "freebsd/freebsd-static@sha256="+lock.Digest.Encoded(), "signature-65")); !errors.Is(err, os.ErrNotExist) {
		t.Error("there are 65 signatures")
	}
}

// FuzzBeside reads files beside an archive, and writes the same signatures again.
func FuzzBeside(f *testing.F) {
	m := signature.Messages(image.Items(where.Name(), nil, attest.FormBundle))[0]
	list, err := signature.Signers{Keys: []signature.Signer{ed(f, 1)}, Now: time.Now}.Sign(context.Background(), m, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(list[0].Text, '\n'), []byte(`{"Base64Signature":"AA==","Payload":"e30="}`), []byte(""))
	f.Add([]byte("{}{}"), []byte(`{"Base64Signature":"?"}`), []byte("-----BEGIN PGP MESSAGE-----\n\nrAAA\n-----END PGP MESSAGE-----\n"))
	f.Fuzz(func(t *testing.T, bundles, cosign, pgp []byte) {
		base := filepath.Join(t.TempDir(), "x")
		for form, text := range map[attest.Form][]byte{attest.FormBundle: bundles, attest.FormCosign: cosign, attest.FormPGP: pgp} {
			if err := os.WriteFile(base+signature.Endings[form], text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		found, err := signature.Beside(base)
		if err != nil {
			return
		}
		more := []attest.Signature{{Form: attest.FormBundle, Text: []byte("{}")}, {Form: attest.FormCosign, Text: []byte("a"), Sig: []byte("b")}}
		files, err := signature.Merge(found, func(digest.Digest) bool { return true }, more)
		if err != nil {
			return
		}
		for ending, text := range files {
			if err := os.WriteFile(base+ending, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		again, err := signature.Beside(base)
		if err != nil || len(again) != len(found)+2 {
			t.Errorf("%d signatures, then %d, %v", len(found), len(again), err)
		}
	})
}
