// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"slices"
	"strings"
)

// PAMLine is a line of a PAM policy that names something: a module, or another
// service whose lines replace it.
type PAMLine struct {
	Service  string // in the form of pam.conf; "" in a service's own file
	Module   string // "" if it includes another service
	Include  string
	Optional bool // the policy is valid without the module
}

// pamFacilities are the subjects of policy lines.
var pamFacilities = []string{"account", "auth", "password", "session"}

// pamControls are the words that say how a module's answer counts.
var pamControls = []string{"binding", "optional", "required", "requisite", "sufficient"}

// ReadPAM reads a PAM policy as OpenPAM does (openpam_configure.c): the file of
// a service, or, with services, one in the form of pam.conf, whose lines begin
// with the service. A line that does not begin with a facility, or has no
// control word after it, is not part of a policy, and is skipped.
func ReadPAM(text []byte, services bool) []PAMLine {
	var lines []PAMLine
	r := pamReader{rest: text}
	for words, more := r.line(); more; words, more = r.line() {
		var line PAMLine
		if services && len(words) > 0 {
			line.Service, words = words[0], words[1:]
		}
		if len(words) < 3 {
			continue
		}
		facility, optional := strings.CutPrefix(words[0], "-") // as on Linux
		control := words[1]
		switch {
		case !slices.Contains(pamFacilities, facility):
			continue
		case control == "include":
			line.Include = words[2]
		case slices.Contains(pamControls, control):
			line.Module = words[2]
		default:
			continue
		}
		line.Optional = optional || control == "optional"
		lines = append(lines, line)
	}
	return lines
}

// pamReader splits a policy into lines of words by the quoting rules of
// openpam_readword.c, which are nearly those of sh(1).
type pamReader struct{ rest []byte }

// line returns the words of the next line and its continuations. There are no
// more lines once the file ends, or ends within quotes.
func (r *pamReader) line() (words []string, more bool) {
	for {
		escaped := r.skip()
		if len(r.rest) == 0 {
			return words, len(words) > 0
		}
		if r.rest[0] == '\n' && !escaped {
			r.rest = r.rest[1:]
			return words, true
		}
		word, whole := r.word(escaped)
		if !whole {
			return nil, false
		}
		words = append(words, word)
	}
}

// isBlank reports whether a byte separates words.
func isBlank(c byte) bool { return strings.IndexByte(" \t\n\f\r", c) >= 0 }

// skip advances to the next word or end of line, past blanks, a comment and
// continued line ends. It reports whether a backslash precedes the word.
func (r *pamReader) skip() (escaped bool) {
	for ; len(r.rest) > 0; r.rest = r.rest[1:] {
		switch c := r.rest[0]; {
		case escaped && c == '\n':
			escaped = false
		case escaped || c == '\n':
			return escaped
		case c == '#':
			for len(r.rest) > 0 && r.rest[0] != '\n' {
				r.rest = r.rest[1:]
			}
			return false
		case c == '\\':
			escaped = true
		case !isBlank(c):
			return false
		}
	}
	return escaped
}

// word reads a word. It is not whole if the file ends within quotes or after a
// backslash.
func (r *pamReader) word(escaped bool) (word string, whole bool) {
	var b strings.Builder
	quote := byte(0)
	for ; len(r.rest) > 0; r.rest = r.rest[1:] {
		c := r.rest[0]
		switch {
		case isBlank(c) && quote == 0 && !escaped:
			return b.String(), true
		case c == '\\' && !escaped && quote != '\'':
			escaped = true
			continue
		case (c == '\'' || c == '"') && quote == 0 && !escaped:
			quote = c
		case c == quote && !escaped:
			quote = 0
		case c == '\n' && escaped:
		default:
			if escaped && quote != 0 && c != '\\' && c != quote {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
		escaped = false
	}
	return b.String(), quote == 0 && !escaped
}

// PAMModule lists the paths at which OpenPAM looks for a module, the likeliest
// first (openpam_dynamic.c): with the version of libpam appended, then without.
// A module outside these folders is named by its whole path.
func PAMModule(name string, versions []string) []string {
	switch {
	case strings.HasPrefix(name, "/"):
		return []string{name}
	case strings.Contains(name, "/"):
		return nil
	}
	file := name
	if base, _, versioned := strings.Cut(name, ".so."); !strings.HasSuffix(name, ".so") && (!versioned || base == "") {
		file += ".so"
	}
	var paths []string
	for _, dir := range PAMFolders {
		for _, version := range versions {
			paths = append(paths, dir+"/"+file+"."+version)
		}
		paths = append(paths, dir+"/"+file)
	}
	return paths
}

// PAMFolders are where modules are (openpam_module_path). 32-bit programs on a
// 64-bit machine have others, but none of FreeBSD's uses PAM.
var PAMFolders = []string{"/usr/lib", "/usr/local/lib"}
