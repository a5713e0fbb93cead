// SPDX-License-Identifier: BSD-2-Clause

package push_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/push"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// signedWithdrawal withdraws a manifest, and returns the key that says so.
func signedWithdrawal(t *testing.T, subject v1.Descriptor) (registry.Attachment, attest.Key) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := attest.ParseKeys(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	payload := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"%s"}}],"predicateType":"%s","predicate":{"reason":"it is bad","successor":"15.0p4"}}`, subject.Digest.Encoded(), attest.WithdrawalType)
	b64 := base64.StdEncoding.EncodeToString
	sig := ed25519.Sign(private, attest.PAE(attest.MediaTypeStatement, []byte(payload)))
	text := fmt.Sprintf(`{"payloadType":"%s","payload":"%s","signatures":[{"sig":"%s"}]}`, attest.MediaTypeStatement, b64([]byte(payload)), b64(sig))
	return registry.Attachment{Type: attest.MediaTypeEnvelope, Name: "withdrawal.json", Text: []byte(text)}, keys[0]
}

// TestWithdrawn pushes no image again, and moves no tag to it, that a given key has
// withdrawn. What others say is passed on and changes nothing.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]registrytest.Profile{"API": {}, "fallback": {NoReferrers: true}} {
		s := serve(t, p)
		cfg := config(s)
		list := both("15.0p3")
		all := families(t, list...)
		first := pushed(t, cfg, list...)
		withdrawal, key := signedWithdrawal(t, all[0].Index)
		to := cfg.Client.Repository(registry.Reference{Registry: s.Host(), Repository: runtime})
		for _, b := range registry.BlobsOf(withdrawal) {
			if err := to.Upload(t.Context(), b.Descriptor, func(int64) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Text)), nil }); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := to.Attach(t.Context(), all[0].Index, []registry.Attachment{withdrawal}); err != nil {
			t.Fatal(err)
		}
		said := new(notices)
		cfg.Observe = said.observe
		cfg.Tags = []string{"again"}
		pushed(t, cfg, list...)
		want := fmt.Sprintf("image runtime: %s: somebody says that it is withdrawn, and no given key has signed that: it is bad", first.Digest)
		if !said.has(want) {
			t.Errorf("%s: without a key got the notices %q", name, said.list)
		}
		cfg.Keys, cfg.Tags = []attest.Key{key}, []string{"once-more"}
		_, err := push.Run(t.Context(), cfg, all)
		if fault.ClassOf(err) != fault.Wrong || !strings.Contains(err.Error(), "is withdrawn: it is bad; its successor is 15.0p4") {
			t.Errorf("%s: got %v", name, err)
		}
		if got := s.Tag(runtime, "once-more"); got != "" {
			t.Errorf("%s: tagged %s", name, got)
		}
	}
}
