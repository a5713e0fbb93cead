// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/oci"
)

// DatabaseReport is what a check of a pkg database found.
type DatabaseReport struct {
	Faults   []error
	Unowned  []string // files that no package has
	AnyOwner bool     // owners were not compared: one ordinary user has every file
}

// CheckDatabase checks the database in a file, and, unless root is "", compares
// it with a folder that is a root file system or with an image.
func CheckDatabase(ctx context.Context, file, root string) (*DatabaseReport, error) {
	c, err := ReadDatabase(ctx, file)
	if err != nil {
		return nil, err
	}
	report := &DatabaseReport{Faults: c.Check(ctx)}
	if root == "" {
		return report, nil
	}
	pkgs, err := c.Installed(ctx)
	if err != nil {
		return report, nil // Check has said so
	}
	files, err := openRoot(ctx, root)
	if err != nil {
		return nil, err
	}
	report.Faults = append(report.Faults, files.compare(ctx, pkgs)...)
	report.AnyOwner = files.anyOwner
	report.Unowned, err = files.unowned(ctx, pkgs)
	return report, err
}

// openRoot reads a folder, or an archive or layout of an image.
func openRoot(ctx context.Context, path string) (*Root, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path + "/oci-layout"); info.IsDir() && err != nil {
		return readRoot(ctx, path)
	}
	source, err := oci.OpenSource(ctx, path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	a, err := Read(ctx, source, "")
	if err != nil {
		return nil, err
	}
	return &a.Root, nil
}

// ReadDatabase reads what a database file says.
func ReadDatabase(ctx context.Context, file string) (*pkgdb.Content, error) {
	image, err := pkgdb.ReadFile(ctx, file)
	if err != nil {
		return nil, err
	}
	db, err := pkgdb.Open(ctx, image)
	if err != nil {
		return nil, within(file, err)
	}
	defer db.Close()
	c, err := db.Content(ctx)
	return c, within(file, err)
}

// within names the place before each fault.
func within(place string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, within(place, e))
		}
		return errors.Join(errs...)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	return nil
}
