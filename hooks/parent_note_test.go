// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
)

// upper is an image of ours on runtime, with a layer that has another file of /etc, and
// removes and replaces some of the lower one's.
func upper(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	pkgtest.WriteRepo(dir, pkgtest.Package{Name: "low", Files: []pkgtest.File{{Path: "/etc/motd", Body: "low"}, {Path: "/bin/low", Body: "#!/bin/sh\n"},
		{Path: "/bin/name", HardLink: "/bin/low"}, {Path: "/usr/gone", Body: "gone"}}}, pkgtest.Package{Name: "high", Files: []pkgtest.File{{Path: "/etc/other", Body: "high"}}})
	cfg := config(t, dir, "high")
	cfg.Exceptions = anything
	cfg.ImageFiles = []string{write(t, "image low { packages = [ low ] }\nimage high { parent = low; packages = [ high ]; remove = [ /usr/gone ] }")}
	if _, err := hooks.Build(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cfg.OutDir, "container-image-high")
}

// noteParents are parents of every form, with what else a build on them needs.
func noteParents(t *testing.T) map[string]func(cfg *hooks.Config) {
	below := runtime(t)
	zstd := config(t, sampleRepo, "static", "runtime")
	zstd.Compression = layer.Zstd
	build(t, zstd)
	set := func(path string, more func(cfg *hooks.Config)) func(cfg *hooks.Config) {
		return func(cfg *hooks.Config) {
			if cfg.Custom.Parent = path; more != nil {
				more(cfg)
			}
		}
	}
	all := func(*tar.Header) bool { return true }
	wal := strangersImage(t, below, all, disturbed(t, below, func(t *testing.T, file string) {
		change(t, file, "UPDATE packages SET locked = 1", "PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "UPDATE packages SET locked = 0")
	}))
	return map[string]func(cfg *hooks.Config){
		"one layer":            set(below, nil),
		"squashed":             set(below, func(cfg *hooks.Config) { cfg.Squash = true }),
		"zstd, several layers": set(filepath.Join(zstd.OutDir, "container-image-runtime"), nil),
		"write-ahead log":      set(wal, nil),
		"odd":                  set(strangersImage(t, below, all, map[string][]byte{"./etc/hosts": []byte("x")}), nil),
		"no pkg database": set(strangersImage(t, below, withoutDatabase, nil), func(cfg *hooks.Config) {
			cfg.Custom.Replaces, cfg.Exceptions = []string{"/**"}, anything
		}),
		"replaces": set(strangersImage(t, below, all, map[string][]byte{"usr/bin/telnet": []byte("ours"), "srv/data": []byte("kept")}), func(cfg *hooks.Config) {
			cfg.Custom.Replaces = []string{"/usr/bin/telnet"}
		}),
		"upper layers": set(upper(t), func(cfg *hooks.Config) { cfg.Exceptions = anything }),
		"removes": set(below, func(cfg *hooks.Config) {
			cfg.Custom.Remove, cfg.Exceptions = []string{"/usr/bin/telnet", "/etc/hosts"}, anything
		}),
		"only": set(below, func(cfg *hooks.Config) {
			cfg.Custom.Only, cfg.Exceptions = &define.Only{Programs: []string{"/usr/bin/telnet"}}, anything
		}),
	}
}

// TestParentNote builds with the note of a parent that another build has left, and without a
// store: results, locks and notices are the same.
func TestParentNote(t *testing.T) {
	t.Parallel()
	for name, set := range noteParents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := &store.Store{Dir: t.TempDir() + "/store"}
			on := func(packages int, st *store.Store) hooks.Config {
				cfg := webOn(t, "")
				if set(&cfg); st != nil {
					cached(&cfg, st)
				}
				cfg.Custom.Packages = cfg.Custom.Packages[:packages]
				return cfg
			}
			want, said := told(t, on(3, nil))
			if len(want) < 2 {
				t.Fatal(want)
			}
			told(t, on(2, st))
			got, again := told(t, on(3, st))
			if d := gocmp.Diff([]any{want, said}, []any{got, again}); d != "" {
				t.Errorf("(-without a store +with a note):\n%s", d)
			}
			if odd := slices.ContainsFunc(said, func(line string) bool { return strings.Contains(line, "occurs twice") }); odd != (name == "odd") {
				t.Errorf("it says %q", said)
			}
		})
	}
}

