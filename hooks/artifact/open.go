// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"
	"os"
	"path/filepath"

	"github.com/orlop/orlop/release/oci"
)

// OpenRoot reads a folder, or an archive or layout of an image. Of an image whose
// layers could be read to their end the root is there beside an error.
func OpenRoot(ctx context.Context, source *oci.Source, platform string) (*Root, error) {
	_, none := os.Stat(filepath.Join(source.Name, "oci-layout"))
	if source.Folder() && none != nil {
		root, err := readRoot(ctx, source.Name)
		if err != nil {
			return nil, err
		}
		return root, nil
	}
	a, err := Read(ctx, source, platform)
	if a == nil || !a.Whole() {
		return nil, err
	}
	return &a.Root, err
}
