// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The names are those of download.FreeBSD.org, and of the registries.
func TestNames(t *testing.T) {
	t.Parallel()
	amd64 := Names{Type: "FreeBSD", Revision: "15.0", Branch: "RELEASE", Target: "amd64", TargetArch: "amd64"}
	arm64 := Names{Type: "FreeBSD", Revision: "15.0", Branch: "RELEASE", Target: "arm64", TargetArch: "aarch64"}
	patched := Names{Type: "FreeBSD", Revision: "14.3", Branch: "RELEASE-p2", Target: "riscv", TargetArch: "riscv64"}
	candidate := Names{Type: "FreeBSD", Revision: "15.1", Branch: "RC2", Target: "powerpc", TargetArch: "powerpc64le", BuildDate: "20260101"}
	current := Names{"FreeBSD", "16.0", "CURRENT", "amd64", "amd64", "20251120", "a1b2c3d4e5f6", "281934"}
	alpha := Names{"FreeBSD", "15.0", "ALPHA4", "arm64", "aarch64", "20250905", "0123456789ab", "280002"}
	for _, tt := range []struct {
		n                                        Names
		snapshot                                 bool
		osrelease, artifact, latest, dir, sumsIn string
	}{
		{amd64, false, "FreeBSD-15.0-RELEASE-amd64", "FreeBSD-15.0-RELEASE-amd64-container-image-runtime.txz",
			"FreeBSD-15.0-RELEASE-amd64-container-image-runtime.txz", "releases/OCI-IMAGES/15.0-RELEASE/amd64/Latest", "CHECKSUM.SHA512"},
		{arm64, false, "FreeBSD-15.0-RELEASE-arm64-aarch64", "FreeBSD-15.0-RELEASE-arm64-aarch64-container-image-runtime.txz",
			"FreeBSD-15.0-RELEASE-arm64-aarch64-container-image-runtime.txz", "releases/OCI-IMAGES/15.0-RELEASE/aarch64/Latest", "CHECKSUM.SHA512"},
		{patched, false, "FreeBSD-14.3-RELEASE-p2-riscv-riscv64", "FreeBSD-14.3-RELEASE-p2-riscv-riscv64-container-image-runtime.txz",
			"FreeBSD-14.3-RELEASE-p2-riscv-riscv64-container-image-runtime.txz", "releases/OCI-IMAGES/14.3-RELEASE-p2/riscv64/Latest", "CHECKSUM.SHA512"},
		{candidate, false, "FreeBSD-15.1-RC2-powerpc-powerpc64le", "FreeBSD-15.1-RC2-powerpc-powerpc64le-container-image-runtime.txz",
			"FreeBSD-15.1-RC2-powerpc-powerpc64le-container-image-runtime.txz", "releases/OCI-IMAGES/15.1-RC2/powerpc64le/Latest", "CHECKSUM.SHA512"},
		{current, true, "FreeBSD-16.0-CURRENT-amd64", "FreeBSD-16.0-CURRENT-amd64-container-image-20251120-a1b2c3d4e5f6-281934-runtime.txz",
			"FreeBSD-16.0-CURRENT-amd64-container-image-runtime.txz", "snapshots/OCI-IMAGES/16.0-CURRENT/amd64/20251120",
			"CHECKSUM.SHA512-20251120-a1b2c3d4e5f6-281934"},
		{alpha, true, "FreeBSD-15.0-ALPHA4-arm64-aarch64", "FreeBSD-15.0-ALPHA4-arm64-aarch64-container-image-20250905-0123456789ab-280002-runtime.txz",
			"FreeBSD-15.0-ALPHA4-arm64-aarch64-container-image-runtime.txz", "snapshots/OCI-IMAGES/15.0-ALPHA4/aarch64/20250905",
			"CHECKSUM.SHA512-20250905-0123456789ab-280002"},
	} {
		got := []string{tt.n.OSRelease(), tt.n.Artifact("runtime.txz"), tt.n.Latest("runtime.txz"), tt.n.Folder(), tt.n.Checksum("SHA512")}
		if want := []string{tt.osrelease, tt.artifact, tt.latest, tt.dir, tt.sumsIn}; !slices.Equal(got, want) || tt.n.Snapshot() != tt.snapshot {
			t.Errorf("%+v: got %q, %t, want %q", tt.n, got, tt.n.Snapshot(), want)
		}
	}
	if got, want := arm64.Artifact("MANIFESTS"), "FreeBSD-15.0-RELEASE-arm64-aarch64-container-image-MANIFESTS"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"14.4": "14.4 14", "14.4p1": "14.4p1 14", "16.snap20260325035941": "16.snap20260325035941 16.snap",
		"15.1.b2.20260401120000": "15.1.b2.20260401120000", "15.1.rc1.20260501120000": "15.1.rc1.20260501120000", "odd": "odd",
	} {
		if got := strings.Join(Tags(version), " "); got != want {
			t.Errorf("%s: got %q, want %q", version, got, want)
		}
	}
}

func TestManifestLine(t *testing.T) {
	t.Parallel()
	r := Release{"15.0", "RELEASE-p3", "FreeBSD:15:aarch64"}
	for _, tt := range []struct {
		img  Image
		want string
	}{
		{Image{Name: "static", FreeBSD: true}, "freebsd-static:15.0-RELEASE-p3-aarch64"},
		{Image{Name: "static", FreeBSD: true, Tags: []string{"1"}}, "freebsd-static:15.0-RELEASE-p3-aarch64"},
		{Image{Name: "static"}, "static:15.0-RELEASE-p3-aarch64"},
		{Image{Name: "web", Tags: []string{"1.27", "latest"}}, "web:1.27-aarch64"},
	} {
		if got, want := ManifestLine(r.RefName(tt.img), "abc"), "SHA256 ("+tt.want+") = abc"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestReadNewvers(t *testing.T) {
	t.Parallel()
	const text = "#!/bin/sh\nTYPE=\"FreeBSD\"\nREVISION=\"15.0\"\nBRANCH=\"RELEASE-p3\"\n" +
		"if [ -n \"${BRANCH_OVERRIDE}\" ]; then\n\tBRANCH=${BRANCH_OVERRIDE}\nfi\nRELEASE=\"${REVISION}-${BRANCH}\"\n"
	v, err := ReadNewvers("newvers.sh", []byte(text))
	if want := (Newvers{"FreeBSD", "15.0", "RELEASE-p3"}); err != nil || v != want {
		t.Errorf("got %+v, %v, want %+v", v, err, want)
	}
	if _, err := ReadNewvers("newvers.sh", []byte("TYPE=FreeBSD\nREVISION=15.0\n")); err == nil || !strings.Contains(err.Error(), `newvers.sh: no line BRANCH=`) {
		t.Errorf("without a branch: got %v", err)
	}
	own, err := os.ReadFile("testdata/newvers.sh") // of FreeBSD 15.0
	if err != nil {
		t.Fatal(err)
	}
	if v, err := ReadNewvers("newvers.sh", own); err != nil || v != (Newvers{"FreeBSD", "15.0", "RELEASE"}) {
		t.Errorf("FreeBSD's own: got %+v, %v", v, err)
	}
}
