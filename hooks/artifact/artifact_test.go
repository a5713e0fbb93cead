// SPDX-License-Identifier: BSD-2-Clause

package artifact_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/artifact/artifacttest"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// two is an image of two layers, in which the upper one hides files of the lower.
const two = `
layer lower
dir /etc
file /etc/motd content="old" mode=0444 owner=root:wheel
file /etc/gone content="gone"
file /bin/sh content="shell" mode=0555 flags=schg time=7
hard /bin/ash to=/bin/sh
link /bin/bash to=sh
file /empty
layer upper
file /etc/motd content="new"
file /etc/.wh.gone
file /latest content="shell"
package app 1.2 files=/etc/motd,/latest dirs=/etc
package lib 3 automatic=yes files=/bin/sh
`

// paths lists entries in a short form.
func paths(nodes iter.Seq[*tree.Node]) []string {
	var list []string
	for n := range nodes {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%v %s %s", n.Type, n.Path, n.Link)))
	}
	return list
}

// TestRead keeps the entries of each layer, the tree that they come to, and the
// packages of the database.
func TestRead(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, two).Source())
	lower := []string{"dir /etc", "file /etc/motd", "file /etc/gone", "file /bin/sh", "hardlink /bin/ash /bin/sh", "link /bin/bash sh", "file /empty"}
	upper := []string{"file /etc/motd", "file /etc/.wh.gone", "file /latest", "file " + pkgdb.Path}
	if d := cmp.Diff([][]string{lower, upper}, [][]string{paths(a.Layers[0].All()), paths(a.Layers[1].All())}); d != "" {
		t.Errorf("layers (-want +got):\n%s", d)
	}
	want := []string{"dir /", "dir /bin", "hardlink /bin/ash /bin/sh", "link /bin/bash sh", "file /bin/sh", "file /empty", "dir /etc", "file /etc/motd", "file /latest",
		"dir /var", "dir /var/db", "dir /var/db/pkg", "file /var/db/pkg/local.sqlite"}
	if d := cmp.Diff(want, paths(a.Tree.All())); d != "" {
		t.Errorf("tree (-want +got):\n%s", d)
	}
	sh := tree.Node{Path: "/bin/sh", Mode: 0o555, Uname: "root", Gname: "wheel", Flags: "schg", Time: 7, Size: 5, Digest: tree.DigestOf([]byte("shell"))}
	if d := cmp.Diff(sh, *a.Tree.Lookup("/bin/sh")); d != "" {
		t.Errorf("/bin/sh (-want +got):\n%s", d)
	}
	var packages []string
	for _, p := range a.Packages {
		packages = append(packages, fmt.Sprintf("%s automatic %t, %d files, %d dirs", p.FullName(), p.Automatic, p.Files.Len(), len(p.Dirs)))
	}
	if d := cmp.Diff([]string{"app-1.2 automatic false, 2 files, 1 dirs", "lib-3 automatic true, 1 files, 0 dirs"}, packages); d != "" {
		t.Errorf("packages (-want +got):\n%s", d)
	}
	if !a.Complete() || a.Content == nil || len(a.Notes)+len(a.Details) > 0 || a.Config.OS != "freebsd" || len(a.Read) != 2 {
		t.Errorf("got whole %t, notes %q, config %+v, %d layers", a.Complete(), a.Notes, a.Config, len(a.Read))
	}
}

