// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// TestCatalogueOnce keeps a signed catalogue once in each folder with locks, for all
// images there.
func TestCatalogueOnce(t *testing.T) {
	t.Parallel()
	repo, keys, conf, out := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, cases["abi-both"]...)
	signer := pkgtest.NewSigner(rand.Reader)
	signer.Trust(keys)
	signer.Sign(repo)
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(conf+"/r.conf", "ports: { url: \"file://"+repo+"\", signature_type: fingerprints, fingerprints: \""+keys+"\" }\n")
	write(conf+"/images.ucl", "image x { packages = [ tool ] }\nimage y { packages = [ tool, any ] }\n")
	for _, tt := range []struct {
		abis, want string
	}{
		{"FreeBSD:15:amd64", "container-image-catalogue-ports.pkg"},
		{"FreeBSD:15:amd64 FreeBSD:15:riscv64", "amd64/container-image-catalogue-ports.pkg riscv64/container-image-catalogue-ports.pkg"},
	} {
		args := []string{"build", "-q", "--repo-conf-dir", conf, "--cache", t.TempDir(), "--image-file", conf + "/images.ucl", "-o", filepath.Join(out, tt.abis)}
		for _, abi := range strings.Fields(tt.abis) {
			args = append(args, "--abi", abi)
		}
		if status, said := orlop(t, append(args, "x", "y")...); status != 0 {
			t.Fatalf("%s: %s", tt.abis, said)
		}
		var got []string
		for _, pattern := range []string{"*catalogue*", "*/*catalogue*"} {
			found, err := filepath.Glob(filepath.Join(out, tt.abis, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range found {
				got = append(got, strings.TrimPrefix(file, filepath.Join(out, tt.abis)+"/"))
			}
		}
		if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.abis, d)
		}
	}
}
