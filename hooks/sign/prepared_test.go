// SPDX-License-Identifier: BSD-2-Clause

package sign_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/sign"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/release/attest"
)

// items are some of each form.
func items() []signature.Item {
	s := signature.Subject{Name: "freebsd-static:15.0", Version: "15.0", Platform: "freebsd/amd64", Digest: digest.FromString("image")}
	return s.Items("docker.io/freebsd/freebsd-static", []string{"15.0"}, attest.FormBundle, attest.FormCosign, attest.FormPGP, attest.FormList)
}

// TestPrepared reads what Prepare has written, and nothing but the list is in the folder.
func TestPrepared(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "tosign")
	if err := sign.Prepare(t.Context(), dir, items()); err != nil {
		t.Fatal(err)
	}
	p, err := sign.Load(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	want := signature.Messages(items())
	if len(p.Messages) != len(want) {
		t.Fatalf("got %d messages, want %d", len(p.Messages), len(want))
	}
	for i, m := range p.Messages {
		if m.Sum() != want[i].Sum() {
			t.Errorf("message %d is another one", i)
		}
	}
	if err := p.Show(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Show(t.Context()); err != nil { // again
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1+len(want) {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	if _, err := sign.Load(t.Context(), dir); err != nil {
		t.Error(err)
	}
}

// FuzzPrepared reads lists of what is to be signed: written again, they mean the same.
func FuzzPrepared(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "tosign")
	if err := sign.Prepare(f.Context(), dir, items()); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":1,"items":[{"name":"a","digest":"sha256:0","form":"list"}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := sign.Load(t.Context(), dir)
		if err != nil {
			return
		}
		var all []signature.Item
		for _, m := range p.Messages {
			all = append(all, m.Items...)
		}
		again := filepath.Join(t.TempDir(), "again")
		if err := sign.Prepare(t.Context(), again, all); err != nil {
			t.Fatal(err)
		}
		q, err := sign.Load(t.Context(), again)
		if err != nil || len(q.Messages) != len(p.Messages) {
			t.Fatalf("%d messages, then %v, %v", len(p.Messages), q, err)
		}
		for i, m := range q.Messages {
			if m.Sum() != p.Messages[i].Sum() {
				t.Errorf("message %d is another one", i)
			}
		}
	})
}
