// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"fmt"
	"strings"
	"testing"
)

// TestParseMode has modes as setmode(3) of libbsd reads them, with the umask of
// pkg(8). A thousand random ones were compared with it when this was written.
func TestParseMode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint32{
		"0755": 0o755, "755": 0o755, "0": 0, "07777": 0o7777, "00000755": 0o755,
		"u=rwx,go=rx": 0o755, "a=r,u+w": 0o644, "+x": 0o111, "=rw": 0o644, "+w": 0o200, "u=s": 0o4000, "g+s,u+s": 0o6000, "o=t": 0,
		"u=t": 0o1000, "=rtx": 0o1000, "a=rx,a+t": 0o1555, "u+": 0, "ug=rwx,g-w": 0o750, "a=rwX": 0o666, "+st+r": 0o1444, "u=t=r": 0o1400,
	} {
		if got, err := parseMode(text); err != nil || got != want {
			t.Errorf("%q: got %04o, %v, want %04o", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10000", "0999", "644 ", "u", "u+rwx,", "-1", "+0", "0o755", "bad", "u=q", "x+r", "u=g"} {
		if got, err := parseMode(text); err == nil {
			t.Errorf("%q: got %04o, wanted an error", text, got)
		}
	}
}

// FuzzParseMode wants modes to be modes, and to be read again in digits and in
// letters.
func FuzzParseMode(f *testing.F) {
	for _, text := range []string{"0755", "u=rwx,go=rx", "+t", "a-x,ug+s", "=", "u=g"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mode, err := parseMode(text)
		if err != nil {
			return
		}
		if mode > 0o7777 {
			t.Errorf("%q: got %o", text, mode)
		}
		for _, again := range []string{fmt.Sprintf("%04o", mode), letters(mode)} {
			if got, err := parseMode(again); err != nil || got != mode {
				t.Errorf("%q: got %o, but %o, %v of %q", text, mode, got, err, again)
			}
		}
	})
}

// letters spells a mode out, class by class.
func letters(mode uint32) string {
	var clauses []string
	for i, class := range []string{"o", "g", "u"} {
		bits := ""
		for j, letter := range []string{"x", "w", "r"} {
			if mode>>(3*i+j)&1 != 0 {
				bits += letter
			}
		}
		if i > 0 && mode>>(9+i)&1 != 0 {
			bits += "s"
		}
		clauses = append(clauses, class+"="+bits)
	}
	if mode&sticky != 0 {
		clauses = append(clauses, "a+t")
	}
	return strings.Join(clauses, ",")
}
