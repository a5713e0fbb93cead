// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tree"
)

// lacking is the reason for what an image lacks before anything is put on it.
const lacking = "the parent lacks it, too"

// Gaps returns what the image itself lacks although something in it needs it, but for
// what is known: nobody who builds on it can help that.
func (i *Image) Gaps(ctx context.Context, known define.Exceptions) (define.Exceptions, error) {
	var all define.Exceptions
	what := fmt.Sprintf("gaps %q", known)
	if i.recall(ctx, what, &all) {
		return all, ctx.Err()
	}
	if err := i.Examine(ctx); err != nil {
		return all, err
	}
	report := closure.Check(ctx, &closure.Image{Tree: i.Whole.Tree, Env: i.Base.Image.Config.Env, Requires: i.Whole.Unprovided(), Known: known, Files: i.Whole.Files()})
	var errs []error
	for _, err := range fault.List(errors.Join(report.Gaps...)) {
		gap, is := errors.AsType[*closure.Gap](err)
		if !is {
			errs = append(errs, err)
			continue
		}
		n := i.Whole.Tree.Lookup(gap.Path)
		switch {
		case gap.Path == "":
			all.Missing = append(all.Missing, define.Exception{Pattern: gap.Lack, Reason: lacking, Package: gap.By})
		case n != nil && n.Type == tree.Symlink:
			all.Dangling = append(all.Dangling, define.Exception{Pattern: literal(gap.Path), Reason: lacking})
		default:
			all.Missing = append(all.Missing, define.Exception{Pattern: literal(gap.Path), Reason: lacking})
		}
	}
	all = define.Exceptions{}.JoinNew(all)
	err := errors.Join(append(errs, ctx.Err())...)
	if err == nil {
		i.keep(ctx, what, all)
	}
	return all, err
}

// literal is the pattern that matches one path only.
var literal = strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace
