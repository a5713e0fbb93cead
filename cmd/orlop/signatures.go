// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/transport"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/policy"
	"github.com/orlop/orlop/release/registry"
)

// signatureFlags say which signatures an image must have.
func signatureFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "identity", Usage: "want signatures for `REGISTRY/PATH`", DefaultText: "where the image is; on disk, any"},
		&cli.IntFlag{Name: "signers", Value: 1, Usage: "want signatures by `N` different keys"},
		&cli.StringSliceFlag{Name: "require-form", Usage: "want a signature in `FORM`, of the index and of the manifest: bundle, cosign or pgp"},
		&cli.StringFlag{Name: "lookaside", Usage: "find signatures in podman's form in the tree `DIR|URL`"},
		&cli.StringFlag{Name: "policy", Usage: "judge as podman does with its policy.json `FILE`"},
		&cli.StringFlag{Name: "at-least", Usage: "want packages of `VERSION` such as 15.0p3, or newer ones"},
	}
}

// readSigning reads trustFlags and signatureFlags.
func readSigning(c *cli.Context) (verify.Signing, error) {
	s := verify.Signing{Identity: c.String("identity"), Signers: c.Int("signers"), Lookaside: signature.Lookaside{Place: c.String("lookaside")}}
	var err error
	if s.Trust, err = readTrust(c); err != nil {
		return s, err
	}
	if s.Forms, err = formNames("require-form", c.StringSlice("require-form"), attest.Forms...); err != nil {
		return s, err
	}
	for _, f := range s.Forms {
		if !s.Judges(f) {
			return s, fault.Usagef("--require-form %s: wanted a key that could have made it: --key for bundle and cosign, --keyring for pgp", f)
		}
	}
	switch {
	case s.Signers < 1:
		return s, fault.Usagef("--signers: found %d, wanted at least 1", s.Signers)
	case c.IsSet("signers") && s.IsEmpty():
		return s, fault.Usagef("--signers: wanted their keys, too: --key, --keyring or --trust")
	}
	if s.Identity != "" {
		ref, err := registry.ParseReference(s.Identity)
		if err != nil || ref.Digest != "" || ref.Tag != "" {
			return s, fault.Usagef("--identity: found %s, wanted REGISTRY/PATH", s.Identity)
		}
	}
	s.Policy, err = readPolicy(c)
	return s, err
}

// readPolicy reads a policy.json, and the files of keys that it names.
func readPolicy(c *cli.Context) (*policy.Policy, error) {
	file := c.String("policy")
	if file == "" {
		return nil, nil
	}
	text, err := readOperand(c.Context, "policy", file)
	if err != nil {
		return nil, err
	}
	parsed, err := policy.Parse(text, func(path string) ([]byte, error) { return readOperand(c.Context, "policy", path) })
	return parsed, fault.Within("--policy: "+file, err)
}

// lookasideClient reaches the web server of a lookaside tree.
func lookasideClient(c *cli.Context) (*http.Client, error) {
	settings, err := transportOf(c)
	if err != nil {
		return nil, err
	}
	client := transport.NewClient(settings)
	client.Timeout = time.Minute
	return client, nil
}

// printSignatures says on stderr who signed what, and in which forms nobody did: each
// only once, but with -v all that is known of each.
func (p *program) printSignatures(c *cli.Context, r *verify.Report) {
	if c.Bool("q") {
		return
	}
	said := map[string]bool{}
	for _, s := range r.Signatures {
		text := s.Brief()
		if c.Bool("v") {
			text = s.String()
		}
		if !said[text] {
			said[text] = true
			_ = p.err.line("orlop: %s: %s", r.Label, text)
		}
	}
}

// signatureJSON is a signature in a report.
type signatureJSON struct {
	Subject  string `json:"subject"`
	What     string `json:"what"` // index or manifest
	Form     string `json:"form"`
	Present  bool   `json:"present"`
	Where    string `json:"where,omitempty"`
	Signer   string `json:"signer,omitempty"`
	Identity string `json:"identity,omitempty"`
	Time     string `json:"time,omitempty"`
	Counts   bool   `json:"counts"`
	Why      string `json:"why,omitempty"` // it does not
}

func signaturesJSON(r *verify.Report) []signatureJSON {
	var list []signatureJSON
	for _, s := range r.Signatures {
		at := ""
		if !s.Time.IsZero() {
			at = s.Time.Format(time.RFC3339)
		}
		list = append(list, signatureJSON{s.Subject.String(), s.What, string(s.Form), s.Where != "", s.Where, s.Signer, s.Identity, at, s.Counts, s.Why})
	}
	return list
}
