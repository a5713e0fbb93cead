// SPDX-License-Identifier: BSD-2-Clause

package edit

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/fault"
)

// MatchError is a change that applies another number of times than is wanted.
type MatchError struct {
	File   string // its path
	Change string // replace "TEXT", comment "EXPRESSION" or set "KEY"
	Unit   string // of the numbers: "match", "line" or "commented-out line"
	Found  int
	Wanted int
	Lines  []Line // where it applies; if it does not at all, what is most like it. At most three
}

// Line is one of a file, as it was when the change was tried.
type Line struct {
	Number int // from 1
	Text   string
}

func (e *MatchError) Error() string {
	text := fmt.Sprintf("edit %s: %s: found %s, wanted %d", e.File, e.Change, e.found(), e.Wanted)
	return text + e.places()
}

func (e *MatchError) found() string {
	if e.Unit == "match" && e.Found != 1 {
		return fmt.Sprintf("%d matches", e.Found)
	}
	return fault.Counted(e.Found, e.Unit)
}

func (e *MatchError) places() string {
	if len(e.Lines) == 0 {
		return ""
	}
	var list []string
	for _, l := range e.Lines {
		list = append(list, fmt.Sprintf("line %d %q", l.Number, l.Text))
	}
	if e.Found == 0 {
		return "; near: " + strings.Join(list, ", ")
	}
	if e.Found > len(list) {
		list = append(list, "…")
	}
	return ": " + strings.Join(list, ", ")
}

// Unmet reports that the request cannot be met.
func (*MatchError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *MatchError) Parts() (what, where, found, wanted string) {
	return e.Change, e.File, e.found() + e.places(), fmt.Sprint(e.Wanted)
}

// RefusedError is a file that cannot be edited so.
type RefusedError struct{ File, Reason string }

func (e *RefusedError) Error() string { return "edit " + e.File + ": " + e.Reason }

// Unmet reports that the request cannot be met.
func (*RefusedError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *RefusedError) Parts() (what, where, found, wanted string) { return e.Reason, e.File, "", "" }

// Bounds of messages.
const (
	maxNear  = 3   // lines that are shown
	maxShown = 100 // bytes of a text that are shown
)

// short cuts a text for a message, between two characters.
func short(text string) string {
	if len(text) <= maxShown {
		return text
	}
	end := maxShown
	for end > maxShown-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func shown(lines []string, i int) Line {
	body, _ := cutEnd(lines[i])
	return Line{i + 1, short(strings.Trim(body, blanks))}
}
