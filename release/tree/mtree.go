// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
)

// ReadMtree reads an mtree(5) file into nodes below prefix, which must be
// absolute. Both styles are read: names nested by indentation with "..", as in
// FreeBSD's etc/mtree/BSD.*.dist, and whole paths, as written by mtree -C and in
// pkg's METALOG. The entry "." is the prefix itself. All nodes have the origin
// Listed. Keywords that do not describe a node, such as tags, are ignored.
func ReadMtree(r io.Reader, name, prefix string) ([]Node, error) {
	m := mtreeReader{lines: bufio.NewScanner(r), dir: strings.TrimSuffix(prefix, "/"), set: map[string]string{}, known: texts{}}
	var errs []error
	for m.lines.Scan() && len(errs) <= maxFaults {
		m.line++
		text, err := m.whole(m.lines.Text())
		if err != nil {
			return nil, errors.Join(append(errs, fmt.Errorf("%s:%d: %w", name, m.line, err))...)
		}
		if err := m.entry(strings.Fields(text)); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, m.line, err))
		}
	}
	switch err := m.lines.Err(); {
	case err != nil:
		errs = append(errs, fmt.Errorf("%s:%d: %w", name, m.line+1, err))
	case len(errs) > maxFaults:
		errs[maxFaults] = fmt.Errorf("%s: more than %d faults; the others are not reported", name, maxFaults)
	case m.found > maxEntries:
		return nil, fmt.Errorf("%s: %w", name, &LimitError{"entries", m.found, maxEntries})
	}
	return m.nodes, errors.Join(errs...)
}

type mtreeReader struct {
	lines *bufio.Scanner
	line  int
	dir   string // base of relative names, without a final slash
	depth int    // directories entered below the prefix
	begun bool   // "." has been seen
	set   map[string]string
	known texts
	found int // entries, including those beyond the limit
	nodes []Node
}

// whole joins a line and its continuations.
func (m *mtreeReader) whole(text string) (string, error) {
	var b strings.Builder
	for strings.HasSuffix(text, "\\") && m.lines.Scan() {
		m.line++
		b.WriteString(strings.TrimSuffix(text, "\\") + " ")
		if text = m.lines.Text(); b.Len()+len(text) > maxLine {
			return "", fmt.Errorf("line has more than %d bytes", maxLine)
		}
	}
	if b.Len() == 0 {
		return text, nil
	}
	b.WriteString(text)
	return b.String(), nil
}

// texts are those that occur in many entries, each held once, so that lines can
// be freed.
type texts map[string]string

func (t texts) one(text string) string {
	if text == "" {
		return ""
	}
	one, ok := t[text]
	if !ok {
		one = strings.Clone(text)
		t[one] = one
	}
	return one
}

func (m *mtreeReader) entry(words []string) error {
	switch {
	case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		return nil
	case words[0] == "/set":
		return keywords(words[1:], m.set)
	case words[0] == "/unset":
		for _, w := range words[1:] {
			delete(m.set, w)
		}
		return nil
	case words[0] == "..":
		if m.depth == 0 && !m.begun {
			return errors.New(`".." leaves the root`)
		}
		if m.depth == 0 {
			m.begun = false // the end of "."
			return nil
		}
		m.depth--
		m.dir = m.dir[:strings.LastIndexByte(m.dir, '/')]
		return nil
	}
	if m.found++; m.found > maxEntries {
		return nil // only counted
	}
	keys := maps.Clone(m.set)
	if err := keywords(words[1:], keys); err != nil {
		return err
	}
	name, err := unescapeName(words[0])
	if err != nil {
		return err
	}
	return m.add(name, keys)
}

// add makes a node and enters it if it is a nested directory.
func (m *mtreeReader) add(name string, keys map[string]string) error {
	n := Node{Origin: Listed}
	whole := strings.HasPrefix(name, "./") || strings.Count(name, "/") > 0
	switch {
	case name == ".":
		n.Path = m.dir
		m.begun = true
	case whole:
		n.Path = m.dir + "/" + strings.TrimPrefix(strings.TrimPrefix(name, "."), "/")
	default:
		n.Path = m.dir + "/" + name
	}
	if n.Path == "" {
		n.Path = "/"
	}
	if len(n.Path) > maxPath {
		return fmt.Errorf("path has %d bytes, wanted at most %d", len(n.Path), maxPath)
	}
	if err := CheckPath(n.Path); err != nil {
		return err
	}
	if err := n.describe(keys); err != nil {
		return fmt.Errorf("%s: %w", n.Path, err)
	}
	n.Uname, n.Gname, n.Flags = m.known.one(n.Uname), m.known.one(n.Gname), m.known.one(n.Flags)
	n.Path, n.Link = strings.Clone(n.Path), strings.Clone(n.Link)
	if n.Type == Dir && !whole && name != "." {
		m.dir += "/" + name
		m.depth++
	}
	m.nodes = append(m.nodes, n)
	return nil
}

