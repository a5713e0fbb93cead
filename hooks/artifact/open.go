// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"
	"os"
	"path/filepath"

	"github.com/orlop/orlop/release/oci/layout"
)

// OpenRoot reads a folder, or an archive or layout of an image. If all layers could
// be read to their end it returns the root with an error, too.
func OpenRoot(ctx context.Context, file *layout.File, platform string) (*Root, error) {
	_, none := os.Stat(filepath.Join(file.Name, "oci-layout"))
	if file.Folder() && none != nil {
		root, err := readRoot(ctx, file.Name)
		if err != nil {
			return nil, err
		}
		return root, nil
	}
	a, err := ReadFile(ctx, file, platform)
	if a == nil || !a.Complete() {
		return nil, err
	}
	return &a.Root, err
}
