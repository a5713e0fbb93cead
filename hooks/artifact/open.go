// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"
	"os"
	"path/filepath"
)

// OpenRoot reads a folder, or an image. If all layers could be read to their end it
// returns the root with an error, too.
func OpenRoot(ctx context.Context, ref *Ref, platform string) (*Root, error) {
	_, none := os.Stat(filepath.Join(ref.Path(), "oci-layout"))
	if ref.File != nil && ref.File.Folder() && none != nil {
		root, err := readRoot(ctx, ref.Path())
		if err != nil {
			return nil, err
		}
		return root, nil
	}
	source, err := ref.Open(ctx)
	if err != nil {
		return nil, err
	}
	a, err := readPlain(ctx, source, platform, Root{blake2b: blake2bSums{}})
	if a == nil || !a.Complete() {
		return nil, err
	}
	return &a.Root, err
}
