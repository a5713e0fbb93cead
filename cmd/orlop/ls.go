// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/tree"
)

func (p *program) lsCommand() *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "list the packages of an image or lock, or an image's files",
		ArgsUsage: "IMAGE-REF|LOCK...",
		Before:    needSQLite,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "files", Usage: "list files, as ls -l does"},
			&cli.BoolFlag{Name: "mtree", Usage: "list files in mtree(5) form"},
			&cli.BoolFlag{Name: "sizes", Usage: "list bytes by layer and package, the largest first"},
			&cli.StringFlag{Name: "owner", Usage: "print the package that has `PATH`, and the layer"},
			platformFlag(), jsonFlag(), tlsFlag(),
		}, registryFlags()...),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return fault.Usagef("ls: no archive given")
			}
			forms := 0
			for _, name := range []string{"files", "mtree", "sizes", "owner"} {
				if c.IsSet(name) {
					forms++
				}
			}
			if forms > 1 || c.Bool("mtree") && c.Bool("json") {
				return fault.Usagef("ls: wanted one of --files, --mtree, --sizes and --owner, and --mtree without --json")
			}
			platform, err := platform(c)
			if err == nil {
				_, err = p.registries(c, nil)
			}
			if err != nil {
				return err
			}
			if c.NArg() > 1 && c.Bool("mtree") {
				return fault.Usagef("ls --mtree: operands: found %d, wanted one archive", c.NArg())
			}
			var errs []error
			for _, path := range c.Args().Slice() {
				one := *p
				if c.NArg() > 1 {
					one.out = p.out.of("archive", path, c.Bool("json"))
				}
				errs = append(errs, one.listArchive(c, path, platform))
			}
			return errors.Join(errs...)
		},
	}
}

// listArchive reads an archive and prints what the flags ask for.
func (p *program) listArchive(c *cli.Context, path, platform string) error {
	source, err := p.find(c, path)
	if err != nil {
		return errors.Join(about(path, err)...)
	}
	defer source.Close()
	if isLock(c.Context, source) {
		return p.listLock(c, source)
	}
	a, err := artifact.ReadRef(c.Context, source, platform)
	if a == nil || !a.Complete() {
		return errors.Join(about(source.Name, err)...)
	}
	p.printNotes(c, source.Name, a.Notes, a.Details)
	errs := []error{p.passedOver(source.Name, err)}
	if err := p.list(c, a); err != nil {
		errs = append(errs, about(source.Name, err)...)
	}
	return errors.Join(errs...)
}

// list prints what the flags ask for.
func (p *program) list(c *cli.Context, a *artifact.Artifact) error {
	switch {
	case c.Bool("mtree"):
		return a.WriteMtree(c.Context, p.out.w)
	case c.Bool("files"):
		return p.listFiles(c, a)
	case c.Bool("sizes"):
		return p.listSizes(c, a)
	case c.IsSet("owner"):
		return p.printOwner(c, a)
	}
	return p.listPackages(c, a)
}

func (p *program) listPackages(c *cli.Context, a *artifact.Artifact) error {
	bytes := map[string]int64{}
	for _, s := range a.Shares() {
		bytes[s.Package] += s.Bytes
	}
	reasons := a.Reasons()
	w := p.out.table()
	for _, pkg := range a.Packages {
		if c.Bool("json") {
			err := p.out.json(struct {
				Name      string `json:"name"`
				Version   string `json:"version"`
				ABI       string `json:"abi"`
				Automatic bool   `json:"automatic"`
				Why       string `json:"why"`
				Files     int    `json:"files"`
				Bytes     int64  `json:"bytes"`
			}{pkg.Name, pkg.Version, pkg.ABI, pkg.Automatic, reasons[pkg.Name], pkg.Files.Len(), bytes[pkg.Name]})
			if err != nil {
				return err
			}
			continue
		}
		w.row("%s\t%s\t%d\t%s", pkg.Name, pkg.Version, bytes[pkg.Name], reasons[pkg.Name])
	}
	return w.flush()
}

