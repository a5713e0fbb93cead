// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestTLSCA reaches a repository and a registry whose certificates only a file vouches
// for, and no others.
func TestTLSCA(t *testing.T) {
	t.Parallel()
	repo := httptest.NewTLSServer(http.FileServer(http.Dir("sample")))
	t.Cleanup(repo.Close)
	s := registrytest.New(t, registrytest.Profile{TLS: true})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: repo.Certificate().Raw}) // that of all such servers
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	build := func(more ...string) (int, string) {
		return orlop(t, append(append([]string{"build", "-q", "--insecure-unsigned", "--cache", t.TempDir(), "--exceptions", "sample/exceptions.ucl"}, more...), "--repo", repo.URL, "-o", dir, "static")...)
	}
	if status, said := build(); status != 4 || !strings.Contains(said, "certificate signed by unknown authority") {
		t.Errorf("a repository without: status %d, said %s", status, said)
	}
	if status, said := build("--tls-ca", ca); status != 0 {
		t.Fatalf("a repository: status %d, said %s", status, said)
	}
	push := []string{"push", "-q", filepath.Join(dir, "container-image-static.txz"), s.Host() + "/x/static"}
	if status, said := orlop(t, push...); status != 4 || !strings.Contains(said, "hint: --tls-ca FILE trusts the certificates in a file, too") {
		t.Errorf("a registry without: status %d, said %s", status, said)
	}
	if status, said := orlop(t, append(push, "--tls-ca", ca)...); status != 0 {
		t.Errorf("a registry: status %d, said %s", status, said)
	}
}
