// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/elf/elftest"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/tree"
)

// onDisk finds parents on disk.
func onDisk() parent.Finder {
	return parent.Finder{Find: func(ctx context.Context, name string) (*artifact.Ref, error) { return artifact.Find(ctx, nil, name) }}
}

// web is an image of its own on some parent.
func web(parent string) *define.Image {
	return &define.Image{Name: "web", Parent: parent, Packages: []string{"FreeBSD-telnet", "FreeBSD-jail", "FreeBSD-zlib"}, Labels: map[string]string{"a": "1"}}
}

// webOn is the configuration of web on an image on disk.
func webOn(t *testing.T, path string) hooks.Config {
	t.Helper()
	cfg := config(t, sampleRepo, "web")
	cfg.Custom, cfg.Parents = web(path), onDisk()
	return cfg
}

// TestOnArchive builds an image in one run with its parent, and on the parent's archive:
// layers, tree and database are the same.
func TestOnArchive(t *testing.T) {
	t.Parallel()
	chain := config(t, sampleRepo, "runtime", "web")
	chain.Custom = web("runtime")
	one := build(t, chain)["web"]
	for _, squash := range []bool{false, true} {
		cfg := webOn(t, filepath.Join(chain.OutDir, "container-image-runtime"))
		cfg.Squash = squash
		two := build(t, cfg)["web"]
		if d := gocmp.Diff(one.Manifest.Layers, two.Manifest.Layers); d != "" {
			t.Errorf("squash %t: layers (-one run +two):\n%s", squash, d)
		}
		if d := gocmp.Diff(one.Config, two.Config); d != "" {
			t.Errorf("squash %t: config (-one run +two):\n%s", squash, d)
		}
	}
}

