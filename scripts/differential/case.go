// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// Case is a request that pkg(8) and orlop both install.
type Case struct {
	Repos   []Repo
	Conf    []string // texts of configuration files, read in this order; @0@ is the folder of the first repository
	Request []string
}

// Repo is a repository to make.
type Repo struct {
	Packages []Package
	Form     Form
}

// Form is how a repository's catalogue is written.
type Form string

// The forms of a catalogue.
const (
	ByPkg   Form = "pkg repo"     // made by pkg(8) itself
	Data    Form = "data"         // data.pkg and meta.conf
	Lines   Form = "packagesite"  // packagesite.pkg and meta.conf
	OldMeta Form = "meta.txz"     // packagesite.txz and meta.txz, before pkg 1.13
	NoMeta  Form = "without meta" // data.pkg alone
)

// Package is a package to make.
type Package struct {
	Keys        []Key // of the manifest
	UCL         bool  // the manifest is written as UCL, not as JSON
	Files       []File
	Members     []string // names of further members before the files, such as +DISPLAY
	NoCompact   bool     // it has no +COMPACT_MANIFEST
	Relative    string   // what the archive has instead of a path's first slash: "", "./" or "/" itself
	Compression string   // zst, xz, gz, lzma or none
}

// Key is a member of a manifest. Its value is JSON.
type Key struct{ Name, Value string }

// File is a member of an archive.
type File struct {
	Path         string
	Body         string
	Link, Hard   string // target of a symbolic link, first name of a hard link
	Dir          bool
	Mode         int64
	Uname, Gname string
	Time         int64
}

// made is the default time of files.
const made = 1_750_000_000

