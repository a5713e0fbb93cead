// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import "strings"

// elfTypes are the older names of architectures (libpkg/private/pkg_abi.h).
var elfTypes = map[string]string{
	"amd64": "x86:64", "i386": "x86:32", "armv6": "armv6:32:el:eabi:hardfp", "armv7": "armv7:32:el:eabi:hardfp",
	"aarch64": "aarch64:64", "aarch64c": "aarch64:64:cheri", "aarch64cb": "aarch64:64:cheri:benchmark",
	"powerpc": "powerpc:32:eb", "powerpc64": "powerpc:64:eb", "powerpc64le": "powerpc:64:el",
	"riscv64": "riscv:64:hf", "riscv64c": "riscv:64:cheri:hf",
}

// AltABI is the older spelling of an ABI, "freebsd:15:x86:64" for
// "FreeBSD:15:amd64", which manifest digests cover (libpkg/pkg_abi.c:
// pkg_arch_to_legacy).
func AltABI(abi string) string {
	system, rest, _ := strings.Cut(abi, ":")
	version, arch, ok := strings.Cut(rest, ":")
	alt := strings.TrimSuffix(strings.ToLower(system)+":"+version, ":")
	if !ok {
		return alt
	}
	if elf, ok := elfTypes[arch]; ok {
		arch = elf
	}
	return alt + ":" + arch
}
