// SPDX-License-Identifier: BSD-2-Clause

package catalog_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/trust"
)

// notes keeps notes in memory.
type notes struct {
	kept   map[string][]byte
	failed bool // it keeps none
}

func (n *notes) Recall(key string) []byte { return n.kept[key] }

func (n *notes) Remember(_ context.Context, key string, parts ...[]byte) error {
	if n.failed {
		return errors.New("is full")
	}
	n.kept[key] = bytes.Join(parts, nil)
	return nil
}

// only is the one note that was kept.
func (n *notes) only(t testing.TB) (key string, text []byte) {
	t.Helper()
	if len(n.kept) != 1 {
		t.Fatalf("got %d notes, want one", len(n.kept))
	}
	key = slices.Collect(maps.Keys(n.kept))[0]
	return key, n.kept[key]
}

// filler makes an archive large enough to be kept.
var filler = []string{"filler", strings.Repeat("x", 128<<10)}

// varied are packages with all that planning asks for.
const varied = `{"packages":[
{"name":"b","origin":"o/b","version":"2","prefix":"/","abi":"FreeBSD:15:amd64","sum":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","repopath":"All/b.pkg","pkgsize":7,"deps":{"a":{},"gone":{}},"shlibs_required":["liba.so.1"],"shlibs_required_ignore":["i"],"conflicts":["c"],"annotations":{"FreeBSD_version":"1500068"}},
{"name":"a","origin":"o/a","version":"1","prefix":"/","abi":"FreeBSD:15:*","sum":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","repopath":"All/a ü.pkg","pkgsize":5,"shlibs_provided":["liba.so.1","libz.so"],"shlibs_provided_ignore":["j"],"provides":["x"],"requires":["y"]},
{"name":"b","origin":"o/b","version":"10","prefix":"/","abi":"FreeBSD:15:amd64","sum":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","repopath":"All/b10.pkg","pkgsize":9,"shlibs_provided":["liba.so.1"]}]}`

// counted counts the bytes that are read of a repository's archives.
type counted struct {
	folder
	n int
}

func (c *counted) Open(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	f, err := c.folder.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return counting{f, c}, nil
}

type counting struct {
	io.ReadSeekCloser
	by *counted
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.ReadSeekCloser.Read(p)
	c.by.n += n
	return n, err
}

// shown is all that a catalogue says, also by its indexes.
func shown(c *catalog.Catalogue) string {
	var b strings.Builder
	fmt.Fprintln(&b, c.Repo.Name, c.Digest, c.Signer, len(c.Sealed), c.Len(), slices.Collect(c.Names()), slices.Sorted(slices.Values(c.ABIs())))
	for p := range c.All() {
		fmt.Fprintf(&b, "%+v\n", p.Summary)
		for _, list := range [][]*catalog.Package{c.Named(p.Name), c.WithShlib("liba.so.1"), c.WithProvided("x"), c.WithShlib("x"), c.Named(p.Name + "x"), c.WithProvided("")} {
			for _, q := range list {
				fmt.Fprint(&b, " ", q.FullName())
			}
			fmt.Fprintln(&b)
		}
	}
	return b.String()
}

// TestKept reads a catalogue from what an earlier run has kept of it: it hashes the
// archive, and does not unpack it.
func TestKept(t *testing.T) {
	t.Parallel()
	n := &notes{kept: map[string][]byte{}}
	src := &counted{folder: folder{"meta.conf": []byte(metaConf), "data.pkg": archive(t, append([]string{"data", varied}, filler...)...)}}
	read := func(n catalog.Notes) *catalog.Catalogue {
		t.Helper()
		src.n = 0
		c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, nil, n)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	want := shown(read(nil))
	for what, n := range map[string]*notes{"first": n, "nothing can be kept": {failed: true}} {
		if d := cmp.Diff(want, shown(read(n))); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	n.only(t)
	kept := read(n)
	if d := cmp.Diff(want, shown(kept)); d != "" {
		t.Errorf("again (-want +got):\n%s", d)
	}
	// Once for the hash, and its beginning once more, to see whether it is signed.
	if most := 2 * len(src.folder["data.pkg"]); src.n >= most {
		t.Errorf("read %d bytes, wanted fewer than %d", src.n, most)
	}
	first := kept.Named("a")[0]
	if kept.WithShlib("libz.so")[0] != first || packages(kept)[0] != first || first.Repo != kept.Repo {
		t.Error("a package is another one when it is asked for again")
	}
}

// TestSmallIsNotKept leaves no note of a catalogue that is read as fast.
func TestSmallIsNotKept(t *testing.T) {
	t.Parallel()
	n := &notes{kept: map[string][]byte{}}
	if _, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, folder{"data.pkg": archive(t, "data", data)}, nil, n); err != nil || len(n.kept) > 0 {
		t.Errorf("got %d notes, %v, want none", len(n.kept), err)
	}
}

