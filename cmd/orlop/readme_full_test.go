// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/registry/registrytest"
)

// beyondTheClone are commands of the README that need more than a clone, and
// what that is.
var beyondTheClone = map[string]string{
	"go test ./...": "this runs in it",
	"podman load -i images/container-image-hello.txz && podman run --rm localhost/hello:1.0-amd64":                  "FreeBSD",
	"podman load -i images/container-image-runtime.txz":                                                             "podman, as in TestInteropPodman",
	"podman load -i images/container-image-runtime.txz   # then: FROM localhost/freebsd-runtime:15.0-RELEASE-amd64": "podman, as in TestInteropPodman",
	"podman pull docker.io/freebsd/freebsd-runtime:15.0  # then: FROM docker.io/freebsd/freebsd-runtime:15.0":       "the network, else as in TestInteropPush",
	`make -C /usr/src/release -f /usr/local/share/orlop/release.mk oci-index oci-sign oci-push WITH_OCIIMAGES=yes OCI_INDEX_DIRS="/R/amd64/ociimages /R/arm64/ociimages" OCI_REGISTRY=registry.example.org/freebsd OCI_SIGN_KEY=/root/cosign.key`: "a FreeBSD source tree",
	"cosign verify --key images/key.pub --insecure-ignore-tlog=true docker.io/freebsd/freebsd-runtime:15.0":                                                                                                                                       "the network, else as in TestInteropSigned",
	"./orlop build --abi FreeBSD:15:amd64 --revision 15.0 -o images static dynamic runtime":                                                                                                                                                       "the network",
	"scripts/install.sh /usr/local": "a folder outside, as in TestInteropInstallSh",
	"make -C /usr/src/release -f /usr/local/share/orlop/release.mk release WITH_OCIIMAGES=yes":                     "a FreeBSD source tree",
	"make -C /usr/src/release -f /usr/local/share/orlop/release.mk install WITH_OCIIMAGES=yes DESTDIR=/R":          "a FreeBSD source tree",
	"make -C /usr/src/release -f /usr/local/share/orlop/mirrors.mk ftp-stage WITH_OCIIMAGES=yes RELEASEDIR=/R":     "a FreeBSD source tree",
	"./orlop build --repo 'repos/${ABI}' --abi FreeBSD:15:amd64 --abi FreeBSD:15:aarch64 -o images static dynamic": "a repository for aarch64",
	"./orlop build --root DIR --metalog METALOG --srcdir /usr/src -o images runtime":                               "a root that pkg filled",
}

// TestREADME runs the commands of the README in a fresh clone, one after the
// other. None warns, and none leaves a file there that git would ask about.
func TestREADME(t *testing.T) {
	t.Parallel()
	clone := freshClone(t)
	registry := registrytest.New(t, registrytest.Profile{}).Host()
	ran, listed := 0, 0
	for _, c := range readmeCommands(t) {
		if beyondTheClone[c.line] != "" {
			listed++
			continue
		}
		ran++
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(c.line, "127.0.0.1:5000", registry))
		var stdout, stderr bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = clone, &stdout, &stderr
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(t.TempDir(), "cache"), "GOCACHE="+goEnv(t, "GOCACHE"))
		want := 0
		if strings.HasPrefix(c.line, "./orlop diff ") && !strings.Contains(c.line, "docker://") {
			want = 1 // two images
		}
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want || c.output != "" && stdout.String() != c.output {
			t.Errorf("%s: status %d, wanted %d\n%s%s", c.line, got, want, stdout.String(), stderr.String())
		}
		for line := range strings.Lines(stderr.String()) {
			if !told(c.line, line) {
				t.Errorf("%s: says %s", c.line, line)
			}
		}
		if left := git(t, clone, "ls-files", "--others", "--exclude-standard") + git(t, clone, "diff", "--name-only"); left != "" {
			t.Fatalf("%s: leaves %s", c.line, left)
		}
	}
	if ran < 20 || listed != len(beyondTheClone) {
		t.Errorf("%d commands ran, %d need more than a clone; wanted 20 or more, and %d", ran, listed, len(beyondTheClone))
	}
}

// told reports whether a command of the README may say so on stderr: where it is
// in its work, and what the README itself says that it says.
func told(command, line string) bool {
	line = strings.TrimPrefix(strings.TrimSpace(line), "orlop: ")
	switch {
	case !strings.Contains(line, " "): // a hook
		return true
	case strings.Contains(command, " --offline "):
		return strings.HasPrefix(line, "image runtime: unvouched: ")
	case strings.Contains(command, " verify ") && strings.Contains(command, " --key "):
		return strings.Contains(line, ": signed by ") || strings.HasSuffix(line, ": no signature")
	case strings.Contains(command, " diff "):
		return strings.HasPrefix(line, "the layouts around the images differ: ")
	}
	return false
}

// readmeCommand is a line of the README that is to be typed, and what it prints, ""
// where the README does not say.
type readmeCommand struct{ line, output string }

// readmeCommands are the lines between fences; a text up to EOT belongs to the line that
// reads it. Where some lines begin with a prompt, those without are what was printed.
func readmeCommands(t *testing.T) []readmeCommand {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []readmeCommand
	for i, block := range strings.Split(string(text), "\n```\n") {
		if i%2 == 0 || strings.Contains(block, "─►") { // the way of the data
			continue
		}
		prompts := strings.HasPrefix(block, "$ ")
		text := false
		for line := range strings.SplitSeq(block, "\n") {
			if text {
				list[len(list)-1].line += "\n" + line
				text = line != "EOT"
				continue
			}
			text = strings.HasSuffix(line, "<<'EOT'")
			command, typed := strings.CutPrefix(line, "$ ")
			if prompts && !typed {
				list[len(list)-1].output += line + "\n"
				continue
			}
			list = append(list, readmeCommand{line: command})
		}
	}
	return list
}

// freshClone copies what git knows of, and puts beside it the files that the
// README's reader brings.
func freshClone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for file := range strings.SplitSeq(strings.TrimSuffix(git(t, "../..", "ls-files", "-z"), "\x00"), "\x00") {
		info, err := os.Stat("../../" + file)
		var text []byte
		if err == nil {
			text, err = os.ReadFile("../../" + file)
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o777)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), text, info.Mode().Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := os.ReadFile(filepath.Join(operandFiles(t), "db"))
	if err == nil {
		db[95]++ // as if another program had written it
		err = os.WriteFile(filepath.Join(dir, "local.sqlite"), db, 0o644)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "my.ucl"), []byte("image my-image { packages = [ FreeBSD-zoneinfo ] }\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", "-A")
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
