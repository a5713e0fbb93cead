// SPDX-License-Identifier: BSD-2-Clause

package input_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
)

// lockOf is a lock of all packages of catalogues.
func lockOf(cats ...*catalog.Catalogue) *lock.Lock {
	l := &lock.Lock{Image: "x", ABI: "FreeBSD:15:amd64", Compression: "gzip", Schema: 42}
	for _, c := range cats {
		l.Repositories = append(l.Repositories, lock.Repository{Name: c.Repo.Name, URL: c.PublicURL, Catalogue: c.Digest})
		for p := range c.All() {
			l.Packages = append(l.Packages, lock.Package{Name: p.Name, Version: p.Version, Sum: string(p.Sum), Size: p.Size, Path: p.Path, Repository: c.Repo.Name})
		}
	}
	return l
}

// offered are the packages of a catalogue, in order.
func offered(c *catalog.Catalogue) []*catalog.Package { return slices.Collect(c.All()) }

// fromLocks reads locks in the store of in, with the user's repositories.
func fromLocks(in *input.Repositories, repos []catalog.Repo, locks ...*lock.Lock) *input.Locks {
	return &input.Locks{Repositories: input.Repositories{Repos: repos, Store: in.Store}, Locks: locks}
}

// packages are those of the first lock, as Resolve makes them.
func packages(in *input.Locks) []*catalog.Package {
	var list []*catalog.Package
	for _, p := range in.Locks[0].Packages {
		list = append(list, &catalog.Package{Repo: in.Repo(in.Locks[0], p.Repository),
			Summary: pkgfile.Summary{Name: p.Name, Version: p.Version, Path: p.Path, Size: p.Size, Sum: sum.Sum(p.Sum)}})
	}
	return list
}

// update makes a repository anew with other packages, signed.
func update(r catalog.Repo, pkgs ...pkgtest.Package) {
	pkgtest.WriteRepo(r.URL, pkgs...)
	signer().Sign(r.URL)
}

// keptBeside leaves a repository's signed catalogue in a folder, under a name.
func keptBeside(t *testing.T, r catalog.Repo, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.URL, "data.pkg"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{name: string(text), "some.lock.json": "{}", "folder/x": "x"})
	return dir
}

