// SPDX-License-Identifier: BSD-2-Clause

package containerfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/containerfile"
)

// TestLimits wants what would grow without end to end soon.
func TestLimits(t *testing.T) {
	t.Parallel()
	doubled := "FROM x\nENV A0=" + strings.Repeat("a", 100) + "\n"
	for i := range 60 {
		doubled += fmt.Sprintf("ENV A%d=$A%d$A%d\n", i+1, i, i)
	}
	loops := "FROM x\nRUN for a in " + strings.Repeat("1 ", 64) + "; do for b in " + strings.Repeat("1 ", 64) + "; do " +
		strings.Repeat("[ a = b ] && true; ", 1000) + "done; done\n"
	for name, c := range map[string]struct{ text, err string }{
		"bytes":    {"FROM x\n" + strings.Repeat("# comment\n", 30_000), "Containerfile: has 300007 bytes, wanted 262144 at most"},
		"commands": {"FROM x\nRUN " + strings.Repeat("a;", 10_001), "Containerfile: has more than 10000 instructions and commands"},
		"rounds":   {loops, "Containerfile: has more than 10000 instructions and commands"},
		"doubled":  {doubled, ""},
		"printed":  {"FROM x\nRUN echo a > /a; " + strings.Repeat("cat /a /a /a /a > /b; cp /b /a; ", 60), ""},
		"edited":   {"FROM x\nRUN echo a > /a; " + strings.Repeat("sed -i '' 's/a/aaaa/' /a; ", 60), ""},
		"files":    {"FROM x\nRUN " + strings.Repeat("touch /a/$N;", 9_000), ""},
		"nested":   {"FROM x\nRUN " + strings.Repeat("$(", 40_000) + strings.Repeat("{ ", 40_000), ""},
		"braced":   {"FROM x\nENV a=" + strings.Repeat("${a:-", 40_000) + "\n", ""},
		"name":     {"FROM x\nRUN echo $" + strings.Repeat("a", 200_000) + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := containerfile.Translate("Containerfile", []byte(c.text), containerfile.Options{Name: "x"})
			switch {
			case err != nil && err.Error() != c.err:
				t.Errorf("got %v, wanted %q", err, c.err)
			case err == nil && c.err != "":
				t.Errorf("found no error, wanted %s", c.err)
			case err == nil && len(got.Definition) > 10<<20:
				t.Errorf("the definition has %d bytes", len(got.Definition))
			}
		})
	}
}
