// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// releases is a web server of release archives, which counts what it is asked.
type releases struct {
	*httptest.Server
	files map[string][]byte // by name
	asked atomic.Int64
	ca    string // file of its certificate
}

func newReleases(t *testing.T, files map[string][]byte) *releases {
	t.Helper()
	s := &releases{files: files}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		text, has := s.files[strings.TrimPrefix(r.URL.Path, "/")]
		if !has {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(text)
	}))
	t.Cleanup(s.Close)
	s.ca = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(s.ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// key is the key archive of a definition for one of the files.
func (s *releases) key(name, rest string) string {
	sum := sha256.Sum256(s.files[name])
	return fmt.Sprintf("archive { url = %q; sha256 = %q; %s }", s.URL+"/"+name, hex.EncodeToString(sum[:]), rest)
}

// toolEntries are those of a release archive: name, and its text or the target of a link.
var toolEntries = []tar.Header{
	{Name: "tool-1.2/", Typeflag: tar.TypeDir, Mode: 0o700},
	{Name: "tool-1.2/bin/tool", Typeflag: tar.TypeReg, Mode: 0o4755, Uid: 1000, Uname: "joe"},
	{Name: "tool-1.2/bin/tool2", Typeflag: tar.TypeLink, Linkname: "tool-1.2/bin/tool"},
	{Name: "tool-1.2/bin/t", Typeflag: tar.TypeSymlink, Linkname: "tool"},
	{Name: "tool-1.2/doc/README", Typeflag: tar.TypeReg, Mode: 0o600},
}

func toolTar(t *testing.T, list []tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range list {
		text := "text of " + h.Name
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(text))
		}
		err := w.WriteHeader(&h)
		if err == nil && h.Typeflag == tar.TypeReg {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toolZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"tool-1.2/bin/tool", "tool-1.2/doc/README"} {
		h := &zip.FileHeader{Name: name}
		h.SetMode(0o755)
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write([]byte("text of " + name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archiveBuild is an image with a release archive.
type archiveBuild struct {
	*releases
	repo, dir, cache string
}

func newArchiveBuild(t *testing.T) *archiveBuild {
	t.Helper()
	b := &archiveBuild{repo: t.TempDir(), dir: t.TempDir(), cache: t.TempDir()}
	pkgtest.WriteRepo(b.repo, shopPackages()...)
	b.releases = newReleases(t, map[string][]byte{
		"tool.tar.gz": toolTar(t, toolEntries), "tool.zip": toolZip(t), "broken.tar.gz": toolTar(t, toolEntries)[:90],
		"out.tar.gz":    toolTar(t, []tar.Header{{Name: "a/../../x", Typeflag: tar.TypeReg}}),
		"device.tar.gz": toolTar(t, []tar.Header{{Name: "null", Typeflag: tar.TypeChar}}),
		"name.tar.gz":   toolTar(t, []tar.Header{{Name: "a\xffb", Typeflag: tar.TypeReg, Format: tar.FormatGNU}}),
		"link.tar.gz":   toolTar(t, []tar.Header{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}),
	})
	return b
}

func (b *archiveBuild) definition(t *testing.T, keys string) string {
	t.Helper()
	file := filepath.Join(b.dir, "app.ucl")
	if err := os.WriteFile(file, []byte("image app { packages = [ base ]; "+keys+" }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// run runs a command on the definition.
func (b *archiveBuild) run(t *testing.T, command, keys, out string, more ...string) (int, string) {
	t.Helper()
	args := []string{command, "-q", "--repo", b.repo, "--cache", b.cache, "--tls-ca", b.ca, "-o", out, "--image-file", b.definition(t, keys)}
	return orlop(t, append(append(args, more...), "app")...)
}

// TestOwnArchives unpacks release archives into an image, in use and misuse.
func TestOwnArchives(t *testing.T) {
	t.Parallel()
	b := newArchiveBuild(t)
	for _, tt := range []struct {
		name, keys string
		status     int
		want       string   // of the message
		list       []string // lines of ls --files
	}{
		{"all", b.key("tool.tar.gz", "strip = 1; to = /usr/local"), 0, "", []string{
			"-rwxr-xr-x root:wheel /usr/local/bin/tool", "-rwxr-xr-x root:wheel /usr/local/bin/tool2", "lrwxr-xr-x root:wheel /usr/local/bin/t -> tool", "-rw-r--r-- root:wheel /usr/local/doc/README"}},
		{"some", b.key("tool.tar.gz", `strip = 1; to = /opt; include = [ "bin/**" ]; owner = www; group = www`), 0, "", []string{"-rwxr-xr-x www:www /opt/bin/tool"}},
		{"modes", b.key("tool.tar.gz", `to = /opt; modes { "tool-*/bin/tool2" = "0700"; "**/README" = "0600" }`), 0, "", []string{
			"-rwxr-xr-x root:wheel /opt/tool-1.2/bin/tool", "-rwx------ root:wheel /opt/tool-1.2/bin/tool2", "-rw------- root:wheel /opt/tool-1.2/doc/README"}},
		{"setuid", b.key("tool.tar.gz", `strip = 1; to = /opt`) + `; attributes "/opt/bin/tool" { mode = "4755" }`, 0, "", []string{"-rwsr-xr-x root:wheel /opt/bin/tool", "-rwxr-xr-x root:wheel /opt/bin/tool2"}},
		{"zip", b.key("tool.zip", "strip = 1; to = /usr/local"), 0, "", []string{"-rwxr-xr-x root:wheel /usr/local/bin/tool"}},
		{"two", b.key("tool.zip", `strip = 1; to = /a; include = [ "bin/**" ]`) + "; " + b.key("tool.tar.gz", "strip = 1; to = /b"), 0, "", []string{"-rwxr-xr-x root:wheel /a/bin/tool", "-rwxr-xr-x root:wheel /b/bin/tool"}},

		{"setuid by a pattern", b.key("tool.tar.gz", `to = /opt; modes { "**" = "4755" }`), 2, "wanted setuid and setgid for single paths only", nil},
		{"modes of nothing", b.key("tool.tar.gz", `to = /opt; modes { "*.exe" = "0755" }`), 3, "modes: *.exe matches nothing", nil},
		{"include of nothing", b.key("tool.tar.gz", `to = /opt; include = [ "sbin/**" ]`), 3, `pattern "sbin/**" matches none of its 5 entries`, nil},
		{"too much stripped", b.key("tool.tar.gz", `to = /opt; strip = 9`), 3, "strip = 9 leaves none", nil},
		{"another sum", fmt.Sprintf(`archive { url = "%s/tool.tar.gz"; sha256 = "%064d"; to = /opt }`, b.URL, 0), 5, "tool.tar.gz: its sha256 is ", nil},
		{"another sum of what cannot be unpacked", fmt.Sprintf(`archive { url = "%s/out.tar.gz"; sha256 = "%064d"; to = /opt }`, b.URL, 0), 5, "out.tar.gz: its sha256 is ", nil},
		{"absent", fmt.Sprintf(`archive { url = "%s/no.tar.gz"; sha256 = "%064d"; to = /opt }`, b.URL, 0), 4, "/no.tar.gz", nil},
		{"http", fmt.Sprintf(`archive { url = "http://127.0.0.1/t.tar.gz"; sha256 = "%064d"; to = /opt }`, 0), 2, "wanted one that begins with https://", nil},
		{"a name that leads out", b.key("out.tar.gz", "to = /opt"), 1, `"a/../../x"`, nil},
		{"a name that no lock can say", b.key("name.tar.gz", "to = /opt"), 1, "is not UTF-8", nil},
		{"a device", b.key("device.tar.gz", "to = /opt"), 1, `"null"`, nil},
		{"a link that leads out", b.key("link.tar.gz", "to = /opt"), 1, `"l" is a link to /etc/passwd, which leads out of /opt`, nil},
		{"cut short", b.key("broken.tar.gz", "to = /opt"), 1, "ends in the middle of a gzip member", nil},
		{"what a package has", b.key("tool.tar.gz", "strip = 1; to = /") + `; file "/bin/tool" { content = x }`, 3, "/bin/tool", nil},
	} {
		out := t.TempDir()
		status, said := b.run(t, "build", tt.keys, out)
		if status != tt.status || !strings.Contains(said, tt.want) {
			t.Errorf("%s: status %d, said %s\nwanted %d, %s", tt.name, status, said, tt.status, tt.want)
			continue
		}
		if status != 0 {
			if left, err := os.ReadDir(out); err != nil || len(left) > 0 {
				t.Errorf("%s: left %v (%v)", tt.name, left, err)
			}
			continue
		}
		archive := filepath.Join(out, "container-image-app.txz")
		_, list, _ := capture(t, "ls", "--files", archive)
		for _, want := range tt.list {
			if !hasLine(list, want) {
				t.Errorf("%s: found\n%s\nwanted %s", tt.name, list, want)
			}
		}
		if status, said := orlop(t, "verify", "-q", archive); status != 0 {
			t.Errorf("%s: verify: status %d, said %s", tt.name, status, said)
		}
	}
}

// TestOwnArchiveStore takes release archives from the store where they are, and only if
// they are what they were.
func TestOwnArchiveStore(t *testing.T) {
	t.Parallel()
	b := newArchiveBuild(t)
	keys := b.key("tool.tar.gz", "strip = 1; to = /usr/local")
	try := func(status int, asked int64, command string, more ...string) string {
		t.Helper()
		b.asked.Store(0)
		out := t.TempDir()
		got, said := b.run(t, command, keys, out, more...)
		if n := b.asked.Load(); got != status || n != asked {
			t.Errorf("%s %q: status %d and %d requests, wanted %d and %d: %s", command, more, got, n, status, asked, said)
		}
		return out
	}
	try(4, 0, "build", "--offline")
	try(4, 0, "lock", "--offline")
	first := try(0, 1, "build")
	again := try(0, 0, "build")
	try(0, 0, "build", "--offline")
	try(0, 0, "plan")
	try(0, 0, "lock")
	if a, z := fileSum(t, filepath.Join(first, "container-image-app.txz")), fileSum(t, filepath.Join(again, "container-image-app.txz")); a != z {
		t.Errorf("the first build made %s, the second %s", a, z)
	}
	sum := sha256.Sum256(b.files["tool.tar.gz"])
	blob := filepath.Join(b.cache, "layers", hex.EncodeToString(sum[:]))
	for name, damage := range map[string]func([]byte) []byte{
		"a changed byte": func(text []byte) []byte { text[len(text)/2] ^= 1; return text },
		"cut short":      func(text []byte) []byte { return text[:20] },
		"empty":          func([]byte) []byte { return nil },
	} {
		text, err := os.ReadFile(blob)
		if err == nil {
			err = os.WriteFile(blob, damage(text), 0o600)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		try(4, 0, "lock", "--offline")
		try(0, 1, "lock")
		try(0, 0, "build")
	}
}

// TestOwnArchiveLock builds from a lock alone: the archive comes from the store, or from
// where the lock says, if that is a place for all.
func TestOwnArchiveLock(t *testing.T) {
	t.Parallel()
	b := newArchiveBuild(t)
	keys := b.key("tool.tar.gz", "strip = 1; to = /usr/local")
	out := t.TempDir()
	if status, said := b.run(t, "build", keys, out); status != 0 {
		t.Fatal(said)
	}
	archive := filepath.Join(out, "container-image-app.txz")
	for _, tt := range []struct {
		name   string
		args   []string
		cache  string
		status int
		asked  int64
		want   string
	}{
		{"with the definition", []string{"--image-file", b.definition(t, keys)}, t.TempDir(), 0, 1, ""},
		{"from the store", []string{"--trust-lock", "--offline"}, b.cache, 0, 0, ""},
		{"unvouched", nil, b.cache, 4, 0, "the definition of image app"},
		{"from a private place", []string{"--trust-lock"}, t.TempDir(), 4, 0, "(--lock-urls allows it)"},
		{"from a private place, allowed", []string{"--trust-lock", "--lock-urls"}, t.TempDir(), 0, 1, ""},
	} {
		b.asked.Store(0)
		args := append([]string{"verify", "-q", "--rebuild", "--repo", b.repo, "--tls-ca", b.ca, "--cache", tt.cache}, tt.args...)
		status, said := orlop(t, append(args, archive)...)
		if n := b.asked.Load(); status != tt.status || n != tt.asked || !strings.Contains(said, tt.want) {
			t.Errorf("%s: status %d and %d requests, wanted %d, %d and %q: %s", tt.name, status, n, tt.status, tt.asked, tt.want, said)
		}
	}
}
