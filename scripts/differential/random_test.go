// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestRandom makes the same case of a seed each time, and of many seeds one of each
// kind.
func TestRandom(t *testing.T) {
	t.Parallel()
	unseen := map[string]bool{}
	for _, form := range []Form{ByPkg, Data, Lines, OldMeta, NoMeta} {
		unseen[string(form)] = true
	}
	for _, text := range []string{"lzma", "+DISPLAY", `"name" = app`, `"dirs"`, `"arch":"FreeBSD:15:amd64"`, `"options"`, `"annotations"`, `"message":`, `"scripts"`,
		`"lua_scripts"`, `"deps":{"dep":[`, `"config"`, "%c3%a9", `u=rwx`, `"directories":{"/":`, `"shlibs_required"`, `"provides"`, `"vital"`, "other (", "priority: 3"} {
		unseen[text] = true
	}
	for seed := range uint64(400) {
		c := random(rand.New(rand.NewPCG(seed, 0))).String()
		if again := random(rand.New(rand.NewPCG(seed, 0))).String(); again != c {
			t.Fatalf("seed %d: got\n%s\nand\n%s", seed, c, again)
		}
		for text := range unseen {
			if strings.Contains(c, text) {
				delete(unseen, text)
			}
		}
	}
	if len(unseen) > 0 {
		t.Errorf("no case has %v", unseen)
	}
}

// TestSmaller leaves one thing out at a time, and the case as it was.
func TestSmaller(t *testing.T) {
	t.Parallel()
	c := random(rand.New(rand.NewPCG(1, 0)))
	before := c.String()
	for _, smaller := range c.smaller() {
		if smaller.String() == before {
			t.Errorf("nothing is left out of\n%s", before)
		}
	}
	if c.String() != before {
		t.Errorf("the case has changed:\n%s\nbefore\n%s", c, before)
	}
}