// TestKeptOfOthers takes no note of another archive, nor of another member of the
// same one, which meta.conf names and nobody signs.
func TestKeptOfOthers(t *testing.T) {
	t.Parallel()
	n := &notes{kept: map[string][]byte{}}
	both := archive(t, append([]string{"data", varied, "other", data}, filler...)...)
	for _, tt := range []struct {
		archive []byte
		member  string
		want    int // packages
	}{{both, "data", 3}, {both, "other", 1}, {append(bytes.Clone(both), 0), "data", 3}, {both, "data", 3}} {
		meta := strings.Replace(metaConf, `data = "data"`, fmt.Sprintf(`data = %q; data_archive = "data"`, tt.member), 1)
		c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, folder{"meta.conf": []byte(meta), "data.pkg": tt.archive}, nil, n)
		if err != nil || c.Len() != tt.want {
			t.Errorf("%s: got %v, %v, want %d packages", tt.member, c, err, tt.want)
		}
	}
	if len(n.kept) != 3 {
		t.Errorf("got %d notes, want 3", len(n.kept))
	}
}

// TestKeptSigned checks the signature of a kept catalogue each time, with the keys of
// that time.
func TestKeptSigned(t *testing.T) {
	t.Parallel()
	const keys = "../trust/testdata/"
	good, err := trust.ReadFingerprints(keys + "folders/good")
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string, err error) trust.Trust {
		t.Helper()
		k, other := trust.ReadKey(keys + name)
		if errors.Join(err, other) != nil {
			t.Fatal(err, other)
		}
		return k
	}
	freebsd, err := trust.FreeBSD("pkg")
	for name, believed := range map[string]trust.Trust{"fingerprint": good, "rsa": of("rsa.pub", err), "ecc": of("ecc.pub", nil)} {
		text, err := os.ReadFile(filepath.Join("testdata/repos", name, "data.pkg"))
		if err != nil {
			t.Fatal(err)
		}
		large := enlarge(t, text)
		n := &notes{kept: map[string][]byte{}}
		src := folder{"meta.conf": []byte(metaConf), "data.pkg": large}
		for _, tt := range []struct {
			what     string
			believed trust.Trust
			refused  bool
		}{{"nobody asks", nil, false}, {"first", believed, false}, {"again", believed, false}, {"other keys", freebsd, true}, {"nobody asks again", nil, false}} {
			plain, wrong := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, tt.believed, nil)
			c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, tt.believed, n)
			if (err != nil) != tt.refused || fmt.Sprint(err) != fmt.Sprint(wrong) {
				t.Errorf("%s, %s: got %v, without notes %v", name, tt.what, err, wrong)
			}
			if tt.refused || err != nil {
				continue
			}
			if d := cmp.Diff(shown(plain), shown(c)); d != "" || !bytes.Equal(c.Sealed, large) || (c.Signer == "") != (tt.believed == nil) {
				t.Errorf("%s, %s: signer %q, %d sealed bytes (-want +got):\n%s", name, tt.what, c.Signer, len(c.Sealed), d)
			}
			again, err := catalog.Unseal(t.Context(), catalog.Repo{Name: "r"}, c.Sealed, tt.believed, n)
			if err != nil || shown(again) != shown(c) {
				t.Errorf("%s, %s: unsealed: %v, %v", name, tt.what, again, err)
			}
		}
	}
}

// enlarge adds a filler to an archive.
func enlarge(t *testing.T, text []byte) []byte {
	t.Helper()
	plain, err := packing.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	var members []string
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if err == io.EOF {
			return archive(t, append(members, filler...)...)
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, h.Name, string(text))
	}
}

