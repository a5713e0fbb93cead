// SPDX-License-Identifier: BSD-2-Clause

package catalog_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/trust"
)

// folder opens files of a map, by name.
type folder map[string][]byte

func (f folder) Open(_ context.Context, name string) (io.ReadSeekCloser, error) {
	b, ok := f[name]
	if !ok {
		return nil, &store.AbsentError{What: name, Err: os.ErrNotExist}
	}
	return file{bytes.NewReader(b)}, nil
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

func archive(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: members[i], Mode: 0o644, Size: int64(len(members[i+1]))}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, members[i+1])
	}
	w.Close()
	return b.Bytes()
}

const line = `{"name":"p","origin":"o","version":"1","prefix":"/","abi":"FreeBSD:15:amd64","sum":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","path":"All/p.pkg","repopath":"All/p.pkg","pkgsize":5}`

const data = `{"groups":[],"expired_packages":[],"packages":[` + line + `]}`

const metaConf = "version = 2;\npacking_format = \"tzst\";\nmanifests = \"packagesite.yaml\";\ndata = \"data\";\nmanifests_archive = \"packagesite\";\n"

func load(t *testing.T, f folder) (*catalog.Catalogue, error) {
	t.Helper()
	return catalog.Load(t.Context(), catalog.Repo{Name: "r"}, f, nil, nil)
}

