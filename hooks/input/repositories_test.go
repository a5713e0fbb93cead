// SPDX-License-Identifier: BSD-2-Clause

package input_test

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/trust"
)

// signer signs all repositories of these tests that are signed.
var signer = sync.OnceValue(func() *pkgtest.Signer { return pkgtest.NewSigner(rand.Reader) })

// stranger is one whom nobody trusts.
var stranger = sync.OnceValue(func() *pkgtest.Signer { return pkgtest.NewSigner(rand.Reader) })

// app is a package.
func app(version string) pkgtest.Package {
	return pkgtest.Package{Name: "app", Version: version, Files: []pkgtest.File{{Path: "/bin/app", Body: "app " + version}}}
}

// repo makes a repository on this machine.
func repo(t *testing.T, name string, pkgs ...pkgtest.Package) catalog.Repo {
	t.Helper()
	dir := t.TempDir()
	pkgtest.WriteRepo(dir, pkgs...)
	return catalog.Repo{Name: name, URL: dir, MirrorType: "none", Where: name + ".conf:1"}
}

// signed makes one whose catalogue has a signature that the user asks for.
func signed(t *testing.T, name string, pkgs ...pkgtest.Package) catalog.Repo {
	t.Helper()
	r := repo(t, name, pkgs...)
	signer().Sign(r.URL)
	r.Signature, r.Fingerprints = "fingerprints", filepath.Join(t.TempDir(), "keys")
	signer().Trust(r.Fingerprints)
	return r
}

// remote serves a repository over HTTP.
func remote(t *testing.T, r catalog.Repo) catalog.Repo {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(r.URL)))
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// of are repositories, and a store of their own.
func of(t *testing.T, repos ...catalog.Repo) *input.Repositories {
	t.Helper()
	return &input.Repositories{Repos: repos, Store: newStore(t)}
}

func newStore(t *testing.T) *store.Store {
	t.Helper()
	return &store.Store{Dir: filepath.Join(t.TempDir(), "store"), Retries: 1, Backoff: time.Millisecond}
}

// catalogues reads those of an input.
func catalogues(t *testing.T, in input.Input) []*catalog.Catalogue {
	t.Helper()
	cats, err := in.Catalogues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cats
}

// drop removes a package from a repository.
func drop(t *testing.T, r catalog.Repo, file string) {
	t.Helper()
	if err := os.Remove(filepath.Join(r.URL, file)); err != nil {
		t.Fatal(err)
	}
}

