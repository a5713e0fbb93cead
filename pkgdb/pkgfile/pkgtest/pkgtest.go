// SPDX-License-Identifier: BSD-2-Clause

// Package pkgtest makes packages and repositories for tests: correct ones, and
// ones that are wrong in a single stated way. Real ones, made by pkg(8), are in
// the folders testdata and sample.
package pkgtest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// File is an entry of a package: a file with Body, a link to Symlink, or
// another name of HardLink.
type File struct {
	Path     string
	Body     string
	Symlink  string
	HardLink string
	Mode     int64 // default 0644
	Uname    string
	Gname    string
	Flags    string
	Time     int64
	Config   bool
	Sum      string // instead of the right one
	Absent   bool   // in the manifest, not in the archive
	Extra    bool   // in the archive, not in the manifest
}

// Package is a package to make.
type Package struct {
	Name, Version string
	ABI           string // default FreeBSD:15:amd64
	Files         []File
	Dirs          []File // Path, Mode, Uname, Gname and Flags count
	Deps          []string
	Keys          map[string]any       // further keys of the manifest
	Bytes         func([]byte) []byte  // changes the finished archive
	Catalogue     func(map[string]any) // changes its entry of the catalogue
}

func (p *Package) fill() {
	if p.Version == "" {
		p.Version = "1.0"
	}
	if p.ABI == "" {
		p.ABI = "FreeBSD:15:amd64"
	}
	for _, list := range [][]File{p.Files, p.Dirs} {
		for i := range list {
			f := &list[i]
			if f.Mode == 0 {
				f.Mode = 0o644
			}
			if f.Uname == "" {
				f.Uname = "root"
			}
			if f.Gname == "" {
				f.Gname = "wheel"
			}
			if f.Time == 0 {
				f.Time = 1_700_000_000
			}
		}
	}
}

// manifest returns the compact manifest, or the whole one.
func (p *Package) manifest(whole bool) map[string]any {
	m := map[string]any{
		"name": p.Name, "version": p.Version, "origin": "test/" + p.Name, "comment": "a test", "desc": "a test",
		"maintainer": "test@example.org", "www": "https://example.org", "abi": p.ABI, "arch": pkgfile.AltABI(p.ABI),
		"prefix": "/", "flatsize": 0, "licenselogic": "single", "categories": []string{"test"},
	}
	deps := map[string]any{}
	for _, d := range p.Deps {
		deps[d] = map[string]string{"origin": "test/" + d, "version": "1.0"}
	}
	if len(deps) > 0 {
		m["deps"] = deps
	}
	for k, v := range p.Keys {
		m[k] = v
	}
	if !whole {
		delete(m, "scripts")
		delete(m, "lua_scripts")
		return m
	}
	files, dirs, config := map[string]any{}, map[string]any{}, []string{}
	for _, f := range p.Files {
		if f.Extra {
			continue
		}
		e := f.attributes()
		e["sum"], e["mtime"] = p.sum(f), f.Time
		if f.Symlink != "" {
			e["symlink_target"] = f.Symlink
		}
		files[f.Path] = e
		if f.Config {
			config = append(config, f.Path)
		}
	}
	for _, d := range p.Dirs {
		dirs[d.Path] = d.attributes()
	}
	m["files"], m["config"] = files, config
	if _, given := p.Keys["directories"]; !given {
		m["directories"] = dirs
	}
	return m
}

func (f *File) attributes() map[string]any {
	e := map[string]any{"uname": f.Uname, "gname": f.Gname, "perm": fmt.Sprintf("%04o", f.Mode)}
	if f.Flags != "" {
		e["fflags"] = f.Flags
	}
	return e
}

func (p *Package) sum(f File) string {
	switch {
	case f.Sum != "":
		return f.Sum
	case f.Symlink != "":
		return string(sum.OfLink(sum.BLAKE2b, f.Symlink))
	}
	for _, g := range p.Files {
		if f.HardLink != "" && g.Path == f.HardLink {
			return p.sum(g)
		}
	}
	return string(sum.Of(sum.BLAKE2b, []byte(f.Body)))
}

// Archive returns the package's bytes.
func (p Package) Archive() []byte {
	p.fill()
	var plain bytes.Buffer
	t := tar.NewWriter(&plain)
	for _, m := range []struct {
		name  string
		whole bool
	}{{"+COMPACT_MANIFEST", false}, {"+MANIFEST", true}} {
		text := must(json.Marshal(p.manifest(m.whole)))
		check(t.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(text)), Uname: "root", Gname: "wheel"}))
		must(t.Write(text))
	}
	slices.SortFunc(p.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range p.Files {
		if !f.Absent {
			p.member(t, f, tar.TypeReg)
		}
	}
	for _, d := range p.Dirs {
		d.Path += "/"
		p.member(t, d, tar.TypeDir)
	}
	check(t.Close())
	archive := compress(plain.Bytes())
	if p.Bytes != nil {
		archive = p.Bytes(archive)
	}
	return archive
}

// compress makes one frame of zstd. Tests write thousands of small packages, so
// its encoder has no more memory than one block needs.
func compress(plain []byte) []byte {
	enc := must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)))
	return enc.EncodeAll(plain, nil)
}

func (p *Package) member(t *tar.Writer, f File, kind byte) {
	h := &tar.Header{Typeflag: kind, Name: f.Path, Mode: f.Mode, Uname: f.Uname, Gname: f.Gname, Uid: 65534, Gid: 65534,
		ModTime: time.Unix(f.Time, 0), Format: tar.FormatPAX}
	switch {
	case f.Symlink != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.Symlink
	case f.HardLink != "":
		h.Typeflag, h.Linkname = tar.TypeLink, f.HardLink
	case kind == tar.TypeReg:
		h.Size = int64(len(f.Body))
	}
	if f.Flags != "" {
		h.PAXRecords = map[string]string{"SCHILY.fflags": f.Flags}
	}
	check(t.WriteHeader(h))
	if h.Size > 0 {
		must(t.Write([]byte(f.Body)))
	}
}

// WriteRepo makes a repository of the packages in dir.
func WriteRepo(dir string, pkgs ...Package) { WriteAll(dir, slices.Values(pkgs)) }

// WriteAll is WriteRepo for more packages than fit in memory at once.
func WriteAll(dir string, pkgs iter.Seq[Package]) {
	var list []any
	for p := range pkgs {
		p.fill()
		damage := p.Bytes
		p.Bytes = nil
		archive, file := p.Archive(), p.Name+"-"+p.Version+".pkg"
		entry := p.manifest(false)
		entry["sum"], entry["path"], entry["repopath"], entry["pkgsize"] = string(sum.Of(sum.BLAKE2b, archive)), file, file, len(archive)
		if p.Catalogue != nil {
			p.Catalogue(entry)
		}
		list = append(list, entry)
		if damage != nil {
			archive = damage(archive)
		}
		check(os.WriteFile(filepath.Join(dir, file), archive, 0o666))
	}
	WriteCatalogue(dir, list)
}

// WriteCatalogue writes meta.conf and data.pkg.
func WriteCatalogue(dir string, entries []any) {
	data := must(json.Marshal(map[string]any{"groups": []any{}, "expired_packages": []any{}, "packages": entries}))
	writeMembers(filepath.Join(dir, "data.pkg"), member{"data", data})
	check(os.WriteFile(filepath.Join(dir, "meta.conf"), []byte("version = 2;\npacking_format = \"tzst\";\ndata = \"data\";\n"), 0o666))
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err) // a fault of the test itself
	}
}
