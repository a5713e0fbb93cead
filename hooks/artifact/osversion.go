// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"bytes"
	"strings"

	"github.com/orlop/orlop/release/elf"
)

// abiFiles are the programs by which pkg knows the version of a root, in this order
// (libpkg/pkg_abi.c). Examine keeps them.
var abiFiles = []string{"/usr/bin/uname", "/bin/sh"}

// OSVersion is the version of FreeBSD that the image is of (sys/param.h,
// __FreeBSD_version), as pkg would find it, else the newest that its packages were built
// for; 0 if neither says.
func (a *Artifact) OSVersion() int {
	for _, path := range abiFiles {
		if text := a.Text(path); text != nil {
			if version, err := elf.OSVersion(bytes.NewReader(text)); err == nil && version > 0 {
				return version
			}
		}
	}
	newest := 0
	for _, p := range a.Packages {
		if strings.HasPrefix(p.Name, "FreeBSD-") {
			newest = max(newest, p.OSVersion())
		}
	}
	return newest
}
