// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"cmp"
	"context"
	"io"
	"strings"

	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// WriteMtree lists the files of an image for mtree(8), which fails on an unknown
// name: an owner that the image's own accounts lack, or have with another number, is
// listed as a number. An image without accounts has FreeBSD's standard ones.
func (a *Artifact) WriteMtree(ctx context.Context, w io.Writer) error {
	const master, passwd, group = "/etc/master.passwd", "/etc/passwd", "/etc/group"
	texts, err := a.ReadFiles(ctx, map[string]bool{master: true, passwd: true, group: true})
	if err != nil {
		return err
	}
	if texts[master] == nil {
		texts[master] = texts[passwd]
	}
	accounts := etc.Standard()
	if texts[master] != nil && texts[group] != nil {
		if accounts, err = etc.ParseAccounts(texts[master], texts[group]); err != nil {
			accounts = new(etc.Accounts)
		}
	}
	var named tree.Tree
	for n := range a.Tree.Until(ctx) {
		m := *n
		if id, ok := accounts.UID(m.Uname); !ok || id != m.UID || isNumber(m.Uname) {
			m.Uname = ""
		}
		if id, ok := accounts.GID(m.Gname); !ok || id != m.GID || isNumber(m.Gname) {
			m.Gname = ""
		}
		if err := named.Put(m); err != nil {
			return err
		}
	}
	if err := cmp.Or(ctx.Err(), named.Settle(ctx)); err != nil {
		return err
	}
	return tree.WriteMtree(ctx, w, &named)
}

func isNumber(name string) bool { return strings.Trim(name, "0123456789") == "" }
