// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/push"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/secret"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/attest"
)

func (p *program) pushCommand() *cli.Command {
	return &cli.Command{
		Name:      "push",
		Usage:     "bring images to a registry: blobs, manifests, index, attachments, and tags last",
		ArgsUsage: "IMAGE-REF... REGISTRY/PATH",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "tag", Usage: "set `TAG`, too"},
			&cli.BoolFlag{Name: "no-tags", Usage: "set no tag but orlop-VERSION[-ARCH], which keeps the images from being collected"},
			&cli.StringSliceFlag{Name: "move-tag", Usage: "move `TAG` even to an older version"},
			&cli.StringSliceFlag{Name: "digests", Usage: "refuse what `FILE` does not name, container-image-MANIFESTS or CHECKSUM.*"},
			&cli.StringFlag{Name: "lookaside", Usage: "add signatures in podman's form to the tree `DIR`, which any web server can offer"},
			&cli.BoolFlag{Name: "no-attachments", Usage: "attach no locks and catalogues"},
			&cli.BoolFlag{Name: "verify-remote", Usage: "read every blob back before tags are set"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print what would be done, and do nothing"},
			&cli.IntFlag{Name: "j", Aliases: []string{"jobs"}, Value: transfers, Usage: "make `N` transfers at once"},
			platformFlag(), tlsFlag(),
		}, signerFlags(), registryFlags(), talkFlags()),
		Action: p.push,
	}
}

// transfers is how many are made at once. More are hardly faster, and registries count
// requests.
const transfers = 4

func (p *program) push(c *cli.Context) error {
	if c.NArg() < 2 {
		return fault.Usagef("push: operands: found %d, wanted images and REGISTRY/PATH", c.NArg())
	}
	if c.Int("j") < 1 {
		return fault.Usagef("-j: found %d, wanted at least 1", c.Int("j"))
	}
	names, target := c.Args().Slice()[:c.NArg()-1], c.Args().Get(c.NArg()-1)
	if _, err := push.Target(target, "image"); err != nil {
		return err
	}
	platform, err := platform(c)
	if err != nil {
		return err
	}
	lists, err := readOperands(c.Context, "digests", c.StringSlice("digests"), release.ParseChecksums)
	if err != nil {
		return err
	}
	signers, keys, err := p.pushSigners(c)
	if err != nil {
		return err
	}
	observe := p.progress(c)
	defer p.shown.done()
	client, err := p.registries(c, func(bytes int64) { observe.Send(event.Event{Bytes: bytes}) })
	if err != nil {
		return err
	}
	client.Notice = func(text string) { observe.Notice("%s", text) }
	refs, err := p.findAll(c, names, client)
	defer closeAll(refs)
	if err != nil {
		return err
	}
	families, err := p.checked(c, refs, platform, slices.Concat(lists...))
	if err != nil {
		return err
	}
	return p.pushFamilies(c, families, push.Config{Client: client, Target: target, Tags: c.StringSlice("tag"), NoTags: c.Bool("no-tags"), MoveTags: c.StringSlice("move-tag"),
		NoAttachments: c.Bool("no-attachments"), ReadAll: c.Bool("verify-remote"), Keys: keys, Signers: signers, Lookaside: signature.Lookaside{Place: c.String("lookaside")}, Jobs: c.Int("j"), Observe: observe})
}

// pushSigners reads who signs what is pushed, and the keys whose word counts that an
// image is withdrawn.
func (p *program) pushSigners(c *cli.Context) (signature.Signers, []attest.Key, error) {
	signers, keys, rings, err := p.readSigners(c)
	if err == nil {
		err = signNothing(signers, nil, rings) // keys alone may be for withdrawals
	}
	place := signature.Lookaside{Place: c.String("lookaside")}
	switch {
	case err != nil:
	case c.IsSet("lookaside") && place.Dir() == "":
		err = fault.Usagef("--lookaside: found %q, wanted a folder: a web server offers it to others", secret.Cut(place.Place))
	case len(signers.PGP) > 0 && place.Place == "":
		err = fault.Usagef("--pgp-key: wanted --lookaside DIR, too: no registry has such signatures")
	}
	return signers, keys, err
}

// checked reads the images whole, and joins them.
func (p *program) checked(c *cli.Context, refs []*artifact.Ref, platform string, lists []release.Checksum) ([]*family.Family, error) {
	members, err := family.Check(c.Context, refs, platform, c.Int("j"))
	if err != nil {
		return nil, err
	}
	p.printMemberNotes(c, members)
	if c.IsSet("digests") {
		if err := family.Listed(members, lists); err != nil {
			return nil, err
		}
	}
	return family.Join(members)
}

func (p *program) pushFamilies(c *cli.Context, families []*family.Family, cfg push.Config) error {
	if c.Bool("dry-run") {
		steps, err := push.Plan(c.Context, cfg, families)
		if err != nil {
			return err
		}
		return p.printSteps(c, steps)
	}
	results, err := push.Run(c.Context, cfg, families)
	p.shown.done()
	if err != nil {
		return err
	}
	p.results.settle()
	for _, r := range results {
		if err := p.printPushed(c, r); err != nil {
			return err
		}
	}
	return nil
}

// printSteps prints what would be done: the word for it, the repository, what, and its
// digest.
func (p *program) printSteps(c *cli.Context, steps []push.Step) error {
	if c.Bool("json") {
		return jsonLines(p.out, steps)
	}
	for _, s := range steps {
		if err := p.out.line("%s\t%s\t%s\t%s", s.Do, s.Repository, s.What, s.Digest); err != nil {
			return err
		}
	}
	return nil
}

// printPushed writes an image's line: its name by digest.
func (p *program) printPushed(c *cli.Context, r push.Result) error {
	if !c.Bool("json") {
		if p.onTerminal() && !c.Bool("q") {
			_ = p.err.line("orlop: FROM %s", from(r))
		}
		return p.out.line("%s@%s", r.Repository, r.Digest)
	}
	return p.out.json(struct {
		Image      string   `json:"image"`
		Repository string   `json:"repository"`
		Digest     string   `json:"digest"`
		Platforms  []string `json:"platforms"`
		Tags       []string `json:"tags"` // that name it now
		Kept       []string `json:"kept,omitempty"`
		Attached   int      `json:"attached"`
		Signed     int      `json:"signed"` // signatures that were not there
		Blobs      int      `json:"blobs_sent"`
		Mounted    int      `json:"blobs_mounted"`
		Bytes      int64    `json:"bytes_sent"`
		Manifests  int      `json:"manifests_sent"`
	}{r.Image, r.Repository, r.Digest.String(), r.Platforms, append([]string{}, r.Tags...), r.Kept, r.Attached, r.Signed, r.Sent.Blobs, r.Sent.Mounted, r.Sent.Bytes, r.Sent.Manifests})
}

// from returns the name by which others build on an image: its first tag is the one
// that stays.
func from(r push.Result) string {
	if len(r.Tags) == 0 {
		return r.Repository + "@" + r.Digest.String()
	}
	return r.Repository + ":" + r.Tags[0]
}
