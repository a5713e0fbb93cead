// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/sign"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
)

// signForms are all forms in which images on disk are signed.
var signForms = []attest.Form{attest.FormBundle, attest.FormCosign, attest.FormPGP, attest.FormList}

func (p *program) signCommand() *cli.Command {
	return &cli.Command{
		Name:      "sign",
		Usage:     "sign images on disk as cosign, podman and skopeo do; with --prepare, where the keys are not",
		ArgsUsage: "[IMAGE-REF...]",
		Flags: slices.Concat(signerFlags(), []cli.Flag{
			&cli.StringFlag{Name: "identity", Usage: "`REGISTRY/PATH` where the images will be; {image} in it stands for the name of each"},
			&cli.StringSliceFlag{Name: "tag", Usage: "sign the name with `TAG`, too, for podman"},
			&cli.StringSliceFlag{Name: "form", Usage: "sign only in `FORM`: bundle, cosign, pgp or list", DefaultText: "all for which there is a key"},
			&cli.StringFlag{Name: "prepare", Usage: "write into `DIR` what is to be signed"},
			&cli.StringFlag{Name: "prepared", Usage: "sign what `DIR` says"},
			&cli.StringFlag{Name: "show", Usage: "write into `DIR` the very bytes that are to be signed, for other programs"},
			&cli.StringFlag{Name: "attach", Usage: "take the signatures out of `DIR`, check them with the public keys, and write them beside the images"},
			&cli.IntFlag{Name: "j", Aliases: []string{"jobs"}, Value: runtime.NumCPU(), Usage: "use `N` processors", DefaultText: "all"},
			quietFlag(), jsonFlag(),
		}),
		Action: p.sign,
	}
}

// signModes are the flags that say what sign does. Only one can be given.
var signModes = []struct {
	flag   string
	images bool // are operands
}{{"prepare", true}, {"prepared", false}, {"show", false}, {"attach", true}}

func (p *program) sign(c *cli.Context) error {
	mode, err := signMode(c)
	if err != nil {
		return err
	}
	switch mode {
	case "prepared":
		return p.signPrepared(c)
	case "show":
		return p.showPrepared(c)
	}
	cfg, err := p.signConfig(c, mode)
	if err != nil {
		return err
	}
	defer p.shown.done()
	members, refs, err := p.members(c, nil)
	defer closeAll(refs)
	if err != nil {
		return err
	}
	if mode == "prepare" {
		return p.prepare(c, cfg, members)
	}
	written, err := sign.Run(c.Context, cfg, members)
	p.shown.done()
	if err != nil {
		return err
	}
	p.results.settle()
	if len(written) == 0 && !c.Bool("q") {
		_ = p.err.line("orlop: all signatures are there already")
	}
	for _, w := range written {
		if err := p.printWritten(c, w); err != nil {
			return err
		}
	}
	return nil
}

// signMode finds out what is to be done; "" to sign here and now.
func signMode(c *cli.Context) (string, error) {
	mode, images := "", true
	for _, m := range signModes {
		switch {
		case !c.IsSet(m.flag):
		case mode != "":
			return "", fault.Usagef("--%s and --%s contradict each other", mode, m.flag)
		case c.String(m.flag) == "":
			return "", fault.Usagef("--%s: wanted a folder", m.flag)
		default:
			mode, images = m.flag, m.images
		}
	}
	switch {
	case images && !c.Args().Present():
		return "", fault.Usagef("sign: no image given")
	case !images && c.Args().Present():
		return "", fault.Usagef("sign --%s: found images, wanted none: the folder says what is signed", mode)
	}
	if i := slices.IndexFunc(c.Args().Slice(), artifact.IsRemote); i >= 0 {
		return "", fault.Usagef("%s: is in a registry, wanted a file; push --key signs what a registry has", c.Args().Get(i))
	}
	if c.Int("j") < 1 {
		return "", fault.Usagef("-j: found %d, wanted at least 1", c.Int("j"))
	}
	return mode, nil
}

