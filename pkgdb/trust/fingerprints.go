// SPDX-License-Identifier: BSD-2-Clause

package trust

import (
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/orlop/orlop/pkgdb/ucl"
)

// keys are FreeBSD's own, share/keys of its source tree: those that sign the
// repositories of pkg.FreeBSD.org.
//
//go:embed keys
var keys embed.FS

// FreeBSDKeys is the folder of FreeBSD's own keys in an installed system.
const FreeBSDKeys = "/usr/share/keys/"

// Bounds of files, in bytes. Real ones have 100, and a few thousand.
const (
	maxFingerprint = 64 << 10
	maxKey         = 1 << 20
)

// ReadFingerprints reads the folders trusted and revoked of a folder. If
// FreeBSD's own folder is requested and this machine has none, the keys built
// into orlop replace it.
func ReadFingerprints(dir string) (*Fingerprints, error) {
	if dir == "" {
		return nil, errors.New("signature_type fingerprints needs a folder of fingerprints, none is given")
	}
	if name, ours := strings.CutPrefix(path.Clean(dir), FreeBSDKeys); ours && absent(dir) {
		return FreeBSD(name)
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	return readFingerprints(os.DirFS(dir), dir)
}

// absent reports whether nothing exists at a path: no file, no dangling link,
// and no parent folder that merely cannot be entered.
func absent(name string) bool {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	above := filepath.Dir(filepath.Clean(name))
	info, err := os.Stat(above)
	if err == nil {
		return info.IsDir()
	}
	return above != name && absent(above)
}

// FreeBSD returns the keys of folders of share/keys, such as pkgbase-15 for base
// packages and pkg for others; an unknown name is skipped if another one is
// known.
func FreeBSD(names ...string) (*Fingerprints, error) {
	all := &Fingerprints{Where: "FreeBSD (" + strings.Join(names, ", ") + ")", Trusted: map[string]string{}, Revoked: map[string]string{}}
	for _, name := range names {
		sub, err := fs.Sub(keys, "keys/"+name)
		if err != nil {
			return nil, err
		}
		if _, err := fs.Stat(sub, "."); err != nil {
			continue
		}
		f, err := readFingerprints(sub, name)
		if err != nil {
			return nil, err
		}
		for sum, file := range f.Trusted {
			all.Trusted[sum] = file
		}
		for sum, file := range f.Revoked {
			all.Revoked[sum] = file
		}
	}
	if len(all.Trusted) == 0 {
		return nil, fmt.Errorf("orlop has no keys of FreeBSD named %s", strings.Join(names, ", "))
	}
	return all, nil
}

func readFingerprints(dir fs.FS, where string) (*Fingerprints, error) {
	f := &Fingerprints{Where: where, Revoked: map[string]string{}}
	var err error
	if f.Trusted, err = readFolder(dir, where, "trusted"); err != nil {
		return nil, err
	}
	if len(f.Trusted) == 0 {
		return nil, fmt.Errorf("%s/trusted: holds no fingerprint", where)
	}
	// A folder of revoked keys is optional. But ignoring one that exists and
	// cannot be read would give keys back to whoever has stolen them.
	if _, err := fs.Lstat(dir, "revoked"); errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	f.Revoked, err = readFolder(dir, where, "revoked")
	if err != nil {
		return nil, err
	}
	return f, nil
}

// readFolder reads a folder of fingerprints, one per file. Hidden files are
// ignored among the trusted, but count among the revoked, as in pkg.
func readFolder(dir fs.FS, where, folder string) (map[string]string, error) {
	entries, err := fs.ReadDir(dir, folder)
	if err != nil {
		return nil, fault(dir, folder, where+"/"+folder, err)
	}
	sums := map[string]string{}
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".")
		if hidden && folder != "revoked" {
			continue
		}
		file := where + "/" + folder + "/" + e.Name()
		text, err := readFile(dir, folder+"/"+e.Name(), file, maxFingerprint)
		if err != nil {
			return nil, err
		}
		if hidden && len(text) == 0 { // it keeps a folder under version control
			continue
		}
		sum, err := parseFingerprint(file, text)
		if err != nil {
			return nil, err
		}
		sums[sum] = e.Name()
	}
	return sums, nil
}

// readFile reads a regular file of at most limit bytes: a pipe would block the
// run, and a device would never end. Where is its path in messages.
func readFile(dir fs.FS, name, where string, limit int64) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	if err != nil {
		return nil, fault(dir, name, where, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: found a %s, wanted a regular file", where, kindOf(info.Mode()))
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, fault(dir, name, where, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fault(dir, name, where, err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s: has more than %d bytes", where, limit)
	}
	return text, nil
}

// kindOf names the kind of a file that is not regular.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// fault says why a file cannot be read, by its path in messages.
func fault(dir fs.FS, name, where string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		if info, linkErr := fs.Lstat(dir, name); linkErr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s: is a link that leads nowhere: %w", where, err)
		}
	}
	return &fs.PathError{Op: "open", Path: where, Err: err}
}

// parseFingerprint reads a file with the keys function and fingerprint
// (libpkg/pkg_repo.c: pkg_repo_parse_fingerprint).
func parseFingerprint(file string, text []byte) (string, error) {
	o, err := ucl.Parse(file, text, nil)
	if err != nil {
		return "", err
	}
	values := map[string]string{}
	for _, key := range []string{"function", "fingerprint"} {
		v, ok := o.Get(key)
		if !ok {
			return "", fmt.Errorf("%s: has no %s", file, key)
		}
		if values[key], err = v.AsString(); err != nil {
			return "", fmt.Errorf("%s: %w", key, err)
		}
	}
	if !strings.EqualFold(values["function"], "sha256") {
		return "", fmt.Errorf("%s: function is %q, which is not supported, wanted sha256", file, values["function"])
	}
	sum := strings.ToLower(values["fingerprint"])
	if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 {
		return "", fmt.Errorf("%s: fingerprint %q is not a sha256 in hexadecimal digits", file, sum)
	}
	return sum, nil
}
