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

// Check finds what is wrong with a request, whatever the repositories have.
func (r *Request) Check(ctx context.Context, tree input.Tree) error {
	err := errors.Join(release.Asked(r.Revision, r.Branch, r.ABI), define.CheckAnnotations(r.Annotations))
	if err == nil {
		err = r.checkDefinitions(ctx, tree)
	}
	return errors.Join(err, tree.Check())
}

// checkDefinitions reads the definitions. Where only the catalogue will tell the
// revision, they say for now whether they have the images that are asked for. A
// FIFO can be read but once, and waits for that.
func (r *Request) checkDefinitions(ctx context.Context, tree input.Tree) error {
	if once, err := r.checkDefinitionFiles(); once || err != nil {
		return err
	}
	if r.Revision != "" {
		images, err := r.definitions(ctx, r.Revision)
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
		more, err := define.Defines(f.path, text)
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

// checkDefinitionFiles wants the files of definitions to be there, and tells whether
// one of them can be read but once.
func (r *Request) checkDefinitionFiles() (once bool, err error) {
	var errs []error
	for _, f := range r.definitionFiles() {
		info, err := input.CheckFile(f.flag, f.path)
		once = once || err == nil && !info.Mode().IsRegular()
		errs = append(errs, err)
	}
	return once, errors.Join(errs...)
}
