// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
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

// majorOf is the release of a version of FreeBSD, else of packages; 0 if neither says.
func majorOf(version int, packages []pkgfile.Summary) int {
	if version > 0 {
		return version / releaseStep
	}
	for _, p := range packages {
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
	parts := strings.Split(abi, ":")
	if len(parts) < 2 || i.Major == 0 || parts[1] == strconv.Itoa(i.Major) {
		return nil
	}
	return &FitError{fmt.Errorf("parent %s is of FreeBSD %d, and packages for %s do not run there", i.Lock.Reference, i.Major, abi)}
}

// Accepts requires the image to be no older than a package: pkg would refuse it
// (libpkg/repo/binary/update.c: is_valid_os_version).
func (i *Image) Accepts(p *catalog.Package) error {
	if i.OSVersion == 0 || p.OSVersion <= i.OSVersion {
		return nil
	}
	return &FitError{fmt.Errorf("%s was built for FreeBSD_version %d, and parent %s is %d: a newer parent takes it", p.FullName(), p.OSVersion, i.Lock.Reference, i.OSVersion)}
}