// TestSumOf has the sums of files in both of pkg's families where a package has such,
// those of a hard link being those of its file.
func TestSumOf(t *testing.T) {
	t.Parallel()
	examine := func(text string) *artifact.Artifact {
		a, err := artifact.Examine(t.Context(), artifacttest.Describe(t, text).Source(), "")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := examine(two); a.SumOf(a.Tree.Lookup("/latest"), sum.BLAKE2b) != "" || a.SumOf(a.Tree.Lookup("/latest"), sum.SHA256) == "" {
		t.Error("got sums that nobody wants, or none")
	}
	a := examine(two + "package late 1 files=/empty sums=blake2b\n")
	for path, text := range map[string]string{"/bin/sh": "shell", "/bin/ash": "shell", "/latest": "shell", "/etc/motd": "new", "/empty": "", pkgdb.Path: string(artifacttest.Database(t, a))} {
		n := a.Tree.Lookup(path)
		for _, kind := range []sum.Kind{sum.SHA256, sum.SHA256Base32, sum.BLAKE2b} {
			if got, want := a.SumOf(n, kind), string(sum.Of(kind, []byte(text))); got != want {
				t.Errorf("%s: got %s, want %s", path, got, want)
			}
		}
	}
	for _, n := range []*tree.Node{{Type: tree.Hardlink, Link: "/nowhere"}, {Type: tree.Dir}} {
		if got := a.SumOf(n, sum.SHA256); got != "" {
			t.Errorf("%+v: got %s, want none", n, got)
		}
	}
	if got := a.SumOf(&tree.Node{Digest: tree.Digest{1}}, sum.BLAKE2b); got != "" {
		t.Errorf("of unknown contents: got %s, want none", got)
	}
}

// TestText keeps a few small files of the image as a user of it sees them.
func TestText(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, `
layer lower
file /etc/services content="old"
file /etc/login.conf content="login"
file /etc/passwd content="root:*:0:0::/root:/bin/sh\n"
file /etc/other content="other"
layer upper
file /etc/services content="new"
file /etc/.wh.passwd
link /etc/group to=elsewhere
`).Source())
	for path, want := range map[string]string{"/etc/services": "new", "/etc/login.conf": "login", "/etc/passwd": "", "/etc/other": "", "/etc/group": "", "/etc/none": ""} {
		if got := a.Text(path); string(got) != want || (got == nil) != (want == "") {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// TestAccounts resolves owners in the image's own accounts; FreeBSD's stand in where
// it has none, and nobody where its own cannot be read.
func TestAccounts(t *testing.T) {
	t.Parallel()
	const passwd, group = `file /etc/passwd content="op:*:5:5::/:/bin/sh\n"` + "\n", `file /etc/group content="op:*:5:\n"` + "\n"
	for name, tt := range map[string]struct {
		text    string
		uid     int
		op, www bool
		none    bool
	}{
		"its own":        {passwd + group, 5, true, false, false},
		"none":           {"dir /etc", 0, false, true, false},
		"no groups":      {passwd, 0, false, true, false},
		"that are wrong": {`file /etc/passwd content="op\n"` + "\n" + group, 0, false, false, true},
	} {
		a, err := artifact.Read(t.Context(), artifacttest.Describe(t, "layer l\n"+tt.text).Source(), "")
		if _, wrong := errors.AsType[*fault.ContentError](err); wrong != tt.none || a == nil || a.NoAccounts != tt.none || (err == nil) == tt.none {
			t.Fatalf("%s: got %v", name, err)
		}
		id, op := a.Accounts.UID("op")
		_, www := a.Accounts.UID("www")
		if id != tt.uid || op != tt.op || www != tt.www {
			t.Errorf("%s: got op %d %t, www %t, want %d %t, %t", name, id, op, www, tt.uid, tt.op, tt.www)
		}
	}
}

// TestHiddenDatabase takes no packages from a database that is not the image's.
func TestHiddenDatabase(t *testing.T) {
	t.Parallel()
	with := func(upper string) *artifact.Artifact {
		d := artifacttest.Describe(t, "layer lower\npackage app 1")
		lower := d.Source()
		db := artifacttest.Database(t, artifacttest.Read(t, lower))
		d = artifacttest.Describe(t, "layer lower")
		d.Add(tree.Node{Path: pkgdb.Path, Mode: 0o644}, string(db))
		d.Lines("layer upper\n" + upper)
		return artifacttest.Read(t, d.Source())
	}
	for upper, want := range map[string]int{"dir /x": 1, "file /var/db/pkg/.wh.local.sqlite": 0, "link " + pkgdb.Path + " to=x": 0, "file /var/db/.wh..wh..opq": 0, "file /var": 0} {
		if a := with(upper); len(a.Packages) != want || (a.Content != nil) != (want > 0) || (a.Database != nil) != (want > 0) {
			t.Errorf("%s: got %d packages, want %d", upper, len(a.Packages), want)
		}
	}
}

// TestDatabaseFaults tells a database that cannot be read; rows that make no packages
// are reported by Read, and left to others by Examine.
func TestDatabaseFaults(t *testing.T) {
	t.Parallel()
	d := artifacttest.Describe(t, "layer l")
	d.Add(tree.Node{Path: pkgdb.Path}, "no database")
	a, err := artifact.Read(t.Context(), d.Source(), "")
	if a == nil || err == nil || !strings.Contains(err.Error(), "pkg database: is not an SQLite database") || a.Packages != nil || a.Content != nil || !a.Complete() {
		t.Errorf("got %v, want an image without packages", err)
	}
}

// TestRows tells rows that make no packages only where nobody else does.
func TestRows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, artifacttest.Database(t, artifacttest.Read(t, artifacttest.Describe(t, two).Source())), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("UPDATE files SET package_id = 77")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := artifacttest.Describe(t, "layer l")
	d.Add(tree.Node{Path: pkgdb.Path}, string(text))
	s := d.Source()
	if a, err := artifact.Examine(t.Context(), s, ""); err != nil || a.Packages != nil || a.Content == nil {
		t.Errorf("Examine: got %v, want rows and no packages", err)
	}
	if a, err := artifact.Read(t.Context(), s, ""); a == nil || err == nil || !strings.Contains(err.Error(), "which is not in packages") {
		t.Errorf("Read: got %v, want that a package is not there", err)
	}
}

// TestStrays notes what nothing refers to, of many files the first three; and what
// else the archive has is no fault of the image.
func TestStrays(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "", 2: "a0 a1", 3: "a0 a1 a2", 4: "a0 a1 a2 so are 1 more files", 9: "a0 a1 a2 so are 6 more files"} {
		s := artifacttest.Describe(t, "layer l\nfile /x").Source()
		for i := range n {
			s.Files = append(s.Files, fmt.Sprintf("a%d", i))
		}
		a := artifacttest.Read(t, s)
		const told = " is in the archive, but nothing refers to it"
		if got := strings.ReplaceAll(strings.Join(a.Notes, " "), told, ""); got != want || len(a.Details) != n || !a.Complete() {
			t.Errorf("%d strays: got %q and %d details, want %q", n, got, len(a.Details), want)
		}
	}
}

