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
	root, spec := umociRoot(t, archive)
	// Linux gives links the mode 0777.
	onLink := regexp.MustCompile(`(?m)^.+:\s+permissions \(0755, 0777\)\n`)
	mtree := func() (links int, rest string) {
		found := mtreeSays(t, root, spec)
		return len(onLink.FindAllString(found, -1)), onLink.ReplaceAllString(found, "")
	}
	links := strings.Count(spec, "type=link")
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

// umociRoot is where umoci puts the files of an image, and what ls --mtree says of it.
func umociRoot(t *testing.T, archive string) (root, spec string) {
	t.Helper()
	work := t.TempDir()
	root = filepath.Join(work, "root")
	tool(t, "skopeo", "copy", "-q", "--preserve-digests", "oci-archive:"+archive, "oci:"+work+"/layout:t")
	tool(t, "umoci", "raw", "unpack", "--image", work+"/layout:t", root)
	return root, succeeds(t, "ls", "--mtree", archive)
}

// mtreeSays is what mtree(8) finds in a root that is not as a text says.
func mtreeSays(t *testing.T, root, spec string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "mtree", "-p", root, "-N", filepath.Join(root, "etc"))
	cmd.Stdin = strings.NewReader(spec)
	out, err := cmd.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}
