// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"context"
	"errors"
	"os"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Check finds the faults of a request that do not depend on the repositories.
func (r *Request) Check(ctx context.Context, tree input.Tree) error {
	err := errors.Join(release.Asked(r.Revision, r.Branch, r.ABI), define.CheckAnnotations(r.Annotations))
	if err == nil {
		err = r.checkDefinitions(ctx, tree)
	}
	if err == nil && len(r.Set) > 0 {
		var asked Asked
		if asked, err = r.Asked(ctx); err == nil {
			err = define.CheckSet(r.Set, asked.Variables)
		}
	}
	return errors.Join(err, tree.Check())
}

// checkDefinitions reads the definitions. If the revision is only known from the
// catalogue, it just checks that they define the requested images. A FIFO can only
// be read once, so it waits.
func (r *Request) checkDefinitions(ctx context.Context, tree input.Tree) error {
	if once, err := r.checkDefinitionFiles(); once || err != nil {
		return err
	}
	if r.Revision != "" {
		images, err := r.definitions(ctx, r.Revision, r.ABI)
		if err != nil {
			return err
		}
		var errs []error
		for _, name := range r.Images {
			chain, err := images.Chain(name)
			errs = append(errs, err, checkTree(tree, chain))
		}
		return errors.Join(errs...)
	}
	names := define.StandardNames()
	for _, f := range r.definitionFiles() {
		text, err := os.ReadFile(f.path)
		if err != nil {
			return &fault.UnreadError{Flag: f.flag, Path: f.path, Err: err}
		}
		more, err := define.Defines(f.path, text, r.renamed(define.Target{Revision: "0.0", Set: r.Set}, f.path))
		if err != nil {
			return err
		}
		names = append(names, more...)
	}
	if r.Custom != nil {
		if err := (define.Images{}).Add(*r.Custom); err != nil {
			return err
		}
		names = append(names, r.Custom.Name)
	}
	return define.Known(names, r.Images)
}

// checkDefinitionFiles checks that the files of definitions are there, and reports
// whether one of them can only be read once.
func (r *Request) checkDefinitionFiles() (once bool, err error) {
	var errs []error
	for _, f := range r.definitionFiles() {
		info, err := input.CheckFile(f.flag, f.path)
		once = once || err == nil && !info.Mode().IsRegular()
		errs = append(errs, err)
	}
	return once, errors.Join(errs...)
}
