// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInteropTuesday follows the whole page, with a registry on this machine in the
// place of the one that nobody has.
func TestInteropTuesday(t *testing.T) {
	t.Setenv("REGISTRY_STORAGE_DELETE_ENABLED", "true")
	address := dockerRegistry(t)
	dir := beforeTheNotice(t)
	conf := filepath.Join(dir, "registries.conf")
	text := fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", address)
	err := os.WriteFile(conf, []byte(text), 0o600)
	if err == nil {
		var skopeo string
		skopeo, err = exec.LookPath("skopeo")
		text = fmt.Sprintf("#!/bin/sh\nexec %s --registries-conf %s \"$@\"\n", skopeo, conf)
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "bin/skopeo"), []byte(text), 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range tuesday(t) {
		follow(t, dir, strings.ReplaceAll(c, registryName, address))
	}
	tags := tool(t, "skopeo", "list-tags", "--tls-verify=false", "docker://"+address+"/freebsd-runtime")
	digest := tool(t, "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://"+address+"/freebsd-runtime:15")
	if !strings.Contains(manifestOf(t, dir, "published"), strings.TrimSpace(digest)) || strings.Contains(tags, "15.0p4") {
		t.Errorf("15 is %s in the end, of %s", digest, tags)
	}
}