// describe takes the keywords of mtree(5) that a node has fields for.
func (n *Node) describe(keys map[string]string) error {
	var err error
	switch t := keys["type"]; t {
	case "dir":
		n.Type, n.Mode = Dir, 0o755
	case "file":
		n.Type, n.Mode = File, 0o644
	case "link":
		n.Type, n.Mode = Symlink, 0o755
		if n.Link, err = unescapeName(keys["link"]); err != nil {
			return err
		}
	default:
		return fmt.Errorf("type is %q, wanted dir, file or link", t)
	}
	if first := keys["hardlink"]; first != "" {
		if n.Link, err = unescapeName(strings.TrimPrefix(first, ".")); err != nil {
			return err
		}
		n.Type = Hardlink
	}
	if mode, ok := keys["mode"]; ok {
		bits, err := strconv.ParseUint(mode, 8, 12)
		if err != nil {
			return fmt.Errorf("mode %q is not octal", mode)
		}
		n.Mode = uint32(bits)
	}
	if n.Uname, n.Gname = keys["uname"], keys["gname"]; n.Uname == "" || n.Gname == "" {
		return errors.New("uname or gname is missing")
	}
	if n.Flags = keys["flags"]; n.Flags == "none" {
		n.Flags = ""
	}
	for _, number := range []struct {
		key string
		to  *int64
	}{{"time", &n.Time}, {"size", &n.Size}} {
		if text, ok := keys[number.key]; ok {
			seconds, _, _ := strings.Cut(text, ".") // time=SECONDS.NANOSECONDS
			if *number.to, err = strconv.ParseInt(seconds, 10, 64); err != nil {
				return fmt.Errorf("%s %q is not a number", number.key, text)
			}
		}
	}
	n.Digest, err = ParseDigest(keys["sha256digest"] + keys["sha256"])
	return err
}

// keywords adds KEY=VALUE words, or bare keys, to a set.
func keywords(words []string, set map[string]string) error {
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		if key == "" {
			return fmt.Errorf("found %q, wanted KEYWORD=VALUE", w)
		}
		set[key] = value
	}
	return nil
}

// WriteMtree lists a tree in mtree(5) with whole paths, one entry per line in
// path order. A hard link is listed as the file it links to, an owner without a
// name as a number.
func WriteMtree(ctx context.Context, w io.Writer, t *Tree) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "#mtree v2.0")
	for n := range t.All() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(b, n.mtree(t)); err != nil {
			return err
		}
	}
	return b.Flush()
}

// mtree writes one node. The root is the line ".".
func (n *Node) mtree(t *Tree) string {
	words := []string{"." + strings.TrimSuffix(escapeName(n.Path), "/"), "type=" + n.Type.String()}
	first := n
	if n.Type == Hardlink {
		words[1] = "type=file"
		if f := t.Lookup(n.Link); f != nil {
			first, words[1] = f, "type="+f.Type.String()
		}
	}
	words = append(words, fmt.Sprintf("mode=%04o", n.Mode), owner("u", n.Uname, n.UID), owner("g", n.Gname, n.GID))
	if first.Type == File {
		words = append(words, fmt.Sprintf("size=%d", first.Size))
		if digest := first.Digest.String(); digest != "" {
			words = append(words, "sha256digest="+digest)
		}
	}
	words = append(words, fmt.Sprintf("time=%d.0", n.Time))
	switch first.Type {
	case Symlink:
		words = append(words, "link="+escapeName(first.Link))
	case CharDevice, BlockDevice:
		words = append(words, "device=native,"+first.Link)
	}
	if n.Flags != "" {
		words = append(words, "flags="+escapeName(n.Flags))
	}
	return strings.Join(words, " ")
}

// owner is the keyword of a user (u) or group (g).
func owner(kind, name string, id int) string {
	if name == "" {
		return fmt.Sprintf("%sid=%d", kind, id)
	}
	return kind + "name=" + escapeName(name)
}

// escapeName writes blanks, non-ASCII bytes and mtree's own characters as \ooo,
// as strsvis(3) with VIS_OCTAL does.
func escapeName(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`\#*?[=`, c) >= 0 {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unescapeName(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if len(s)-i < 4 {
			return "", fmt.Errorf("name %q: wanted three octal digits after \\", s)
		}
		c, err := strconv.ParseUint(s[i+1:i+4], 8, 8)
		if err != nil {
			return "", fmt.Errorf("name %q: wanted three octal digits after \\", s)
		}
		b.WriteByte(byte(c))
		i += 3
	}
	return b.String(), nil
}
