// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ReadMetalog reads a METALOG: what pkg(8), install(1) and others recorded about
// a root that an ordinary user filled. It returns owner, mode and flags by path;
// the last line of a path counts. If no file has the recorded name, exists is
// asked for the name that mtree(5) reads in it.
func ReadMetalog(r io.Reader, name string, exists func(path string) bool) (map[string]Node, error) {
	all, known := map[string]Node{}, texts{}
	lines := bufio.NewScanner(r)
	n, found := 1, 0
	for ; lines.Scan(); n++ {
		text := lines.Text()
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if found++; found > maxEntries {
			continue // only counted
		}
		node, err := loggedNode(text, exists)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		node.Uname, node.Gname, node.Flags = known.one(node.Uname), known.one(node.Gname), known.one(node.Flags)
		all[node.Path] = node
	}
	switch err := lines.Err(); {
	case err != nil:
		return nil, fmt.Errorf("%s:%d: %w", name, n, err)
	case found > maxEntries:
		return nil, fmt.Errorf("%s: %w", name, &LimitError{"entries", found, maxEntries})
	}
	return all, nil
}

func loggedNode(text string, exists func(string) bool) (Node, error) {
	path, kind, rest, ok := cutLogged(text)
	if !ok {
		return Node{}, fmt.Errorf("found %q, wanted ./PATH type=dir, file or link and its keywords", text)
	}
	n := Node{Path: "/" + strings.TrimPrefix(path[1:], "/"), Type: kind, Origin: Listed}
	if plain, err := unescapeName(n.Path); err == nil && !exists(n.Path) && exists(plain) {
		n.Path = plain
	}
	if len(n.Path) > maxPath {
		return Node{}, fmt.Errorf("path has %d bytes, wanted at most %d", len(n.Path), maxPath)
	}
	if err := CheckPath(n.Path); err != nil {
		return Node{}, err
	}
	mode := n.loggedWords(rest)
	bits, err := strconv.ParseUint(mode, 8, 12)
	if err != nil || n.Uname == "" || n.Gname == "" {
		return Node{}, fmt.Errorf("%s: found %q, wanted uname, gname and an octal mode", n.Path, strings.TrimSpace(rest))
	}
	if n.Mode = uint32(bits); n.Flags == "none" {
		n.Flags = ""
	}
	return n, nil
}

// cutLogged splits a line: path, type and the rest. pkg writes names verbatim,
// including blanks (libpkg/metalog.c), so the first " type=" of a known type
// ends the name.
func cutLogged(text string) (path string, kind Type, rest string, ok bool) {
	const key = " type="
	for at := 0; ; at++ {
		next := strings.Index(text[at:], key)
		if next < 0 {
			return "", 0, "", false
		}
		at += next
		if path = text[:at]; path != "." && !strings.HasPrefix(path, "./") {
			return "", 0, "", false
		}
		for _, t := range []Type{Dir, File, Symlink} {
			rest, is := strings.CutPrefix(text[at+len(key):], t.String())
			if is && (rest == "" || rest[0] == ' ') {
				return path, t, rest, true
			}
		}
	}
}

// loggedWords takes the keywords that a node has fields for, and returns the
// mode. Blanks may precede a value; the first of a repeated keyword counts.
func (n *Node) loggedWords(text string) (mode string) {
	for at := 0; at < len(text); at++ {
		for _, word := range []struct {
			key string
			to  *string
		}{{" uname=", &n.Uname}, {" gname=", &n.Gname}, {" mode=", &mode}, {" flags=", &n.Flags}} {
			rest, is := strings.CutPrefix(text[at:], word.key)
			if !is {
				continue
			}
			rest = strings.TrimLeft(rest, " ")
			end := strings.IndexAny(rest, " \t\n\f\r")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				break
			}
			if *word.to == "" {
				*word.to = rest[:end]
			}
			at = len(text) - len(rest) + end - 1
			break
		}
	}
	return mode
}
