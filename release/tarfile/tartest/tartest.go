// SPDX-License-Identifier: BSD-2-Clause

// Package tartest makes tar files for tests, with third-party code or byte by
// byte.
package tartest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Of writes entries with third-party code.
func Of(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte("x"), int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Lines makes a tar file of entries, one line '"TYPE" "NAME" "LINK" "CHANGES"
// "CONTENTS"' each, whose headers have the right sums and sizes. Changes replace
// bytes of a header, "OFFSET=HEX". Lines KEY=VALUE in the contents of a pax
// header get their lengths.
func Lines(entries string) []byte {
	var b []byte
	for line := range strings.Lines(entries) {
		var kind, name, link, changes, text string
		if _, err := fmt.Sscanf(line, "%q %q %q %q %q", &kind, &name, &link, &changes, &text); err != nil || len(kind) != 1 {
			continue
		}
		if strings.Contains("xg", kind) && (text == "" || text[0] < '0' || text[0] > '9') {
			var records strings.Builder
			for record := range strings.Lines(text) {
				n := len(record) + len(" 9")
				for n != len(fmt.Sprint(n, " ", record)) {
					n++
				}
				fmt.Fprint(&records, n, " ", record)
			}
			text = records.String()
		}
		head := make([]byte, blockSize)
		copy(head[:100], name)
		copy(head[100:], fmt.Sprintf("%07o\x00%07o\x00%07o\x00%011o\x00%011o\x00        %s", 0o644, 0, 0, len(text), 5, kind))
		copy(head[157:257], link)
		copy(head[257:], "ustar\x0000root")
		copy(head[297:], "wheel")
		for change := range strings.FieldsSeq(changes) {
			var at uint16
			var with []byte
			if n, _ := fmt.Sscanf(change, "%d=%x", &at, &with); n == 2 && int(at) < len(head) {
				copy(head[at:], with)
			}
		}
		if head[156] == 'S' {
			head[156] = '0' // a sparse entry can be so large that it would take seconds
		}
		Seal(head)
		b = append(append(b, head...), text...)
		b = append(b, make([]byte, -len(b)&(blockSize-1))...)
	}
	return append(b, make([]byte, 2*blockSize)...)
}

// Seal puts the right checksum into a header.
func Seal(b []byte) {
	sum := 8 * int64(' ')
	for i, c := range b {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

const blockSize = 512
