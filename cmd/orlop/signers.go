// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
)

// signerFlags say who signs.
func signerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "key", Usage: "sign with the private key in `FILE`: PEM, or cosign's; with --signer, the public key of that"},
		&cli.StringFlag{Name: "password-file", Usage: "`FILE` whose first line is the password of cosign's key", DefaultText: "COSIGN_PASSWORD"},
		&cli.StringFlag{Name: "signer", Usage: "sign with `COMMAND`, which gets the bytes on its standard input and prints the signature"},
		&cli.StringSliceFlag{Name: "pgp-key", Usage: "sign with the OpenPGP secret key in `FILE`; with --pgp-signer, the public key of that"},
		&cli.StringFlag{Name: "passphrase-file", Usage: "`FILE` whose first line is the passphrase of the OpenPGP key"},
		&cli.StringFlag{Name: "pgp-signer", Usage: "sign with `COMMAND`, to which \" message\" or \" clearsign\" is added"},
		&cli.DurationFlag{Name: "signer-timeout", Value: 5 * time.Minute, Usage: "give a command `TIME` for a signature", DefaultText: "5m"},
	}
}

// readSigners reads the keys of those who sign. Public and rings are all keys that the
// flags name: those that sign nothing, too.
func (p *program) readSigners(c *cli.Context) (s signature.Signers, public []attest.Key, rings []attest.Keyring, err error) {
	s.Now = time.Now
	if c.Duration("signer-timeout") <= 0 {
		return s, nil, nil, fault.Usagef("--signer-timeout: found %s, wanted more than 0", c.Duration("signer-timeout"))
	}
	for _, file := range c.StringSlice("key") {
		keys, private, err := p.readKey(c, file)
		if err != nil {
			return s, nil, nil, err
		}
		if private != nil {
			s.Keys = append(s.Keys, signature.KeySigner{PrivateKey: private})
		}
		public = append(public, keys...)
	}
	for _, file := range c.StringSlice("pgp-key") {
		ring, secret, err := p.readPGPKey(c, file, s.Now())
		if err != nil {
			return s, nil, nil, err
		}
		if secret != nil {
			s.PGP = append(s.PGP, secret)
		}
		rings = append(rings, ring)
	}
	err = p.addPrograms(c, &s, public, rings)
	return s, public, rings, err
}

// signNothing refuses public keys without a command that signs with their private parts.
func signNothing(s signature.Signers, public []attest.Key, rings []attest.Keyring) error {
	if len(public) > len(s.Keys) || len(rings) > len(s.PGP) {
		return fault.Usagef("found public keys, which sign nothing, wanted private ones, or --signer or --pgp-signer")
	}
	return nil
}

// addPrograms adds the commands that sign, each with the public key that checks it.
func (p *program) addPrograms(c *cli.Context, s *signature.Signers, public []attest.Key, rings []attest.Keyring) error {
	run := func(flag string) command {
		return command{flag: flag, text: c.String(flag), timeout: c.Duration("signer-timeout"), errors: p.err}
	}
	if c.IsSet("signer") {
		if len(public) != 1 || len(s.Keys) > 0 {
			return fault.Usagef("--signer: found %d keys, wanted one --key with its public key", len(public))
		}
		s.Keys = append(s.Keys, keyCommand{run("signer"), public[0]})
	}
	if c.IsSet("pgp-signer") {
		if len(rings) != 1 || len(s.PGP) > 0 {
			return fault.Usagef("--pgp-signer: found %d OpenPGP keys, wanted one --pgp-key with its public key", len(rings))
		}
		s.PGP = append(s.PGP, pgpCommand{run("pgp-signer"), rings[0]})
	}
	return nil
}

// readKey reads a file of --key: a private key, or public ones.
func (p *program) readKey(c *cli.Context, file string) ([]attest.Key, *attest.PrivateKey, error) {
	text, err := readOperand(c.Context, "key", file)
	if err != nil {
		return nil, nil, err
	}
	if !attest.IsPrivateKey(text) {
		keys, err := attest.ParseKeys(text)
		if err != nil {
			return nil, nil, fault.Usagef("--key: %s: %w", file, err)
		}
		return keys, nil, nil
	}
	key, err := attest.ParsePrivateKey(text, func() ([]byte, error) {
		if word, ok := p.lookupEnv("COSIGN_PASSWORD"); ok && !c.IsSet("password-file") {
			return []byte(word), nil
		}
		return readWord(c, "password-file", "is encrypted: set COSIGN_PASSWORD or give --password-file")
	})
	if err != nil {
		return nil, nil, fault.Usagef("--key: %s: %w", file, err)
	}
	return []attest.Key{key.Key}, key, nil
}