// damaged are faults of an image, each alone, and what is reported of them.
var damaged = []struct {
	name, want string
	damage     func(s *artifacttest.Source, manifest *v1.Manifest, config *v1.Image)
	whole      bool
	none       bool // nothing is read of it
}{
	{"an absent layer", "layer 1: blob sha256:… is not there", func(s *artifacttest.Source, m *v1.Manifest, _ *v1.Image) {
		delete(s.Blobs, oci.BlobName(m.Layers[0].Digest))
	}, false, false},
	{"a flipped byte in a layer", "layer 1: blob sha256:… is sha256:…, wanted sha256:…", func(s *artifacttest.Source, m *v1.Manifest, _ *v1.Image) {
		s.Blobs[oci.BlobName(m.Layers[0].Digest)][40] ^= 1
	}, false, false},
	{"a cut layer", "layer 2: size of blob sha256:… is 5, wanted ", func(s *artifacttest.Source, m *v1.Manifest, _ *v1.Image) {
		name := oci.BlobName(m.Layers[1].Digest)
		s.Blobs[name] = s.Blobs[name][:5]
	}, false, false},
	{"another DiffID", "layer 2: the DiffID of its tar file is sha256:…, wanted sha256:…, which the config has", func(_ *artifacttest.Source, _ *v1.Manifest, c *v1.Image) {
		c.RootFS.DiffIDs[1] = digest.FromString("x")
	}, false, false},
	{"a DiffID of another kind", "layer 2: the DiffID of its tar file, in the config: digest \"sha512:…\" is not supported, wanted a sha256", func(_ *artifacttest.Source, _ *v1.Manifest, c *v1.Image) {
		c.RootFS.DiffIDs[1] = digest.SHA512.FromString("x")
	}, false, false},
	{"one DiffID less", "number of diff_ids in the config is 1, wanted 2, as many as the manifest has layers", func(_ *artifacttest.Source, _ *v1.Manifest, c *v1.Image) {
		c.RootFS.DiffIDs = c.RootFS.DiffIDs[:1]
	}, true, false},
	{"a media type", `layer 1: media type "application/x" is not supported`, func(_ *artifacttest.Source, m *v1.Manifest, _ *v1.Image) { m.Layers[0].MediaType = "application/x" }, false, false},
	{"an absent config", "config: blob sha256:… is not there", func(s *artifacttest.Source, m *v1.Manifest, _ *v1.Image) { m.Config.Digest = digest.FromString("x") }, true, false},
	{"an absent manifest", "manifest: blob sha256:… is not there", func(s *artifacttest.Source, _ *v1.Manifest, _ *v1.Image) { clear(s.Blobs) }, false, true},
}

