// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
)

// told builds, and returns what the user is told besides: the hooks and their steps in
// their order, with the notices. The packages, which are fetched and written in any
// order, are counted, and what is said meanwhile is sorted.
func told(t *testing.T, cfg hooks.Config) (results []any, lines []string) {
	t.Helper()
	var mu sync.Mutex
	var fetching []string
	fetched := 0
	cfg.Observe = func(e event.Event) {
		mu.Lock()
		defer mu.Unlock()
		line := fmt.Sprintf("%s %s %d of %d", e.Hook, e.Name, e.Done, e.Total)
		if e.Notice != "" {
			line = fmt.Sprintf("%d %s: %s", e.Weight, e.Kind, e.Notice)
		}
		switch {
		case e.Hook == "fetch" && e.Name != "":
			fetched++
		case e.Hook == "layer" && e.Name != "":
		case len(lines) > 0 && lines[len(lines)-1] == "fetch  0 of 0" && e.Notice != "":
			fetching = append(fetching, line)
		case e.Hook == "install" && e.Name == "":
			slices.Sort(fetching)
			lines = append(append(lines, fmt.Sprint(fetched, " packages")), fetching...)
			lines = append(lines, line)
		default:
			lines = append(lines, line)
		}
	}
	return outcome(t, cfg), lines
}

// noisy is a build that has something to say in each hook.
func noisy(t *testing.T) hooks.Config {
	cfg := knownConfig(t, nil, func(list []pkgtest.Package) {
		list[1].Files[0].Flags = "nodump"
		list[1].Keys["scripts"] = map[string]string{"post-install": "strange", "odd-phase": "x"}
		list[1].Keys["users"] = []string{"somebody"}
	})
	def := *cfg.Custom
	def.Files = append(slices.Clone(def.Files), define.File{Taken: define.Taken{Path: "/usr/gone", From: []string{"lender"}}, Target: "/etc/gone", Optional: true})
	cfg.Custom, cfg.SkipScripts = &def, true
	cfg.Exceptions.Missing = append(slices.Clone(cfg.Exceptions.Missing), define.Exception{Pattern: "unused", Reason: "none"})
	return cfg
}

// TestKnown builds images and finds them known: with the same results, by the same
// hooks, and with all that the first build had to say.
func TestKnown(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]hooks.Config{"FreeBSD's": config(t, sampleRepo, "runtime", "static"), "noisy": noisy(t)} {
		for _, squash := range []bool{false, true} {
			cfg.Squash = squash
			cached(&cfg, &store.Store{Dir: t.TempDir() + "/store"})
			first, said := told(t, cfg)
			for _, want := range []string{"ignored in its manifest", "script is skipped", `"somebody" is not in the image`, "is left out", "knows the file flag", "no longer applies"} {
				if name == "noisy" && !strings.Contains(strings.Join(said, "\n"), want) {
					t.Errorf("the first build does not say %q:\n%s", want, strings.Join(said, "\n"))
				}
			}
			kept := onlyKnown(t, cfg)
			again, repeated := told(t, cfg)
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("%s, squash %v: results (-first +again)\n%s", name, squash, diff)
			}
			if diff := cmp.Diff(said, repeated); diff != "" {
				t.Errorf("%s, squash %v: said (-first +again)\n%s", name, squash, diff)
			}
			if diff := cmp.Diff(kept, notesIn(t, repos(cfg).Store)); diff != "" {
				t.Errorf("%s, squash %v: the second build was not known (-before +after)\n%s", name, squash, diff)
			}
		}
	}
}

// TestKnownPackages changes a package of the repository, or removes it, after a build:
// its bytes are checked as if nothing were known.
func TestKnownPackages(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(path string) error{
		"damaged": func(path string) error {
			text, err := os.ReadFile(path)
			if err == nil {
				text[len(text)/2] ^= 1
				err = os.WriteFile(path, text, 0o666)
			}
			return err
		},
		"shorter": func(path string) error { return os.Truncate(path, 10) },
		"gone":    os.Remove,
	} {
		for _, name := range []string{"dep", "lender"} {
			st := &store.Store{Dir: t.TempDir() + "/store"}
			cfg := knownConfig(t, st, nil)
			onlyKnown(t, cfg)
			found, err := filepath.Glob(filepath.Join(repos(cfg).Repos[0].URL, name+"-*.pkg"))
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			if err := change(found[0]); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprint(outcome(t, without(cfg))...)
			if got := fmt.Sprint(outcome(t, cfg)...); got != want || !strings.Contains(got, name+"-1.0") {
				t.Errorf("%s is %s: got %s, want %s", name, what, got, want)
			}
		}
	}
}

