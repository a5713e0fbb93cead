// SPDX-License-Identifier: BSD-2-Clause

// Package spelling finds the word that a misspelt one was meant to be.
package spelling

import "strings"

// tolerated is the most letters of a word that may be wrong, whatever its
// length.
const tolerated = 3

// Nearest is the word that takes the fewest edits to become the typed one, "" if
// none is near: at most a third of the letters may be wrong. An edit omits, adds
// or changes a letter, or swaps two adjacent ones; case is ignored. Of words
// equally near the first is taken. If none is near, three letters or more stand
// for the only word that begins with them.
func Nearest(typed string, words []string) string {
	found, limit := "", tolerated
	typed = strings.ToLower(typed)
	for _, word := range words {
		most := min(limit, max(len(typed), len(word))/3)
		if d := distance(typed, strings.ToLower(word), most); d <= most {
			if d == 0 {
				return word
			}
			found, limit = word, d-1
		}
	}
	if found == "" && len(typed) >= 3 {
		return onlyPrefixed(typed, words)
	}
	return found
}

// onlyPrefixed is the only word that begins with a text, "" for none or several.
func onlyPrefixed(prefix string, words []string) string {
	found := ""
	for _, word := range words {
		if strings.HasPrefix(strings.ToLower(word), prefix) {
			if found != "" && found != word {
				return ""
			}
			found = word
		}
	}
	return found
}

// Hint ends a message about an unknown word: "; did you mean WORD?", or "" if
// none is near.
func Hint(typed string, words ...string) string {
	if word := Nearest(typed, words); word != "" {
		return "; did you mean " + word + "?"
	}
	return ""
}

// distance counts the edits between two words, or returns more than limit if
// there are more (optimal string alignment, three rows of its table at a time).
func distance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) > limit {
		return limit + 1
	}
	table := make([]int, 3*(len(b)+1))
	above2, above, row := table[:len(b)+1], table[len(b)+1:2*(len(b)+1)], table[2*(len(b)+1):]
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return least
		}
		above2, above, row = above, row, above2
	}
	return above[len(b)]
}
