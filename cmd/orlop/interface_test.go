// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// theInterface is the whole command line, each flag with all its names.
var theInterface = map[string]string{
	"demo":    "o/output q/quiet json",
	"init":    "from-containerfile name o/output",
	"build":   "repo repo-conf-dir srcdir cache cache-shared offline tls-ca insecure-unsigned j/jobs abi revision branch image-file tree-file set name package parent copy entrypoint cmd env user workdir expose volume stop-signal label parent-key plain-http auth-host unknown-scripts exceptions root metalog lock lock-urls plan public-url epoch annotation print-definition manifests o/output format compression squash layers-from pkgdb-schema q/quiet v/verbose json",
	"plan":    "repo repo-conf-dir srcdir cache cache-shared offline tls-ca insecure-unsigned j/jobs abi revision branch image-file tree-file set name package parent copy entrypoint cmd env user workdir expose volume stop-signal label parent-key plain-http auth-host exceptions public-url lock epoch annotation print-definition why o/output q/quiet v/verbose json",
	"lock":    "repo repo-conf-dir srcdir cache cache-shared offline tls-ca insecure-unsigned j/jobs abi revision branch image-file tree-file set name package parent copy entrypoint cmd env user workdir expose volume stop-signal label parent-key plain-http auth-host unknown-scripts exceptions root metalog public-url epoch annotation print-definition o/output compression squash layers-from pkgdb-schema lock update exit-code q/quiet v/verbose json",
	"fetch":   "repo repo-conf-dir srcdir cache cache-shared offline tls-ca insecure-unsigned j/jobs abi revision branch image-file tree-file set name package parent copy entrypoint cmd env user workdir expose volume stop-signal label parent-key plain-http auth-host lock lock-urls q/quiet v/verbose json",
	"ls":      "files mtree sizes owner platform json tls-ca plain-http auth-host",
	"verify":  "digests lock require rebuild image-file package tree-file parent parent-key allow-departures trust-lock platform lock-urls unknown-scripts annotation key keyring trust identity signers require-form lookaside policy at-least revision branch repo repo-conf-dir srcdir cache cache-shared offline tls-ca insecure-unsigned j/jobs plain-http auth-host q/quiet v/verbose json",
	"diff":    "stat lines platform json tls-ca plain-http auth-host",
	"index":   "o/output j/jobs tls-ca q/quiet json plain-http auth-host",
	"push":    "tag no-tags move-tag digests lookaside no-attachments verify-remote dry-run j/jobs platform tls-ca key password-file signer pgp-key passphrase-file pgp-signer signer-timeout plain-http auth-host q/quiet v/verbose json",
	"sign":    "key password-file signer pgp-key passphrase-file pgp-signer signer-timeout identity tag form prepare prepared show attach j/jobs q/quiet json",
	"version": "files json",

	"make":         "",
	"make flags":   "only",
	"make compare": "revision tools",

	"cache":       "",
	"cache ls":    "cache json",
	"cache prune": "cache json",

	"pkgdb":           "",
	"pkgdb normalise": "o/output epoch pkgdb-schema",
	"pkgdb dump":      "json",
	"pkgdb diff":      "json",
	"pkgdb check":     "platform json tls-ca plain-http auth-host",
}

// TestInterface compares the program with the list, and the manual page with both.
func TestInterface(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("orlop.8")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(page))
	commands := map[string]*cli.Command{}
	for _, c := range (&program{}).root().Subcommands {
		commands[c.Name] = c
		for _, sub := range c.Subcommands {
			commands[c.Name+" "+sub.Name] = sub
		}
	}
	if len(commands) != len(theInterface) {
		t.Errorf("found %d commands, wanted %d", len(commands), len(theInterface))
	}
	for name, c := range commands {
		want, known := theInterface[name]
		if !known {
			t.Errorf("command %s is not in the list", name)
		}
		if len(c.Subcommands) == 0 && !strings.Contains(string(page), "\n.It Cm "+name) {
			t.Errorf("orlop.8 has no command %s", name)
		}
		var got []string
		for _, f := range c.Flags {
			got = append(got, strings.Join(f.Names(), "/"))
			if usage := f.(cli.DocGenerationFlag).GetUsage(); usage == "" {
				t.Errorf("%s -%s: no usage", c.Name, f.Names()[0])
			}
			if !slices.ContainsFunc(helpGroups, func(g helpGroup) bool { return slices.Contains(strings.Fields(g.flags), f.Names()[0]) }) {
				t.Errorf("%s -%s: help has it under no heading", c.Name, f.Names()[0])
			}
			for _, n := range f.Names() {
				if !slices.Contains(words, strings.TrimPrefix(dashed(n), "-")) {
					t.Errorf("orlop.8 does not know %s", dashed(n))
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got the flags %v, wanted %s", name, got, want)
		}
	}
}

// TestManualPage lets mandoc look at the pages, where it is installed.
func TestManualPage(t *testing.T) {
	t.Parallel()
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is not installed; CI has it")
	}
	for _, page := range []string{"orlop.8", "orlop-image.5", releasePage, signaturesPage} {
		if out, err := exec.Command(mandoc, "-T", "lint", "-W", "warning", page).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", page, err, out)
		}
	}
}
