// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
)

// isLock reports whether an operand is a lock rather than an archive: JSON with a
// key that every lock has, or with the name of a lock.
func isLock(ctx context.Context, ref *artifact.Ref) bool {
	if ref.File == nil || ref.File.Folder() {
		return false
	}
	source := ref.File
	head, err := io.ReadAll(io.LimitReader(source.Reader(ctx), lockHead))
	head = bytes.TrimLeft(head, " \t\r\n")
	return err == nil && bytes.HasPrefix(head, []byte("{")) &&
		(bytes.Contains(head, []byte(`"pkgdb_schema"`)) || strings.HasSuffix(source.Name, ".lock.json"))
}

// lockHead is how many bytes from the start isLock looks at.
const lockHead = 64 << 10

// listLock prints the packages of a lock.
func (p *program) listLock(c *cli.Context, ref *artifact.Ref) error {
	source := ref.File
	for _, name := range []string{"files", "mtree", "sizes", "owner", "platform"} {
		if c.IsSet(name) {
			return fault.Usagef("ls --%s: %s is a lock, wanted an archive", name, source.Name)
		}
	}
	text, err := readBounded(source.Reader(c.Context), source.Name)
	if err != nil {
		return err
	}
	l, err := lock.Parse(source.Name, text)
	if err != nil {
		return err
	}
	return p.lockPackages(c, l)
}

// lockPackages lists the packages of a lock as ls does.
func (p *program) lockPackages(c *cli.Context, l *lock.Lock) error {
	w := p.out.table()
	for _, pkg := range l.Packages {
		why := "automatic"
		switch {
		case pkg.Donor:
			why = "donor"
		case pkg.Requested != "":
			why = "requested by " + pkg.Requested
		}
		if !c.Bool("json") {
			w.row("%s\t%s\t%s\t%s", pkg.Name, pkg.Version, pkg.Layer, why)
			continue
		}
		err := p.out.json(struct {
			Name      string `json:"name"`
			Version   string `json:"version"`
			ABI       string `json:"abi"`
			Automatic bool   `json:"automatic"`
			Donor     bool   `json:"donor"`
			Why       string `json:"why"`
			Image     string `json:"image"`
			Layer     string `json:"layer"`
			Sum       string `json:"sum"`
			Size      int64  `json:"size"`
		}{pkg.Name, pkg.Version, l.ABI, pkg.Requested == "" && !pkg.Donor, pkg.Donor, why, l.Image, pkg.Layer, pkg.Sum, pkg.Size})
		if err != nil {
			return err
		}
	}
	return w.flush()
}
