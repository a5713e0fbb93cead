// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"regexp"
	"slices"
	"strings"
)

// nsSource is a source in a line of nsswitch.conf(5).
type nsSource struct {
	name string
	last bool // later sources are asked only if this one fails
}

// nsToken is a token of nsswitch.conf: what libc's scanner skips, a word, or
// another byte.
var nsToken = regexp.MustCompile(`[ \t]+|#[^\n]*|\\\n|[a-zA-Z][a-zA-Z0-9_]*|[\s\S]`)

// ReadNsswitch lists, by name, the sources that libc asks when everything works
// (lib/libc/net/nsparser.y and nsdispatch.c). As in libc, an invalid line is
// ignored, and the last of several for a database counts.
func ReadNsswitch(text []byte) []string {
	databases := map[string][]nsSource{}
	var line []string
	for _, token := range append(nsToken.FindAllString(string(text), -1), "\n") {
		switch {
		case token == "\n":
			if database, sources := nsLine(line); sources != nil {
				databases[database] = sources
			}
			line = nil
		case token[0] == '#' || strings.Trim(token, " \t") == "" || token == "\\\n":
		default:
			line = append(line, strings.ToLower(token))
		}
	}
	var asked []string
	for database := range databases {
		if of, compat := strings.CutSuffix(database, "_compat"); compat {
			// Without a line, libc defaults to compat where that exists.
			if has := databases[of]; has != nil && !slices.Contains(reached(has), "compat") {
				continue
			}
		}
		asked = append(asked, reached(databases[database])...)
	}
	slices.Sort(asked)
	return slices.Compact(asked)
}

// nsLine reads DATABASE: SOURCE [STATUS=ACTION ...] ..., nil for anything else.
func nsLine(tokens []string) (database string, sources []nsSource) {
	isWord := func(i int) bool { return i < len(tokens) && tokens[i][0] >= 'a' && tokens[i][0] <= 'z' }
	if !isWord(0) || nsReserved[tokens[0]] || len(tokens) < 2 || tokens[1] != ":" {
		return "", nil
	}
	for i := 2; i < len(tokens); {
		if !isWord(i) || nsReserved[tokens[i]] {
			return "", nil
		}
		s := nsSource{name: tokens[i]}
		i++
		if i < len(tokens) && tokens[i] == "[" {
			n, returns := nsCriteria(tokens[i+1:])
			if n == 0 {
				return "", nil
			}
			s.last = returns["success"] && returns["notfound"]
			i += 1 + n
		}
		sources = append(sources, s)
	}
	return tokens[0], sources
}

// nsReserved are words of criteria, which cannot be used as names.
var nsReserved = map[string]bool{"success": true, "unavail": true, "notfound": true, "tryagain": true, "return": true, "continue": true}

// nsCriteria reads what is in brackets, including the closing one. It returns
// the number of tokens, 0 if they are invalid, and which results end a search.
func nsCriteria(tokens []string) (n int, returns map[string]bool) {
	returns = map[string]bool{"success": true}
	for ; n+2 < len(tokens) && tokens[n+1] == "="; n += 3 {
		status, action := tokens[n], tokens[n+2]
		if !nsReserved[status] || status == "return" || status == "continue" || action != "return" && action != "continue" {
			return 0, nil
		}
		returns[status] = action == "return"
	}
	if n == 0 || n == len(tokens) || tokens[n] != "]" {
		return 0, nil
	}
	return n + 1, returns
}

// reached are the sources of a line that libc asks: no duplicates, nothing with
// compat but a cache before it, and nothing after a source that ends the search.
func reached(sources []nsSource) []string {
	var names []string
	for _, s := range sources {
		first := ""
		if len(names) > 0 {
			first = names[0]
		}
		if slices.Contains(names, s.name) || first == "compat" || s.name == "compat" && first != "" && first != "cache" {
			continue
		}
		names = append(names, s.name)
		if s.last {
			break
		}
	}
	return names
}

// builtIn are the sources for which libc loads no module (nsswitch.h).
var builtIn = []string{"cache", "compat", "db", "dns", "files", "nis"}

// NSModule is the file of a source's module, "" for one built into libc.
func NSModule(source string) string {
	if slices.Contains(builtIn, source) {
		return ""
	}
	return "nss_" + source + ".so.1"
}
