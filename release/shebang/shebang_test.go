// SPDX-License-Identifier: BSD-2-Clause

package shebang

import (
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"#!/bin/sh\necho":                       "/bin/sh",
		"#!/bin/sh":                             "/bin/sh",
		"#! \t/bin/sh -e \t\n":                  "/bin/sh -e",
		"#!/bin/sh\r\n":                         "/bin/sh\r",
		"#!/bin/sh\x00-x\n":                     "/bin/sh",
		"#!\n":                                  "",
		"#":                                     "",
		"":                                      "",
		"# !/bin/sh\n":                          "",
		" #!/bin/sh\n":                          "",
		"\n#!/bin/sh\n":                         "",
		"#!" + strings.Repeat("x", 5000) + "\n": strings.Repeat("x", 4094),
	} {
		var h Head
		r := iotest.OneByteReader(strings.NewReader(text))
		for b := make([]byte, 8); ; {
			n, err := r.Read(b)
			h.Write(b[:n])
			if err != nil {
				break
			}
		}
		if got := h.Line(); got != want || Of([]byte(text)) != want {
			t.Errorf("%.40q: found %.40q and %.40q, wanted %.40q", text, got, Of([]byte(text)), want)
		}
		if again := h.Line(); again != "" {
			t.Errorf("%.40q: left %.40q to the next file", text, again)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]Interpreter{
		"":                                   {},
		"/bin/sh":                            {Path: "/bin/sh"},
		"/usr/local/bin/perl -w":             {Path: "/usr/local/bin/perl"},
		"/usr/bin/env":                       {Path: "/usr/bin/env"},
		"/usr/bin/env python3":               {Path: "/usr/bin/env", Program: "python3"},
		"/usr/bin/env perl -w":               {Path: "/usr/bin/env", Program: "perl"},
		"/usr/bin/env -S perl -w":            {Path: "/usr/bin/env", Program: "perl"},
		"/usr/bin/env -Sperl -w":             {Path: "/usr/bin/env", Program: "perl"},
		"/usr/bin/env -vS-i perl":            {Path: "/usr/bin/env", Program: "perl"},
		"/usr/bin/env -S -u HOME -i A=b php": {Path: "/usr/bin/env", Program: "php"},
		"/usr/bin/env -S -uHOME - -- php":    {Path: "/usr/bin/env", Program: "php"},
		"/usr/bin/env -S -P/a:/b ruby":       {Path: "/usr/bin/env", Program: "ruby", Folders: []string{"/a", "/b"}},
		"/usr/bin/env -S -P /a ruby":         {Path: "/usr/bin/env", Program: "ruby", Folders: []string{"/a"}},
		"/usr/bin/env PATH=/a ruby":          {Path: "/usr/bin/env", Program: "ruby", Folders: []string{"/a"}},
		"/usr/bin/env -u":                    {Path: "/usr/bin/env"},
	} {
		if diff := cmp.Diff(want, Parse(line)); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

// FuzzParse checks that what is read is some of the text, in how many pieces
// it ever comes.
func FuzzParse(f *testing.F) {
	f.Add([]byte("#!/usr/bin/env -S -P/a perl -w\n"))
	f.Add([]byte("#! /bin/sh\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var h Head
		for n := range slices.Chunk(text, 1+len(text)/3) {
			h.Write(n)
		}
		if line, whole := h.Line(), Of(text); line != whole {
			t.Errorf("got %q piece by piece, %q of the whole", line, whole)
		}
		if h.Write([]byte("#!/next\n")); h.Line() != "/next" {
			t.Error("something is left for the next file")
		}
		i := Parse(Of(text))
		if !strings.Contains(string(text), i.Path) || !strings.Contains(string(text), i.Program) {
			t.Errorf("found %+v in %q", i, text)
		}
	})
}