// strangersImage has the files of one of ours, but everything else as other tools make
// it: one layer, docker's media types, another history, and a database that is given.
// Beside it are further files.
func strangersImage(t *testing.T, from string, edit func(h *tar.Header) bool, more map[string][]byte) string {
	t.Helper()
	a, err := artifact.Read(t.Context(), source(t, from), "")
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	to := tar.NewWriter(&plain)
	for i := range a.Layers {
		copyLayer(t, a, i, to, func(h *tar.Header) bool { return more[h.Name] == nil && edit(h) })
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		h := &tar.Header{Name: name, Mode: 0o644, Uname: "root", Gname: "wheel", Size: int64(len(more[name])), ModTime: time.Unix(1_760_000_000, 0)}
		if err := errors.Join(to.WriteHeader(h), writeAll(to, more[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if err := errors.Join(writeAll(z, plain.Bytes()), z.Close()); err != nil {
		t.Fatal(err)
	}
	im := &oci.Image{Name: "stranger:1", Architecture: "amd64", Created: 1_760_000_000,
		Settings: v1.ImageConfig{Env: []string{"PATH=/bin:/usr/local/bin", "LANG=C.UTF-8"}, Cmd: []string{"/bin/sh"}, WorkingDir: "/root", Labels: map[string]string{"a": "0", "b": "2"}},
		Layers: []oci.Layer{{Layer: layer.Layer{MediaType: v1.MediaTypeImageLayerGzip, DiffID: digest.FromBytes(plain.Bytes()), Digest: digest.FromBytes(packed.Bytes()), Size: int64(packed.Len())},
			Created: 1_760_000_000, CreatedBy: "/bin/sh -c #(nop) ADD dir"}}}
	d := im.Documents()
	d.Manifest = bytes.ReplaceAll(d.Manifest, []byte(v1.MediaTypeImageManifest), []byte("application/vnd.docker.distribution.manifest.v2+json"))
	d.Manifest = bytes.ReplaceAll(d.Manifest, []byte(v1.MediaTypeImageConfig), []byte("application/vnd.docker.container.image.v1+json"))
	d.Manifest = bytes.ReplaceAll(d.Manifest, []byte(v1.MediaTypeImageLayerGzip), []byte("application/vnd.docker.image.rootfs.diff.tar.gzip"))
	index := oci.IndexOf(oci.DescriptorOf("application/vnd.docker.distribution.manifest.v2+json", d.Manifest))
	path := filepath.Join(t.TempDir(), "stranger.tar")
	blobs := []layout.Blob{layout.Text(d.Config), layout.Text(d.Manifest), layout.Text(packed.Bytes())}
	if err := layout.WriteBlobs(t.Context(), path, layout.Tar, im.Created, index, blobs); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeAll(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

// copyLayer copies the entries of a layer that edit keeps.
func copyLayer(t *testing.T, a *artifact.Artifact, i int, to *tar.Writer, edit func(h *tar.Header) bool) {
	t.Helper()
	in, err := a.Plain(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	from := tar.NewReader(in)
	for {
		h, err := from.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !edit(h) {
			continue
		}
		if err := to.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(to, from); err != nil {
			t.Fatal(err)
		}
	}
}

// runtime builds the image runtime in one layer, and returns its path.
func runtime(t *testing.T) string {
	t.Helper()
	cfg := config(t, sampleRepo, "runtime")
	cfg.Squash = true
	build(t, cfg)
	return filepath.Join(cfg.OutDir, "container-image-runtime")
}

// TestOnStrangers builds on an image as docker or FreeBSD's own script makes it: pkg's
// database is as pkg left it, with a write-ahead log, other times, and history.
func TestOnStrangers(t *testing.T) {
	t.Parallel()
	below := runtime(t)
	for _, tt := range []struct {
		name string
		db   func(t *testing.T, file string) // changes the parent's database
	}{
		{"other times", func(t *testing.T, file string) { change(t, file, "UPDATE packages SET time = 1234567890 + id") }},
		{"write-ahead log", func(t *testing.T, file string) {
			change(t, file, "UPDATE packages SET locked = 1", "PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "UPDATE packages SET locked = 0")
		}},
		{"rollback journal", func(t *testing.T, file string) {
			change(t, file, "PRAGMA journal_mode = PERSIST", "UPDATE packages SET time = 2")
		}},
		{"vacuumed", func(t *testing.T, file string) { change(t, file, "PRAGMA page_size = 1024", "VACUUM") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stranger := strangersImage(t, below, func(*tar.Header) bool { return true }, disturbed(t, below, tt.db))
			cfg := webOn(t, stranger)
			a := build(t, cfg)["web"]
			if n := a.Below(); n != 1 || a.OwnName() != "web" || len(a.Manifest.Layers) != 2 {
				t.Errorf("found %d layers of others among %d, and the name %q", n, len(a.Manifest.Layers), a.OwnName())
			}
			for _, l := range a.Manifest.Layers {
				if l.MediaType != v1.MediaTypeImageLayerGzip {
					t.Errorf("a layer is of type %s", l.MediaType)
				}
			}
			want := v1.ImageConfig{Env: []string{"PATH=/bin:/usr/local/bin", "LANG=C.UTF-8"}, Cmd: []string{"/bin/sh"}, WorkingDir: "/root", Labels: map[string]string{"a": "1", "b": "2"}}
			if d := gocmp.Diff(want, a.Config.Config); d != "" {
				t.Errorf("settings (-want +got):\n%s", d)
			}
			for _, suffix := range []string{"-wal", "-shm", "-journal"} {
				if a.Tree.Lookup(pkgdb.Path+suffix) != nil {
					t.Errorf("the parent's %s is still there", suffix)
				}
			}
			compareOneStep(t, a, cfg.OutDir)
		})
	}
}

// compareOneStep compares the database of an image on a stranger's parent with the one
// that the same packages have if all are installed at once.
func compareOneStep(t *testing.T, a *artifact.Artifact, dir string) {
	t.Helper()
	chain := config(t, sampleRepo, "runtime", "web")
	chain.Custom = web("runtime")
	epoch := a.Config.Created.Unix()
	chain.Epoch = &epoch
	one := database(t, build(t, chain)["web"], filepath.Join(chain.OutDir, "container-image-web"))
	two := database(t, a, filepath.Join(dir, "container-image-web"))
	changes, err := pkgdb.Diff(t.Context(), contentOf(t, normalised(t, one, epoch)), contentOf(t, two))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		t.Errorf("unlike one step: %s: %s", c.Package, c)
	}
	if !bytes.Equal(normalised(t, one, epoch), two) {
		t.Error("the database has not the bytes of one step")
	}
}

// normalised is the normal form of a database at a time.
func normalised(t *testing.T, db []byte, epoch int64) []byte {
	t.Helper()
	image, err := pkgdb.Normalise(t.Context(), "", sqlitefile.NewImage(db), pkgdb.DefaultSchema, &epoch)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	text, err := image.Bytes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// disturbed returns the database of an image after a change, and the journals beside it,
// by their names in a layer.
func disturbed(t *testing.T, path string, db func(t *testing.T, file string)) map[string][]byte {
	t.Helper()
	a, err := artifact.Read(t.Context(), source(t, path), "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := a.Database.Bytes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "local.sqlite")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	db(t, file)
	files := map[string][]byte{}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if text, err := os.ReadFile(file + suffix); err == nil {
			files[pkgdb.Path[1:]+suffix] = text
		}
	}
	return files
}

// TestParentUnfit refuses parents on which nothing of ours can run.
func TestParentUnfit(t *testing.T) {
	t.Parallel()
	below := runtime(t)
	for _, tt := range []struct {
		name string
		edit func(d *oci.Documents)
		want string
	}{
		{"linux", func(d *oci.Documents) {
			d.Config = bytes.ReplaceAll(d.Config, []byte(`"os":"freebsd"`), []byte(`"os":"linux"`))
		}, "found linux/amd64"},
		{"arm64", func(d *oci.Documents) { d.Config = bytes.ReplaceAll(d.Config, []byte(`"amd64"`), []byte(`"arm64"`)) }, "found freebsd/arm64"},
	} {
		path := rewritten(t, below, tt.edit)
		_, err := hooks.Build(t.Context(), webOn(t, path))
		if err == nil || !strings.Contains(err.Error(), tt.want) || fault.ClassOf(err) != fault.Unmet {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// rewritten copies an image with other documents.
func rewritten(t *testing.T, from string, edit func(d *oci.Documents)) string {
	t.Helper()
	s := source(t, from)
	c, err := oci.Read(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	d := oci.Documents{Texts: c.Texts}
	edit(&d)
	was := c.Manifest.Config
	d.Manifest = bytes.ReplaceAll(d.Manifest, []byte(was.Digest), []byte(digest.FromBytes(d.Config)))
	d.Manifest = bytes.ReplaceAll(d.Manifest, []byte(`+json","digest":"`+digest.FromBytes(d.Config).String()+`","size":`+number(was.Size)),
		[]byte(`+json","digest":"`+digest.FromBytes(d.Config).String()+`","size":`+number(int64(len(d.Config)))))
	blobs := []layout.Blob{layout.Text(d.Config), layout.Text(d.Manifest)}
	for _, l := range c.Manifest.Layers {
		blobs = append(blobs, layout.Blob{Digest: l.Digest, Size: l.Size, Open: func() (io.ReadCloser, error) { return s.Blob(t.Context(), l) }})
	}
	path := filepath.Join(t.TempDir(), "other.tar")
	if err := layout.WriteBlobs(t.Context(), path, layout.Tar, 0, oci.IndexOf(oci.DescriptorOf(v1.MediaTypeImageManifest, d.Manifest)), blobs); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestParentTree wants a package's file that the parent has from nobody to be a
// conflict, and its own files to stay.
func TestParentTree(t *testing.T) {
	t.Parallel()
	below := runtime(t)
	stranger := strangersImage(t, below, func(*tar.Header) bool { return true }, map[string][]byte{"usr/bin/telnet": []byte("ours"), "srv/data": []byte("kept")})
	cfg := webOn(t, stranger)
	_, err := hooks.Build(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "/usr/bin/telnet: in both") || fault.ClassOf(err) != fault.Unmet {
		t.Fatalf("got %v", err)
	}
	cfg.Custom.Replaces = []string{"/usr/bin/telnet"}
	a := build(t, cfg)["web"]
	if n := a.Tree.Lookup("/srv/data"); n == nil || n.Digest != tree.DigestOf([]byte("kept")) {
		t.Errorf("found %+v at /srv/data", n)
	}
	if a.Owners().Of("/usr/bin/telnet") != "FreeBSD-telnet" {
		t.Error("the package has no telnet")
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// change runs statements on a database, and leaves it as a program that was killed would.
func change(t *testing.T, file string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+file+"?_busy_timeout=1000")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	files := map[string][]byte{}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if text, err := os.ReadFile(file + suffix); err == nil {
			files[suffix] = text
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		os.Remove(file + suffix)
		if text, has := files[suffix]; has {
			if err := os.WriteFile(file+suffix, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestParentRelease refuses a parent of another release, and packages that are newer
// than it: pkg would refuse them, and they would die at their first start.
func TestParentRelease(t *testing.T) {
	t.Parallel()
	built := func(version string) map[string]any {
		return map[string]any{"annotations": map[string]string{"FreeBSD_version": version}}
	}
	shell := func(version int) []pkgtest.File {
		return []pkgtest.File{{Path: "/bin/sh", Body: string(elftest.File{OSVersion: version, Static: true}.Bytes()), Mode: 0o555}}
	}
	for _, tt := range []struct {
		name       string
		below, own pkgtest.Package
		want       string // "" if it fits
	}{
		{"the same", pkgtest.Package{Files: shell(1500068)}, pkgtest.Package{Keys: built("1500068")}, ""},
		{"older", pkgtest.Package{Files: shell(1501000)}, pkgtest.Package{Keys: built("1500068")}, ""},
		{"newer", pkgtest.Package{Files: shell(1500068)}, pkgtest.Package{Keys: built("1501000")},
			"own-1.0 was built for FreeBSD_version 1501000, and parent ./container-image-low is 1500068: a newer parent takes it"},
		{"newer than a package", pkgtest.Package{Keys: built("1500068")}, pkgtest.Package{Keys: built("1501000")}, "own-1.0 was built for FreeBSD_version 1501000"},
		{"another release", pkgtest.Package{Files: shell(1404000)}, pkgtest.Package{}, "parent ./container-image-low is of FreeBSD 14, and packages for FreeBSD:15:amd64 do not run there"},
		{"another ABI", pkgtest.Package{ABI: "FreeBSD:14:amd64"}, pkgtest.Package{}, "is of FreeBSD 14"},
		{"unknown", pkgtest.Package{ABI: "FreeBSD:*"}, pkgtest.Package{Keys: built("1501000")}, ""},
	} {
		tt.below.Name, tt.own.Name = "FreeBSD-low", "own"
		dir := t.TempDir()
		pkgtest.WriteRepo(dir, tt.below, pkgtest.Package{Name: "any", ABI: cmp.Or(tt.below.ABI, "FreeBSD:15:amd64")})
		low := config(t, dir, "low")
		low.Custom, low.Exceptions = &define.Image{Name: "low", Packages: []string{"FreeBSD-low"}}, anything
		if tt.name == "unknown" {
			low.ABI = "FreeBSD:15:amd64"
		}
		build(t, low)
		dir = t.TempDir()
		pkgtest.WriteRepo(dir, tt.own)
		cfg := config(t, dir, "own")
		cfg.Custom, cfg.Parents, cfg.Exceptions = &define.Image{Name: "own", Parent: filepath.Join(low.OutDir, "container-image-low"), Packages: []string{"own"}}, onDisk(), anything
		_, err := hooks.Build(t.Context(), cfg)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || fault.ClassOf(err) != fault.Unmet):
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// TestParentKnown builds twice on a parent: the second build knows the first one's note,
// but not for another parent.
func TestParentKnown(t *testing.T) {
	t.Parallel()
	chain := config(t, sampleRepo, "static", "runtime")
	build(t, chain)
	cfg := webOn(t, filepath.Join(chain.OutDir, "container-image-runtime"))
	st := &store.Store{Dir: t.TempDir() + "/store"}
	cached(&cfg, st)
	kept := onlyKnown(t, cfg)
	other := webOn(t, filepath.Join(chain.OutDir, "container-image-static"))
	cached(&other, st)
	other.OutDir = t.TempDir()
	build(t, other)
	if fresh := notesIn(t, st); len(fresh) <= len(kept) {
		t.Error("an image on another parent left no note of its own")
	}
}

// TestOnPkg builds on images with the database that pkg(8) itself wrote, of two versions,
// in one layer: as FreeBSD's own script makes them.
func TestOnPkg(t *testing.T) {
	t.Parallel()
	needShared(t)
	for golden, schema := range map[string]pkgdb.Schema{"chain-runtime": 42, "pkg275-chain-runtime": 39} {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(shared, "golden", golden, "case.json"))
			if err != nil {
				t.Fatal(err)
			}
			var made struct{ Repo string }
			if err := json.Unmarshal(text, &made); err != nil {
				t.Fatal(err)
			}
			repo := filepath.Join(shared, strings.Replace(made.Repo, "latest", "15.0p3", 1))
			db, err := os.ReadFile(filepath.Join(shared, "golden", golden, "local.sqlite"))
			if err != nil {
				t.Fatal(err)
			}
			runtime := config(t, repo, "runtime")
			runtime.Squash, runtime.Exceptions = true, anything
			build(t, runtime)
			stranger := strangersImage(t, filepath.Join(runtime.OutDir, "container-image-runtime"), func(*tar.Header) bool { return true },
				map[string][]byte{pkgdb.Path[1:]: db})
			cfg := config(t, repo, "web")
			cfg.Custom, cfg.Parents, cfg.Exceptions = web(stranger), onDisk(), anything
			a := build(t, cfg)["web"]
			if a.Content.Schema != schema {
				t.Errorf("the schema is %d, wanted the parent's, %d", a.Content.Schema, schema)
			}
			chain := config(t, repo, "runtime", "web")
			chain.Custom, chain.Exceptions, chain.Schema = web("runtime"), anything, schema
			one := build(t, chain)["web"]
			epoch := a.Config.Created.Unix()
			image, err := pkgdb.Normalise(t.Context(), "", one.Database, schema, &epoch)
			if err != nil {
				t.Fatal(err)
			}
			defer image.Close()
			if at, err := image.Difference(t.Context(), a.Database); at >= 0 || err != nil {
				want, err := image.Bytes(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				changes, err := pkgdb.Diff(t.Context(), contentOf(t, want), a.Content)
				t.Errorf("the database is not that of one step: %.2000v, %v", changes, err)
			}
		})
	}
}

// TestParentGaps wants what a parent itself lacks to stop nobody who builds on it, but
// what our own packages lack there to.
func TestParentGaps(t *testing.T) {
	t.Parallel()
	program := func(lib string) string {
		return string(elftest.File{Interpreter: "/libexec/ld-elf.so.1", Needed: []string{lib}}.Bytes())
	}
	dir := t.TempDir()
	pkgtest.WriteRepo(dir, pkgtest.Package{Name: "low", Files: []pkgtest.File{
		{Path: "/libexec/ld-elf.so.1", Body: string(elftest.File{Static: true}.Bytes()), Mode: 0o555},
		{Path: "/bin/low", Body: program("libno.so.1"), Mode: 0o555}, {Path: "/usr/li[n]k", Symlink: "nowhere"}}},
		pkgtest.Package{Name: "own", Files: []pkgtest.File{{Path: "/bin/own", Body: program("libnot.so.1"), Mode: 0o555}}},
		pkgtest.Package{Name: "data", Files: []pkgtest.File{{Path: "/usr/data", Body: "x"}}})
	low := config(t, dir, "low")
	low.Custom, low.Exceptions = &define.Image{Name: "low", Packages: []string{"low"}}, anything
	build(t, low)
	on := func(pkg string) hooks.Config {
		cfg := config(t, dir, "web")
		cfg.Custom, cfg.Parents = &define.Image{Name: "web", Parent: filepath.Join(low.OutDir, "container-image-low"), Packages: []string{pkg}}, onDisk()
		return cfg
	}
	build(t, on("data"))
	_, err := hooks.Build(t.Context(), on("own"))
	if err == nil || !strings.Contains(err.Error(), "libnot.so.1") || strings.Contains(err.Error(), "libno.so.1") || fault.ClassOf(err) != fault.Wrong {
		t.Errorf("got %v", err)
	}
}

// withoutDatabase leaves pkg's database out of a layer.
func withoutDatabase(h *tar.Header) bool { return !strings.HasPrefix(h.Name, "var/db/pkg") }

// TestParentWithout builds on an image that has no pkg database: it begins here.
func TestParentWithout(t *testing.T) {
	t.Parallel()
	stranger := strangersImage(t, runtime(t), withoutDatabase, nil)
	cfg := webOn(t, stranger)
	cfg.Custom.Replaces, cfg.Exceptions = []string{"/**"}, anything
	a := build(t, cfg)["web"]
	var names []string
	for _, p := range a.Packages {
		names = append(names, p.Name)
	}
	if !slices.Contains(names, "FreeBSD-telnet") || slices.Contains(names, "FreeBSD-runtime") && a.Below() == 0 {
		t.Errorf("the database has %v", names)
	}
}

// TestParentZstd takes layers as they are, however they are packed.
func TestParentZstd(t *testing.T) {
	t.Parallel()
	below := config(t, sampleRepo, "static")
	below.Compression = layer.Zstd
	low := build(t, below)["static"]
	cfg := webOn(t, filepath.Join(below.OutDir, "container-image-static"))
	cfg.Exceptions = anything
	a := build(t, cfg)["web"]
	if n := len(a.Manifest.Layers); n != 2 || a.Manifest.Layers[0].Digest != low.Manifest.Layers[0].Digest || a.Manifest.Layers[0].MediaType != v1.MediaTypeImageLayerZstd ||
		a.Manifest.Layers[1].MediaType != v1.MediaTypeImageLayerGzip {
		t.Errorf("found %+v", a.Manifest.Layers)
	}
}
