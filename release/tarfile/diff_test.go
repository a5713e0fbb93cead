// SPDX-License-Identifier: BSD-2-Clause

package tarfile

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/release/tarfile/tartest"
)

// TestDiffTars changes one thing of the second of three entries.
func TestDiffTars(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 40)
	entry := func(name string) tar.Header {
		return tar.Header{Name: name, Mode: 0o644, Size: 700, ModTime: time.Unix(1_700_000_000, 0), Uname: "root", Format: tar.FormatPAX}
	}
	base := tartest.Of(t, entry("a"), entry(long), entry("c"))
	diff := func(now []byte) string {
		var list []string
		if err := Diff(bytes.NewReader(base), bytes.NewReader(now), func(c Change) { list = append(list, c.String()) }); err != nil {
			list = append(list, err.Error())
		}
		return strings.ReplaceAll(strings.Join(list, "\n"), "entry 2, "+long+": ", "2: ")
	}
	for _, tt := range []struct {
		change func(*tar.Header)
		want   string
	}{
		{func(*tar.Header) {}, ""},
		{func(h *tar.Header) { h.Mode = 0o600 }, `2: header field mode is "0000600", was "0000644"`},
		{func(h *tar.Header) { h.Uid, h.Uname = 7, "bin" }, `2: header field uid is "0000007", was "0000000"` + "\n" + `2: header field uname is "bin", was "root"`},
		{func(h *tar.Header) { h.ModTime = time.Unix(5, 0) }, `2: header field mtime is 1970-01-01T00:00:05Z, was 2023-11-14T22:13:20Z`},
		{func(h *tar.Header) { h.PAXRecords = map[string]string{"comment": "hi", "SCHILY.xattr.a": "\x01"} },
			`2: pax record SCHILY.xattr.a is "\x01", was none` + "\n" + `2: pax record comment is "hi", was none`},
		{func(h *tar.Header) { h.PAXRecords = map[string]string{"comment": strings.Repeat("x", 500)} },
			`2: pax record comment is "` + strings.Repeat("x", 60) + `"… (500 bytes, sha256 ` + fmt.Sprintf("%x", sha256.Sum256(bytes.Repeat([]byte("x"), 500))) + `), was none`},
		{func(h *tar.Header) { h.Size = 3 }, `2: header field size is 3, was 700` + "\n2: contents"},
		{func(h *tar.Header) { h.Name = "b" }, `2: path is "b", was "` + long + `"`},
	} {
		h := entry(long)
		tt.change(&h)
		if got := diff(tartest.Of(t, entry("a"), h, entry("c"))); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	changed := func(at int, to string) []byte {
		b := bytes.Clone(base)
		copy(b[at:], to)
		return b
	}
	for _, tt := range []struct {
		name, want string
		now        []byte
	}{
		{"contents", "entry 1, a: contents, from byte 699 on", changed(512+699, "y")},
		{"padding", "entry 1, a: padding", changed(512+700, "y")},
		{"magic", `entry 1, a: header field magic is "ustar ", was "ustar\x00"` + "\n" + `entry 1, a: header field version is "", was "00"`, changed(257, "ustar  \x00")},
		{"name of a pax header", "2: header of the pax records", changed(512+1024, "PaxHeaders/x")},
		{"more zeros", "blocks after the last entry", append(bytes.Clone(base), make([]byte, 512)...)},
		{"one less", "entry 3, c: removed", tartest.Of(t, entry("a"), entry(long))},
		{"two more", "entry 4, d: added\nentry 5, e: added", tartest.Of(t, entry("a"), entry(long), entry("c"), entry("d"), entry("e"))},
		{"cut", "unexpected EOF", base[:900]},
	} {
		if got := diff(tt.now); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
