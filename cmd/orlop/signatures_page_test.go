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
	known := map[string]string{} // the flags of commands
	for _, c := range (&program{}).root().Subcommands {
		for _, f := range c.Flags {
			known[c.Name] += " --" + strings.Join(f.Names(), " --") + " "
		}
	}
	seen := 0
	for _, example := range examples(t, signaturesPage, "orlop ") {
		for line := range strings.SplitSeq(strings.ReplaceAll(example, "\\\n", " "), "\n") {
			command, isOurs := strings.CutPrefix(line, "orlop ")
			words := strings.Fields(command)
			for _, word := range words {
				if name, _, _ := strings.Cut(word, "="); isOurs && strings.HasPrefix(name, "--") {
					if seen++; !strings.Contains(known[words[0]], " "+name+" ") {
						t.Errorf("orlop %s has no flag %s", words[0], name)
					}
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("found %d flags", seen)
	}
}