// TestCatalogues reads that of each repository, with who vouches for it and under
// which URL anybody finds it.
func TestCatalogues(t *testing.T) {
	t.Parallel()
	local, trusted, over := repo(t, "local", app("1")), signed(t, "trusted", app("2")), signed(t, "over", app("3"))
	over = remote(t, over)
	in := of(t, local, trusted, over)
	type fact struct {
		Repo, Version, Signer, PublicURL string
		Remote, Sealed                   bool
	}
	facts := func() (list []fact) {
		for _, c := range catalogues(t, in) {
			list = append(list, fact{c.Repo.Name, offered(c)[0].Version, c.Signer, c.PublicURL, c.Remote, c.Sealed != nil})
		}
		return list
	}
	key := signer().Fingerprint()
	want := []fact{{"local", "1", "", "", false, false}, {"trusted", "2", key, "", false, true}, {"over", "3", key, over.URL, true, true}}
	if diff := cmp.Diff(want, facts()); diff != "" {
		t.Errorf("catalogues (-want +got):\n%s", diff)
	}
	in.PublicURL = "https://pkg.example.org/${ABI}"
	for i := range want {
		want[i].PublicURL = in.PublicURL
	}
	if diff := cmp.Diff(want, facts()); diff != "" {
		t.Errorf("with a public URL (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"trusted", "over"}, in.Signed()); diff != "" {
		t.Errorf("signed (-want +got):\n%s", diff)
	}
	if err := in.Check(); err != nil {
		t.Error(err)
	}
}

// TestTrust tells whose signature a repository needs: one on this machine may do
// without, one that comes over a network may not unless the user says so.
func TestTrust(t *testing.T) {
	t.Parallel()
	plain := repo(t, "r", app("1"))
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, signer().Public(), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(r catalog.Repo, signature, keys string) catalog.Repo {
		r.Signature, r.Fingerprints, r.PubKey = signature, keys, keys
		return r
	}
	trusted := signed(t, "r", app("1"))
	fingerprints := trusted.Fingerprints
	strange := filepath.Join(t.TempDir(), "keys")
	stranger().Trust(strange)
	const unsigned = `repository "r": r.conf:1: it comes over a network and signature_type is none; --insecure-unsigned accepts it anyway`
	for name, tt := range map[string]struct {
		repo     catalog.Repo
		insecure bool
		check    string // what Check says, "" for nothing
		load     string // what Catalogues says
		signed   bool
	}{
		"local":                            {plain, false, "", "", false},
		"local, none":                      {with(plain, "none", ""), false, "", "", false},
		"local, fingerprints":              {trusted, false, "", "", true},
		"local, fingerprints, unsigned":    {with(plain, "fingerprints", fingerprints), false, "", `repository "r": `, true},
		"local, a stranger's":              {with(trusted, "fingerprints", strange), false, "", `repository "r": `, true},
		"local, absent keys":               {with(plain, "fingerprints", "/none"), false, `repository "r": `, `repository "r": `, false},
		"local, an absent key":             {with(plain, "pubkey", "/none"), false, `repository "r": `, `repository "r": `, false},
		"local, a key of another form":     {with(trusted, "pubkey", key), false, "", `repository "r": `, true},
		"remote, none":                     {remote(t, with(plain, "none", "")), false, unsigned, unsigned, false},
		"remote, none, insecure":           {remote(t, with(plain, "none", "")), true, "", "", false},
		"remote, not configured":           {remote(t, plain), false, "", `repository "r": `, true}, // FreeBSD's own keys
		"remote, not configured, insecure": {remote(t, plain), true, "", "", false},
		"remote, fingerprints":             {remote(t, trusted), false, "", "", true},
		"no URL of pkg's":                  {catalog.Repo{Name: "r", URL: "gopher://x", MirrorType: "none"}, false, `repository "r": `, `repository "r": `, false},
	} {
		in := of(t, tt.repo)
		in.InsecureUnsigned = tt.insecure
		err := in.Check()
		if tt.check == "" && err != nil || tt.check != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.check)) {
			t.Errorf("%s: check: got %v, want %q", name, err, tt.check)
		}
		if _, usage := errors.AsType[*fault.UsageError](err); err != nil && !usage {
			t.Errorf("%s: got %T, want an error of usage", name, err)
		}
		if got := len(in.Signed()) == 1; got != tt.signed {
			t.Errorf("%s: got signed %v, want %v", name, got, tt.signed)
		}
		_, err = in.Catalogues(t.Context())
		if tt.load == "" && err != nil || tt.load != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.load)) {
			t.Errorf("%s: load: got %v, want %q", name, err, tt.load)
		}
	}
}

// TestCataloguesGoOn reads the others where one cannot be had, and tells of all.
func TestCataloguesGoOn(t *testing.T) {
	t.Parallel()
	in := of(t, catalog.Repo{Name: "one", URL: "/none/one", MirrorType: "none"}, repo(t, "two", app("1")), catalog.Repo{Name: "three", URL: "/none/three", MirrorType: "none"})
	cats, err := in.Catalogues(t.Context())
	if len(cats) != 1 || cats[0].Repo.Name != "two" || err == nil || len(strings.Split(err.Error(), "\n")) != 2 {
		t.Errorf("got %v, %v, want one and the faults of two", cats, err)
	}
}

// TestKeepCatalogue keeps signed catalogues in the store for runs that have only a
// lock, whatever a store that cannot be written says, unless it is to be filled.
func TestKeepCatalogue(t *testing.T) {
	t.Parallel()
	in := of(t, signed(t, "r", app("1")), repo(t, "plain", app("2")))
	cats := catalogues(t, in)
	if text, err := in.Store.Catalogue(t.Context(), cats[0].Digest); err != nil || string(text) != string(cats[0].Sealed) {
		t.Errorf("the signed one: got %d bytes, %v", len(text), err)
	}
	if _, err := in.Store.Catalogue(t.Context(), cats[1].Digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the other: got %v, want %v", err, fs.ErrNotExist)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, keep := range []bool{false, true} {
		in := &input.Repositories{Repos: in.Repos, Store: &store.Store{Dir: filepath.Join(file, "store")}, Keep: keep}
		if _, err := in.Catalogues(t.Context()); (err != nil) != keep {
			t.Errorf("keep %v: got %v", keep, err)
		}
	}
}