func (p *Package) get(name string) string {
	for _, k := range p.Keys {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

func (p *Package) text(name string) string {
	var s string
	if json.Unmarshal([]byte(p.get(name)), &s) != nil {
		return p.get(name)
	}
	return s
}

func (p *Package) set(name, value string) {
	for i := range p.Keys {
		if p.Keys[i].Name == name {
			p.Keys[i].Value = value
			return
		}
	}
	p.Keys = append(p.Keys, Key{name, value})
}

func (p *Package) drop(name string) {
	p.Keys = slices.DeleteFunc(p.Keys, func(k Key) bool { return k.Name == name })
}

// manifest returns the text of +MANIFEST or, if not full, of a catalogue line, which
// lacks some keys.
func (p *Package) manifest(full, asUCL bool) string {
	var b strings.Builder
	for _, k := range p.Keys {
		if !full && slices.Contains([]string{"files", "directories", "dirs", "config", "scripts", "lua_scripts"}, k.Name) {
			continue
		}
		if asUCL {
			fmt.Fprintf(&b, "%s = %s;\n", quote(k.Name), bare(k.Value))
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(k.Name) + ":" + k.Value)
	}
	if asUCL {
		return b.String()
	}
	return "{" + b.String() + "}"
}

// bare writes a value as in hand-written UCL: words without quotes.
func bare(value string) string {
	var v any
	if json.Unmarshal([]byte(value), &v) != nil {
		return value
	}
	switch v := v.(type) {
	case string:
		if v != "" && strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
			return v
		}
	case []any:
		var words []string
		for _, e := range v {
			words = append(words, bare(encode(e)))
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	return value
}

func encode(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	check(enc.Encode(v))
	return strings.TrimSuffix(b.String(), "\n")
}

func quote(s string) string { return encode(s) }

// archive returns the package's bytes.
func (p *Package) archive() []byte {
	var plain bytes.Buffer
	t := tar.NewWriter(&plain)
	add := func(h tar.Header, body string) {
		h.Size, h.Format = int64(len(body)), tar.FormatGNU // names as they are
		if h.ModTime.IsZero() {
			h.ModTime = time.Unix(made, 0)
		}
		check(t.WriteHeader(&h))
		_, err := t.Write([]byte(body))
		check(err)
	}
	owner := func(name string) tar.Header {
		return tar.Header{Name: name, Mode: 0o644, Uname: "root", Gname: "wheel"}
	}
	if !p.NoCompact {
		add(owner("+COMPACT_MANIFEST"), p.manifest(false, p.UCL))
	}
	add(owner("+MANIFEST"), p.manifest(true, p.UCL))
	for _, name := range p.Members {
		add(owner(name), "old\n")
	}
	for _, f := range p.Files {
		name := f.Path
		if p.Relative != "/" {
			name = p.Relative + f.Path[1:]
		}
		h := tar.Header{Name: name, Mode: f.Mode, Uname: f.Uname, Gname: f.Gname, Uid: 65534, Gid: 65534}
		if f.Time != 0 {
			h.ModTime = time.Unix(f.Time, 0)
		}
		switch {
		case f.Dir:
			h.Typeflag, h.Name = tar.TypeDir, name+"/"
		case f.Link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
		case f.Hard != "":
			h.Typeflag, h.Linkname = tar.TypeLink, f.Hard
		}
		if h.Typeflag != 0 {
			f.Body = ""
		}
		add(h, f.Body)
	}
	check(t.Close())
	return compress(plain.Bytes(), p.Compression)
}

func compress(plain []byte, how string) []byte {
	var b bytes.Buffer
	switch how {
	case "none":
		return plain
	case "xz":
		w, err := xz.NewWriter(&b)
		check(err)
		_, err = w.Write(plain)
		check(errors.Join(err, w.Close()))
	case "lzma":
		w, err := lzma.NewWriter(&b)
		check(err)
		_, err = w.Write(plain)
		check(errors.Join(err, w.Close()))
	default:
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		check(err)
		return w.EncodeAll(plain, nil)
	}
	return b.Bytes()
}

// write makes the case's files in a folder: repo, other, conf and request.txt.
func (c *Case) write(dir string, pkg reference) error {
	for i, r := range c.Repos {
		if err := r.write(filepath.Join(dir, repoNames[i]), pkg); err != nil {
			return err
		}
	}
	check(os.MkdirAll(filepath.Join(dir, "conf"), 0o755))
	for i, text := range c.Conf {
		check(os.WriteFile(filepath.Join(dir, "conf", fmt.Sprintf("%02d.conf", i)), []byte(text), 0o644))
	}
	return os.WriteFile(filepath.Join(dir, "request.txt"), []byte(strings.Join(c.Request, "\n")+"\n"), 0o644)
}

// repoNames are the folders of @0@ and @1@.
var repoNames = []string{"repo", "other"}

func (r *Repo) write(dir string, pkg reference) error {
	check(os.MkdirAll(filepath.Join(dir, "All"), 0o755))
	ext := ".pkg"
	if r.Form == OldMeta {
		ext = ".txz"
	}
	var lines []string
	for _, p := range r.Packages {
		archive := p.archive()
		path := "All/" + p.text("name") + "-" + p.text("version") + ext
		check(os.WriteFile(filepath.Join(dir, path), archive, 0o644))
		sum := sha256.Sum256(archive)
		line := Package{Keys: slices.Concat(p.Keys, []Key{{"sum", quote(hex.EncodeToString(sum[:]))}, {"path", quote(path)}, {"repopath", quote(path)},
			{"pkgsize", fmt.Sprint(len(archive))}})}
		lines = append(lines, line.manifest(false, false))
	}
	meta := `version = 2; packing_format = "tzst"; manifests = "packagesite.yaml"; data = "data";`
	switch r.Form {
	case ByPkg:
		return pkg.repo(dir)
	case Data, NoMeta:
		data := `{"groups":[],"expired_packages":[],"packages":[` + strings.Join(lines, ",") + "]}\n"
		check(os.WriteFile(filepath.Join(dir, "data.pkg"), member("data", data, "zst"), 0o644))
	case Lines:
		check(os.WriteFile(filepath.Join(dir, "packagesite.pkg"), member("packagesite.yaml", strings.Join(lines, "\n")+"\n", "zst"), 0o644))
	case OldMeta:
		check(os.WriteFile(filepath.Join(dir, "packagesite.txz"), member("packagesite.yaml", strings.Join(lines, "\n")+"\n", "xz"), 0o644))
		old := `version = 1; packing_format = "txz"; digest_format = "sha256_hex"; digests = "digests"; manifests = "packagesite.yaml";`
		check(os.WriteFile(filepath.Join(dir, "meta.txz"), member("meta", old, "xz"), 0o644))
	}
	if r.Form == Data || r.Form == Lines {
		check(os.WriteFile(filepath.Join(dir, "meta.conf"), []byte(meta), 0o644))
	}
	return nil
}

// member returns an archive of one member.
func member(name, text, how string) []byte {
	var plain bytes.Buffer
	t := tar.NewWriter(&plain)
	check(t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(made, 0)}))
	_, err := t.Write([]byte(text))
	check(errors.Join(err, t.Close()))
	return compress(plain.Bytes(), how)
}

// repo lets pkg(8) write the catalogue.
func (pkg reference) repo(dir string) error {
	cmd := exec.Command(pkg.program, "-o", "ABI="+abi, "-o", "OSVERSION="+osVersion, "repo", "-q", dir)
	cmd.Env = []string{"HOME=/nonexistent", "LC_ALL=C.UTF-8", "INSTALL_AS_USER=yes", "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pkg repo: %w: %s", err, out)
	}
	return nil
}

func check(err error) {
	if err != nil {
		panic(err) // a bug in this program, or a full disk
	}
}
