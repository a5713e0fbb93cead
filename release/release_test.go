// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
)

func TestNew(t *testing.T) {
	t.Parallel()
	const amd64 = "FreeBSD:15:amd64"
	tests := []struct{ revision, branch, abi, runtime, want, err string }{
		{"", "", amd64, "15.0", "freebsd-x:15.0-RELEASE-amd64", ""},
		{"", "", amd64, "15.0p3", "freebsd-x:15.0-RELEASE-p3-amd64", ""},
		{"", "", amd64, "15.1.rc2.20260101", "freebsd-x:15.1-RC2-amd64", ""},
		{"", "", "FreeBSD:15:aarch64", "15.0.b1.20250901", "freebsd-x:15.0-BETA1-aarch64", ""},
		{"15.0", "RELEASE", amd64, "", "freebsd-x:15.0-RELEASE-amd64", ""},
		{"15.0", "RELEASE-p5", amd64, "15.0p3", "freebsd-x:15.0-RELEASE-p5-amd64", ""},
		{"15.1", "STABLE", amd64, "15.snap20250901000000", "freebsd-x:15.1-STABLE-amd64", ""},
		{"", "", amd64, "15.snap20250901000000", "", "FreeBSD-runtime 15.snap20250901000000 does not state"},
		{"", "", amd64, "", "", "no FreeBSD-runtime in the catalogue"},
		{"15.1", "", amd64, "15.0", "", "revision 15.1 was asked for, FreeBSD-runtime 15.0 is 15.0"},
		{"15.0", "BETA1", amd64, "15.0", "", "branch BETA1 was asked for, FreeBSD-runtime 15.0 is RELEASE"},
		{"14.3", "RELEASE", amd64, "", "", "revision 14.3 was asked for, the ABI is FreeBSD:15:amd64"},
		{"15", "RELEASE", amd64, "", "", `revision "15" is not of the form 15.0`},
		{"15.0", "a/b", amd64, "", "", `branch "a/b" is not a word`},
		{"15.0", "RELEASE", "FreeBSD:15:sparc64", "", "", "OCI has no name for the architecture sparc64"},
		{"15.0", "RELEASE", "Linux", "", "", `ABI "Linux" is not of the form`},
	}
	for _, tt := range tests {
		r, err := New(tt.revision, tt.branch, tt.abi, tt.runtime)
		var usage *fault.UsageError
		switch {
		case tt.err == "" && (err != nil || "freebsd-x:"+r.Version()+"-"+r.TargetArch() != tt.want):
			t.Errorf("%+v: got %s, %v", tt, "freebsd-x:"+r.Version()+"-"+r.TargetArch(), err)
		case tt.err != "" && (!errors.As(err, &usage) || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%+v: got %v", tt, err)
		}
	}
}

func TestPlatform(t *testing.T) {
	t.Parallel()
	for arch, want := range map[string]Platform{
		"amd64": {"amd64", "", binary.LittleEndian}, "aarch64": {"arm64", "", binary.LittleEndian}, "armv7": {"arm", "v7", binary.LittleEndian}, "i386": {"386", "", binary.LittleEndian},
		"riscv64": {"riscv64", "", binary.LittleEndian}, "powerpc64": {"ppc64", "", binary.BigEndian}, "powerpc64le": {"ppc64le", "", binary.LittleEndian},
	} {
		if got, err := (Release{ABI: "FreeBSD:15:" + arch}).Platform(); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", arch, got, err, want)
		}
	}
}

// TestStandard checks that every definition is readable for each revision.
