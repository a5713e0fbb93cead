// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// What ls --mtree says of an image is what mtree(8) finds where umoci has put
// its files.
func TestInteropMtree(t *testing.T) {
	t.Parallel()
	dir, _ := images(t, "--squash")
	for _, image := range define.StandardNames() {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			mtreeFinds(t, filepath.Join(dir, release.ArtifactName(image+".txz")))
		})
	}
}

func mtreeFinds(t *testing.T, archive string) {
	t.Helper()
	var spec, said strings.Builder
	if code := run(t.Context(), []string{"orlop", "ls", "--mtree", archive}, &spec, &said, os.LookupEnv); code != 0 {
		t.Fatalf("status %d\n%s", code, said.String())
	}
	work := t.TempDir()
	name, root := filepath.Join(work, "mtree"), filepath.Join(work, "root")
	if err := os.WriteFile(name, []byte(spec.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "skopeo", "copy", "-q", "--preserve-digests", "oci-archive:"+archive, "oci:"+work+"/layout:t")
	tool(t, "umoci", "raw", "unpack", "--image", work+"/layout:t", root)
	// Linux gives links the mode 0777.
	onLink := regexp.MustCompile(`(?m)^.+:\s+permissions \(0755, 0777\)\n`)
	mtree := func() (links int, rest string) {
		out, err := exec.CommandContext(t.Context(), "mtree", "-f", name, "-p", root, "-N", filepath.Join(root, "etc")).Output()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return len(onLink.FindAllString(string(out), -1)), onLink.ReplaceAllString(string(out), "")
	}
	links := strings.Count(spec.String(), "type=link")
	if n, rest := mtree(); n != links || links == 0 || rest != "" {
		t.Errorf("modes of %d links, want %d; and found\n%s", n, links, rest)
	}
	if err := os.WriteFile(filepath.Join(root, "var/run/os-release"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, rest := mtree(); !strings.Contains(rest, "var/run/os-release:") {
		t.Errorf("after a change it found\n%s", rest)
	}
}
