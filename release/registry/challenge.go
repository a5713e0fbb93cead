// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"net/http"
	"strings"
)

// challenge is one of the ways in which a registry lets clients in (RFC 9110, section
// 11; distribution's token authentication).
type challenge struct {
	scheme string            // lower case: basic, bearer
	params map[string]string // names in lower case
}

// maxChallenges bounds what is read of a header.
const maxChallenges = 16

// challenges reads all WWW-Authenticate headers, each of which may have several.
// Values need no quotes: some registries leave them out.
func challenges(h http.Header) []challenge {
	var list []challenge
	for _, text := range h.Values("Www-Authenticate") {
		list = append(list, parseChallenges(text)...)
		if len(list) >= maxChallenges {
			return list[:maxChallenges]
		}
	}
	return list
}

// preferred returns the challenge to answer: a token, which is good for little, before
// the password; nil for none that can be answered.
func preferred(list []challenge) *challenge {
	var basic *challenge
	for i := range list {
		switch list[i].scheme {
		case "bearer":
			if list[i].params["realm"] != "" {
				return &list[i]
			}
		case "basic":
			basic = &list[i]
		}
	}
	return basic
}

// parseChallenges reads one header: schemes, each with parameters NAME=VALUE. A word
// without = begins the next challenge.
func parseChallenges(text string) []challenge {
	var list []challenge
	for len(list) < maxChallenges {
		text = strings.TrimLeft(text, " \t,")
		word, rest := token(text)
		if word == "" {
			return list
		}
		after := strings.TrimLeft(rest, " \t")
		if value, isParam := strings.CutPrefix(after, "="); isParam && len(list) > 0 {
			var v string
			v, text = parameter(strings.TrimLeft(value, " \t"))
			if p := list[len(list)-1].params; len(p) < maxChallenges {
				p[strings.ToLower(word)] = v
			}
			continue
		}
		list = append(list, challenge{strings.ToLower(word), map[string]string{}})
		text = rest
	}
	return list
}

// token splits off a word that ends at a blank, comma or equals sign.
func token(s string) (word, rest string) {
	if at := strings.IndexAny(s, " \t,=\""); at >= 0 {
		return s[:at], s[at:]
	}
	return s, ""
}

// parameter splits off a value, quoted or not. An unquoted one ends at a comma or
// blank, and may have equals signs.
func parameter(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		if at := strings.IndexAny(s, " \t,"); at >= 0 {
			return s[:at], s[at:]
		}
		return s, ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), "" // the last quote is missing
}
