// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Checksum is a line of FreeBSD's CHECKSUM files, or of
// container-image-MANIFESTS, where Name is an image's and Hex the digest of its
// manifest, or Name is LockLine of it and Hex that of its lock.
type Checksum struct {
	Kind string // "SHA256" or "SHA512"
	Name string
	Hex  string
}

// LockLine is the name of an image's lock in the list of manifests: not a file
// name, which publishing changes.
func LockLine(refName string) string { return refName + " lock" }

var checksumForm = regexp.MustCompile(`^(SHA256|SHA512) \(([^()]+)\) = ([0-9a-f]+)$`)

// ParseChecksums reads such a file, which has at least one line. The name is for
// error messages.
func ParseChecksums(name string, text []byte) ([]Checksum, error) {
	var list []Checksum
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if lines.Text() == "" {
			continue
		}
		m := checksumForm.FindStringSubmatch(lines.Text())
		if m == nil || hex.DecodedLen(len(m[3])) != map[string]int{"SHA256": 32, "SHA512": 64}[m[1]] {
			return nil, &fault.UsageError{Err: fmt.Errorf("%s:%d: found %q, wanted a line such as SHA256 (NAME) = HEX", name, n, lines.Text())}
		}
		list = append(list, Checksum{m[1], m[2], m[3]})
	}
	if err := lines.Err(); err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("%s: %w", name, err)}
	}
	if list == nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("%s: is empty, wanted a line such as SHA256 (NAME) = HEX", name)}
	}
	return list, nil
}
