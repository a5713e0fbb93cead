// SPDX-License-Identifier: BSD-2-Clause

package compare

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Lines returns a report for people: a heading for each part and for each package in
// it, with at most so many lines, 0 for any number.
func Lines(list []Difference, lines int) []string {
	var r report
	for part := range runs(list, func(d Difference) string { return string(d.Part) }) {
		r.line(0, "%s:", part[0].Part)
		switch part[0].Part {
		case PartFiles, PartDatabase:
			r.packages(part, lines)
			continue
		}
		for _, d := range part {
			switch d.Part {
			case PartPackages:
				r.line(1, "%s", packageText(d))
			case PartImage:
				r.line(1, "%s: %s -> %s", d.Subject, cmp.Or(d.Old, "none"), cmp.Or(d.New, "none"))
			default:
				r.line(1, "%s: %s", d.Subject, d.Change)
				for _, line := range d.Detail {
					r.line(2, "%s", line)
				}
			}
		}
	}
	return r
}

// report is a text of indented lines.
type report []string

func (r *report) line(depth int, format string, args ...any) {
	*r = append(*r, strings.Repeat("    ", depth)+fmt.Sprintf(format, args...))
}

// runs splits a list where the key changes.
func runs(list []Difference, key func(Difference) string) iter.Seq[[]Difference] {
	return func(yield func([]Difference) bool) {
		for len(list) > 0 {
			n := 1
			for n < len(list) && key(list[n]) == key(list[0]) {
				n++
			}
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

func packageText(d Difference) string {
	where := ""
	if d.Layer != "" {
		where = " in " + d.Layer
	}
	switch d.Change {
	case "added":
		return fmt.Sprintf("+ %s %s%s", d.Subject, d.New, where)
	case "removed":
		return fmt.Sprintf("- %s %s%s", d.Subject, d.Old, where)
	}
	return fmt.Sprintf("%s %s %s -> %s%s", map[string]string{"up": "^", "down": "v"}[d.Change], d.Subject, d.Old, d.New, where)
}

// packages writes the files or rows of each package. Those that differ only in time
// are just counted, or a new build would bury all else.
func (r *report) packages(list []Difference, lines int) {
	rest := slices.DeleteFunc(slices.Clone(list), func(d Difference) bool { return d.OnlyTime })
	for group := range runs(rest, func(d Difference) string { return d.Package }) {
		r.line(1, "%s:", cmp.Or(group[0].Package, "of no package"))
		for i, d := range group {
			if i == lines && lines > 0 {
				r.line(2, "… and %d more", len(group)-lines)
				break
			}
			if d.Part == PartDatabase {
				r.line(2, "%s", d.Change)
			} else {
				r.line(2, "%s: %s", d.Subject, d.Change)
			}
		}
	}
	if n := len(list) - len(rest); n > 0 {
		r.line(1, "%d that differ only in time", n)
	}
}

// PullLines returns lines that say which layers are new, and how much to fetch.
func PullLines(layers []PulledLayer) []string {
	if layers == nil {
		return nil
	}
	var r report
	var count int
	var size, all int64
	same, seen := map[string]int{}, map[string]int{} // layers of one name: an image's packages may be in several
	for _, l := range layers {
		same[l.Layer]++
	}
	r.line(0, "%s:", PartLayers)
	for _, l := range layers {
		name := l.Layer
		if seen[name]++; same[name] > 1 {
			name = fmt.Sprintf("%s, layer %d of %d", name, seen[name], same[name])
		}
		r.line(1, "%s: %s, %d bytes", name, l.Change, l.Size)
		if all += l.Size; l.Change == "new" {
			count++
			size += l.Size
		}
	}
	saved := ""
	if size < all {
		saved = fmt.Sprintf("; %d are there already", all-size)
	}
	r.line(1, "to fetch: %d of %d, %d of %d bytes%s", count, len(layers), size, all, saved)
	return r
}
