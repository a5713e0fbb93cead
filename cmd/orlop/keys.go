// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
)

// trustFlags say whose signatures count.
func trustFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "key", Usage: "believe what the public keys in `FILE` have signed"},
		&cli.StringSliceFlag{Name: "keyring", Usage: "believe what the OpenPGP public keys in `FILE` have signed"},
		&cli.StringFlag{Name: "trust", Usage: "believe the keys of all files in trusted/ of `DIR`, and none of those in revoked/"},
	}
}

// readTrust reads the files of trustFlags.
func readTrust(c *cli.Context) (attest.Trust, error) {
	trust := attest.Trust{Now: time.Now()}
	for _, file := range c.StringSlice("key") {
		text, err := readOperand(c.Context, "key", file)
		if err != nil {
			return trust, err
		}
		keys, err := attest.ParseKeys(text)
		if err != nil {
			return trust, fault.Usagef("--key: %s: %w", file, err)
		}
		trust.Keys = append(trust.Keys, keys...)
	}
	for _, file := range c.StringSlice("keyring") {
		text, err := readOperand(c.Context, "keyring", file)
		if err != nil {
			return trust, err
		}
		ring, err := attest.ParseKeyring(text)
		if err != nil {
			return trust, fault.Usagef("--keyring: %s: %w", file, err)
		}
		trust.Ring = trust.Ring.Join(ring)
	}
	err := readTrustFolder(c, &trust)
	return trust, err
}

// addKeys adds the keys of a file: in PEM form, or of OpenPGP.
func addKeys(trust *attest.Trust, text []byte) error {
	if bytes.Contains(text, []byte("-----BEGIN PUBLIC KEY")) {
		keys, err := attest.ParseKeys(text)
		if err != nil {
			return &fault.UsageError{Err: err}
		}
		trust.Keys = append(trust.Keys, keys...)
		return nil
	}
	ring, err := attest.ParseKeyring(text)
	if err != nil {
		return &fault.UsageError{Err: err}
	}
	trust.Ring = trust.Ring.Join(ring)
	return nil
}

// readTrustFolder reads a folder as pkg(8)'s fingerprints are one, but with the keys
// themselves: those in trusted/ count, unless they are in revoked/ too.
func readTrustFolder(c *cli.Context, trust *attest.Trust) error {
	dir := c.String("trust")
	if dir == "" {
		return nil
	}
	trusted, err := readKeyFolder(c, filepath.Join(dir, "trusted"))
	if err == nil && trusted.IsEmpty() {
		err = fault.Usagef("--trust: %s: has no keys", filepath.Join(dir, "trusted"))
	}
	if err != nil {
		return err
	}
	var revoked attest.Trust
	if _, err := os.Lstat(filepath.Join(dir, "revoked")); !errors.Is(err, fs.ErrNotExist) {
		if revoked, err = readKeyFolder(c, filepath.Join(dir, "revoked")); err != nil {
			return err
		}
	}
	trust.Keys, trust.Ring = append(trust.Keys, trusted.Keys...), trust.Ring.Join(trusted.Ring)
	for _, k := range revoked.Keys {
		trust.Revoked = append(trust.Revoked, k.ID())
	}
	trust.Revoked = append(trust.Revoked, revoked.Ring.IDs()...)
	return nil
}

// readKeyFolder reads all files of a folder but those whose names begin with a dot.
func readKeyFolder(c *cli.Context, dir string) (attest.Trust, error) {
	var trust attest.Trust
	entries, err := os.ReadDir(dir)
	if err != nil {
		return trust, &fault.UnreadError{Flag: "trust", Path: dir, Err: err}
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		file := filepath.Join(dir, e.Name())
		text, err := readOperand(c.Context, "trust", file)
		if err == nil {
			err = fault.Within("--trust: "+file, addKeys(&trust, text))
		}
		if err != nil {
			return trust, err
		}
	}
	return trust, nil
}

// formNames are what --form and --require-form take.
func formNames(flag string, names []string, known ...attest.Form) ([]attest.Form, error) {
	var forms []attest.Form
	for _, name := range names {
		if !slices.Contains(known, attest.Form(name)) {
			var words []string
			for _, f := range known {
				words = append(words, string(f))
			}
			return nil, fault.Usagef("--%s: found %q, wanted %s", flag, name, strings.Join(words, ", "))
		}
		forms = append(forms, attest.Form(name))
	}
	return forms, nil
}