// TestLoad reads both forms of a catalogue in every packing.
func TestLoad(t *testing.T) {
	t.Parallel()
	pack := map[string]func([]byte) []byte{
		"none": func(b []byte) []byte { return b },
		"gzip": func(b []byte) []byte {
			var o bytes.Buffer
			w := gzip.NewWriter(&o)
			w.Write(b)
			w.Close()
			return o.Bytes()
		},
		"zstd": func(b []byte) []byte { w, _ := zstd.NewWriter(nil); return w.EncodeAll(b, nil) },
		"xz": func(b []byte) []byte {
			var o bytes.Buffer
			w, _ := xz.NewWriter(&o)
			w.Write(b)
			w.Close()
			return o.Bytes()
		},
	}
	for name, p := range pack {
		for _, tt := range []struct{ file, member, text string }{
			{"data.pkg", "data", data},
			{"packagesite.pkg", "packagesite.yaml", line + "\n"},
			{"packagesite.txz", "packagesite.yaml", line + "\n"},
			{"packagesite.tzst", "packagesite.yaml", line + "\n"},
		} {
			c, err := load(t, folder{"meta.conf": []byte(metaConf), tt.file: p(archive(t, "signature", "not looked at", tt.member, tt.text))})
			if err != nil {
				t.Errorf("%s, %s: %v", name, tt.file, err)
				continue
			}
			if list := packages(c); len(list) != 1 || list[0].FullName() != "p-1" || list[0].Path != "All/p.pkg" || list[0].Size != 5 || len(c.Digest) != 64 {
				t.Errorf("%s, %s: got %+v", name, tt.file, c)
			}
		}
	}
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	whole := func(text string) folder {
		return folder{"meta.conf": []byte(metaConf), "data.pkg": archive(t, "data", text)}
	}
	for _, tt := range []struct {
		name string
		f    folder
		want string
	}{
		{"no meta.conf", folder{}, `repository "r": meta.conf: file does not exist`},
		{"no catalogue", folder{"meta.conf": []byte(metaConf)}, `repository "r": data.pkg: file does not exist`},
		{"meta of another version", folder{"meta.conf": []byte("version = 3")}, "meta.conf: version is 3, wanted 1 or 2"},
		{"meta that leads away", folder{"meta.conf": []byte("version = 2; data = \"../../x\"")}, `data: is not a plain file name: "../../x"`},
		{"meta that turns", folder{"meta.conf": []byte("version = 2; data = \"a\u202eb\"")}, `meta.conf: data: "a\u202eb" has the control character U+202E`},
		{"meta with a long name", folder{"meta.conf": []byte("version = 2; data = " + strings.Repeat("x", 256))}, "meta.conf: data: has 256 bytes, wanted at most 255"},
		{"meta that is endless", folder{"meta.conf": bytes.Repeat([]byte("#"), 2<<20)}, "meta.conf: is larger than 1048576 bytes"},
		{"no member", folder{"meta.conf": []byte(metaConf), "data.pkg": archive(t, "date", data)}, `data.pkg: has no member "data"`},
		{"cut off", whole(data[:len(data)-10]), "data: "},
		{"no packages", whole(`{"groups":[]}`), `has no "packages"`},
		{"packages twice", whole(strings.Replace(data, `{`, `{"packages":[],`, 1)), `has "packages" twice`},
		{"a member without a name", whole(`{"groups":[],7:[]}`), `byte 14: found "7", wanted the name of a member`},
		{"no document", whole(`[]`), "byte 1: found '[', wanted '{'"},
		{"unclean path", whole(strings.ReplaceAll(data, "All/p.pkg", "/etc/p.pkg")), `p-1: repopath "/etc/p.pkg" is not a clean path`},
		{"name that clears the screen", whole(strings.Replace(data, `"name":"p"`, `"name":"p\u001b[2J"`, 1)), `entry 1: manifest: name: "p\x1b[2J" has the control character U+001B`},
		{"path that clears the screen", whole(strings.ReplaceAll(data, "All/p.pkg", "All/\u009b2J.pkg")), `entry 1: p-1: repopath: "All/\u009b2J.pkg" has the control character U+009B`},
		{"second name that turns", whole(strings.Replace(data, line, line+","+strings.Replace(line, `"name":"p"`, "\"name\":\"p\u202eq\"", 1), 1)), `entry 2: manifest: name: "p\u202eq" has the control character U+202E`},
		{"bad sum", whole(strings.Replace(data, "5891", "58", 1)), "value has 62 characters, wanted 64"},
		{"bad manifest", whole(strings.Replace(data, `"name":"p",`, "", 1)), "entry 1: manifest: name is missing"},
	} {
		if _, err := load(t, tt.f); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestSigned reads a catalogue that pkg(8) signed, and refuses every other.
func TestSigned(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("../trust/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	key, err := trust.ReadKey("../trust/testdata/rsa.pub")
	if err != nil {
		t.Fatal(err)
	}
	data, sig := read("data"), read("rsa.signature")
	many := []string{}
	for i := range 9 {
		many = append(many, fmt.Sprint(i, ".sig"), "x")
	}
	for _, tt := range []struct {
		name, want string
		members    []string
	}{
		{"signed", "", []string{"signature", sig, "data", data}},
		{"signed behind the payload", "", []string{"data", data, "signature", sig}},
		{"stripped", "the catalogue is not signed", []string{"data", data}},
		{"changed", "is wrong: the catalogue is not what was signed", []string{"signature", sig, "data", data + " "}},
		{"no JSON, and not signed: the signature comes first", "the catalogue is not signed", []string{"data", "{"}},
		{"payload twice", `member "data" occurs twice`, []string{"signature", sig, "data", data, "data", data}},
		{"endless signature", "signature: is larger than 1048576 bytes", []string{"signature", strings.Repeat("x", 2<<20), "data", data}},
		{"many signers", "8.sig: has more than 8 signers", append(many, "data", data)},
		{"many members", "has more than 24 members", []string{"1", "", "2", "", "3", "", "4", "", "5", "", "6", "", "7", "", "8", "", "9", "", "10", "", "11", "", "12", "", "13", "", "14", "", "15", "", "16", "", "17", "", "18", "", "19", "", "20", "", "21", "", "22", "", "23", "", "24", "", "25", ""}},
	} {
		c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, folder{"meta.conf": []byte(metaConf), "data.pkg": archive(t, tt.members...)}, key, nil)
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		case tt.want == "" && (len(c.Signer) != 64 || c.Len() != 3):
			t.Errorf("%s: got the signer %q and %d packages", tt.name, c.Signer, c.Len())
		}
	}
}

// TestUnseal reads a signed archive again from what Load kept of it, and
// refuses all that Load refuses.
func TestUnseal(t *testing.T) {
	t.Parallel()
	const keys = "../trust/testdata/"
	good, err := trust.ReadFingerprints(keys + "folders/good")
	if err != nil {
		t.Fatal(err)
	}
	rsa, err := trust.ReadKey(keys + "rsa.pub")
	if err != nil {
		t.Fatal(err)
	}
	repo := catalog.Repo{Name: "r"}
	for name, believed := range map[string]trust.Trust{"fingerprint": good, "sha256-fingerprint": good, "rsa": rsa} {
		dir := filepath.Join("testdata/repos", name)
		src, err := new(store.Store).Source(dir, "none")
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(dir, "data.pkg"))
		if err != nil {
			t.Fatal(err)
		}
		for _, asked := range []trust.Trust{nil, believed} {
			loaded, err := catalog.Load(t.Context(), repo, src, asked, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(loaded.Sealed, want) {
				t.Errorf("%s: kept %d bytes, want the %d of data.pkg", name, len(loaded.Sealed), len(want))
			}
			again, err := catalog.Unseal(t.Context(), repo, loaded.Sealed, asked, nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if d := cmp.Diff(loaded, again, cmpopts.IgnoreUnexported(catalog.Catalogue{})) + cmp.Diff(packages(loaded), packages(again)); d != "" {
				t.Errorf("%s: (-loaded +unsealed):\n%s", name, d)
			}
		}
		wrong, err := trust.FreeBSD("pkg")
		if err != nil {
			t.Fatal(err)
		}
		var bad *trust.Error
		if _, err := catalog.Unseal(t.Context(), repo, want, wrong, nil); !errors.As(err, &bad) {
			t.Errorf("%s: for another's keys: got %v, want that the signature is refused", name, err)
		}
	}
	for _, tt := range []struct {
		name, want string
		members    []string
	}{
		{"unsigned", "", []string{"data", data}},
		{"lines", "", []string{"packagesite.yaml", line + "\n"}},
		{"both", `repository "r": kept archive: has the members "data" and "packagesite.yaml", wanted one of them`, []string{"packagesite.yaml", line, "data", data}},
		{"none", `repository "r": kept archive: has no member "data" or "packagesite.yaml"`, []string{"date", data}},
		{"bad", `repository "r": kept archive: data: byte 1`, []string{"data", "[]"}},
	} {
		c, err := catalog.Unseal(t.Context(), repo, archive(t, tt.members...), nil, nil)
		switch {
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want == "" && (c.Len() != 1 || c.Sealed != nil):
			t.Errorf("%s: got %d packages, %d sealed bytes, want 1 and none", tt.name, c.Len(), len(c.Sealed))
		}
	}
}

// TestSealedBehind keeps an archive whose signature stands behind the payload,
// and none that has no signature.
func TestSealedBehind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		members []string
		sealed  bool
	}{
		{[]string{"data", data, "signature", "x"}, true},
		{[]string{"data", data, "x.sig", "x"}, true},
		{[]string{"x.pub", "x", "data", data}, true},
		{[]string{"data", data}, false},
		{[]string{"other", "x", "data", data}, false},
	} {
		text := archive(t, tt.members...)
		c, err := load(t, folder{"meta.conf": []byte(metaConf), "data.pkg": text})
		if err != nil {
			t.Errorf("%q: %v", tt.members, err)
		} else if tt.sealed && !bytes.Equal(c.Sealed, text) || !tt.sealed && c.Sealed != nil {
			t.Errorf("%q: kept %d bytes of %d", tt.members, len(c.Sealed), len(text))
		}
	}
}

