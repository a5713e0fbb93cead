// SPDX-License-Identifier: BSD-2-Clause

package sign

import (
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
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

// maxFingerprint bounds a file with a fingerprint; real ones have 100 bytes.
const maxFingerprint = 64 << 10

// ReadFingerprints reads the folders trusted and revoked of a folder. Where
// FreeBSD's own folder is asked for and this machine has none, the keys that
// are part of orlop stand in.
func ReadFingerprints(dir string) (*Fingerprints, error) {
	_, err := os.Stat(dir)
	if name, ours := strings.CutPrefix(path.Clean(dir), FreeBSDKeys); ours && errors.Is(err, fs.ErrNotExist) {
		return FreeBSD(name)
	}
	if err != nil {
		return nil, err
	}
	return readFingerprints(os.DirFS(dir), dir)
}

// FreeBSD returns the keys of folders of share/keys, such as pkgbase-15 for
// base packages and pkg for others; a name that is not known is passed over if
// another one is known.
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
	f := &Fingerprints{Where: where}
	var err error
	if f.Trusted, err = readFolder(dir, where, "trusted"); err != nil {
		return nil, err
	}
	if len(f.Trusted) == 0 {
		return nil, fmt.Errorf("%s/trusted: holds no fingerprint", where)
	}
	if f.Revoked, err = readFolder(dir, where, "revoked"); errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	return f, err
}

// readFolder reads a folder of fingerprints, a file each.
func readFolder(dir fs.FS, where, folder string) (map[string]string, error) {
	entries, err := fs.ReadDir(dir, folder)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		file := where + "/" + folder + "/" + e.Name()
		text, err := fs.ReadFile(dir, folder+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		sum, err := parseFingerprint(file, text)
		if err != nil {
			return nil, err
		}
		sums[sum] = e.Name()
	}
	return sums, nil
}

// parseFingerprint reads a file with the keys function and fingerprint
// (libpkg/pkg_repo.c: pkg_repo_parse_fingerprint).
func parseFingerprint(file string, text []byte) (string, error) {
	if len(text) > maxFingerprint {
		return "", fmt.Errorf("%s: has %d bytes, wanted at most %d", file, len(text), maxFingerprint)
	}
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
		return "", fmt.Errorf("%s: function is %q, wanted sha256", file, values["function"])
	}
	sum := strings.ToLower(values["fingerprint"])
	if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 {
		return "", fmt.Errorf("%s: fingerprint %q is not a sha256 in hexadecimal digits", file, sum)
	}
	return sum, nil
}
