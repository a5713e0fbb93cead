// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// imagePage is the page about the language of definitions.
const imagePage = "../../cmd/orlop/orlop-image.5"

// pageExamples are the literal texts of the page, as the reader sees them.
func pageExamples(t *testing.T) (page string, examples []string) {
	t.Helper()
	text, err := os.ReadFile(imagePage)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(text), "\n.Bd -literal -offset indent\n") {
		if example, _, ends := strings.Cut(part, "\n.Ed\n"); i > 0 && ends {
			examples = append(examples, strings.ReplaceAll(example, `\e`, `\`))
		}
	}
	return string(text), examples
}

// TestPageExamples reads every example of the page, with other images than its own
// taken for granted.
func TestPageExamples(t *testing.T) {
	t.Parallel()
	_, examples := pageExamples(t)
	for _, example := range examples {
		if !regexp.MustCompile(`(?m)^image `).MatchString(example) {
			example = "image x {\nparent = runtime\n" + example + "\n}\n"
		}
		for _, revision := range []string{"14.3", "15.1"} {
			if err := (Images{}).Read("page.ucl", []byte(example), Target{Revision: revision, ABI: "FreeBSD:15:amd64"}); err != nil {
				t.Errorf("%v in\n%s", err, example)
			}
		}
	}
	if len(examples) < 15 {
		t.Errorf("found %d examples", len(examples))
	}
}

// TestPageKeys has every key of images, and every key within these, in the text of the
// page and in an example.
func TestPageKeys(t *testing.T) {
	t.Parallel()
	page, examples := pageExamples(t)
	all := strings.Join(examples, "\n")
	d := &definer{seen: map[string]int{}}
	seen := 0
	for _, key := range slices.Sorted(maps.Keys(d.readers())) {
		if !strings.Contains(page, "\n.It Ic "+key+"\n") && !strings.Contains(page, "\n.Ic "+key+"\n") {
			t.Errorf("%s: the page says nothing of it", key)
		}
		if !regexp.MustCompile(`(?m)(^|[{;]) *` + key + ` `).MatchString(all) {
			t.Errorf("%s: is in no example", key)
		}
		for _, inner := range innerKeys(key) {
			seen++
			if !regexp.MustCompile(`(?m)^\.(It )?(Ic|Cm) (.* , )?` + inner + `( [,.;:].*)?$`).MatchString(page) {
				t.Errorf("%s { %s }: the page says nothing of it", key, inner)
			}
			if !regexp.MustCompile(`(?m)(^|[{;]) *` + inner + ` [={]`).MatchString(all) {
				t.Errorf("%s { %s }: is in no example", key, inner)
			}
		}
	}
	if seen < 50 {
		t.Errorf("found %d keys within others", seen)
	}
}

// innerKeys are those that a section may have: a definition with another is told them.
func innerKeys(key string) []string {
	for _, section := range []string{" { nonsense = 1 }", " name { nonsense = 1 }", ` "/name" { nonsense = 1 }`} {
		err := (Images{}).Read("x", []byte("image x { parent = static; "+key+section+" }"), Target{Revision: "15.0", ABI: "FreeBSD:15:amd64"})
		if err == nil {
			continue
		}
		if m := regexp.MustCompile(`key "nonsense" is not known, wanted one of ([a-z0-9_, -]+)`).FindStringSubmatch(err.Error()); m != nil {
			return strings.Split(m[1], ", ")
		}
	}
	return nil
}
