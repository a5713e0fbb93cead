// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"
	"time"
)

// tarOf writes entries with other people's code.
func tarOf(t *testing.T, headers ...tar.Header) []byte {
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

// TestDiffHeaders changes one thing of the second of three entries.
func TestDiffHeaders(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long/", 40) + "name"
	entry := func(name string) tar.Header {
		return tar.Header{Name: name, Mode: 0o644, Size: 700, ModTime: time.Unix(1_700_000_000, 0), Uname: "root", Format: tar.FormatPAX}
	}
	base := tarOf(t, entry("a"), entry(long), entry("c"))
	for _, tt := range []struct {
		change func(*tar.Header)
		want   string
	}{
		{func(*tar.Header) {}, "the same bytes"},
		{func(h *tar.Header) { h.Mode = 0o600 }, `entry 2, ` + long + `: header field mode is "0000600", was "0000644"`},
		{func(h *tar.Header) { h.Uid = 7 }, `entry 2, ` + long + `: header field uid is "0000007", was "0000000"`},
		{func(h *tar.Header) { h.Uname = "bin" }, `entry 2, ` + long + `: header field uname is "bin", was "root"`},
		{func(h *tar.Header) { h.ModTime = time.Unix(5, 0) }, `entry 2, ` + long + `: header field mtime is "00000000005", was "14524770400"`},
	} {
		h := entry(long)
		tt.change(&h)
		got, err := DiffHeaders(bytes.NewReader(base), bytes.NewReader(tarOf(t, entry("a"), h, entry("c"))))
		if err != nil || got != tt.want {
			t.Errorf("got %q, %v, want %q", got, err, tt.want)
		}
	}
	other := bytes.Clone(base)
	other[512+700] = 1 // behind the contents of a
	if got, err := DiffHeaders(bytes.NewReader(base), bytes.NewReader(other)); err != nil || got != "entry 1, a: contents or padding" {
		t.Errorf("padding: got %q, %v", got, err)
	}
	if got, err := DiffHeaders(bytes.NewReader(base), bytes.NewReader(append(base, make([]byte, 512)...))); err != nil || got != "other blocks after the last entry" {
		t.Errorf("more zeros: got %q, %v", got, err)
	}
}