// listSizes prints layer, bytes, files and package, then the sum of each layer with
// its bytes in the archive.
func (p *program) listSizes(c *cli.Context, a *artifact.Artifact) error {
	w := p.out.table()
	for _, s := range a.Shares() {
		if c.Bool("json") {
			if err := p.out.json(s); err != nil {
				return err
			}
			continue
		}
		w.row("%s\t%d\t%d\t%s", s.Layer, s.Bytes, s.Files, cmp.Or(s.Package, "-"))
	}
	for _, s := range a.Sums() {
		if c.Bool("json") {
			if err := p.out.json(s); err != nil {
				return err
			}
			continue
		}
		w.row("%s\t%d\t%d\tin all, %d compressed", cmp.Or(s.Layer, "all"), s.Bytes, s.Files, s.Compressed)
	}
	return w.flush()
}

// printOwner prints the package and layer of a path.
func (p *program) printOwner(c *cli.Context, a *artifact.Artifact) error {
	target := path.Clean("/" + c.String("owner"))
	name, layer, ok := a.Owner(target)
	if !ok {
		return &solve.UnresolvedError{Chain: []string{target}, Reason: "it is not in the image"}
	}
	if c.Bool("json") {
		return p.out.json(map[string]string{"path": target, "package": name, "layer": layer})
	}
	return p.out.line("%s\t%s", cmp.Or(name, "-"), layer)
}

func (p *program) listFiles(c *cli.Context, a *artifact.Artifact) error {
	for n := range a.Tree.All() {
		if err := c.Context.Err(); err != nil {
			return err
		}
		if c.Bool("json") {
			err := p.out.json(struct {
				Path   string `json:"path"`
				Type   string `json:"type"`
				Mode   string `json:"mode"`
				Uname  string `json:"uname"`
				Gname  string `json:"gname"`
				UID    int    `json:"uid"`
				GID    int    `json:"gid"`
				Size   int64  `json:"size"`
				Time   int64  `json:"time"`
				Link   string `json:"link,omitempty"`
				Flags  string `json:"flags,omitempty"`
				SHA256 string `json:"sha256,omitempty"`
			}{n.Path, n.Type.String(), fmt.Sprintf("%04o", n.Mode), n.Uname, n.Gname, n.UID, n.GID, n.Size, n.Time, n.Link, n.Flags, n.Digest.String()})
			if err != nil {
				return err
			}
			continue
		}
		name, size := n.Path, fmt.Sprint(n.Size)
		switch n.Type {
		case tree.Symlink:
			name += " -> " + n.Link
		case tree.Hardlink:
			name += " link to " + n.Link
		case tree.CharDevice, tree.BlockDevice:
			size = n.Link // its numbers, as ls -l has them
		}
		owner, group := cmp.Or(n.Uname, fmt.Sprint(n.UID)), cmp.Or(n.Gname, fmt.Sprint(n.GID))
		if err := p.out.line("%s %s:%s %s %s", modeText(n), owner, group, size, name); err != nil {
			return err
		}
	}
	return nil
}

// modeText formats type and mode as ls -l does.
func modeText(n *tree.Node) string {
	b := []byte(map[tree.Type]string{tree.Dir: "d", tree.Symlink: "l", tree.CharDevice: "c", tree.BlockDevice: "b", tree.FIFO: "p"}[n.Type] + "-")[:1]
	for i := range 9 {
		c := byte('-')
		if n.Mode&(1<<(8-i)) != 0 {
			c = "rwx"[i%3]
		}
		b = append(b, c)
	}
	for _, s := range []struct {
		bit  uint32
		at   int
		char string
	}{{0o4000, 3, "s"}, {0o2000, 6, "s"}, {0o1000, 9, "t"}} {
		if n.Mode&s.bit != 0 {
			if b[s.at] == '-' {
				s.char = strings.ToUpper(s.char)
			}
			b[s.at] = s.char[0]
		}
	}
	return string(b)
}