// signConfig reads who signs, and in which forms.
func (p *program) signConfig(c *cli.Context, mode string) (sign.Config, error) {
	cfg := sign.Config{Identity: c.String("identity"), Tags: c.StringSlice("tag"), Observe: p.progress(c)}
	only, err := formNames("form", c.StringSlice("form"), signForms...)
	if err != nil {
		return cfg, err
	}
	signers, public, rings, err := p.readSigners(c)
	switch {
	case err != nil:
		return cfg, err
	case mode == "prepare" && len(public)+len(rings) > 0:
		return cfg, fault.Usagef("sign --prepare: found keys, wanted none: they are where --prepared is run")
	case mode == "prepare":
		cfg.Forms = signForms
	case mode == "attach":
		if cfg.Signers = sign.Returned(c.String("attach"), public, rings); cfg.IsEmpty() {
			return cfg, fault.Usagef("sign --attach: wanted --key or --pgp-key with the public keys that check the signatures")
		}
		cfg.Now, cfg.Forms = signers.Now, cfg.Signers.Forms()
	case signNothing(signers, public, rings) != nil:
		return cfg, signNothing(signers, public, rings)
	case signers.IsEmpty():
		return cfg, fault.Usagef("sign: wanted --key or --pgp-key with a private key, or --signer or --pgp-signer")
	default:
		cfg.Signers, cfg.Forms = signers, signers.Forms()
	}
	if only != nil {
		cfg.Forms = slices.DeleteFunc(slices.Clone(cfg.Forms), func(f attest.Form) bool { return !slices.Contains(only, f) })
	}
	if len(cfg.Forms) == 0 {
		return cfg, fault.Usagef("--form: found %s, for which no key is given", strings.Join(c.StringSlice("form"), ", "))
	}
	if cfg.Identity == "" && (slices.Contains(cfg.Forms, attest.FormCosign) || slices.Contains(cfg.Forms, attest.FormPGP)) {
		if slices.Contains(only, attest.FormCosign) || slices.Contains(only, attest.FormPGP) {
			return cfg, fault.Usagef("--form: cosign and pgp name the repository: give --identity REGISTRY/PATH")
		}
		cfg.Observe.Notice("without --identity there are no signatures for podman and older cosign: these name the repository")
	}
	return cfg, nil
}

// prepare writes the folder for where the keys are.
func (p *program) prepare(c *cli.Context, cfg sign.Config, members []*family.Member) error {
	items, err := sign.Items(cfg, members)
	if err != nil {
		return err
	}
	if err := sign.Prepare(c.Context, c.String("prepare"), items); err != nil {
		return err
	}
	p.results.settle()
	return p.printMessages(c, signature.Messages(items))
}

// signPrepared says what is about to be signed, and signs it.
func (p *program) signPrepared(c *cli.Context) error {
	for _, flag := range []string{"identity", "tag", "form"} {
		if c.IsSet(flag) {
			return fault.Usagef("--%s: the folder of --prepared says this", flag)
		}
	}
	prepared, err := sign.Load(c.Context, c.String("prepared"))
	if err != nil {
		return err
	}
	signers, public, rings, err := p.readSigners(c)
	if err == nil {
		err = signNothing(signers, public, rings)
	}
	if err != nil {
		return err
	}
	if signers.IsEmpty() {
		return fault.Usagef("sign --prepared: wanted --key or --pgp-key with a private key, or --signer or --pgp-signer")
	}
	for _, m := range prepared.Messages {
		if slices.Contains(signers.Forms(), m.Form()) {
			for _, i := range m.Items {
				_ = p.err.line("orlop: signing %s", describe(i))
			}
		}
	}
	files, err := prepared.Sign(c.Context, signers)
	if err != nil {
		return err
	}
	p.results.settle()
	for _, f := range files {
		if err := p.printWritten(c, sign.Written{File: filepath.Join(c.String("prepared"), f), Made: 1}); err != nil {
			return err
		}
	}
	return nil
}

// describe says in words what is signed.
func describe(i signature.Item) string {
	text := string(i.Form) + ": " + i.Name
	if i.Platform != "" {
		text += " for " + i.Platform
	}
	text += ", " + i.Digest.String()
	if i.Identity != "" {
		text += ", as " + i.Identity
	}
	return text
}

// showPrepared writes the payloads, and prints their sums.
func (p *program) showPrepared(c *cli.Context) error {
	prepared, err := sign.Load(c.Context, c.String("show"))
	if err != nil {
		return err
	}
	if err := prepared.Show(c.Context); err != nil {
		return err
	}
	p.results.settle()
	return p.printMessages(c, prepared.Messages)
}

// printMessages prints what is to be signed: the sha256 of the bytes, the form, the name,
// the platform, the digest, and as what. A list has a line for each of its own.
func (p *program) printMessages(c *cli.Context, messages []signature.Message) error {
	for _, m := range messages {
		for _, i := range m.Items {
			var err error
			if c.Bool("json") {
				err = p.out.json(struct {
					Sum string `json:"sha256"` // of the bytes that are signed
					signature.Item
				}{m.Sum(), i})
			} else {
				err = p.out.line("%s\t%s\t%s\t%s\t%s\t%s", m.Sum(), i.Form, i.Name, i.Platform, i.Digest, i.Identity)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// printWritten prints a file of signatures, and how many are new in it.
func (p *program) printWritten(c *cli.Context, w sign.Written) error {
	if c.Bool("json") {
		return p.out.json(struct {
			File string `json:"file"`
			Made int    `json:"made"` // signatures that were not there before
		}{w.File, w.Made})
	}
	return p.out.line("%s\t%d", w.File, w.Made)
}