// TestOpenRepository reads packages whose bytes are right, and says of others what
// is wrong.
func TestOpenRepository(t *testing.T) {
	t.Parallel()
	flip := func(b []byte) []byte {
		b[len(b)/2] ^= 1
		return b
	}
	damaged := app("2")
	damaged.Name, damaged.Bytes = "damaged", flip
	cut := app("3")
	cut.Name, cut.Bytes = "cut", func(b []byte) []byte { return b[:len(b)-1] }
	gone := app("4")
	gone.Name = "gone"
	local := repo(t, "r", app("1"), damaged, cut, gone)
	drop(t, local, "gone-4.pkg")
	over := remote(t, local)
	over.Signature = "none"
	for where, r := range map[string]catalog.Repo{"local": local, "remote": over} {
		in := of(t, r)
		in.InsecureUnsigned = true
		for _, p := range offered(catalogues(t, in)[0]) {
			want := map[string]string{"app": "", "damaged": "damaged-2", "cut": "cut-3", "gone": "gone-4"}[p.Name]
			r, err := in.Open(t.Context(), p, nil)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: open %s: got %v, want %q", where, p.Name, err, want)
			}
			if err == nil {
				if text := contents(t, r); text != "app 1" {
					t.Errorf("%s: got %q", where, text)
				}
			}
			if err := in.Verify(t.Context(), p); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: verify %s: got %v, want %q", where, p.Name, err, want)
			}
			if p.Name == "gone" {
				if _, is := errors.AsType[*store.AbsentError](in.Verify(t.Context(), p)); !is {
					t.Errorf("%s: got %v, want one package that is absent", where, err)
				}
			}
		}
	}
}

