// SPDX-License-Identifier: BSD-2-Clause

package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// What a run writes replaces only what an earlier one wrote: a regular file of that
// name, or a folder with an image layout that orlop wrote, and nothing else in it.

// CheckFile checks the place of a file to be written, and its folder. The file may be
// absent.
func CheckFile(name string) error {
	info, err := os.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		return strangeError(name, info)
	}
	if err := unlessAbsent(err); err != nil {
		return err
	}
	folder := filepath.Dir(name)
	if info, err = os.Stat(folder); err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: found %s, wanted a folder for what is written", folder, store.Kind(info.Mode()))
	}
	if err == nil {
		const write, search = 2, 1 // W_OK and X_OK of access(2)
		if err = syscall.Access(folder, write|search); err != nil {
			err = fmt.Errorf("%s: cannot be written: %w", folder, err)
		}
	}
	return err
}

func strangeError(name string, found fs.FileInfo) error {
	return fmt.Errorf("%s: found %s, wanted a regular file or nothing there", name, store.Kind(found.Mode()))
}

// Check checks the place of a build's output, which may be a folder. Errors have the
// name; now is where it currently is.
func Check(name, now string) error {
	info, err := os.Lstat(now)
	switch {
	case err != nil || info.Mode().IsRegular():
		return unlessAbsent(err)
	case !info.IsDir():
		return strangeError(name, info)
	}
	if _, err := ownLayout(now); err != nil {
		return fmt.Errorf("%s: found a folder %w, wanted an image layout that orlop wrote, a regular file or nothing there", name, err)
	}
	return nil
}

// unlessAbsent returns an error unless it says that the file is absent.
func unlessAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

// ownLayout lists the files of an image layout that orlop wrote, by their paths in
// it. An error says why a folder is none.
func ownLayout(dir string) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("that cannot be opened (%w)", err)
	}
	defer root.Close()
	var index v1.Index
	if _, err := readDocument(root, "index.json", &index); err != nil {
		return nil, err
	}
	if n := len(index.Manifests); n != 1 {
		return nil, fmt.Errorf("whose index.json has %d manifests", n)
	}
	d := index.Manifests[0]
	if d.Annotations[v1.AnnotationRefName] == "" {
		return nil, errors.New("whose index.json has no " + v1.AnnotationRefName)
	}
	var manifest v1.Manifest
	text, err := readDocument(root, blobFile(d.Digest), &manifest)
	if err != nil {
		return nil, err
	}
	if digest.FromBytes(text) != d.Digest {
		return nil, errors.New("whose manifest is not the one that its index.json names")
	}
	if manifest.Annotations[define.AnnotationABI] == "" {
		return nil, errors.New("whose manifest has no " + define.AnnotationABI)
	}
	files := []string{"oci-layout", "index.json"}
	for _, d := range append([]v1.Descriptor{d, manifest.Config}, manifest.Layers...) {
		files = append(files, blobFile(d.Digest))
	}
	return files, onlyHas(root, files)
}

// layoutFolders are the folders of an image layout.
var layoutFolders = []string{"blobs/sha256", "blobs", "."}

// blobFile returns the path of a blob in a layout. No digest in a document makes it
// leave the folder.
func blobFile(d digest.Digest) string {
	if oci.CheckDigest(d) != nil {
		return "blobs/sha256/no-digest"
	}
	return oci.BlobName(d)
}

// readDocument reads a JSON text of a layout.
func readDocument(root *os.Root, name string, into any) ([]byte, error) {
	const most = 16 << 20 // bytes; the largest real ones have some 100 KiB
	f, err := store.OpenRegular(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("without " + name)
	}
	if err != nil {
		return nil, fmt.Errorf("whose %s cannot be read (%w)", name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err == nil {
		err = strict.Unmarshal(text, into)
	}
	if err != nil {
		return nil, fmt.Errorf("whose %s cannot be read (%w)", name, err)
	}
	return text, nil
}

// onlyHas checks that a layout has regular files of these names, and nothing else.
func onlyHas(root *os.Root, files []string) error {
	known := map[string]fs.FileMode{}
	for _, name := range files {
		known[name] = 0
	}
	for _, name := range layoutFolders {
		known[name] = fs.ModeDir
	}
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch kind, is := known[name]; {
		case err != nil:
			return fmt.Errorf("that cannot be read (%w)", err)
		case !is:
			return fmt.Errorf("that has %s, which is no part of its image", name)
		case d.Type() != kind:
			return fmt.Errorf("whose %s is %s", name, store.Kind(d.Type()))
		}
		return nil
	})
}

// removeOutput removes a file, or a layout that orlop wrote: the files that it was
// found to have, and nothing that was added since.
func removeOutput(name string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return unlessAbsent(err)
	}
	if !info.IsDir() {
		return os.Remove(name)
	}
	files, err := ownLayout(name)
	if err != nil {
		return fmt.Errorf("%s: found a folder %w", name, err)
	}
	// The documents that identify it go last, so that a later run recognises and
	// sweeps what a killed one leaves.
	for _, file := range slices.Backward(files) {
		if err := unlessAbsent(os.Remove(filepath.Join(name, file))); err != nil {
			return err
		}
	}
	for _, folder := range layoutFolders {
		if err := unlessAbsent(syscall.Rmdir(filepath.Join(name, folder))); err != nil {
			return &fs.PathError{Op: "remove", Path: filepath.Join(name, folder), Err: err}
		}
	}
	return nil
}
