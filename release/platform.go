// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
)

// Platform is a machine that FreeBSD runs on.
type Platform struct {
	Architecture, Variant string           // in the words of the OCI image-spec (Go's GOARCH)
	Order                 binary.ByteOrder // as CAP_MKDB_ENDIAN in the build
}

// String spells the platform as in references to images: freebsd/arm64, freebsd/arm/v7.
func (p Platform) String() string {
	return strings.TrimSuffix("freebsd/"+p.Architecture+"/"+p.Variant, "/")
}

// platforms has a row for each TARGET_ARCH.
var platforms = map[string]Platform{
	"amd64":       {"amd64", "", binary.LittleEndian},
	"aarch64":     {"arm64", "", binary.LittleEndian},
	"armv7":       {"arm", "v7", binary.LittleEndian},
	"i386":        {"386", "", binary.LittleEndian},
	"riscv64":     {"riscv64", "", binary.LittleEndian},
	"powerpc64":   {"ppc64", "", binary.BigEndian},
	"powerpc64le": {"ppc64le", "", binary.LittleEndian},
}

// TargetArch is FreeBSD's name for the machine, the last part of the ABI.
func (r Release) TargetArch() string { return r.ABI[strings.LastIndexByte(r.ABI, ':')+1:] }

// Platform returns the OCI platform of the ABI.
func (r Release) Platform() (Platform, error) {
	parts := strings.Split(r.ABI, ":")
	if len(parts) != 3 || parts[0] != "FreeBSD" {
		return Platform{}, fault.Usagef("ABI %q is not of the form FreeBSD:15:amd64", r.ABI)
	}
	p, ok := platforms[parts[2]]
	if !ok {
		return p, fault.Usagef("ABI %s: OCI has no name for the architecture %s%s", r.ABI, parts[2], spelling.Hint(parts[2], slices.Sorted(maps.Keys(platforms))...))
	}
	return p, nil
}

// ByteOrder is that of the machine, little-endian if unknown.
func (r Release) ByteOrder() binary.ByteOrder {
	if p, ok := platforms[r.TargetArch()]; ok {
		return p.Order
	}
	return binary.LittleEndian
}
