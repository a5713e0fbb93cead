// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// worker is what rebuilderd-worker does with a backend (worker/src/rebuild.rs):
// it downloads artifacts and the build's input into one folder, runs the
// backend with the path of the input, and compares what is then in the folder
// for results with the artifacts, by name.
type worker struct {
	inputs, out string
	env         []string
}

// published is an image of the sample under the name that a mirror gives it.
const published = "FreeBSD-15.0-RELEASE-p3-amd64-container-image-dynamic"

func newWorker(t *testing.T) *worker {
	t.Helper()
	dir := t.TempDir()
	w := &worker{inputs: filepath.Join(dir, "inputs"), out: filepath.Join(dir, "out")}
	for _, d := range []string{w.inputs, w.out} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	repo := filepath.Join(dir, "repo")
	if err := os.CopyFS(repo, os.DirFS("../cmd/orlop/sample")); err != nil {
		t.Fatal(err)
	}
	// As in a release build, whose object tree the worker does not have.
	termcap := filepath.Join(dir, "src", "etc", "termcap")
	if err := os.MkdirAll(termcap, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(termcap, "termcap.small"), "vt100:am:\n")
	cmd := exec.Command(orlop, "build", "-q", "--srcdir", filepath.Join(dir, "src"), "--repo", repo, "--exceptions", filepath.Join(repo, "exceptions.ucl"), "-o", dir, "dynamic")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, end := range []string{".txz", ".lock.json"} {
		if err := os.Rename(filepath.Join(dir, "container-image-dynamic"+end), filepath.Join(w.inputs, published+end)); err != nil {
			t.Fatal(err)
		}
	}
	w.env = []string{"PATH=" + os.Getenv("PATH"), "REBUILDERD_OUTDIR=" + w.out, "ORLOP=" + orlop, "ORLOP_FLAGS=--repo " + repo + " --cache " + filepath.Join(dir, "store")}
	return w
}

// rebuild runs the backend and returns the verdict: GOOD, BAD where there is
// another result, or the backend's exit status and what it said where there is
// none.
func (w *worker) rebuild(t *testing.T, input string) string {
	t.Helper()
	script, err := filepath.Abs("rebuilderd-backend.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dash", script, filepath.Join(w.inputs, input))
	cmd.Env, cmd.Dir = w.env, t.TempDir()
	said, err := cmd.CombinedOutput()
	left := names(contents(t, w.out))
	if err != nil {
		if len(left) != 0 {
			t.Errorf("a failure left %q", left)
		}
		return err.Error() + ": " + string(said)
	}
	if want := []string{published + ".txz"}; !slices.Equal(left, want) {
		t.Errorf("it made %q, want %q: %s", left, want, said)
	}
	got, want := read(t, filepath.Join(w.out, published+".txz")), read(t, filepath.Join(w.inputs, published+".txz"))
	os.Remove(filepath.Join(w.out, published+".txz"))
	if got == want {
		return "GOOD"
	}
	return "BAD"
}

func TestInteropRebuilderd(t *testing.T) {
	t.Parallel()
	flip := func(name string) func(*testing.T, *worker) {
		return func(t *testing.T, w *worker) {
			b := []byte(read(t, filepath.Join(w.inputs, name)))
			b[len(b)/2] ^= 1
			write(t, filepath.Join(w.inputs, name), string(b))
		}
	}
	remove := func(name string) func(*testing.T, *worker) {
		return func(t *testing.T, w *worker) {
			if err := os.Remove(filepath.Join(w.inputs, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	set := func(env ...string) func(*testing.T, *worker) {
		return func(_ *testing.T, w *worker) { w.env = append(w.env, env...) }
	}
	const archive, lock = published + ".txz", published + ".lock.json"
	for _, tt := range []struct {
		name, input string
		change      func(*testing.T, *worker)
		want        string // how the verdict begins
		says        string
	}{
		{"the lock is the input", lock, set(), "GOOD", ""},
		{"the archive is the input", archive, set(), "GOOD", ""},
		{"a damaged archive", lock, flip(archive), "exit status 4", "/etc/termcap.small: found none"},
		{"another archive", lock, func(t *testing.T, w *worker) {
			flip(archive)(t, w)
			dir := filepath.Dir(w.inputs)
			w.env = append(w.env, "ORLOP_FLAGS=--repo "+filepath.Join(dir, "repo")+" --srcdir "+filepath.Join(dir, "src")+" --cache "+t.TempDir())
		}, "BAD", ""},
		{"another lock", lock, func(t *testing.T, w *worker) {
			name := filepath.Join(w.inputs, lock)
			write(t, name, regexp.MustCompile(`("sum": "2\$).`).ReplaceAllString(read(t, name), "${1}y"))
		}, "exit status 5", "FreeBSD-zoneinfo-15.0"},
		{"no lock", archive, remove(lock), "exit status 2", lock + ": no such file"},
		{"no packages", lock, set("ORLOP_FLAGS=--repo /nonexistent"), "exit status 4", "/nonexistent"},
		{"no orlop", lock, set("ORLOP=/nonexistent/orlop"), "exit status 2", "/nonexistent/orlop is not installed; see ORLOP"},
		{"no folder for results", lock, set("REBUILDERD_OUTDIR="), "exit status 2", "REBUILDERD_OUTDIR is not set"},
		{"something else", "other.iso", func(t *testing.T, w *worker) { write(t, filepath.Join(w.inputs, "other.iso"), "x") },
			"exit status 2", "wanted the name of a lock"},
		{"damaged packages", lock, func(t *testing.T, w *worker) {
			repo := filepath.Join(filepath.Dir(w.inputs), "repo")
			b := []byte(read(t, filepath.Join(repo, "FreeBSD-clibs-15.0p3.pkg")))
			b[len(b)/2] ^= 1
			write(t, filepath.Join(repo, "FreeBSD-clibs-15.0p3.pkg"), string(b))
			w.env = append(w.env, "ORLOP_FLAGS=--repo "+repo+" --cache "+t.TempDir())
		}, "exit status 5", "FreeBSD-clibs-15.0p3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorker(t)
			tt.change(t, w)
			before := contents(t, w.inputs)
			if got := w.rebuild(t, tt.input); !strings.HasPrefix(got, tt.want) || !strings.Contains(got, tt.says) {
				t.Errorf("got %q, want %q and %q", got, tt.want, tt.says)
			} else if _, said, failed := strings.Cut(got, ": "); failed && tt.want == "exit status 2" && strings.Count(said, "\n") != 1 {
				t.Errorf("it said %q, want one line", said)
			}
			if !maps.Equal(before, contents(t, w.inputs)) {
				t.Error("the inputs have changed")
			}
		})
	}
}
