// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// A stranger has the program, the artifacts with their locks, the repository,
// and nothing else: a root directory of just these, and an empty environment.
// The build had termcap.small from an object tree, which the stranger lacks.
func TestInteropRebuildAlone(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	if err := os.MkdirAll(filepath.Join(src, "etc/termcap"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(src, "etc/termcap/termcap.small"), []byte("vt100:am:\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	root, _ := images(t, "--srcdir", src)
	if err := os.CopyFS(filepath.Join(root, "repo"), os.DirFS("sample")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"tmp", "none"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	tool(t, "go", "build", "-tags", "netgo,osusergo", "-ldflags", "-extldflags -static", "-o", filepath.Join(root, "orlop"), ".")

	var all []string
	for _, name := range define.StandardNames() {
		all = append(all, "/"+release.ArtifactName(name+".txz"))
	}
	rebuild := func(want int, result string, args ...string) {
		t.Helper()
		code, results := alone(t, root, args...)
		if code != want || len(results) == 0 || slices.ContainsFunc(results, func(r string) bool { return r != result }) {
			t.Errorf("%q: exit status %d, results %q, want %d, %q", args, code, results, want, result)
		}
	}
	rebuild(0, "reproduced", append([]string{"--repo", "/repo"}, all...)...)
	rebuild(4, "input-absent", "--repo", "/none", all[0])
	rebuild(5, "faulty", "--repo", "/repo", "--lock", strings.Replace(all[0], ".txz", ".lock.json", 1), all[1])
	damage(t, filepath.Join(root, "repo"))
	rebuild(5, "input-wrong", "--repo", "/repo", all[0])
}

// alone runs verify --rebuild inside root and returns the exit status and what
// it reports of each image.
func alone(t *testing.T, root string, args ...string) (int, []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/orlop", append([]string{"verify", "-q", "--json", "--rebuild"}, args...)...)
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	var results []string
	for dec := json.NewDecoder(&out); ; {
		var report struct{ Command, Result string }
		if err := dec.Decode(&report); err == io.EOF {
			return cmd.ProcessState.ExitCode(), results
		} else if err != nil {
			t.Fatalf("%v: %s", err, said.String())
		}
		if report.Command == "" { // else it is the last one, with the faults of the run
			results = append(results, report.Result)
		}
	}
}

// damage flips a bit of every package.
func damage(t *testing.T, repo string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(repo, "FreeBSD-*.pkg"))
	if err != nil || len(names) == 0 {
		t.Fatal("no packages in ", repo)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
