// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
)

// site is a folder as a definition has one beside it.
func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"site/index.html": "<p>hello", "site/css/a.css": "p {}", "run.sh": "#!/bin/sh\nexec true\n", "motd": "hi\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o600)
		if filepath.Ext(name) == ".sh" {
			mode = 0o700
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("index.html", filepath.Join(dir, "site/start.html")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// onRuntime is the configuration of an image on runtime, which brings files of a folder.
func onRuntime(t *testing.T, dir string, img define.Image) hooks.Config {
	t.Helper()
	cfg := config(t, sampleRepo, "app")
	img.Name, img.Parent = "app", "runtime"
	cfg.Custom, cfg.Copies = &img, map[string]string{}
	for _, name := range img.Locals() {
		cfg.Copies[name] = filepath.Join(dir, name)
	}
	return cfg
}

// ofOurs is an image with files of a folder, a text, folders and links, which changes what
// packages have.
func ofOurs(text string) define.Image {
	return define.Image{
		Replaces: []string{"/etc/motd.template"},
		Files:    []define.File{{Target: "/etc/motd.template", Content: &text}, {Target: "/usr/local/bin/run", Local: "run.sh"}},
		Own: define.Own{
			Trees:      []define.Tree{{Target: "/usr/local/www/site", Local: "site", Owned: define.Owned{Owner: "www", Group: "www"}, Modes: []define.Pair{{Key: "css/**", Value: "0600"}}}},
			Dirs:       []define.Dir{{Path: "/var/db/app", Owned: define.Owned{Owner: "daemon", Mode: 0o700}}},
			Links:      []define.Pair{{Key: "/usr/local/bin/go", Value: "run"}},
			Attributes: []define.Attributes{{Pattern: "/usr/local/www/site/**", Owned: define.Owned{Group: "daemon"}}, {Pattern: "/bin/sh", Owned: define.Owned{Mode: 0o511}}},
			Edits:      []define.Edit{{Path: "/etc/shells", Append: []string{"/usr/local/bin/run"}}},
		},
	}
}

// TestOwn brings files into an image and changes others, and finds all of them there.
func TestOwn(t *testing.T) {
	t.Parallel()
	results, err := hooks.Build(t.Context(), onRuntime(t, site(t), ofOurs("motd of ours\n")))
	if err != nil {
		t.Fatal(err)
	}
	a, found := verify.Artifact(t.Context(), source(t, results[0].File), "")
	text := read(t, results[0].Lock)
	l, err := lock.Parse(results[0].Lock, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if errs := verify.Lock(t.Context(), a, l).Errs; len(errs) > 0 {
		t.Errorf("with its lock: %v", errs)
	}
	if found.Err() == nil {
		t.Error("without its lock nothing is found")
	}
	for _, want := range []string{
		"/usr/local/bin/run file 0755 root:wheel ", "/usr/local/bin/go link 0755 root:wheel run", "/usr/local/www/site dir 0755 www:www ",
		"/usr/local/www/site/index.html file 0644 www:daemon ", "/usr/local/www/site/start.html link 0755 www:daemon index.html", "/usr/local/www/site/css/a.css file 0600 www:daemon ",
		"/var/db/app dir 0700 daemon:wheel ", "/bin/sh file 0511 root:wheel ", "/etc/motd.template file 0644 root:wheel ", "/etc/shells file 0644 root:wheel ",
	} {
		path, _, _ := strings.Cut(want, " ")
		n := a.Tree.Lookup(path)
		if n == nil {
			t.Errorf("%s is not there", path)
		} else if got := fmt.Sprintf("%s %s %04o %s:%s %s", n.Path, n.Type, n.Mode, n.Uname, n.Gname, n.Link); got != want {
			t.Errorf("found %s, wanted %s", got, want)
		}
	}
}

// TestOwnWarm builds again with a store. A build of which nothing has changed reads each
// file once, to hash it, and any change of a file or of a text makes another image.
func TestOwnWarm(t *testing.T) {
	t.Parallel()
	dir := site(t)
	plain := func(text string) hooks.Config {
		return onRuntime(t, dir, define.Image{Files: []define.File{{Target: "/etc/motd.ours", Content: &text}, {Target: "/usr/local/bin/run", Local: "run.sh"}},
			Own: define.Own{Trees: []define.Tree{{Target: "/usr/local/www/site", Local: "site"}}, Links: []define.Pair{{Key: "/usr/local/bin/go", Value: "run"}}}})
	}
	cfg := plain("motd of ours\n")
	cached(&cfg, &store.Store{Dir: t.TempDir()})
	if kept := onlyKnown(t, cfg); len(kept) == 0 {
		t.Error("no note was used")
	}
	before := len(notesIn(t, repos(cfg).Store))
	first := digestOf(t, cfg)
	if after := len(notesIn(t, repos(cfg).Store)); after != before {
		t.Errorf("a build that knows all wrote %d notes", after-before)
	}
	other := plain("motd of your\n")
	cached(&other, repos(cfg).Store)
	if digestOf(t, plain("motd of ours\n")) != first {
		t.Error("without the store it is another image")
	}
	if digestOf(t, other) == first {
		t.Error("another text makes the same image")
	}
	if err := os.WriteFile(filepath.Join(dir, "site/index.html"), []byte("<p>hallo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if digestOf(t, cfg) == first {
		t.Error("another file makes the same image")
	}
}

// TestOwnFolders builds from two folders that only modes and times tell apart: it is the
// same image.
func TestOwnFolders(t *testing.T) {
	t.Parallel()
	wide := site(t)
	for _, name := range []string{"run.sh", "site/index.html", "site/css"} {
		path := filepath.Join(wide, name)
		info, err := os.Stat(path)
		if err == nil {
			err = os.Chmod(path, info.Mode()|0o066)
		}
		if err == nil {
			err = os.Chtimes(path, time.Unix(1, 0), time.Unix(2, 0))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	img := ofOurs("motd of ours\n")
	if got, want := buildOnce(t, onRuntime(t, wide, img)).Digest, buildOnce(t, onRuntime(t, site(t), img)).Digest; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
