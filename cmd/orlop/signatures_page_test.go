// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"strings"
	"testing"
)

// signaturesPage is the page for those who sign, and those who check.
const signaturesPage = "orlop-signatures.7"

// examples returns the literal texts of a manual page whose lines contain a word, as the
// reader sees them.
func examples(t *testing.T, page, word string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for i, part := range strings.Split(string(text), "\n.Bd -literal -offset indent\n") {
		example, _, _ := strings.Cut(part, "\n.Ed\n")
		if i > 0 && strings.Contains(example, word) {
			list = append(list, strings.ReplaceAll(example, `\e`, `\`))
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s has no example with %s", page, word)
	}
	return list
}

// TestSignaturesPage has an example of each command and file that its readers need.
func TestSignaturesPage(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"orlop push", "--prepare ", "--prepared", "--show", "--attach", "pkeyutl -sign -inkey", "pkcs11", "--pgp-signer", "orlop verify",
		"cosign verify", "--trusted-root", `"signedBy"`, `"sigstoreSigned"`, "lookaside: ", "podman pull", "skopeo copy", "gpg --verify"} {
		examples(t, signaturesPage, word)
	}
}
