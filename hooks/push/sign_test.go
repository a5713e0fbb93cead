// SPDX-License-Identifier: BSD-2-Clause

package push_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/push"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// signer makes a key from a number.
func signer(t *testing.T, seed byte) signature.KeySigner {
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

// signedBy counts the signatures of a manifest, by form, that a key has made.
func signedBy(t *testing.T, cfg push.Config, repo string, subject digest.Digest, key attest.Key) map[attest.Form]int {
	t.Helper()
	ref, err := registry.ParseReference(repo)
	if err != nil {
		t.Fatal(err)
	}
	found, _, err := signature.Registry(t.Context(), config2(cfg).Client.Repository(ref), subject)
	if err != nil {
		t.Fatal(err)
	}
	count := map[attest.Form]int{}
	trust := attest.Trust{Keys: []attest.Key{key}, Now: time.Now()}
	for _, f := range found {
		if claim, err := trust.Verify(f.Signature); err == nil && claim.Digests[0] == subject {
			count[f.Form]++
		}
	}
	return count
}

// TestSigned signs the index, both manifests and both locks in each kind of registry.
// What is there is not sent again, and what another key adds leaves it as it is.
func TestSigned(t *testing.T) {
	t.Parallel()
	for name, p := range registrytest.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.TLS = true
			s := serve(t, p)
			all, cfg := families(t, both("15.0p3")...), config(s)
			first, second := signer(t, 1), signer(t, 2)
			cfg.Signers = signature.Signers{Keys: []signature.Signer{first}, Now: time.Now}
			results, err := push.Run(t.Context(), cfg, all)
			if err != nil {
				t.Fatal(err)
			}
			r := results[0]
			if r.Signed != 2*5 {
				t.Errorf("%d signatures", r.Signed)
			}
			s.ResetRequests()
			again, err := push.Run(t.Context(), config2(cfg), all)
			if err != nil || again[0].Signed != 0 || again[0].Sent != (push.Sent{}) {
				t.Errorf("the second push: %+v, %v", again, err)
			}
			if n := s.Count("PUT", "") + s.Count("POST", "/blobs/upload") + s.Count("PATCH", ""); n > 0 {
				t.Errorf("the second push made %d requests that write", n)
			}
			if strings.HasPrefix(name, "dockerhub") {
				s.Reset() // its limit of requests, which ends after six hours
			}
			cfg.Signers.Keys = []signature.Signer{second}
			if again, err = push.Run(t.Context(), config2(cfg), all); err != nil || again[0].Signed != 2*5 {
				t.Errorf("another key: %+v, %v", again, err)
			}
			for _, subject := range []digest.Digest{r.Digest, all[0].Members[0].Descriptor.Digest, all[0].Members[1].Descriptor.Digest} {
				for _, by := range []signature.KeySigner{first, second} {
					if got := signedBy(t, cfg, r.Repository, subject, by.Key()); got[attest.FormBundle] != 1 || got[attest.FormCosign] != 1 {
						t.Errorf("%s has the signatures %v by %s", subject, got, by.Key().ID())
					}
				}
			}
		})
	}
}

// TestUnsignedTag sets no tag if something cannot be signed.
func TestUnsignedTag(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{})
	s.Handle(registrytest.Answer(registrytest.Always, 500, nil, "", registrytest.On("PUT", ".sig")))
	cfg := config(s)
	cfg.Signers = signature.Signers{Keys: []signature.Signer{signer(t, 1)}, Now: time.Now}
	if _, err := push.Run(t.Context(), cfg, families(t, both("15.0")...)); err == nil || len(s.Tags(runtime)) > 0 {
		t.Errorf("got %v, tags %v", err, s.Tags(runtime))
	}
}
