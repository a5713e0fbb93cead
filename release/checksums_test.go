// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
)

func TestParseChecksums(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("0123456789abcdef", 4), strings.Repeat("fedcba9876543210", 8)
	list, err := ParseChecksums("f", []byte("SHA256 (freebsd-static:15.0-RELEASE-amd64) = "+a+"\n\nSHA512 (x y.txz) = "+b+"\n"))
	want := []Checksum{{"SHA256", "freebsd-static:15.0-RELEASE-amd64", a}, {"SHA512", "x y.txz", b}}
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("got %v, %v, want %v", list, err, want)
	}
	for _, line := range []string{a + "  x.txz", "SHA256 (x) = " + b, "SHA512 (x) = " + a, "MD5 (x) = " + a[:32], "SHA256 (x) = " + strings.ToUpper(a)} {
		_, err := ParseChecksums("f", []byte("\n"+line+"\n"))
		var usage *fault.UsageError
		if !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), "f:2: found ") {
			t.Errorf("%q: got %v", line, err)
		}
	}
	if _, err := ParseChecksums("f", []byte("\n\n")); err == nil || err.Error() != "f: is empty, wanted a line such as SHA256 (NAME) = HEX" {
		t.Errorf("empty: got %v", err)
	}
}
