// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import "testing"

// MaxHeld is the size up to which an image is in memory.
const MaxHeld = maxHeld

// InFile is an image in a file, however small.
func InFile(t testing.TB, text []byte) *Image {
	t.Helper()
	file, err := unnamed()
	if err == nil {
		_, err = file.Write(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &Image{file: file, size: int64(len(text))}
}
