// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
)

// DatabaseReport is what a check of a pkg database found.
type DatabaseReport struct {
	Faults   []error
	Unowned  []string // files that no package has
	AnyOwner bool     // owners were not compared: one ordinary user has every file
	Odd      error    // what is wrong with single entries of the image's layers
}

// Database checks a database and, unless root is nil, compares it with a folder that
// is a root file system, or with an image: of several the one for a platform.
func Database(ctx context.Context, c *pkgdb.Content, root *artifact.Ref, platform string) (*DatabaseReport, error) {
	report := &DatabaseReport{Faults: c.Check(ctx)}
	if root == nil {
		return report, nil
	}
	pkgs, err := c.Installed(ctx)
	if err != nil {
		return report, nil // Check has reported it
	}
	files, err := artifact.OpenRoot(ctx, root, platform)
	if files == nil {
		return nil, err
	}
	report.Odd = err
	report.Faults = append(report.Faults, compareRoot(ctx, files, pkgs)...)
	report.AnyOwner = files.AnyOwner
	report.Unowned, err = unowned(ctx, files, pkgs)
	return report, err
}