// TestKnownLayers has the layers of a known build gone, damaged, or no files: they are
// made again.
func TestKnownLayers(t *testing.T) {
	t.Parallel()
	want := outcome(t, without(knownConfig(t, nil, nil)))
	for what, change := range map[string]func(path string) error{
		"gone":     os.Remove,
		"empty":    func(path string) error { return os.Truncate(path, 0) },
		"a folder": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o777)) },
		"another": func(path string) error {
			text, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path, append(text[:len(text)-1], text[len(text)-1]^1), 0o666))
		},
	} {
		st := &store.Store{Dir: t.TempDir() + "/store"}
		onlyKnown(t, knownConfig(t, st, nil))
		layers, err := filepath.Glob(st.Dir + "/layers/*")
		if err != nil || len(layers) != 2 {
			t.Fatal(layers, err)
		}
		text := read(t, layers[0])
		if err := change(layers[0]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, outcome(t, knownConfig(t, st, nil))); diff != "" {
			t.Errorf("a layer is %s: (-want +got)\n%s", what, diff)
		}
		if info, err := os.Stat(layers[0]); err != nil || !info.Mode().IsRegular() || !bytes.Equal(read(t, layers[0]), text) {
			t.Errorf("a layer was %s, and is not there again: %v", what, err)
		}
	}
}

// TestKnownStopped stops a build when all is made but not published, and has another
// one fail then: neither leaves a note.
func TestKnownStopped(t *testing.T) {
	t.Parallel()
	st := &store.Store{Dir: t.TempDir() + "/store"}
	ctx, stop := context.WithCancel(t.Context())
	stopped := knownConfig(t, st, nil)
	stopped.Observe = func(e event.Event) {
		if e.Hook == "publish" {
			stop()
		}
	}
	if _, err := hooks.Build(ctx, stopped); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	failed := knownConfig(t, st, nil)
	failed.Observe = func(e event.Event) {
		if e.Hook == "publish" { // something else is now where the image belongs
			if err := os.MkdirAll(filepath.Join(failed.OutDir, "container-image-high.lock.json", "x"), 0o777); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := hooks.Build(t.Context(), failed); err == nil {
		t.Fatal("the output could be written")
	}
	before := notesIn(t, st)
	digestOf(t, knownConfig(t, st, nil))
	if after := notesIn(t, st); len(after) != len(before)+1 {
		t.Errorf("after the first build that ends well there are %d notes, before it %d; wanted one more", len(after), len(before))
	}
}

// TestKnownNot changes what has no sum, after builds that could leave a note of it: a
// source tree.
func TestKnownNot(t *testing.T) {
	t.Parallel()
	st := &store.Store{Dir: t.TempDir() + "/store"}
	src := t.TempDir()
	if err := os.MkdirAll(filepath.Join(src, "etc"), 0o777); err != nil {
		t.Fatal(err)
	}
	with := func(st *store.Store, text string) hooks.Config {
		cfg := knownConfig(t, st, nil)
		def := *cfg.Custom
		def.Files = []define.File{{Taken: define.Taken{Path: "/etc/x", Source: "etc/x"}, Target: "/etc/x", Mode: 0o644}}
		cfg.Custom, repos(cfg).Tree = &def, input.Tree{SrcDir: src}
		if err := os.WriteFile(filepath.Join(src, "etc/x"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	for _, text := range []string{"one", "one", "two"} {
		got, want := outcome(t, with(st, text)), outcome(t, without(with(nil, text)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with %q in the source tree: (-without a store +with one)\n%s", text, diff)
		}
	}
}