// TestGoldenSigned reads the catalogues that pkg(8) signed with each kind of key,
// by right keys and by wrong ones; testdata/README says how.
func TestGoldenSigned(t *testing.T) {
	t.Parallel()
	const keys = "../trust/testdata/"
	fingerprints := func(name string) trust.Trust {
		f, err := trust.ReadFingerprints(keys + "folders/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	pubkey := func(name string) trust.Trust {
		k, err := trust.ReadKey(keys + name + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	const sum = "d704cb5a56d15825e3f51d0351f0d200515c9db404c1dde04fda924705f49420" // of rsa.pub
	const unsigned = "../../../../cmd/orlop/sample"
	for _, tt := range []struct {
		repo, want string
		believed   trust.Trust
	}{
		{"fingerprint", "", fingerprints("good")}, {"sha256-fingerprint", "", fingerprints("good")},
		{"rsa", "", pubkey("rsa")}, {"ecc", "", pubkey("ecc")}, {"ecdsa", "", pubkey("ecdsa")},
		{"fingerprint", "found the keys data (sha256 " + sum + "), none of which", fingerprints("wrong")},
		{"fingerprint", "key data (sha256 " + sum + "): the key is revoked (fixture-15-compromised)", fingerprints("revoked")},
		{"sha256-fingerprint", "the key is revoked", fingerprints("revoked")},
		{"rsa", "other.pub (sha256 6f9ff1bdb690f26c6316b93961c32ecaa34f51e14548f4b6ab89ee0688ca757f): is wrong", pubkey("other")},
		{"rsa", "the catalogue is signed by one key, not for fingerprints", fingerprints("good")},
		{"ecc", "the signature is of type eddsa, the key of type rsa", pubkey("rsa")},
		{"ecdsa", "the signature is of type ecdsa, the key of type rsa", pubkey("rsa")},
		{"rsa", "the signature is of type rsa, the key of type ecc", pubkey("ecc")},
		{"fingerprint", "the catalogue is signed for fingerprints, by data", pubkey("rsa")},
		{unsigned, "the catalogue is not signed", fingerprints("good")}, {unsigned, "the catalogue is not signed", pubkey("rsa")},
	} {
		src, err := new(store.Store).Source(filepath.Join("testdata/repos", tt.repo), "none")
		if err != nil {
			t.Fatal(err)
		}
		c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, tt.believed, nil)
		var bad *trust.Error
		if tt.want == "" && (err != nil || c.Signer == "") || tt.want != "" && (!errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.repo, err, tt.want)
		}
	}
}

// TestSignedByStranger reads a repository that somebody else signed, with a key
// that is not known here.
func TestSignedByStranger(t *testing.T) {
	t.Parallel()
	const shared = "../../../shared"
	if _, err := os.Stat(shared); err != nil {
		t.Skip("the folder ../shared is not there; CI has it")
	}
	src, err := new(store.Store).Source(shared+"/repos/third-party/pearos", "none")
	if err != nil {
		t.Fatal(err)
	}
	key, err := trust.ReadKey("../trust/testdata/rsa.pub")
	if err != nil {
		t.Fatal(err)
	}
	var bad *trust.Error
	if _, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, key, nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), "rsa.pub (sha256 d704cb5a56d15825e3f51d0351f0d200515c9db404c1dde04fda924705f49420): is wrong") {
		t.Errorf("got %v, want that the signature is wrong", err)
	}
}

