// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
)

// FuzzText writes a text at each place of a definition, and reads it again.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "x", "none", "yes", "5", "${HOME}", "$VERSION_MAJOR $$ ${VERSION_MAJOR}", `\`, `'${x}\`, `a"b\n`, "a\nb\t\x01", "${version:n}", "${version:n} ${x}", "${version:}", "${", "<<EOT\nx\nEOT", "[ a ]", "é\u2028", "#", "/* x */"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Skip("arguments of a program have no such bytes")
		}
		img := Image{Name: "i", Parent: "p", Env: []string{"A=" + s}, Cmd: []string{"x", s}, Entrypoint: []string{"/y", s},
			Labels: map[string]string{"k" + strings.ReplaceAll(s, "${version:", ""): s}, Unset: []oci.Setting{oci.User}}
		text, err := img.Text()
		if err != nil {
			t.Fatalf("%q: %v in %s", s, err, text)
		}
		all := Images{}
		if err := all.Read("x", []byte(text), Target{Revision: "15.0"}); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if diff := cmp.Diff(img, all["i"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	})
}

// TestTextRefused writes nothing that would be read as something else.
func TestTextRefused(t *testing.T) {
	t.Parallel()
	for want, img := range map[string]Image{
		"image i: its definition has keys that cannot be written": {Name: "i", Parent: "p", Own: Own{Dirs: []Dir{{Path: "/x"}}}},
		"definition:1: image \"i\" has neither a parent":          {Name: "i"},
	} {
		_, err := img.Text()
		if err == nil || !strings.Contains(err.Error(), want) || fault.ClassOf(err) != fault.Failed && fault.ClassOf(err) != fault.Usage {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
