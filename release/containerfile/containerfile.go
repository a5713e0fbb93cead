// SPDX-License-Identifier: BSD-2-Clause

// Package containerfile translates a Containerfile into a definition of images.
//
// Nothing is executed, and no file but the Containerfile itself is read. Its
// instructions, and the commands of RUN, are read for what they mean for the image:
// packages, files, owners, accounts, settings. What is not understood stays in the
// definition as a comment with the reason, and so does what an image made from packages
// does not need.
//
// The form is that of Dockerfile reference and Containerfile(5): comments, the escape
// directive, continued lines, here-documents, lists in JSON. Commands are those of
// sh(1), pkg(8), pw(8), sed(1), sysrc(8), fetch(1) and tar(1), and of the usual
// programs for files.
package containerfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Folder is the folder of a Containerfile, from which COPY takes files. Paths are
// relative and clean. Only names are asked for.
type Folder interface {
	// IsDir reports whether the path is a folder.
	IsDir(path string) bool
	// Glob lists the paths that match a pattern as of path.Match, sorted.
	Glob(pattern string) []string
}

// Options say what the text of a Containerfile does not.
type Options struct {
	Name   string // of the image
	Folder Folder // nil if it is not there: then what COPY names is a folder if it looks so
}

// Translation is a definition, and what it lacks.
type Translation struct {
	Definition string
	Steps      int // instructions, and commands of RUN
	Notes      []Note
}

// Count returns how many steps have a note of a kind.
func (t *Translation) Count(k Kind) int {
	n := 0
	for _, note := range t.Notes {
		if note.Kind == k {
			n++
		}
	}
	return n
}

// Note is an instruction or command that is not in the definition as it is.
type Note struct {
	Line   int    // of the Containerfile
	Text   string // as it is there, without continuations
	Reason string
	Kind   Kind
}

// Kind is what became of an instruction or command.
type Kind int

// The kinds of notes.
const (
	Needless Kind = iota + 1 // the image does not need it
	Open                     // it is translated but for what only the user knows
	Left                     // it is not translated
)

// Translate translates the text of a Containerfile; name is for errors. A text that is no
// Containerfile is an error, one that means nothing to a definition is not.
func Translate(name string, text []byte, opts Options) (*Translation, error) {
	if len(text) > maxFile {
		return nil, fault.Usagef("%s: has %d bytes, wanted %d at most", name, len(text), maxFile)
	}
	list, err := read(string(text))
	if err == nil {
		err = checkStages(list)
	}
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("%s:%w", name, err)}
	}
	t := &translator{opts: opts, file: name, global: map[string]value{}, used: map[string]bool{}}
	for _, in := range list {
		t.instruction(in)
	}
	if t.tooMany() {
		return nil, fault.Usagef("%s: has more than %d instructions and commands", name, maxSteps)
	}
	return t.finish(), nil
}

// What a Containerfile may come to. The largest that people have published are a
// hundredth of that.
const (
	maxFile      = 256 << 10
	maxSteps     = 10_000
	maxVariables = 1000
	maxText      = 256 << 10 // of a value, or of a file that commands write
)

// checkText refuses what would break a line of the definition.
func checkText(text string) error {
	line := 1
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			return lineError(line, "found byte %#02x, wanted text in UTF-8", text[i])
		case r == '\n':
			line++
		case r < ' ' && r != '\t' && r != '\r', r == 0x7f:
			return lineError(line, "found the control character %q", r)
		}
	}
	return nil
}

// lineError begins with a line, which the name of the file comes before.
func lineError(line int, format string, args ...any) error {
	return fmt.Errorf("%d: %w", line, fmt.Errorf(format, args...))
}

// checkStages wants a FROM, and nothing but ARG before it.
func checkStages(list []instruction) error {
	found := false
	for _, in := range list {
		words := strings.Fields(in.rest)
		switch {
		case in.name == "FROM" && len(words) != 1 && (len(words) != 3 || !strings.EqualFold(words[1], "AS")):
			return lineError(in.line, "found %q, wanted FROM IMAGE or FROM IMAGE AS NAME", in.text())
		case in.name == "FROM":
			found = true
		case in.name != "ARG" && !found:
			return lineError(in.line, "found %s, wanted FROM first", in.name)
		}
	}
	if !found {
		return lineError(1, "found no FROM, so this is no Containerfile")
	}
	return nil
}

// translator has all stages of a Containerfile.
type translator struct {
	opts   Options
	file   string
	global map[string]value // ARG before the first FROM
	vars   []variable       // of the definition
	used   map[string]bool  // variables
	stages []*stage
	steps  int
	visits int // commands looked at, in each round of a loop
}

// tooMany reports whether the translation comes to an end.
func (t *translator) tooMany() bool { return t.steps > maxSteps || t.visits > 10*maxSteps }

// variable is one of the definition: what ARG is to a Containerfile.
type variable struct {
	name, text string
	given      bool // it has a value
}

// stage returns the present stage.
func (t *translator) stage() *stage { return t.stages[len(t.stages)-1] }

// byName finds an earlier stage, by name or number; nil for none.
func (t *translator) byName(name string) *stage {
	for i, s := range slices.Backward(t.stages) {
		if name == fmt.Sprint(i) || s.name != "" && strings.EqualFold(s.name, name) {
			return s
		}
	}
	return nil
}

// finish writes the definition: an image for the last stage, and one for each other that
// no later stage uses.
func (t *translator) finish() *Translation {
	result := &Translation{Steps: t.steps}
	var images []string
	last := len(t.stages) - 1
	for i, s := range slices.Backward(t.stages) {
		s.endDownloads()
		if i < last && s.usedBy != "" {
			continue
		}
		name := t.opts.Name
		if i < last {
			name += "-" + imageName(s.name, fmt.Sprint(i))
		}
		images = append(images, t.write(s, name))
	}
	for _, s := range t.stages {
		result.Notes = append(result.Notes, s.notes...)
	}
	slices.SortStableFunc(result.Notes, func(a, b Note) int { return a.Line - b.Line })
	result.Definition = t.header() + strings.Join(images, "\n")
	return result
}
