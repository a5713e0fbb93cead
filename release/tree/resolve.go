// SPDX-License-Identifier: BSD-2-Clause

package tree

import "strings"

// MaxLinks is how many symbolic links a path may lead through before the kernel
// gives up (MAXSYMLINKS, sys/sys/param.h).
const MaxLinks = 32

// Resolve follows symbolic links from a path to its final node, as the kernel
// does with this tree as its root. It returns nil if there is none. A hard link
// resolves to its file.
func (t *Tree) Resolve(path string) *Node { return t.follow(path, func(string) {}) }

// Links returns the paths of the symbolic links, and of the hard link, that a path leads
// through.
func (t *Tree) Links(path string) []string {
	var links []string
	t.follow(path, func(link string) { links = append(links, link) })
	return links
}

// follow is Resolve, and tells of each link.
func (t *Tree) follow(path string, link func(path string)) *Node {
	at, left := "/", strings.Split(path, "/")
	var n Node
	for links := 0; len(left) > 0; {
		name := left[0]
		left = left[1:]
		if name == "" || name == "." {
			continue
		}
		if !t.read(at, &n) || n.Type != Dir {
			return nil
		}
		if name == ".." {
			at = Parent(at)
			continue
		}
		switch ok := t.read(strings.TrimSuffix(at, "/")+"/"+name, &n); {
		case !ok:
			return nil
		case n.Type == Symlink:
			if links++; links > MaxLinks || n.Link == "" {
				return nil
			}
			link(n.Path)
			if strings.HasPrefix(n.Link, "/") {
				at = "/"
			}
			left = append(strings.Split(n.Link, "/"), left...)
		default:
			at = n.Path
		}
	}
	if t.read(at, &n) && n.Type == Hardlink {
		link(at)
		at = n.Link
	}
	return t.Lookup(at)
}
