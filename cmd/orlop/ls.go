// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/release/tree"
)

func (p *program) lsCommand() *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "list the packages of an image, or its files",
		ArgsUsage: "ARCHIVE",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "files", Usage: "list files, as ls -l does"},
			&cli.BoolFlag{Name: "mtree", Usage: "list files in mtree(5) form"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("ls: found %d operands, wanted one archive", c.NArg())
			}
			if c.Bool("files") && c.Bool("mtree") || c.Bool("mtree") && c.Bool("json") {
				return usagef("ls: --mtree stands alone")
			}
			a, err := hooks.Read(c.Context, c.Args().First())
			if err != nil {
				return err
			}
			switch {
			case c.Bool("mtree"):
				return tree.WriteMtree(p.stdout, a.Tree)
			case c.Bool("files"):
				return p.listFiles(c, a)
			}
			return p.listPackages(c, a)
		},
	}
}

func (p *program) listPackages(c *cli.Context, a *hooks.Artifact) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	for _, pkg := range a.Packages {
		if c.Bool("json") {
			err := p.printJSON(struct {
				Name      string `json:"name"`
				Version   string `json:"version"`
				ABI       string `json:"abi"`
				Automatic bool   `json:"automatic"`
				Files     int    `json:"files"`
			}{pkg.Name, pkg.Version, pkg.ABI, pkg.Automatic, len(pkg.Files)})
			if err != nil {
				return err
			}
			continue
		}
		mark := "requested"
		if pkg.Automatic {
			mark = "automatic"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", pkg.Name, pkg.Version, mark)
	}
	return w.Flush()
}

func (p *program) listFiles(c *cli.Context, a *hooks.Artifact) error {
	for n := range a.Tree.All() {
		if c.Bool("json") {
			err := p.printJSON(struct {
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
			}{n.Path, n.Type.String(), fmt.Sprintf("%04o", n.Mode), n.Uname, n.Gname, n.UID, n.GID, n.Size, n.Time, n.Link, n.Flags, n.Digest})
			if err != nil {
				return err
			}
			continue
		}
		name := n.Path
		switch n.Type {
		case tree.Symlink:
			name += " -> " + n.Link
		case tree.Hardlink:
			name += " link to " + n.Link
		}
		if _, err := fmt.Fprintf(p.stdout, "%s %s:%s %d %s\n", modeText(n), n.Uname, n.Gname, n.Size, name); err != nil {
			return err
		}
	}
	return nil
}

// modeText writes type and mode as ls -l does.
func modeText(n *tree.Node) string {
	b := []byte(map[tree.Type]string{tree.Dir: "d", tree.Symlink: "l"}[n.Type] + "-")[:1]
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
