// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"errors"
	"fmt"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
)

// Settings are the choices that decide an image's form in its archive.
type Settings struct {
	Schema      pkgdb.Schema // of the pkg database; 0 for the default
	Compression layer.Compression
	Squash      bool // one layer an image
}

// Settings returns the settings that the lock fixes.
func (l *Lock) Settings() Settings {
	return Settings{pkgdb.Schema(l.Schema), layer.Compression(l.Compression), l.Squash}
}

// SameRun reports whether one run can build the images of both locks.
func (l *Lock) SameRun(other *Lock) bool {
	return l.Settings() == other.Settings() && l.Revision == other.Revision && l.Branch == other.Branch && l.ABI == other.ABI
}

// CheckAll finds locks that this version cannot build, or not in one run.
func CheckAll(locks []*Lock) error {
	var errs []error
	for i, l := range locks {
		first := locks[0]
		if i > 0 && (!l.SameRun(first)) {
			errs = append(errs, fault.Usagef("the locks of %s and %s are for different runs", first.Image, l.Image))
			continue
		}
		_, err := pkgdb.ParseSchema(fmt.Sprint(l.Schema))
		if err == nil {
			_, err = layer.ParseCompression(l.Compression)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("lock of %s: %w", l.Image, &VersionError{Err: err, Orlop: l.Orlop}))
			continue
		}
		_, err = release.Locked(l.Revision, l.Branch, l.ABI)
		errs = append(errs, fault.Within("lock of "+l.Image, errors.Join(err, define.CheckAnnotations(l.Annotations))))
		for i := range l.Layers {
			if _, err := Definition(l, i); err != nil {
				errs = append(errs, fault.Usagef("lock of %s: %w", l.Image, err))
			}
		}
	}
	return errors.Join(errs...)
}
