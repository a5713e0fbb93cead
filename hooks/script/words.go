// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/orlop/orlop/release/shell"
)

// reference is a variable or positional parameter in a word, maybe without what a
// pattern at its end matches.
var reference = regexp.MustCompile(`\$\{([A-Za-z_]\w*|[1-9])(?:%([^}]*))?\}|\$#`)

// expand replaces the variables that the script has set. A word that consists of one
// becomes any number of words. It refuses words that run commands, and those that
// become too long.
func (r *run) expand(words []string) ([]string, bool) {
	var list []string
	for _, word := range words {
		if strings.Contains(word, "`") || strings.Contains(word, "$(") {
			return nil, false
		}
		if len(words) > 0 && words[0] == "echo" {
			list = append(list, word)
			continue
		}
		value, ok := r.value(word)
		if !ok {
			return nil, false
		}
		if at := reference.FindString(word); at == word && value != word {
			list = append(list, strings.Fields(value)...)
		} else {
			list = append(list, value)
		}
	}
	return list, true
}

// value replaces the variables of a word.
func (r *run) value(word string) (string, bool) {
	ok := true
	size := 0
	text := reference.ReplaceAllStringFunc(word, func(ref string) string {
		if ref == "$#" {
			return strconv.Itoa(len(r.args))
		}
		m := reference.FindStringSubmatch(ref)
		value, has := r.vars[m[1]]
		if n, err := strconv.Atoi(m[1]); err == nil && n <= len(r.args) {
			value, has = r.args[n-1], true
		}
		switch {
		case !has:
			return ref
		case m[2] == "/*":
			value = value[:max(0, strings.LastIndexByte(value, '/'))]
		case strings.ContainsAny(m[2], `*?[\`):
			return ref
		default:
			value = strings.TrimSuffix(value, m[2])
		}
		if size += len(value); size > maxValue {
			ok = false
			return ""
		}
		return value
	})
	return text, ok && len(text) <= maxValue
}

// assign sets the variables of a command that does nothing else.
func (r *run) assign(words []string) bool {
	for _, word := range words {
		name, value, is := shell.Assignment(word)
		if !is || strings.HasPrefix(name, "PKG_") || name == "PATH" || name == "IFS" || name == "ENV" || name == "INSTALL_AS_USER" {
			return false
		}
		if r.vars[name] = value; len(r.vars) > maxVars {
			return false
		}
	}
	return true
}

// rootDir is how scripts name the root that a package is installed in.
const rootDir = "${PKG_ROOTDIR}"

// inRoot returns the path in the image that a word of a script names.
func inRoot(word string) (string, bool) {
	name, ok := strings.CutPrefix(word, rootDir)
	if ok && name != "" && name[0] != '/' || strings.ContainsAny(name, "$`*?[~{\x00") {
		return "", false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "." || part == ".." {
			return "", false
		}
	}
	return path.Clean("/" + name), ok
}

// absolute is inRoot for a path that may also be meant in the running system, which is
// then the root that the package is installed in.
func absolute(word string) (string, bool) {
	if strings.HasPrefix(word, "/") {
		word = rootDir + word
	}
	return inRoot(word)
}

// isPath reports whether a word names the wanted path in the image.
func isPath(word, want string) bool {
	got, ok := inRoot(word)
	return ok && got == want
}

// unrooted is a value without what only tells programs another root.
func unrooted(value string) string {
	words := strings.Fields(value)
	var list []string
	for i := 0; i < len(words); i++ {
		if i+1 < len(words) && (words[i] == "-R" && words[i+1] == rootDir || words[i] == "-N" && isPath(words[i+1], "/etc")) {
			i++
			continue
		}
		if name, ok := absolute(words[i]); ok {
			list = append(list, name)
		} else {
			list = append(list, words[i])
		}
	}
	return strings.Join(list, " ")
}
