// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"strings"
	"testing"
)

// TestInteropTuesday follows the whole page, with a registry on this machine in the
// place of the one that nobody has.
func TestInteropTuesday(t *testing.T) {
	address := dockerRegistry(t)
	dir := beforeTheNotice(t)
	for _, c := range tuesday(t) {
		if strings.Contains(c, registryName) { // a registry on this machine has no certificate
			words := strings.Fields(c)
			c = strings.Replace(c, "orlop "+words[1], "orlop "+words[1]+" --plain-http", 1)
		}
		follow(t, dir, strings.ReplaceAll(c, registryName, address))
	}
	tags := tool(t, "skopeo", "list-tags", "--tls-verify=false", "docker://"+address+"/freebsd-runtime")
	digest := tool(t, "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://"+address+"/freebsd-runtime:15")
	if !strings.Contains(manifestOf(t, dir, "published"), strings.TrimSpace(digest)) || !strings.Contains(tags, "15.0p4") {
		t.Errorf("15 is %s in the end, of %s", digest, tags)
	}
}