// TestWitness finds out what is known of a repository of a lock, independent of the
// lock: which catalogues are believed, whether the very one is among them, and why
// there are no others.
func TestWitness(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		// set makes a lock of a repository r, changes what there is, and returns the
		// input and what it wants.
		set      func(t *testing.T) *input.Locks
		believed string // versions of app in the believed catalogues
		exact    bool
		reasons  string // begins so
		sealed   bool   // the very catalogue, for whoever makes the next lock
	}{
		"the user's": {func(t *testing.T) *input.Locks {
			in := of(t, signed(t, "r", app("1")))
			return fromLocks(in, in.Repos, lockOf(catalogues(t, in)...))
		}, "1", true, "", true},
		"the user's, without signature": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			return fromLocks(in, in.Repos, lockOf(catalogues(t, in)...))
		}, "1", true, "", false},
		"the user's of today, and the store's": {func(t *testing.T) *input.Locks {
			in := of(t, signed(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			update(in.Repos[0], app("2"))
			return fromLocks(in, in.Repos, l)
		}, "2 1", true, "", true},
		"the user's of today, and one beside the lock": {func(t *testing.T) *input.Locks {
			in := of(t, signed(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			kept := keptBeside(t, in.Repos[0], "renamed.bin")
			update(in.Repos[0], app("2"))
			again := fromLocks(of(t), in.Repos, l)
			again.KeptIn = []string{kept, "/none", kept}
			return again
		}, "2 1", true, "", true},
		"one beside the lock, of a stranger": {func(t *testing.T) *input.Locks {
			in := of(t, signed(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			kept := keptBeside(t, in.Repos[0], "catalogue.pkg")
			update(in.Repos[0], app("2"))
			in.Repos[0].Signature, in.Repos[0].Fingerprints = "fingerprints", t.TempDir()
			stranger().Trust(in.Repos[0].Fingerprints)
			stranger().Sign(in.Repos[0].URL)
			again := fromLocks(of(t), in.Repos, l)
			again.KeptIn = []string{kept}
			return again
		}, "2", false, "the catalogue kept in catalogue.pkg: ", false},
		"one beside the lock that is another": {func(t *testing.T) *input.Locks {
			in := of(t, signed(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			update(in.Repos[0], app("2"))
			again := fromLocks(of(t), in.Repos, l)
			again.KeptIn = []string{keptBeside(t, in.Repos[0], "catalogue.pkg")}
			return again
		}, "2", false, "", false},
		"the user's of today alone": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			pkgtest.WriteRepo(in.Repos[0].URL, app("2"))
			return fromLocks(in, in.Repos, l)
		}, "2", false, "", false},
		"the user's has gone": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			return fromLocks(in, []catalog.Repo{{Name: "r", URL: "/none", MirrorType: "none"}}, l)
		}, "", false, `repository "r": repository /none: `, false},
		"the user's has gone, the store has it": {func(t *testing.T) *input.Locks {
			in := of(t, signed(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			gone := in.Repos[0]
			gone.URL = "/none"
			return fromLocks(in, []catalog.Repo{gone}, l)
		}, "1", true, `repository "r": repository /none: `, true},
		"not given": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			return fromLocks(in, nil, lockOf(catalogues(t, in)...))
		}, "", false, "it is not given, and the lock names no URL of it", false},
		"not given, signed by a stranger": {func(t *testing.T) *input.Locks {
			in := of(t, signed(t, "r", app("1")))
			return fromLocks(in, nil, lockOf(catalogues(t, in)...))
		}, "", false, "it is not given, and the lock names no URL of it; the catalogue kept in the store: ", false},
		"a URL of the lock's that is not public": {func(t *testing.T) *input.Locks {
			in := of(t, remote(t, signed(t, "r", app("1"))))
			return fromLocks(of(t), nil, lockOf(catalogues(t, in)...))
		}, "", false, "the lock's URL is not used: ", false},
		"a URL of the lock's": {func(t *testing.T) *input.Locks {
			in := of(t, remote(t, signed(t, "r", app("1"))))
			again := fromLocks(of(t), nil, lockOf(catalogues(t, in)...))
			again.LockURLs = true
			return again
		}, "", false, `repository "r": `, false}, // FreeBSD has not signed it
		"a URL of the lock's, offline": {func(t *testing.T) *input.Locks {
			in := of(t, remote(t, signed(t, "r", app("1"))))
			again := fromLocks(of(t), nil, lockOf(catalogues(t, in)...))
			again.LockURLs, again.Store.Offline = true, true
			return again
		}, "", false, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := tt.set(t)
			stub := catalogues(t, in)[0]
			w := in.Witness(stub.Repo)
			var versions []string
			for _, c := range w.Believed {
				versions = append(versions, offered(c)[0].Version)
			}
			if got := strings.Join(versions, " "); got != tt.believed {
				t.Errorf("got believed %q, want %q", got, tt.believed)
			}
			locked := in.Locks[0].Repositories[0]
			if exact := w.Exact(locked.Catalogue); (exact != nil) != tt.exact || exact != nil && exact.Digest != locked.Catalogue {
				t.Errorf("got the very one %v, want it: %v", exact, tt.exact)
			}
			if reasons := strings.Join(w.Reasons, "; "); !strings.HasPrefix(reasons, tt.reasons) || tt.reasons == "" && reasons != "" {
				t.Errorf("got reasons %q, want %q", reasons, tt.reasons)
			}
			if stub.Digest != locked.Catalogue || stub.PublicURL != locked.URL || stub.Len() > 0 || (stub.Sealed != nil) != tt.sealed || (stub.Signer != "") != tt.sealed {
				t.Errorf("got the catalogue %+v", stub)
			}
			listed := w.Lists(packages(in)[0])
			if want := strings.Contains(tt.believed, "1"); (listed != nil) != want {
				t.Errorf("got listed %v, want it: %v", listed, want)
			}
		})
	}
}

// TestRollback refuses a repository of the user's that is older than the lock.
func TestRollback(t *testing.T) {
	t.Parallel()
	in := of(t, repo(t, "r", app("2")))
	l := lockOf(catalogues(t, in)...)
	pkgtest.WriteRepo(in.Repos[0].URL, app("1"))
	_, err := fromLocks(in, in.Repos, l).Catalogues(t.Context())
	if rollback, is := errors.AsType[*lock.RollbackError](err); !is || rollback.Package != "app" || rollback.Found != "1" || rollback.Wanted != "2" {
		t.Errorf("got %v, want a rollback of app", err)
	}
}

// TestStrangeCatalogue ends where the user's repository is there and wrong.
func TestStrangeCatalogue(t *testing.T) {
	t.Parallel()
	in := of(t, signed(t, "r", app("1")))
	l := lockOf(catalogues(t, in)...)
	pkgtest.Unsign(in.Repos[0].URL)
	if _, err := fromLocks(in, in.Repos, l).Catalogues(t.Context()); err == nil || !strings.HasPrefix(err.Error(), `repository "r": `) {
		t.Errorf("got %v, want that its signature is gone", err)
	}
}

// TestGoneTold tells that the user's repository cannot be asked, unless that was
// the user's wish.
func TestGoneTold(t *testing.T) {
	t.Parallel()
	for _, offline := range []bool{false, true} {
		first := of(t, repo(t, "r", app("1")))
		in := fromLocks(of(t), []catalog.Repo{{Name: "r", URL: "/none", MirrorType: "none"}}, lockOf(catalogues(t, first)...))
		in.Store.Offline = offline
		var told []string
		in.Observe = func(e event.Event) { told = append(told, e.Notice) }
		catalogues(t, in)
		if got := len(told) == 1 && strings.HasSuffix(told[0], "; still looking for the lock's packages"); got == offline {
			t.Errorf("offline %v: told %q", offline, told)
		}
	}
}

// TestLists finds the very package of a lock: of its version, sum and size.
func TestLists(t *testing.T) {
	t.Parallel()
	in := of(t, repo(t, "r", app("1"), app("2"), pkgtest.Package{Name: "zzz"}), repo(t, "s", app("3")))
	cats := catalogues(t, in)
	w := &input.Witness{Believed: cats}
	for _, c := range cats {
		for p := range c.All() {
			if got := w.Lists(p); got != p {
				t.Errorf("%s: got %v", p.FullName(), got)
			}
		}
	}
	for what, change := range map[string]func(p *catalog.Package){
		"name": func(p *catalog.Package) { p.Name = "ap" }, "version": func(p *catalog.Package) { p.Version = "9" },
		"sum": func(p *catalog.Package) { p.Sum = offered(cats[1])[0].Sum }, "size": func(p *catalog.Package) { p.Size++ },
	} {
		p := *offered(cats[0])[0]
		change(&p)
		if got := w.Lists(&p); got != nil {
			t.Errorf("another %s: got %v, want none", what, got)
		}
	}
	if (&input.Witness{}).Lists(offered(cats[0])[0]) != nil || (&input.Witness{}).Exact("") != nil {
		t.Error("nobody is believed: got a package or catalogue")
	}
}

// TestOpenLocked has packages from the user's repository, from the store where that
// has them no more, and from the lock's URL; or says why not.
func TestOpenLocked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  func(t *testing.T) *input.Locks
		want string // of an error
		hint string
	}{
		"the user's": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			return fromLocks(in, in.Repos, lockOf(catalogues(t, in)...))
		}, "", ""},
		"the store": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			fill(t, in)
			return fromLocks(in, nil, l)
		}, "", ""},
		"the store, where the user's has it no more": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			fill(t, in)
			drop(t, in.Repos[0], "app-1.pkg")
			return fromLocks(in, in.Repos, l)
		}, "", ""},
		"nobody, where the user's has it no more": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			l := lockOf(catalogues(t, in)...)
			drop(t, in.Repos[0], "app-1.pkg")
			return fromLocks(in, in.Repos, l)
		}, "app-1", ""},
		"the lock's URL": {func(t *testing.T) *input.Locks {
			in := of(t, remote(t, signed(t, "r", app("1"))))
			again := fromLocks(of(t), nil, lockOf(catalogues(t, in)...))
			again.LockURLs = true
			return again
		}, "", ""},
		"a lock's URL that is not public": {func(t *testing.T) *input.Locks {
			in := of(t, remote(t, signed(t, "r", app("1"))))
			return fromLocks(of(t), nil, lockOf(catalogues(t, in)...))
		}, `repository "r": the lock's URL is not used: `, "give --repo, or --lock-urls to use the lock's"},
		"nobody": {func(t *testing.T) *input.Locks {
			in := of(t, repo(t, "r", app("1")))
			return fromLocks(in, nil, lockOf(catalogues(t, in)...))
		}, `repository "r": not given, and the lock names no URL of it: app-1 could not be obtained`, "give --repo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := tt.set(t)
			catalogues(t, in)
			p := packages(in)[0]
			r, err := in.Open(t.Context(), p, nil)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if err == nil {
				if text := contents(t, r); text != "app 1" {
					t.Errorf("got %q, want app 1", text)
				}
			}
			if again := in.Verify(t.Context(), p); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("Verify says %v, Open %v", again, err)
			}
			if unheld, is := errors.AsType[*input.UnheldError](err); is != (tt.hint != "") || is && unheld.Hint() != tt.hint {
				t.Errorf("got %v, want the hint %q", err, tt.hint)
			}
		})
	}
}