// contents are those of the first file of a package, which is closed.
func contents(t *testing.T, r *input.Reader) string {
	t.Helper()
	defer r.Close()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOpenKnown does not hash the archive of a repository on this machine where the
// manifest is known: each file is checked all the same, and a network's is hashed.
func TestOpenKnown(t *testing.T) {
	t.Parallel()
	local := repo(t, "r", app("1"))
	over := remote(t, local)
	over.Signature = "none"
	for where, r := range map[string]catalog.Repo{"local": local, "remote": over} {
		in := of(t, r)
		in.InsecureUnsigned = true
		p := offered(catalogues(t, in)[0])[0]
		whole, err := in.Open(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		known := whole.Manifest
		whole.Close()
		again, err := in.Open(t.Context(), p, known)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if text := contents(t, again); text != "app 1" || (again.Manifest == known) != (where == "local") {
			t.Errorf("%s: got %q, the known manifest: %v", where, text, again.Manifest == known)
		}
		// The archive's sum is wrong, those of its files are right.
		other := *p
		other.Sum = sum.Of(sum.BLAKE2b, []byte("other"))
		_, err = in.Open(t.Context(), &other, known)
		if (err == nil) != (where == "local") {
			t.Errorf("%s: an archive with another sum: got %v", where, err)
		}
		if _, err = in.Open(t.Context(), &other, nil); err == nil {
			t.Errorf("%s: without a manifest an archive with another sum is opened", where)
		}
	}
	if err := os.WriteFile(filepath.Join(local.URL, "app-1.pkg"), pkgtest.Package{Name: "app", Version: "1", Files: []pkgtest.File{{Path: "/bin/app", Body: "other"}}}.Archive(), 0o600); err != nil {
		t.Fatal(err)
	}
	in := of(t, local)
	p := offered(catalogues(t, in)[0])[0]
	known, _ := opened(t, app("1"))
	r, err := in.Open(t.Context(), p, known.Manifest)
	if err == nil {
		defer r.Close()
		if _, err = r.Next(); err == nil {
			_, err = io.ReadAll(r)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "sum is") {
		t.Errorf("another file: got %v, want that its sum is another", err)
	}
	drop(t, local, "app-1.pkg")
	if _, err := in.Open(t.Context(), p, known.Manifest); err == nil || !strings.HasPrefix(err.Error(), "app-1") {
		t.Errorf("a package that has gone: got %v", err)
	}
}

// TestKeep puts packages of this machine's repositories into the store, and no
// damaged ones.
func TestKeep(t *testing.T) {
	t.Parallel()
	damaged := app("2")
	damaged.Name, damaged.Bytes = "damaged", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
	in := of(t, repo(t, "r", app("1"), damaged))
	for _, keep := range []bool{false, true} {
		in.Keep = keep
		for _, p := range offered(catalogues(t, in)[0]) {
			if r, err := in.Open(t.Context(), p, nil); err == nil {
				r.Close()
			} else if p.Name == "app" {
				t.Error(err)
			}
			f, err := in.Store.Stored(t.Context(), store.Ref{Name: p.FullName(), Path: p.Path, Sum: p.Sum, Size: p.Size})
			if want := keep && p.Name == "app"; (err == nil) != want {
				t.Errorf("keep %v: %s: got %v, want it in the store: %v", keep, p.Name, err, want)
			}
			if err == nil {
				f.Close()
			}
		}
	}
}

// TestCheckStore wants a store that can be written where something has to come over
// a network, and none that others can put something into.
func TestCheckStore(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(open, 0o777), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	local := repo(t, "local", app("1"))
	over := catalog.Repo{Name: "over", URL: "https://pkg.example.org", MirrorType: "none"}
	for name, tt := range map[string]struct {
		dir             string
		offline, keep   bool
		repo            catalog.Repo
		folder, writing bool // whether CheckStore, CheckWritable take it
	}{
		"none":             {"", false, false, local, true, true},
		"a new one":        {filepath.Join(t.TempDir(), "store"), false, false, over, true, true},
		"a file":           {file, false, false, over, false, false},
		"a file, local":    {file, false, false, local, false, true},
		"a file, kept":     {file, false, true, local, false, false},
		"a file, offline":  {file, true, false, over, true, true},
		"anybody's folder": {open, true, false, local, false, true},
	} {
		in := &input.Repositories{Repos: []catalog.Repo{tt.repo}, Store: &store.Store{Dir: tt.dir, Offline: tt.offline}, Keep: tt.keep}
		if err := in.CheckStore(); (err == nil) != tt.folder {
			t.Errorf("%s: CheckStore: got %v, want it taken: %v", name, err, tt.folder)
		}
		if err := in.CheckWritable(); (err == nil) != tt.writing {
			t.Errorf("%s: CheckWritable: got %v, want it taken: %v", name, err, tt.writing)
		}
	}
}

// TestZeroRepositories are of use without a store: they have none.
func TestZeroRepositories(t *testing.T) {
	t.Parallel()
	if names := (&input.Repositories{Repos: []catalog.Repo{signed(t, "r", app("1"))}}).Signed(); len(names) != 1 {
		t.Errorf("got signed %v, want r", names)
	}
	in := &input.Repositories{Repos: []catalog.Repo{repo(t, "r", app("1"))}}
	if err := errors.Join(in.Check(), in.CheckStore(), in.CheckWritable()); err != nil {
		t.Error(err)
	}
	if r, err := in.Open(t.Context(), offered(catalogues(t, in)[0])[0], nil); err != nil || contents(t, r) != "app 1" {
		t.Errorf("got %v", err)
	}
}

// TestFreeBSDsOwn wants FreeBSD's signature of a repository of FreeBSD's, wherever it
// is, and whatever else is accepted.
func TestFreeBSDsOwn(t *testing.T) {
	t.Parallel()
	for _, r := range []catalog.Repo{repo(t, "unsigned", app("1")), signed(t, "another's", app("1"))} {
		r.Keys, r.Signature = "pkg", ""
		in := of(t, r)
		in.InsecureUnsigned = true
		var wrong *trust.Error
		if _, err := in.Catalogues(t.Context()); !errors.As(err, &wrong) {
			t.Errorf("%s: got %v, want that its signature is refused", r.Name, err)
		}
	}
	none := catalog.Repo{Name: "r", URL: t.TempDir(), Keys: "pkgbase-1"}
	if err := of(t, none).Check(); err == nil || !strings.Contains(err.Error(), "no keys of FreeBSD named pkgbase-1") {
		t.Errorf("keys that are not built in: got %v", err)
	}
}