// TestFaults tells each fault, and keeps what can be read all the same. The tree is
// believed only where all layers are whole and the config's.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range damaged {
		s := artifacttest.Describe(t, two).Source()
		s.Change(t, tt.damage)
		a, err := artifact.Read(t.Context(), s, "")
		if got := artifacttest.Shortened(err); !strings.Contains(got, tt.want) || err == nil {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if tt.none || a == nil {
			if a != nil || !tt.none {
				t.Errorf("%s: got an image %t, want none %t", tt.name, a != nil, tt.none)
			}
			continue
		}
		if a.Complete() != tt.whole || (a.Packages != nil) != tt.whole || len(a.Layers) != 2 || len(a.Read) != 2 || a.Tree == nil {
			t.Errorf("%s: got whole %t, %d packages and %d layers, want %t", tt.name, a.Complete(), len(a.Packages), len(a.Layers), tt.whole)
		}
	}
}

// TestReadEnds returns nothing where the context has ended, before and while layers
// are read.
func TestReadEnds(t *testing.T) {
	t.Parallel()
	for _, blobs := range []int{0, 1, 2, 3} {
		ctx, cancel := context.WithCancel(t.Context())
		s := &ending{Source: artifacttest.Describe(t, two).Source(), left: blobs, end: cancel}
		if a, err := artifact.Read(ctx, s, ""); a != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("after %d blobs: got %v, %v, want %v", blobs, a != nil, err, context.Canceled)
		}
	}
}

// ending ends a context when so many blobs have been opened.
type ending struct {
	*artifacttest.Source
	left int
	end  func()
}

func (e *ending) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if e.left--; e.left < 0 {
		e.end()
	}
	return e.Source.Blob(ctx, d)
}

// TestPlatform reads the image for a platform, or tells that there is none.
func TestPlatform(t *testing.T) {
	t.Parallel()
	s := artifacttest.Describe(t, two).Source()
	if a, err := artifact.Read(t.Context(), s, "freebsd/amd64"); a == nil || err != nil {
		t.Errorf("got %v", err)
	}
	a, err := artifact.Read(t.Context(), s, "freebsd/arm64")
	if _, unmet := errors.AsType[*oci.PlatformError](err); a != nil || !unmet {
		t.Errorf("got %v, want no image for arm64", err)
	}
}

// TestLargeKept bounds what is kept of a file that is looked into.
func TestLargeKept(t *testing.T) {
	t.Parallel()
	a, err := artifact.Read(t.Context(), artifacttest.Describe(t, fmt.Sprintf("layer l\nfile /etc/services x=%d", 4<<20)).Source(), "")
	if err != nil || len(a.Text("/etc/services")) != 4<<20 {
		t.Errorf("got %v, want all of it", err)
	}
	_, err = artifact.Read(t.Context(), artifacttest.Describe(t, fmt.Sprintf("layer l\nfile /etc/services x=%d", 4<<20+1)).Source(), "")
	if _, unsupported := errors.AsType[*fault.UnsupportedError](err); !unsupported || !strings.Contains(err.Error(), "/etc/services: has 4194305 bytes, wanted at most 4194304") {
		t.Errorf("got %v", err)
	}
}
