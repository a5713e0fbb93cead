// SPDX-License-Identifier: BSD-2-Clause

package spelling_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/spelling"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	commands := "demo build plan lock fetch ls verify diff pkgdb cache version help"
	images := "static dynamic runtime notoolchain toolchain"
	flags := "repo repo-conf-dir srcdir package parent output offline squash rebuild"
	formats := "txz tar tar.zst dir"
	for _, tt := range []struct{ typed, words, want string }{
		{"bild", commands, "build"}, {"biuld", commands, "build"}, {"BUILD", commands, "build"}, {"buildd", commands, "build"},
		{"lss", commands, "ls"}, {"verfiy", commands, "verify"}, {"hlep", commands, "help"}, {"pkg", commands, "pkgdb"},
		{"ver", commands, ""}, {"xyz", commands, ""}, {"rm", commands, ""}, {"", commands, ""}, {"l", commands, ""}, {"push", commands, ""},
		{"frobnicate", commands, ""}, {"-", commands, ""}, {"\xff\xfe\xfd", commands, ""}, {"h", commands, ""},
		{"rumtime", images, "runtime"}, {"nontoolchain", images, "notoolchain"}, {"no-toolchain", images, "notoolchain"}, {"toolchian", images, "toolchain"},
		{"stat", images, "static"}, {"minimal", images, ""},
		{"packge", flags, "package"}, {"src-dir", flags, "srcdir"}, {"repos", flags, "repo"}, {"xyz", flags, ""}, {"out", flags, "output"},
		{"xz", formats, "txz"}, {"TXZ", formats, "txz"}, {"zip", formats, ""}, {"tar.zs", formats, "tar.zst"},
		{"aab", "aaa bab", "aaa"}, // equally near
		{"fooo", "", ""},
	} {
		if got := spelling.Nearest(tt.typed, strings.Fields(tt.words)); got != tt.want {
			t.Errorf("%q of %s: got %q, want %q", tt.typed, tt.words, got, tt.want)
		}
	}
	if got := spelling.Hint("tzx", "txz", "tar") + spelling.Hint("zip", "txz", "tar"); got != "; did you mean txz?" {
		t.Errorf("got the hint %q", got)
	}
}

// many are the names of a catalogue of all ports.
func many(n int) (words []string) {
	for i := range n {
		words = append(words, fmt.Sprintf("py311-some-package-%d", i*7))
	}
	return words
}

func TestNearestOfMany(t *testing.T) {
	t.Parallel()
	if got := spelling.Nearest("py311-some-pakcage-70007", many(36_000)); got != "py311-some-package-70007" {
		t.Errorf("got %q", got)
	}
}

// BenchmarkNearest must grow with the number of names.
func BenchmarkNearest(b *testing.B) {
	for _, n := range []int{9_000, 18_000, 36_000} {
		b.Run(fmt.Sprintf("names=%d", n), func(b *testing.B) {
			words := many(n)
			for b.Loop() {
				spelling.Nearest("py311-some-pakcage-70007", words)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/name")
		})
	}
}