// onNote is the configuration of web on a copy of runtime, of which a store has a note, and
// the files of its layers.
func onNote(t *testing.T) (cfg hooks.Config, layers []string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "runtime")
	if err := os.CopyFS(dir, os.DirFS(runtime(t))); err != nil {
		t.Fatal(err)
	}
	cfg = webOn(t, dir)
	cached(&cfg, &store.Store{Dir: t.TempDir() + "/store"})
	all := cfg.Custom.Packages
	cfg.Custom.Packages = all[:1]
	for _, l := range build(t, cfg)["web"].Manifest.Layers {
		layers = append(layers, filepath.Join(dir, "blobs/sha256", l.Digest.Encoded()))
	}
	cfg.Custom.Packages = all
	return cfg, layers[:1]
}

// artifactOf reads an image on disk.
func artifactOf(t *testing.T, path string) *artifact.Artifact {
	t.Helper()
	a, err := artifact.Read(t.Context(), source(t, path), "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// lockText makes the lock of web.
func lockText(t *testing.T, cfg hooks.Config) (string, error) {
	t.Helper()
	cfg.OutDir = t.TempDir()
	results, err := hooks.MakeLocks(t.Context(), cfg)
	if err != nil {
		return "", err
	}
	return string(read(t, results[0].File)), nil
}

// TestParentNoteReadsNoLayer makes a lock on a parent whose layers are gone, since they
// follow from its digest. An image needs them, and fails as without a note.
func TestParentNoteReadsNoLayer(t *testing.T) {
	t.Parallel()
	cfg, layers := onNote(t)
	plain := webOn(t, cfg.Custom.Parent)
	want, err := lockText(t, plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range layers {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := lockText(t, cfg); err != nil || got != want {
		t.Errorf("the lock is\n%s\nwanted\n%s\n%v", got, want, err)
	}
	_, with := hooks.Build(t.Context(), cfg)
	_, without := hooks.Build(t.Context(), plain)
	if with == nil || without == nil || fault.ClassOf(with) != fault.ClassOf(without) || !strings.Contains(with.Error(), filepath.Base(layers[0])) {
		t.Errorf("without its layer: got %v with a note and %v without", with, without)
	}
	if files, err := os.ReadDir(cfg.OutDir); err != nil || slices.ContainsFunc(files, func(f os.DirEntry) bool { return strings.HasSuffix(f.Name(), ".tar") }) {
		t.Errorf("there are %v, %v", files, err)
	}
}

// TestParentNoteOfNoUse reads the parent where its note is damaged, another's, or without
// its database.
func TestParentNoteOfNoUse(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(t *testing.T, cfg hooks.Config){
		"damaged": func(t *testing.T, cfg hooks.Config) {
			for _, path := range notesIn(t, repos(cfg).Store) {
				text := read(t, path)
				text[len(text)-1] ^= 1
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
		"another's": func(t *testing.T, cfg hooks.Config) {
			a := artifactOf(t, cfg.Custom.Parent)
			cfg.Cache.KeepBuild(t.Context(), "parent "+a.Descriptor.Digest.String()+" files", []byte("another's"))
		},
		"without its database": func(t *testing.T, cfg hooks.Config) {
			db := artifactOf(t, cfg.Custom.Parent).Tree.Lookup(pkgdb.Path).Digest.String()
			for _, path := range storeFiles(t, repos(cfg).Store.Dir) {
				if filepath.Base(path) == db {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
					return
				}
			}
			t.Fatal("the store has no database")
		},
		"with a damaged database": func(t *testing.T, cfg hooks.Config) {
			db := artifactOf(t, cfg.Custom.Parent).Tree.Lookup(pkgdb.Path).Digest.String()
			for _, path := range storeFiles(t, repos(cfg).Store.Dir) {
				if filepath.Base(path) == db {
					if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("damaged"), 0o600)); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cfg, layers := onNote(t)
			want, err := lockText(t, webOn(t, cfg.Custom.Parent))
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, cfg)
			for i := range 2 {
				if got, err := lockText(t, cfg); err != nil || got != want {
					t.Errorf("%d: the lock is\n%s\nwanted\n%s\n%v", i, got, want, err)
				}
			}
			if err := os.Remove(layers[0]); err != nil {
				t.Fatal(err)
			}
			if got, err := lockText(t, cfg); err != nil || got != want {
				t.Errorf("there is no note again: %v", err)
			}
		})
	}
}