// readWord reads the first line of a file that has a password.
func readWord(c *cli.Context, flag, none string) ([]byte, error) {
	if !c.IsSet(flag) {
		return nil, errors.New(none)
	}
	text, err := readOperand(c.Context, flag, c.String(flag))
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// readPGPKey reads a file of --pgp-key. The signer is nil for a public key.
func (p *program) readPGPKey(c *cli.Context, file string, now time.Time) (attest.Keyring, signature.PGPSigner, error) {
	text, err := readOperand(c.Context, "pgp-key", file)
	if err != nil {
		return attest.Keyring{}, nil, err
	}
	ring, err := attest.ParseKeyring(text)
	if err != nil || !attest.IsSecretPGP(text) {
		if err != nil {
			err = fault.Usagef("--pgp-key: %s: %w", file, err)
		}
		return ring, nil, err
	}
	key, err := attest.ParsePGPKey(text, func() ([]byte, error) {
		return readWord(c, "passphrase-file", "is encrypted: give --passphrase-file")
	}, now)
	if err != nil {
		return ring, nil, fault.Usagef("--pgp-key: %s: %w", file, err)
	}
	if !key.Deterministic() {
		_ = p.err.line("orlop: --pgp-key: %s: signatures by keys of this kind are other bytes each time", file)
	}
	epoch, err := p.epoch()
	at := time.Time{}
	if epoch != nil {
		at = time.Unix(*epoch, 0).UTC()
	}
	return key.Ring(), signature.PGPKeySigner{PGPKey: key, At: at}, err
}

// command is a program that signs, for keys that no file has.
type command struct {
	flag, text string
	timeout    time.Duration
	errors     printer // for what it says itself
}

// CommandError is a command that has not signed.
type CommandError struct {
	Flag string
	Err  error
}

func (e *CommandError) Error() string { return "--" + e.Flag + ": the command " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CommandError) Unwrap() error { return e.Err }

// Failed reports that there is no signature.
func (*CommandError) Failed() bool { return true }

// run gives a text to the command, which sh(1) reads, and returns what it prints.
func (k command) run(ctx context.Context, words string, text []byte) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	sh := exec.CommandContext(limited, "/bin/sh", "-c", k.text+words)
	sh.WaitDelay = time.Second
	out := &bounded{left: 2 * attest.MaxSignature, full: cancel}
	sh.Stdin, sh.Stdout, sh.Stderr = bytes.NewReader(text), out, k.errors.w
	err := sh.Run()
	exited, is := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case out.left < 0:
		err = fmt.Errorf("prints more than %d bytes", 2*attest.MaxSignature)
	case limited.Err() != nil:
		err = fmt.Errorf("does not answer within %s", k.timeout)
	case is && exited.Exited():
		err = fmt.Errorf("ends with status %d", exited.ExitCode())
	case err == nil && len(out.text) == 0:
		err = errors.New("prints no signature")
	}
	if err != nil {
		return nil, &CommandError{k.flag, err}
	}
	return out.text, nil
}

// keyCommand signs as a key does.
type keyCommand struct {
	command
	key attest.Key
}

func (k keyCommand) Key() attest.Key { return k.key }

func (k keyCommand) Sign(ctx context.Context, text []byte) ([]byte, error) {
	return k.run(ctx, "", text)
}

// pgpCommand signs as an OpenPGP key does.
type pgpCommand struct {
	command
	ring attest.Keyring
}

func (k pgpCommand) Ring() attest.Keyring { return k.ring }

// Message is binary: what the command prints as text, is taken out of that.
func (k pgpCommand) Message(ctx context.Context, text []byte) ([]byte, error) {
	out, err := k.run(ctx, " message", text)
	if err != nil {
		return nil, err
	}
	messages, err := attest.ParseArmour(out)
	if err != nil || len(messages) != 1 {
		return nil, fault.Contentf("--pgp-signer: what the command prints is not one signed message")
	}
	return messages[0], nil
}

func (k pgpCommand) ClearSign(ctx context.Context, text []byte) ([]byte, error) {
	return k.run(ctx, " clearsign", text)
}
