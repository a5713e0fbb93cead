// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"encoding/binary"
	"strings"
)

// MakeHints writes what ldconfig(8) leaves for the run-time linker: the folders
// in which it finds libraries (struct elfhints_hdr in elf-hints.h, written by
// sbin/ldconfig/elfhints.c in the byte order of the machine).
func MakeHints(dirs []string, order binary.ByteOrder) []byte {
	const magic, version, headerSize = 0x746e6845, 1, 128 // they decide bytes
	list := strings.Join(dirs, ":")
	file := make([]byte, headerSize, headerSize+len(list)+1)
	for i, word := range []int{magic, version, headerSize, len(list) + 1, 0, len(list)} {
		order.PutUint32(file[4*i:], uint32(word))
	}
	return append(append(file, list...), 0)
}
