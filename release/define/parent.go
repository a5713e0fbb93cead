// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"path/filepath"
	"strings"
)

// IsReference reports whether a parent is an image that is there already, in a registry
// or on disk, rather than the name of a definition.
func IsReference(parent string) bool { return strings.ContainsAny(parent, ":/") }

// Remote reports whether a reference is one of a registry.
func Remote(reference string) bool { return strings.HasPrefix(reference, "docker://") }

// Kinds of reference to an image on disk, as skopeo(1) has them; a path needs none.
var kinds = []string{"oci-archive:", "oci:"}

// Portable returns a reference without the folders of the machine that it is used on:
// a path becomes ./NAME.
func Portable(reference string) string {
	if Remote(reference) || !IsReference(reference) {
		return reference
	}
	kind, path := cutKind(reference)
	if kind == "" {
		kind = "./"
	}
	return kind + filepath.Base(path)
}

// Within returns a reference from a definition in a folder: a path is relative to that.
func Within(dir, reference string) string {
	kind, path := cutKind(reference)
	if Remote(reference) || !IsReference(reference) || filepath.IsAbs(path) {
		return reference
	}
	if dir == "." && kind != "" {
		return reference
	}
	path = filepath.Join(dir, path)
	if kind == "" && !strings.ContainsRune(path, '/') {
		path = "./" + path
	}
	return kind + path
}

func cutKind(reference string) (kind, path string) {
	for _, kind := range kinds {
		if path, is := strings.CutPrefix(reference, kind); is {
			return kind, path
		}
	}
	return "", reference
}
