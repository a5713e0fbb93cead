// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release"
)

// stage lays out a root as pkg(8) with INSTALL_AS_USER does: the contents of the
// packages that the database names, that database, and a METALOG.
func stage(t *testing.T, repo string, database []byte) (root, metalog string) {
	t.Helper()
	root, metalog = t.TempDir(), filepath.Join(t.TempDir(), "METALOG")
	t.Cleanup(func() { makeWritable(t, root) })
	pkgs, err := contentOf(t, database).Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	var late []func() error // modes and times, once everything is there
	for _, p := range pkgs {
		found, err := filepath.Glob(filepath.Join(repo, p.FullName()+"*.pkg"))
		if more, _ := filepath.Glob(filepath.Join(repo, "*", p.FullName()+"*.pkg")); len(found) == 0 {
			found = more
		}
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: found %v, %v", p.FullName(), found, err)
		}
		late = append(late, unpack(t, found[0], root, &log)...)
	}
	file := filepath.Join(root, "var/db/pkg/local.sqlite")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, database, 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, do := range late {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(metalog, []byte(log.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return root, metalog
}

func unpack(t *testing.T, archive, root string, log io.Writer) (late []func() error) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pkgfile.NewReader(t.Context(), nil, f, archive)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		e, err := r.Next()
		if err == io.EOF {
			return late
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, e.Path)
		err = os.MkdirAll(filepath.Dir(path), 0o755)
		kind, link := "file", ""
		switch {
		case err != nil:
		case e.IsDir:
			kind, err = "dir", os.MkdirAll(path, 0o755)
		case e.IsLink:
			kind, link = "link", " link="+e.Link
			err = os.Symlink(e.Link, path)
		case e.HardLink != "":
			err = os.Link(filepath.Join(root, e.HardLink), path)
		default:
			var out *os.File
			if out, err = os.Create(path); err == nil {
				_, err = io.Copy(out, r)
				err = errors.Join(err, out.Close())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		flags := ""
		if e.Flags != 0 {
			flags = " flags=" + pkgfile.FormatFlags(e.Flags)
		}
		fmt.Fprintf(log, "./%s type=%s uname=%s gname=%s mode=%3o%s%s\n", strings.TrimPrefix(e.Path, "/"), kind, e.Attr.Uname, e.Attr.Gname, e.Attr.Perm, link, flags)
		if kind == "file" {
			stamp := time.Unix(e.Time, 0)
			late = append(late, func() error { return os.Chtimes(path, stamp, stamp) })
		}
	}
}

// makeWritable lets the test's folder be deleted.
func makeWritable(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// digestOf builds one image and returns its manifest's digest.
func digestOf(t *testing.T, cfg hooks.Config) string {
	t.Helper()
	results, err := hooks.Build(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, found := verify.Artifact(t.Context(), source(t, results[0].File), ""); found.Err() != nil {
		t.Error(found.Err())
	}
	return results[0].Digest
}

// TestStaged builds an image from a root with the database that pkg(8) wrote,
// and wants that of the repository.
func TestStaged(t *testing.T) {
	t.Parallel()
	root, metalog := stage(t, sampleRepo, pkgDatabase(t, "runtime"))
	for _, epoch := range []int64{0, 1_000_000_000, 1_900_000_000} {
		cfg, staged := config(t, sampleRepo, "runtime"), config(t, "", "runtime")
		staged.Input = &input.Root{Path: root, Metalog: metalog, Tree: input.Tree{SrcDir: sourceTree(t)}}
		if epoch != 0 {
			cfg.Epoch, staged.Epoch = &epoch, &epoch
		}
		native := build(t, cfg)["runtime"]
		if got := digestOf(t, staged); got != native.Descriptor.Digest.String() {
			t.Errorf("epoch %d: got %s, want %s", epoch, got, native.Descriptor.Digest)
		}
	}
}

// TestStagedGoldens does so with more repositories and orders of installing.
func TestStagedGoldens(t *testing.T) {
	t.Parallel()
	needShared(t)
	for golden, repo := range map[string]string{
		"chain-static": "unsigned/FreeBSD:15:amd64", "chain-dynamic": "unsigned/FreeBSD:15:amd64", "chain-runtime": "unsigned/FreeBSD:15:amd64",
		"single-runtime-reversed": "unsigned/FreeBSD:15:amd64", "chain-notoolchain": "unsigned/FreeBSD:15:amd64", "txz-single-runtime": "txz/FreeBSD:15:amd64",
		"pkg275-chain-runtime": "sha256/FreeBSD:15:amd64", "arm64-chain-dynamic": "arm64/FreeBSD:15:aarch64",
	} {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			name := strings.TrimSuffix(golden, "-reversed")
			name = name[strings.LastIndex(name, "-")+1:]
			dir := filepath.Join(shared, "repos", repo, "15.0p3")
			text, err := os.ReadFile(filepath.Join(shared, "golden", golden, "local.sqlite"))
			if err != nil {
				t.Fatal(err)
			}
			cfg := config(t, dir, name)
			repos(cfg).SrcDir, cfg.Revision, cfg.Branch = shared+"/src", "15.0", "RELEASE"
			want := digestOf(t, cfg)
			root, metalog := stage(t, dir, text)
			cfg.OutDir, cfg.Input = t.TempDir(), &input.Root{Path: root, Metalog: metalog, Tree: repos(cfg).Tree}
			if got := digestOf(t, cfg); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		})
	}
}

// sourceTree has what static takes from a source tree, as the sample's packages
// have it.
func sourceTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"caroot-15.0", "pkg-bootstrap-15.0p1", "runtime-15.0p3", "mtree-15.0"} {
		unpack(t, filepath.Join(sampleRepo, "FreeBSD-"+name+".pkg"), dir, io.Discard)
	}
	if err := os.Remove(filepath.Join(dir, "etc/termcap")); err != nil { // a link out of the folder
		t.Fatal(err)
	}
	for from, to := range map[string]string{"usr/share/certs": "secure/caroot", "usr/share/keys": "share/keys", "etc/pkg/FreeBSD.conf": "usr.sbin/pkg/FreeBSD.conf.latest"} {
		to = filepath.Join(dir, to)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(filepath.Join(dir, from), to)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func edit(file string, change func(string) string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(change(string(text))), 0o644)
}

// TestCheckDatabase compares a database with a root folder and with an image.
func TestCheckDatabase(t *testing.T) {
	t.Parallel()
	cfg := config(t, sampleRepo, "dynamic")
	archive := filepath.Join(cfg.OutDir, release.ArtifactName("dynamic"))
	image := database(t, build(t, cfg)["dynamic"], archive)
	root, _ := stage(t, sampleRepo, image)
	file := filepath.Join(root, "var/db/pkg/local.sqlite")
	content, err := pkgdb.ReadContent(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	check := func(path string) (*verify.DatabaseReport, error) {
		source, err := artifact.Find(t.Context(), nil, path)
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		return verify.Database(t.Context(), content, source, "")
	}
	report, err := check(archive)
	if err != nil || len(report.Faults) > 0 {
		t.Errorf("against the image: %v, %v", err, report)
	}
	if all := strings.Join(report.Unowned, " "); !strings.HasPrefix(all, "/etc/group /etc/master.passwd /etc/os-release /etc/passwd /etc/pwd.db /etc/spwd.db /etc/ssl/cert.pem ") || strings.Contains(all, "/lib/") {
		t.Errorf("unowned: got %s, want what orlop made", all)
	}
	for _, do := range []error{
		os.Remove(root + "/usr/lib/libssl.so.35"), os.WriteFile(root+"/lib/libc.so.7", []byte("other"), 0o444), os.WriteFile(root+"/extra", nil, 0o644),
	} {
		if do != nil {
			t.Fatal(do)
		}
	}
	report, err = check(root)
	if err != nil {
		t.Fatal(err)
	}
	all := errors.Join(report.Faults...).Error()
	for _, want := range []string{"/usr/lib/libssl.so.35: file is absent", "/lib/libc.so.7: sum is 2$", "/lib/libc.so.7: mode is 0644, wanted 0444"} {
		if !strings.Contains(all, want) {
			t.Errorf("got %s, want %s", all, want)
		}
	}
	if len(report.Unowned) != 1 || report.Unowned[0] != "/extra" {
		t.Errorf("unowned: got %v, want /extra", report.Unowned)
	}
}
