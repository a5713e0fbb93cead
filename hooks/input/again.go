// SPDX-License-Identifier: BSD-2-Clause

package input

import "context"

// Reopen starts reading an inspected package again.
func Reopen(ctx context.Context, in Input, f *Package) (*Reader, error) {
	if f.Entries != nil {
		return in.Open(ctx, f.Package, nil)
	}
	return in.Open(ctx, f.Package, f.Manifest)
}

// ReadAgain reads some files of a package, with headers all of its headers.
func ReadAgain(ctx context.Context, in Input, f *Package, paths map[string]bool, headers bool) (*Package, error) {
	r, err := Reopen(ctx, in, f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return Inspect(r, f.Package, &Wanted{Files: paths}, headers)
}