// TestKeptDamaged reads the archive where its note is not what was kept, and keeps
// another.
func TestKeptDamaged(t *testing.T) {
	t.Parallel()
	n := &notes{kept: map[string][]byte{}}
	src := folder{"meta.conf": []byte(metaConf), "data.pkg": archive(t, append([]string{"data", varied}, filler...)...)}
	read := func() string {
		c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, nil, n)
		if err != nil {
			t.Fatal(err)
		}
		return shown(c)
	}
	want := read()
	key, text := n.only(t)
	for i := range text {
		n.kept[key] = text[:i]
		if d := cmp.Diff(want, read()); d != "" || !bytes.Equal(n.kept[key], text) {
			t.Fatalf("cut at byte %d (-want +got):\n%s", i, d)
		}
	}
	n.kept[key] = append(bytes.Clone(text), 0)
	if d := cmp.Diff(want, read()); d != "" || !bytes.Equal(n.kept[key], text) {
		t.Errorf("a byte too many (-want +got):\n%s", d)
	}
}

// changing is an archive that is another from its second pass on.
type changing struct {
	file
	passes *int
	other  []byte
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart && offset == 0 {
		if *c.passes++; *c.passes == 3 { // after a look at its beginning, and its hash
			c.file = file{bytes.NewReader(c.other)}
		}
	}
	return c.file.Seek(offset, whence)
}

type openers map[string]io.ReadSeekCloser

func (o openers) Open(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	if f := o[name]; f != nil {
		return f, nil
	}
	return folder{}.Open(ctx, name)
}

// TestKeptOfWhatWasHashed keeps nothing under the hash of other bytes.
func TestKeptOfWhatWasHashed(t *testing.T) {
	t.Parallel()
	n := &notes{kept: map[string][]byte{}}
	one := archive(t, append([]string{"data", varied}, filler...)...)
	other := archive(t, append([]string{"data", data + strings.Repeat(" ", len(varied)-len(data))}, filler...)...)
	c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, openers{"data.pkg": &changing{file{bytes.NewReader(one)}, new(int), other}}, nil, n)
	if err != nil || c.Len() != 1 {
		t.Fatalf("got %v, %v, want the other archive's package", c, err)
	}
	if len(n.kept) > 0 {
		t.Error("it is kept")
	}
}

// TestNew has the packages that it is given, sorted.
func TestNew(t *testing.T) {
	t.Parallel()
	repo := &catalog.Repo{Name: "r"}
	var list []*catalog.Package
	from, err := load(t, folder{"data.pkg": archive(t, "data", varied)})
	if err != nil {
		t.Fatal(err)
	}
	for p := range from.All() {
		list = append(list, &catalog.Package{Summary: p.Summary, Repo: repo})
	}
	slices.Reverse(list)
	c, err := catalog.New(t.Context(), repo, from.Digest, list)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(shown(from), shown(c)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := packages(c); got[0] != list[2] || got[1] != list[1] || got[2] != list[0] {
		t.Error("a package is not the one that was given")
	}
	none := &catalog.Catalogue{Repo: repo}
	if d := cmp.Diff("r   0 0 [] []\n", shown(none)); d != "" || none.Named("a") != nil || none.WithShlib("x") != nil {
		t.Errorf("of nothing (-want +got):\n%s", d)
	}
}

// FuzzNote takes whatever a store gives back as the note of an archive. What is taken
// can be read to its end; the next note is a good one, unless this one was.
func FuzzNote(f *testing.F) {
	n := &notes{kept: map[string][]byte{}}
	src := folder{"meta.conf": []byte(metaConf), "data.pkg": archive(f, append([]string{"data", varied}, filler...)...)}
	if _, err := catalog.Load(f.Context(), catalog.Repo{Name: "r"}, src, nil, n); err != nil {
		f.Fatal(err)
	}
	key, good := n.only(f)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, text []byte) {
		n := &notes{kept: map[string][]byte{key: text}}
		c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, nil, n)
		if err != nil {
			t.Fatal(err)
		}
		list := packages(c)
		if !slices.IsSortedFunc(list, func(a, b *catalog.Package) int { return strings.Compare(a.Name, b.Name) }) {
			t.Error("the packages are not in order")
		}
		for _, p := range list {
			if !slices.Contains(c.Named(p.Name), p) {
				t.Errorf("%s: is not found by its name", p.FullName())
			}
		}
		if again, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, nil, n); err != nil || shown(again) != shown(c) {
			t.Errorf("the next time: got %v, %v", again, err)
		}
	})
}
