// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// The parts of a line of a METALOG. pkg writes names as they are, with blanks
// and all (libpkg/metalog.c).
var (
	logged     = regexp.MustCompile(`^(\.|\./.*?) type=(dir|file|link)( .*)?$`)
	loggedWord = regexp.MustCompile(` (uname|gname|mode|flags)= *(\S+)`)
)

// ReadMetalog reads a METALOG: what pkg(8), install(1) and others wrote down of
// a root that an ordinary user filled. It returns owner, mode and flags by
// path; the last line of a path counts. Where no file has the name that stands
// there, exists is asked for what mtree(5) makes of it.
func ReadMetalog(r io.Reader, name string, exists func(path string) bool) (map[string]Node, error) {
	all := map[string]Node{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		node, err := loggedNode(text, exists)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		all[node.Path] = node
	}
	return all, lines.Err()
}

func loggedNode(text string, exists func(string) bool) (Node, error) {
	parts := logged.FindStringSubmatch(text)
	if parts == nil {
		return Node{}, fmt.Errorf("found %q, wanted ./PATH type=dir, file or link and its keywords", text)
	}
	n := Node{Path: "/" + strings.TrimPrefix(strings.TrimPrefix(parts[1], "."), "/"), Origin: Listed}
	n.Type = map[string]Type{"dir": Dir, "file": File, "link": Symlink}[parts[2]]
	if plain, err := unescapeName(n.Path); err == nil && !exists(n.Path) && exists(plain) {
		n.Path = plain
	}
	if err := CheckPath(n.Path); err != nil {
		return Node{}, err
	}
	words := map[string]string{}
	for _, w := range loggedWord.FindAllStringSubmatch(parts[3], -1) {
		if words[w[1]] == "" {
			words[w[1]] = w[2]
		}
	}
	mode, err := strconv.ParseUint(words["mode"], 8, 12)
	if err != nil || words["uname"] == "" || words["gname"] == "" {
		return Node{}, fmt.Errorf("%s: found %q, wanted uname, gname and an octal mode", n.Path, strings.TrimSpace(parts[3]))
	}
	n.Mode, n.Uname, n.Gname, n.Flags = uint32(mode), words["uname"], words["gname"], words["flags"]
	if n.Flags == "none" {
		n.Flags = ""
	}
	return n, nil
}
