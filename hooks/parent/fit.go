// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
)

// FitError is an image that others of a target cannot stand on.
type FitError struct{ Err error }

func (e *FitError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FitError) Unwrap() error { return e.Err }

// Unmet reports that the request cannot be met.
func (*FitError) Unmet() bool { return true }

// releaseStep is what the major number of a release counts in an OSVERSION: 15.0 is
// 1500000 and more (sys/param.h, __FreeBSD_version).
const releaseStep = 100_000

// major is the image's release; 0 if it does not say.
func (i *Image) major() int {
	if version := i.OSVersion(); version > 0 {
		return version / releaseStep
	}
	for _, p := range i.Packages {
		parts := strings.Split(p.ABI, ":")
		if len(parts) < 2 {
			continue
		}
		if n, err := strconv.Atoi(parts[1]); err == nil {
			return n
		}
	}
	return 0
}

// Fits requires the image to be one that packages for an ABI run on.
func (i *Image) Fits(abi string) error {
	parts, major := strings.Split(abi, ":"), i.major()
	if len(parts) < 2 || major == 0 || parts[1] == strconv.Itoa(major) {
		return nil
	}
	return &FitError{fmt.Errorf("parent %s is of FreeBSD %d, and packages for %s do not run there", i.Lock.Reference, major, abi)}
}

// Accepts requires the image to be no older than a package: pkg would refuse it
// (libpkg/repo/binary/update.c: is_valid_os_version).
func (i *Image) Accepts(p *catalog.Package) error {
	version := i.OSVersion()
	if version == 0 || p.OSVersion <= version {
		return nil
	}
	return &FitError{fmt.Errorf("%s was built for FreeBSD_version %d, and parent %s is %d: a newer parent takes it", p.FullName(), p.OSVersion, i.Lock.Reference, version)}
}

// Present lists what is installed, by name, for a solver.
func (i *Image) Present() []*catalog.Package {
	var list []*catalog.Package
	for _, p := range i.Packages {
		list = append(list, &catalog.Package{Summary: p.Summary()})
	}
	return list
}
