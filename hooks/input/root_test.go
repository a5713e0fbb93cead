// SPDX-License-Identifier: BSD-2-Clause

package input_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/solve"
)

// schema is that of the roots' databases.
const schema = pkgdb.Schema(42)

// metalog describes what the root has, as pkg writes it.
const metalog = `#mtree
./bin/app type=file uname=root gname=wheel mode=555 flags=schg
./bin/also type=file uname=root gname=wheel mode=555 flags=schg
./bin/link type=link uname=root gname=wheel mode=755 link=app
./etc/app.conf type=file uname=root gname=operator mode=644
./var/app type=dir uname=games gname=games mode=700
./bin/other type=file uname=root gname=wheel mode=755
`

// filled is a root that pkg has filled with two packages, and its METALOG. Changes
// are made to the packages before they are registered.
func filled(t *testing.T, changes ...func(*pkgtest.Package)) *input.Root {
	t.Helper()
	app := pkgtest.Package{Name: "app", Version: "1",
		Files: []pkgtest.File{{Path: "/bin/also", HardLink: "/bin/app", Mode: 0o555, Flags: "schg"}, {Path: "/bin/app", Body: "app", Mode: 0o555, Flags: "schg"},
			{Path: "/bin/link", Symlink: "app", Mode: 0o755}, {Path: "/etc/app.conf", Body: "x=1", Gname: "operator", Config: true}},
		Dirs: []pkgtest.File{{Path: "/var/app", Mode: 0o700, Uname: "games", Gname: "games"}}}
	for _, change := range changes {
		change(&app)
	}
	other := pkgtest.Package{Name: "other", Version: "2", Files: []pkgtest.File{{Path: "/bin/other", Body: "other", Mode: 0o755}}}
	var installed []pkgdb.Installed
	for repo, p := range map[string]pkgtest.Package{"ports": app, "base": other} {
		installed = append(installed, pkgdb.Installed{Manifest: manifestOf(t, p), Repository: repo, Automatic: repo == "base", Contents: map[string][]byte{"/etc/app.conf": []byte("x=1")}})
	}
	image, err := pkgdb.Write(t.Context(), t.TempDir(), installed, 1_700_000_000, schema)
	if err != nil {
		t.Fatal(err)
	}
	database, err := image.Bytes(t.Context())
	if err := errors.Join(err, image.Close()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{"root/bin/app": "app", "root/bin/other": "other", "root/etc/app.conf": "x=1", "root" + pkgdb.Path: string(database), "METALOG": metalog})
	root := filepath.Join(dir, "root")
	stamp := time.Unix(1_600_000_000, 0)
	if err := errors.Join(os.Link(root+"/bin/app", root+"/bin/also"), os.Symlink("app", root+"/bin/link"), os.Mkdir(root+"/var/app", 0o755), os.Chtimes(root+"/bin/app", stamp, stamp)); err != nil {
		t.Fatal(err)
	}
	in := &input.Root{Path: root, Metalog: filepath.Join(dir, "METALOG"), Schema: schema}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

// packageOf finds a package of a name.
func packageOf(t *testing.T, cats []*catalog.Catalogue, name string) *catalog.Package {
	t.Helper()
	for _, c := range cats {
		for _, p := range offered(c) {
			if p.Name == name {
				return p
			}
		}
	}
	t.Fatalf("there is no package %s", name)
	return nil
}

// readAll lists the members of a package: path, kind, attributes and contents.
func readAll(r *input.Reader) (list []string, err error) {
	for {
		e, err := r.Next()
		if err == io.EOF {
			return list, r.Close()
		}
		if err != nil {
			return list, errors.Join(err, r.Close())
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return list, errors.Join(err, r.Close())
		}
		list = append(list, fmt.Sprintf("%s %s:%s %04o flags %d dir %v link %s hard %s size %d time %d %q", e.Path, e.Attr.Uname, e.Attr.Gname, e.Attr.Perm, e.Flags, e.IsDir, e.Link, e.HardLink, e.Size, e.Time, text))
	}
}

// TestRoot reads packages out of a root: which there are from its database,
// contents from its folder, owners, modes and flags from the METALOG.
func TestRoot(t *testing.T) {
	t.Parallel()
	in := filled(t)
	if err := in.Check(); err != nil {
		t.Error(err)
	}
	cats := catalogues(t, in)
	var names []string
	for _, c := range cats {
		for _, p := range offered(c) {
			names = append(names, c.Repo.Name+" "+p.FullName())
		}
	}
	if diff := cmp.Diff([]string{"base other-2", "ports app-1"}, names); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if len(cats[0].Digest) != 64 || cats[0].Digest != cats[1].Digest {
		t.Errorf("got the digests %q and %q, want that of the database", cats[0].Digest, cats[1].Digest)
	}
	for range 2 { // a package can be read again
		r, err := in.Open(t.Context(), packageOf(t, cats, "app"), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(r)
		if err != nil {
			t.Error(err)
		}
		want := []string{
			`/bin/also root:wheel 0555 flags 131072 dir false link  hard  size 3 time 1700000000 "app"`,
			`/bin/app root:wheel 0555 flags 131072 dir false link  hard /bin/also size 0 time 1700000000 ""`,
			`/bin/link root:wheel 0755 flags 0 dir false link app hard  size 0 time 1700000000 ""`,
			`/etc/app.conf root:operator 0644 flags 0 dir false link  hard  size 3 time 1700000000 "x=1"`,
			`/var/app games:games 0700 flags 0 dir true link  hard  size 0 time 0 ""`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	}
}

// TestRootFaults tells what the database, the folder and the METALOG say
// differently of a root.
func TestRootFaults(t *testing.T) {
	t.Parallel()
	remove := func(name string) func(*input.Root) error {
		return func(in *input.Root) error { return os.Remove(in.Path + name) }
	}
	log := func(old, new string) func(*input.Root) error {
		return func(in *input.Root) error {
			if !strings.Contains(metalog, old) {
				return fmt.Errorf("the METALOG has no %s", old)
			}
			return os.WriteFile(in.Metalog, []byte(strings.Replace(metalog, old, new, 1)), 0o600)
		}
	}
	for name, tt := range map[string]struct {
		change func(*input.Root) error
		want   string // of reading the catalogues, or else of reading app
	}{
		"nothing":         {func(*input.Root) error { return nil }, ""},
		"a METALOG's own": {log("./bin/other ", "./bin/more type=file uname=root gname=wheel mode=555\n./bin/other "), ""},
		"no entry":        {log("./etc/app.conf ", "./etc/other "), "app-1: /etc/app.conf: entry in the METALOG is absent, wanted one"},
		"no folder":       {log("./var/app ", "./var/other "), "app-1: /var/app: entry in the METALOG is absent, wanted one"},
		"owner":           {log("operator", "wheel"), "app-1: /etc/app.conf: gname in the METALOG is wheel, wanted operator"},
		"user":            {log("games gname", "root gname"), "app-1: /var/app: uname in the METALOG is root, wanted games"},
		"mode":            {log("mode=644", "mode=600"), "app-1: /etc/app.conf: mode in the METALOG is 0600, wanted 0644"},
		"flags":           {log("mode=644", "mode=644 flags=uchg"), "app-1: /etc/app.conf: flags in the METALOG is uchg, wanted none"},
		"fewer flags":     {log(" flags=schg", ""), "app-1: /bin/app: flags in the METALOG is none, wanted schg"},
		"unknown flags":   {log("flags=schg", "flags=odd"), "app-1: /bin/app: "},
		"no METALOG": {func(in *input.Root) error {
			return os.WriteFile(in.Metalog, []byte("nonsense\n"), 0o600)
		}, "METALOG:1: "},
		"no database": {remove(pkgdb.Path), "no such file or directory"},
		"a database of others": {func(in *input.Root) error {
			return os.WriteFile(in.Path+pkgdb.Path, []byte("text"), 0o600)
		}, "local.sqlite"},
		"no file": {remove("/etc/app.conf"), "app-1: /etc/app.conf: file in the root is absent, wanted one"},
		"no link": {remove("/bin/link"), "app-1: /bin/link: file in the root is absent, wanted one"},
		"no dir":  {remove("/var/app"), "app-1: /var/app: file in the root is absent, wanted one"},
		"another link": {func(in *input.Root) error {
			return errors.Join(os.Remove(in.Path+"/bin/link"), os.Symlink("also", in.Path+"/bin/link"))
		}, "app-1: /bin/link: link is also, wanted app"},
		"a file for a link": {func(in *input.Root) error {
			return errors.Join(os.Remove(in.Path+"/bin/link"), os.WriteFile(in.Path+"/bin/link", nil, 0o600))
		}, "app-1: /bin/link: type in the root is file, wanted link"},
		"a link for a file": {func(in *input.Root) error {
			return errors.Join(os.Remove(in.Path+"/etc/app.conf"), os.Symlink("x", in.Path+"/etc/app.conf"))
		}, "app-1: /etc/app.conf: type in the root is link, wanted file"},
		"a file for a dir": {func(in *input.Root) error {
			return errors.Join(os.Remove(in.Path+"/var/app"), os.WriteFile(in.Path+"/var/app", nil, 0o600))
		}, "app-1: /var/app: type in the root is file, wanted dir"},
		"other contents": {func(in *input.Root) error {
			return os.WriteFile(in.Path+"/etc/app.conf", []byte("x=2"), 0o600)
		}, "app-1: /etc/app.conf: sum is "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := filled(t)
			if err := tt.change(in); err != nil {
				t.Fatal(err)
			}
			cats, err := in.Catalogues(t.Context())
			if err == nil {
				var r *input.Reader
				if r, err = in.Open(t.Context(), packageOf(t, cats, "app"), nil); err == nil {
					_, err = readAll(r)
				}
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestRootCheck wants of flags a root that pkg has filled, and a METALOG.
func TestRootCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"file": "x", "empty/x": "", "root" + pkgdb.Path: "x"})
	for _, tt := range []struct{ root, metalog, want string }{
		{"root", "file", ""},
		{"empty", "file", "--root: DIR/empty: found no var/db/pkg/local.sqlite, wanted a root that pkg(8) filled"},
		{"none", "file", "--root: DIR/none: no such file or directory"},
		{"file", "file", "--root: DIR/file: found a regular file, wanted the folder of a root"},
		{"root", "none", "--metalog: DIR/none: no such file or directory"},
		{"empty", "empty", "--root: DIR/empty: found no var/db/pkg/local.sqlite, wanted a root that pkg(8) filled\n--metalog: DIR/empty: is a directory"},
	} {
		err := (&input.Root{Path: filepath.Join(dir, tt.root), Metalog: filepath.Join(dir, tt.metalog)}).Check()
		if got := strings.TrimPrefix(strings.ReplaceAll(fmt.Sprint(err), dir, "DIR"), "<nil>"); got != tt.want {
			t.Errorf("%s, %s: got %s, want %s", tt.root, tt.metalog, got, tt.want)
		}
	}
	in := filled(t)
	if err := os.Remove(in.Metalog); err != nil {
		t.Fatal(err)
	}
	_, err := in.Catalogues(t.Context())
	if unread, is := errors.AsType[*fault.UnreadError](err); !is || !unread.Usage() {
		t.Errorf("a METALOG that has gone: got %v, want an error of usage", err)
	}
}

// TestCheckPlanned wants every package of the root in an image, and tells which
// files no package has.
func TestCheckPlanned(t *testing.T) {
	t.Parallel()
	in := filled(t)
	write(t, in.Path, map[string]string{"etc/passwd": "x", "var/db/pkg/more": "x", "var/empty/x": ""})
	var told []string
	in.Observe = func(e event.Event) { told = append(told, e.Notice) }
	catalogues(t, in)
	if err := in.CheckPlanned(t.Context(), []string{"a"}, []string{"app", "other"}); err != nil {
		t.Error(err)
	}
	const left = ": no package has it, so it is left out or rebuilt"
	if diff := cmp.Diff([]string{"/etc/passwd" + left, "/var/empty/x" + left}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	told = nil
	err := in.CheckPlanned(t.Context(), []string{"a", "b"}, []string{"app"})
	unresolved, is := errors.AsType[*solve.UnresolvedError](err)
	if !is || unresolved.Chain[0] != "other" || unresolved.Reason != "it is installed in the root, but image a, b does not need it" {
		t.Errorf("got %v, want that nobody needs other", err)
	}
	if len(told) != 3 || told[0] != "/bin/other"+left {
		t.Errorf("told %q, want /bin/other first", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.CheckPlanned(ctx, nil, []string{"app", "other"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v", err)
	}
}

// TestRootDatabase has the packages that are asked for, with the marks of a plan or
// those of the root's user, and no time after the epoch.
func TestRootDatabase(t *testing.T) {
	t.Parallel()
	in := filled(t)
	catalogues(t, in)
	for name, tt := range map[string]struct {
		automatic map[string]bool
		own       bool
		want      []string
	}{
		"a plan's marks":  {map[string]bool{"app": true, "other": false}, false, []string{"app-1 true", "other-2 false"}},
		"the user's":      {map[string]bool{"app": true, "other": false}, true, []string{"app-1 false", "other-2 true"}},
		"one package":     {map[string]bool{"app": true}, false, []string{"app-1 true"}},
		"one as it is":    {map[string]bool{"other": false}, true, []string{"other-2 true"}},
		"without any one": {map[string]bool{}, true, nil},
	} {
		image, err := in.Database(t.Context(), t.TempDir(), tt.automatic, tt.own, 1_000, schema)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		db, err := pkgdb.Open(t.Context(), image)
		if err != nil {
			t.Fatal(err)
		}
		content, err := db.Content(t.Context())
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		installed, err := content.Installed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range installed {
			got = append(got, fmt.Sprint(p.FullName(), " ", p.Automatic))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if newest := content.Newest(); newest > 1_000 {
			t.Errorf("%s: got a time %d after the epoch", name, newest)
		}
	}
}

// TestRootContext ends reading with the context.
func TestRootContext(t *testing.T) {
	t.Parallel()
	in := filled(t)
	cats := catalogues(t, in)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := in.Open(ctx, packageOf(t, cats, "app"), nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if _, err := filled(t).Catalogues(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if err := new(input.Root).Close(); err != nil {
		t.Errorf("one that was never read: got %v", err)
	}
}
