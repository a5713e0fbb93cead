// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foreignCases is where archives of other tools are, which are too large for
// testdata. Their kinds have tests of their own, in oci, layer and here.
const foreignCases = "../../../shared/cases/oci"

// TestForeignArchives gives the program archives that other tools have made, or
// that are known from reports of their users.
func TestForeignArchives(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(foreignCases); err != nil {
		t.Logf("%s is not here", foreignCases)
		return
	}
	for _, tt := range []struct {
		file   string
		verify int
		words  string // that verify says
		ls     int
		shown  string // by ls --files
	}{
		{"01-owner-names/named.tar", 0, "", 0, "/usr/f"},
		{"01-owner-names/numbers.tar", 0, "", 0, "0:0 1 /usr/f"},
		{"01-owner-names/podman-build-from-runtime.tar", 0, "", 0, "/bin/sh"},
		{"02-types/buildah-commit-fifo.tar", exitWrong, "/usr/share/zoneinfo/UTC: file is absent, wanted one, as the pkg database has it", 0, "prw-r--r-- 0:0 0 /tmp/fifo"},
		{"02-types/dev.tar", 0, "", 0, "crw-rw-rw- root:wheel 1,3 /dev/null"},
		{"02-types/dotslashdot.tar", 0, "", 0, "/etc/x"},
		{"02-types/hardabs.tar", 0, "", 0, "/etc/h link to /etc/x"},
		{"02-types/usrmerge.tar", 0, "", 0, "/usr/lib/foo"},
		{"03-unsupported-is-5/buildx-attest.tar", 0, "attestation manifest sha256:e86199e45ad29345cd6570fc8d74e0c65193f138f4cc5291f8e72ba4d9a138b0 was skipped", 0, "/etc/passwd"},
		{"03-unsupported-is-5/dockerlayertypes.tar", exitFailed, `layer 1: media type "application/vnd.docker.image.rootfs.diff.tar.gzip" is not supported`, exitFailed, ""},
		{"03-unsupported-is-5/foreign.tar", exitFailed, `layer 1: media type "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" is not supported`, exitFailed, ""},
		{"03-unsupported-is-5/twotags.tar", 0, `the image also has the name "latest"`, 0, "/etc/passwd"},
		{"03-unsupported-is-5/v2s2-in-layout.tar", exitFailed, `manifest: type of its descriptor is "application/vnd.docker.distribution.manifest.v2+json", which this version does not read`, exitFailed, ""},
		{"03-unsupported-is-5/zstd-long.tar", exitFailed, "layer 1: zstd's window is larger than 134217728 bytes", exitFailed, ""},
		{"08-copies/containerd-export.tar", 0, "the layout around the image is not the one that orlop writes: index.json", 0, "/etc/passwd"},
		{"08-copies/docker-save-25-form.tar", 0, "manifest.json is in the archive, but nothing refers to it", 0, "/etc/passwd"},
		{"08-copies/lay.tar", 0, "the layout around the image is not the one that orlop writes: index.json and oci-layout", 0, "/bin/sh"},
		{"09-ambiguous/both-manifests-layers.tar", exitWrong, `manifest: has "manifests", by which others take it for another kind of document (CVE-2021-41190)`, exitWrong, ""},
		{"09-ambiguous/dupkeys.tar", exitWrong, `manifest: has "layers" twice`, exitWrong, ""},
		{"10-cut-tar/midblock.tar", exitWrong, "layer 1: ends inside a block of 512 bytes, after 3996 bytes, after entry 5, etc/master.passwd", exitWrong, ""},
		{"12-messages/badempty.tar", exitWrong, "layer 1: entry 6: has no name", exitWrong, "/etc/passwd"},
		{"12-messages/gzip-labelled-plain.tar", exitWrong, "layer 1: is packed with gzip, wanted a plain tar file, as its media type has it", exitWrong, ""},
		{"12-messages/ok.tar.bz2", exitFailed, "is packed with bzip2, wanted a tar file, plain or packed with gzip, xz or zstd", exitFailed, ""},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(foreignCases, filepath.FromSlash(tt.file))
			status, said := orlop(t, "verify", file)
			if status != tt.verify || tt.words != "" && !strings.Contains(said, "orlop: "+file+": ") || !strings.Contains(said, tt.words) {
				t.Errorf("verify: status %d, wanted %d; said %s\nwanted %s", status, tt.verify, said, tt.words)
			}
			status, listed, said := capture(t, "ls", "--files", file)
			if status != tt.ls || !strings.Contains(listed, tt.shown) || tt.ls != 0 && !strings.Contains(said, "orlop: "+file+": "+tt.words) {
				t.Errorf("ls: status %d, wanted %d; said %s\nlisted %s\nwanted %s", status, tt.ls, said, listed, tt.shown)
			}
			if status, listed, _ := capture(t, "diff", file, file); (status == 0) != (tt.ls == 0) || listed != "" {
				t.Errorf("diff with itself: status %d, listed %s", status, listed)
			}
		})
	}
}

// capture runs the program and returns both of its outputs.
func capture(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	status = run(t.Context(), append([]string{"orlop"}, args...), &out, &err, func(string) (string, bool) { return "", false })
	return status, out.String(), err.String()
}
