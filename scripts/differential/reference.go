// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/orlop/orlop/release/tree"
)

const (
	abi       = "FreeBSD:15:amd64"
	osVersion = "1500068"
)

// reference is the real pkg(8), and orlop's program, which dumps databases.
type reference struct{ program, orlop string }

// conf writes a case's configuration with the folders of its repositories.
func conf(dir, into string) {
	check(os.MkdirAll(into, 0o755))
	files, err := filepath.Glob(filepath.Join(dir, "conf", "*.conf"))
	check(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(err)
		for i, name := range repoNames {
			text = bytes.ReplaceAll(text, fmt.Appendf(nil, "@%d@", i), []byte(filepath.Join(dir, name)))
		}
		check(os.WriteFile(filepath.Join(into, filepath.Base(file)), text, 0o644))
	}
}

func request(dir string) []string {
	text, err := os.ReadFile(filepath.Join(dir, "request.txt"))
	check(err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// status returns a program's exit status, -1 if a signal ended it.
func status(err error) int {
	if err == nil {
		return 0
	}
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		return exit.ExitCode()
	}
	panic(err)
}

// install makes pkg(8) install a case from one folder into another.
func (pkg reference) install(dir, work string) outcome {
	root := filepath.Join(work, "root")
	check(os.MkdirAll(root, 0o755))
	conf(dir, filepath.Join(work, "conf"))
	args := []string{"-o", "ABI=" + abi, "-o", "OSVERSION=" + osVersion, "-o", "IGNORE_OSVERSION=yes", "-o", "METALOG=" + filepath.Join(work, "METALOG"),
		"--rootdir", root, "-C", "/dev/null", "--repo-conf-dir", filepath.Join(work, "conf"), "install", "-yq", "-g"}
	cmd := exec.Command(pkg.program, append(args, request(dir)...)...)
	cmd.Env = []string{"HOME=/nonexistent", "LC_ALL=C.UTF-8", "INSTALL_AS_USER=yes", "PATH=" + os.Getenv("PATH"), fmt.Sprint("PKG_INSTALL_EPOCH=", made)}
	out, err := cmd.CombinedOutput()
	o := outcome{status: status(err), log: string(out), files: map[string]tree.Node{}}
	if o.status != 0 {
		return o
	}
	o.rows = pkg.dump(filepath.Join(root, "var/db/pkg/local.sqlite"))
	owners := metalog(filepath.Join(work, "METALOG"), root)
	check(filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		check(err)
		name := strings.TrimPrefix(path, root)
		if name == "/var/db/pkg" {
			return fs.SkipDir
		}
		if name != "" {
			o.files[name] = onDisk(root, name, owners[name])
		}
		return nil
	}))
	return o
}

var times = regexp.MustCompile(`^(packages .*"time": )[0-9]+`)

// dump lists the rows of a database, without the times of installs.
func (pkg reference) dump(file string) []string {
	out, err := exec.Command(pkg.orlop, "pkgdb", "dump", file).CombinedOutput()
	if err != nil {
		return []string{fmt.Sprintf("pkgdb dump: %v: %s", err, out)}
	}
	rows := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	for i := range rows {
		rows[i] = times.ReplaceAllString(rows[i], "${1}"+fmt.Sprint(made))
	}
	slices.Sort(rows[1:])
	return slices.Compact(rows) // pkg records a capability as often as it is provided, the normal form once
}

// build makes orlop build an image of a case.
func (pkg reference) build(dir, work string) outcome {
	conf(dir, filepath.Join(work, "conf"))
	args := []string{"build", "--abi", abi, "--revision", "15.0", "--branch", "RELEASE", "--repo-conf-dir", filepath.Join(work, "conf"),
		"--cache", filepath.Join(work, "store"), "--unknown-scripts", "skip", "--format", "dir", "-q", "-o", work, "--name", "x"}
	for _, want := range request(dir) {
		args = append(args, "--package", want)
	}
	out, err := exec.Command(pkg.orlop, append(args, "x")...).CombinedOutput()
	o := outcome{status: status(err), log: string(out), files: map[string]tree.Node{}}
	if o.status != 0 {
		return o
	}
	image := filepath.Join(work, "container-image-x")
	db := filepath.Join(work, "local.sqlite")
	check(os.WriteFile(db, databaseOf(image), 0o644))
	o.rows = pkg.dump(db)
	listing, err := exec.Command(pkg.orlop, "ls", "--mtree", image).Output()
	check(err)
	o.files = inImage(listing)
	return o
}

// databaseOf finds the pkg database in the layer of an image.
func databaseOf(image string) []byte {
	blobs, err := filepath.Glob(filepath.Join(image, "blobs/sha256/*"))
	check(err)
	for _, blob := range blobs {
		text, err := os.ReadFile(blob)
		check(err)
		unpacked, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			continue // a document
		}
		for t := tar.NewReader(unpacked); ; {
			h, err := t.Next()
			if err == io.EOF {
				break
			}
			check(err)
			if h.Name == "var/db/pkg/local.sqlite" {
				db, err := io.ReadAll(t)
				check(err)
				return db
			}
		}
	}
	panic("the image has no pkg database")
}
