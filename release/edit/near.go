// SPDX-License-Identifier: BSD-2-Clause

package edit

import "strings"

// Bounds of the search for lines like a text.
const (
	comparedBytes = 1000 // of a line or a text; the rest is not compared
	leastAlike    = 500  // thousandths of the text's pairs of letters
)

// pairs are the pairs of neighbouring bytes of a text, in the order of their first
// occurrence. Blanks and case do not count.
func pairs(text string, each func(pair uint16)) {
	var before byte
	for i := range min(len(text), comparedBytes) {
		c := text[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if before != 0 {
			each(uint16(before)<<8 | uint16(c))
		}
		before = c
	}
}

// nearest are the lines that have most of a text's pairs of letters: at least half of
// them; of lines alike the shorter, then the first. The work grows with the length of all
// lines, whatever they are.
func nearest(lines []string, text string) []Line {
	last := make([]int, 1<<16) // line that has a wanted pair, from 1; -1 for none yet
	wanted := 0
	pairs(text, func(pair uint16) {
		if last[pair] == 0 {
			last[pair] = -1
			wanted++
		}
	})
	if wanted == 0 {
		return nil
	}
	type candidate struct{ line, score int }
	var best []candidate
	for i, line := range lines {
		hits := 0
		pairs(line, func(pair uint16) {
			if last[pair] != 0 && last[pair] != i+1 {
				last[pair] = i + 1
				hits++
			}
		})
		score := hits * 1000 / wanted
		if score < leastAlike {
			continue
		}
		at := len(best)
		for at > 0 && (score > best[at-1].score || score == best[at-1].score && len(line) < len(lines[best[at-1].line])) {
			at--
		}
		if at == maxNear {
			continue
		}
		best = append(best, candidate{})
		copy(best[at+1:], best[at:])
		best[at] = candidate{i, score}
		best = best[:min(len(best), maxNear)]
	}
	var list []Line
	for _, c := range best {
		if c.score < best[0].score*3/4 {
			break // by far not as near as the first
		}
		list = append(list, shown(lines, c.line))
	}
	return list
}

// longestLine is the line of a text that says most about where it belongs.
func longestLine(text string) string {
	longest := ""
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); len(line) > len(longest) {
			longest = line
		}
	}
	return longest
}

// withoutOperators is what an expression has in letters.
func withoutOperators(expression string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`^$.*+?()[]{}|\`, r) {
			return -1
		}
		return r
	}, expression)
}
