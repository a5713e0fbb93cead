// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
)

// DatabaseReport is what a check of a pkg database found.
type DatabaseReport struct {
	Faults   []error
	Unowned  []string // files that no package has
	AnyOwner bool     // owners were not compared: one ordinary user has every file
	Odd      error    // what is wrong with single entries of the image's layers
}

// CheckDatabase checks what a database says, and, unless root is nil, compares
// it with a folder that is a root file system, or with an image, of several the
// one for a platform.
func CheckDatabase(ctx context.Context, c *pkgdb.Content, root *oci.Source, platform string) (*DatabaseReport, error) {
	report := &DatabaseReport{Faults: c.Check(ctx)}
	if root == nil {
		return report, nil
	}
	pkgs, err := c.Installed(ctx)
	if err != nil {
		return report, nil // Check has said so
	}
	files, err := openRoot(ctx, root, platform)
	if files == nil {
		return nil, err
	}
	report.Odd = err
	report.Faults = append(report.Faults, compareRoot(ctx, files, pkgs)...)
	report.AnyOwner = files.anyOwner
	report.Unowned, err = unowned(ctx, files, pkgs)
	return report, err
}

// openRoot reads a folder, or an archive or layout of an image. Of an image whose
// layers could be read to their end the root is there beside an error.
func openRoot(ctx context.Context, source *oci.Source, platform string) (*Root, error) {
	if source.Folder() && !exists(source.Name, "oci-layout") {
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

// ReadDatabase reads what a database file says.
func ReadDatabase(ctx context.Context, file string) (*pkgdb.Content, error) {
	image, err := pkgdb.ReadFile(ctx, file)
	if err != nil {
		return nil, err
	}
	db, err := pkgdb.Open(ctx, image)
	if err != nil {
		return nil, fault.Within(file, err)
	}
	defer db.Close()
	c, err := db.Content(ctx)
	return c, fault.Within(file, err)
}