// fill puts all packages of repositories into the store.
func fill(t *testing.T, in *input.Repositories) {
	t.Helper()
	all := &input.Repositories{Repos: in.Repos, Store: in.Store, Keep: true}
	for _, c := range catalogues(t, all) {
		for p := range c.All() {
			r, err := all.Open(t.Context(), p, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
	}
}

// TestSeveralLocks leaves one catalogue for a repository that several locks name,
// and two for two of one name; a second build begins anew.
func TestSeveralLocks(t *testing.T) {
	t.Parallel()
	in := of(t, repo(t, "r", app("1")))
	one := lockOf(catalogues(t, in)...)
	pkgtest.WriteRepo(in.Repos[0].URL, app("2"))
	two := lockOf(catalogues(t, in)...)
	locks := fromLocks(in, in.Repos, one, one, two)
	for range 2 {
		cats := catalogues(t, locks)
		if len(cats) != 2 || locks.Repo(one, "r") != cats[0].Repo || locks.Repo(two, "r") != cats[1].Repo || locks.Repo(one, "s") != nil {
			t.Errorf("got %v", cats)
		}
	}
	if got := locks.Settings(); got != one.Settings() || got.Schema != 42 {
		t.Errorf("got %+v, want those of the first lock", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fromLocks(in, nil, one).Catalogues(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v", err)
	}
}

// TestServiceURL finds the mirrors of a URL of the lock's that is of pkg's form.
func TestServiceURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{"pkg+http://pkg.example.org/x": true, "http://127.0.0.1:1/x": false} {
		l := &lock.Lock{ABI: "FreeBSD:15:amd64", Repositories: []lock.Repository{{Name: "r", URL: url, Catalogue: strings.Repeat("0", 64)}}}
		in := fromLocks(of(t), nil, l)
		in.LockURLs = true
		asked := false
		in.Store.Lookup = func(_ context.Context, _, _, name string) ([]store.Server, error) {
			asked = name == "pkg.example.org"
			return nil, errors.New("no such name")
		}
		catalogues(t, in)
		if asked != want {
			t.Errorf("%s: asked for its mirrors: %v, want %v", url, asked, want)
		}
	}
}