// TestLoadRepo reads what pkgtest writes.
func TestLoadRepo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pkgtest.WriteRepo(dir, pkgtest.Package{Name: "b"}, pkgtest.Package{Name: "a", Version: "2"}, pkgtest.Package{Name: "a"})
	src, err := new(store.Store).Source(dir, "none")
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for p := range c.All() {
		got = append(got, p.FullName())
	}
	if d := cmp.Diff([]string{"a-1.0", "a-2", "b-1.0"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// packages are those of a catalogue, in order.
func packages(c *catalog.Catalogue) []*catalog.Package { return slices.Collect(c.All()) }

func TestReadConf(t *testing.T) {
	t.Parallel()
	etc, local := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(etc, "FreeBSD.conf", "FreeBSD-base: { url: \"file:///${ABI}/x\", ENABLED: no, signature_type: \"FINGERPRINTS\", fingerprints: /keys, mirror_type: srv, what: ever }\nports: { url: file:///ports, priority: 5 }")
	write(etc, "b.conf", "b: { url: file:///b }")
	write(etc, ".hidden.conf", "broken {")
	write(etc, "note.txt", "broken {")
	write(local, "FreeBSD.conf", "FreeBSD-base { enabled = yes; signature_type = none }\nports { enabled = no }\nnew { enabled = yes }")
	got, err := catalog.ReadConf([]string{etc, local}, map[string]string{"ABI": "FreeBSD:15:amd64"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].Where = filepath.Base(got[i].Where)
	}
	want := []catalog.Repo{
		{Name: "FreeBSD-base", URL: "file:///FreeBSD:15:amd64/x", Signature: "none", Fingerprints: "/keys", MirrorType: "srv", Where: "FreeBSD.conf:1"},
		{Name: "b", URL: "file:///b", Signature: "none", MirrorType: "none", Where: "b.conf:1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var conf *catalog.ConfError
	if _, err := catalog.ReadConf([]string{etc, local}, nil); !errors.As(err, &conf) || !strings.Contains(err.Error(), "has a variable without a value") {
		t.Errorf("without ABI: got %v", err)
	}
	for name, text := range map[string]string{"type.conf": "x { url = y; priority = high }", "word.conf": "x { url = y; signature_type = maybe }", "syntax.conf": "x {"} {
		dir := t.TempDir()
		write(dir, name, text)
		if _, err := catalog.ReadConf([]string{dir}, nil); !errors.As(err, &conf) || !strings.Contains(err.Error(), name+":1") {
			t.Errorf("%s: got %v, want an error that names the line", text, err)
		}
	}
	if _, err := catalog.ReadConf([]string{t.TempDir()}, nil); !errors.As(err, &conf) {
		t.Errorf("empty folder: got %v", err)
	}
}

// TestReadConfSecrets tells what is wrong with a configuration without the
// passwords in it.
func TestReadConfSecrets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`x { url = "https://us3r:s3cr3t@h/${ABI}/y?t0ken" }`: `x.conf:1: repository "x": url "https://h/${ABI}/y" has a variable without a value`,
		`x { url = "https://us3r:s3\uzzcr3t@h/y?t0ken" }`:    `x.conf:1: "https://h/y": `,
		`x { url = https://us3r:s3\uzzcr3t@h/y?t0ken }`:      `x.conf:1: "https://h/y": `,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := catalog.ReadConf([]string{dir}, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "cr3t") || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// fuzzedRepo is a repository that has a catalogue under whatever name is asked
// for: the first, or with lines the one that is asked for after it.
type fuzzedRepo struct {
	folder
	archive []byte
	lines   bool
	first   string
}

func (f *fuzzedRepo) Open(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	if strings.HasPrefix(name, "meta.") || !strings.HasSuffix(name, ".pkg") {
		return f.folder.Open(ctx, name)
	}
	if f.first == "" {
		f.first = name
	}
	if f.lines == (f.first == name) {
		return f.folder.Open(ctx, name)
	}
	return file{bytes.NewReader(f.archive)}, nil
}

// FuzzLoad reads catalogues of both forms, with a meta.conf, the old meta.txz (2)
// or neither (4). What is accepted has as many packages as encoding/json finds,
// and the same ones when they are a line each.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(metaConf), "data", data, uint8(0))
	f.Add([]byte("version=1"), "packagesite.yaml", line+"\n"+line, uint8(1))
	f.Fuzz(func(t *testing.T, meta []byte, member, text string, form uint8) {
		if tar.NewWriter(io.Discard).WriteHeader(&tar.Header{Name: member, Mode: 0o644, Size: int64(len(text))}) != nil {
			return // no name of a member
		}
		repo := fuzzedRepo{folder: folder{"meta.conf": meta}, archive: archive(t, member, text), lines: form&1 != 0}
		switch {
		case form&4 != 0:
			repo.folder = folder{}
		case form&2 != 0:
			repo.folder = folder{"meta.txz": archive(t, "meta", string(meta))}
		}
		c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, &repo, nil, nil)
		if err != nil {
			if pkgfile.CheckText(strings.ReplaceAll(err.Error(), "\n", " ")) != nil {
				t.Errorf("the message has control characters: %q", err)
			}
			return
		}
		if digest := sha256.Sum256([]byte(text)); c.Digest != hex.EncodeToString(digest[:]) || c.Sealed != nil || c.Signer != "" {
			t.Errorf("got the digest %s, the signer %q and %d sealed bytes", c.Digest, c.Signer, len(c.Sealed))
		}
		all := packages(c)
		for i, p := range all {
			if err := errors.Join(pkgfile.CheckName(p.Name), pkgfile.CheckName(p.Version), pkgfile.CheckText(p.Path)); err != nil {
				t.Error(err)
			}
			if i > 0 && (all[i-1].Name > p.Name || all[i-1].Name == p.Name && all[i-1].Version > p.Version) {
				t.Errorf("%s comes before %s", all[i-1].FullName(), p.FullName())
			}
		}
		if repo.lines {
			return
		}
		var top map[string]json.RawMessage
		var list []json.RawMessage
		if err := errors.Join(json.Unmarshal([]byte(text), &top), json.Unmarshal(top["packages"], &list)); err != nil || len(list) != c.Len() {
			t.Fatalf("got %d packages, encoding/json %d, %v", c.Len(), len(list), err)
		}
		var lines bytes.Buffer
		for _, one := range list {
			lines.Write(one)
			lines.WriteByte('\n')
		}
		again, err := load(t, folder{"packagesite.pkg": archive(t, "packagesite.yaml", lines.String())})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(all, packages(again), cmpopts.IgnoreFields(catalog.Package{}, "Repo")); d != "" {
			t.Errorf("as lines (-want +got):\n%s", d)
		}
	})
}

// FuzzUnseal makes an archive of members, a line '"TYPE" "NAME" "CONTENTS"' each,
// in one of the packings. Whatever was kept is read or refused; what is read has
// the digest of its payload, is kept again where it is signed, and says the same
// in another packing.
func FuzzUnseal(f *testing.F) {
	f.Add(fmt.Sprintf("\"0\" \"signature\" \"text\"\n\"0\" \"data\" %q\n", data), uint8(1))
	f.Add(fmt.Sprintf("\"0\" \"a.sig\" \"text\"\n\"0\" \"a.pub\" \"key\"\n\"0\" \"packagesite.yaml\" %q\n", line), uint8(0))
	packs := []func([]byte) []byte{
		bytes.Clone,
		func(b []byte) []byte {
			w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
			return w.EncodeAll(b, nil)
		},
		func(b []byte) []byte {
			var o bytes.Buffer
			w := gzip.NewWriter(&o)
			w.Write(b)
			w.Close()
			return o.Bytes()
		},
		func(b []byte) []byte {
			var o bytes.Buffer
			w, _ := xz.WriterConfig{DictCap: 1 << 12}.NewWriter(&o)
			w.Write(b)
			w.Close()
			return o.Bytes()
		},
	}
	f.Fuzz(func(t *testing.T, members string, packing uint8) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		signed, payloads := false, map[string]bool{}
		for l := range strings.Lines(members) {
			var kind, name, text string
			if _, err := fmt.Sscanf(l, "%q %q %q", &kind, &name, &text); err != nil || len(kind) != 1 {
				continue
			}
			h := tar.Header{Typeflag: kind[0], Name: name, Mode: 0o644, Size: int64(len(text))}
			if kind != "0" {
				h.Size, h.Linkname, text = 0, text, ""
			}
			if w.WriteHeader(&h) != nil {
				continue
			}
			io.WriteString(w, text)
			signed = signed || name == "signature" || strings.HasSuffix(name, ".sig") || strings.HasSuffix(name, ".pub")
			digest := sha256.Sum256([]byte(text))
			payloads[hex.EncodeToString(digest[:])] = true
		}
		w.Close()
		text := packs[int(packing)%len(packs)](b.Bytes())
		c, err := catalog.Unseal(t.Context(), catalog.Repo{Name: "r"}, text, nil, nil)
		digest, again := catalog.SealedDigest(t.Context(), text)
		if err != nil {
			if pkgfile.CheckText(strings.ReplaceAll(err.Error(), "\n", " ")) != nil {
				t.Errorf("the message has control characters: %q", err)
			}
			return
		}
		if again != nil || digest != c.Digest || !payloads[digest] {
			t.Errorf("got the digest %q, and alone %q, %v", c.Digest, digest, again)
		}
		if signed != (c.Sealed != nil) || signed && !bytes.Equal(c.Sealed, text) {
			t.Errorf("got %d sealed bytes of %d, signed %t", len(c.Sealed), len(text), signed)
		}
		if catalog.LooksSealed(bytes.NewReader(text)) && !signed {
			t.Error("looks sealed, and is not signed")
		}
		other, err := catalog.Unseal(t.Context(), catalog.Repo{Name: "r"}, packs[(int(packing)+1)%len(packs)](b.Bytes()), nil, nil)
		if d := cmp.Diff(c, other, cmpopts.IgnoreUnexported(catalog.Catalogue{}), cmpopts.IgnoreFields(catalog.Catalogue{}, "Sealed")); err != nil || d != "" || !cmp.Equal(packages(c), packages(other)) {
			t.Errorf("in another packing: %v (-want +got):\n%s", err, d)
		}
	})
}

// What strangers put before and beside the payload is refused or passed over;
// no key of ours ever vouches for it.
func FuzzSigners(f *testing.F) {
	f.Add("ports.sig", "text", "ports.pub", "key", data)
	f.Add("signature", "text", "x.pub", "$PKGSIGN:ecdsa$key", data)
	f.Add("data", "{}", "a.sig", "$PKGSIGN:eddsa$", data)
	believed, err := trust.FreeBSD("pkg")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, one, second, two, payload string) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, m := range [][2]string{{first, one}, {second, two}, {"data", payload}} {
			if w.WriteHeader(&tar.Header{Name: m[0], Mode: 0o644, Size: int64(len(m[1]))}) != nil {
				return // no name of a member
			}
			io.WriteString(w, m[1])
		}
		w.Close()
		src := folder{"meta.conf": []byte(metaConf), "data.pkg": b.Bytes()}
		if c, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, src, believed, nil); err == nil {
			t.Errorf("accepted, signed by %s", c.Signer)
		}
	})
}
