// SPDX-License-Identifier: BSD-2-Clause

package unpack

import (
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// seen is what an archive has at a path.
type seen struct {
	kind    tree.Type
	implied bool   // a folder that has no entry so far
	prefix  string // what Strip has taken off the entry's name
	file    string // of a Hardlink: the path of its file
}

// place finds where an entry goes, and what is stripped off its name. Taken reports
// whether it goes anywhere.
func (a *archive) place(name string) (path, prefix string, taken bool, err error) {
	if a.entries++; a.entries > layer.MaxEntries {
		return "", "", false, refuse("", "has more than %d entries, the most that this version reads", layer.MaxEntries)
	}
	if err := a.ctx.Err(); err != nil {
		return "", "", false, err
	}
	rel, prefix, err := a.strippedName(name)
	if err != nil || rel == "" || !a.included(rel) {
		return "", "", false, err
	}
	path = a.to + "/" + rel
	return path, prefix, true, checkLength(name, path)
}

// strippedName is the clean path of an entry in the archive, "" for what is not left, and
// what is stripped off it.
func (a *archive) strippedName(name string) (rel, prefix string, err error) {
	switch {
	case name == "":
		return "", "", refuse(name, "has an entry without a name")
	case name[0] == '/':
		return "", "", refuse(name, "is absolute, wanted a path in the archive")
	case strings.IndexByte(name, 0) >= 0:
		return "", "", refuse(name, "has NUL in its name")
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", "", refuse(name, `has "..", wanted a path in the archive`)
		default:
			parts = append(parts, part)
		}
	}
	if len(parts) <= a.strip {
		return "", "", nil
	}
	return strings.Join(parts[a.strip:], "/"), a.shared(strings.Join(parts[:a.strip], "/")), nil
}

// shared keeps one copy of each prefix: nearly all entries have the same.
func (a *archive) shared(prefix string) string {
	if known, is := a.prefixes[prefix]; is {
		return known
	}
	a.prefixes[prefix] = prefix
	return prefix
}

func (a *archive) included(rel string) bool {
	taken := len(a.include) == 0
	for i, p := range a.include {
		if p.Match(rel) {
			a.matched[i], taken = true, true
		}
	}
	return taken
}

func checkLength(name, path string) error {
	if len(path) > maxPath {
		return refuse(name, "has %d bytes in its path, and FreeBSD has at most %d", len(path), maxPath)
	}
	for part := range strings.SplitSeq(path, "/") {
		if len(part) > maxName {
			return refuse(name, "has a name of %d bytes, and FreeBSD has at most %d", len(part), maxName)
		}
	}
	return nil
}

// add notes an entry. Again reports a folder that was there before.
func (a *archive) add(name, path string, s seen) (again bool, err error) {
	switch old, is := a.seen[path]; {
	case !is:
		if err := a.addFolders(name, path); err != nil {
			return false, err
		}
	case old.implied && s.kind != tree.Dir:
		return false, refuse(name, "is a %s at %s, and entries before it are below that path", s.kind, path)
	case old.implied:
	case old.kind == tree.Dir && s.kind == tree.Dir:
		return true, nil
	default:
		return false, refuse(name, "is a %s at %s, where entry %q is a %s", s.kind, path, fault.Short(a.nameOf(path, old)), old.kind)
	}
	a.seen[path] = s
	return false, nil
}

// addFolders notes the folders above a path that have no entry.
func (a *archive) addFolders(name, path string) error {
	for {
		path = path[:strings.LastIndexByte(path, '/')]
		if path == a.to {
			return nil
		}
		switch old, is := a.seen[path]; {
		case is && old.kind != tree.Dir:
			return refuse(name, "lies below %s, where entry %q is a %s", path, fault.Short(a.nameOf(path, old)), old.kind)
		case is:
			return nil
		}
		a.seen[path] = seen{kind: tree.Dir, implied: true}
	}
}

// nameOf is the name in the archive of the entry that went to a path.
func (a *archive) nameOf(path string, s seen) string {
	name := strings.TrimPrefix(path, a.to+"/")
	if s.prefix != "" {
		name = s.prefix + "/" + name
	}
	return name
}

// checkSymlink refuses a link that leads out of the folder. Its target is followed from
// the link's own folder, which is none of a link, and through names of the archive, whose
// links lead nowhere else either. That holds only while no ".." comes after a name.
func (a *archive) checkSymlink(name, path, target string) error {
	switch {
	case target == "":
		return refuse(name, "is a link without a target")
	case len(target) > maxPath:
		return refuse(name, "is a link with a target of %d bytes, and FreeBSD has at most %d", len(target), maxPath)
	case strings.IndexByte(target, 0) >= 0:
		return refuse(name, "is a link with NUL in its target")
	}
	folder := "/" + strings.TrimPrefix(a.to, "/")
	var parts []string // of the target, absolute
	if target[0] != '/' {
		parts = strings.Split(path[1:], "/")
		parts = parts[:len(parts)-1]
	}
	top := len(strings.FieldsFunc(a.to, func(r rune) bool { return r == '/' }))
	named := false
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			parts, named = append(parts, part), true
		case named:
			return refuse(name, `is a link to %s, with ".." behind a name, and what that is depends on the image`, target)
		case target[0] == '/' || len(parts) <= top:
			return refuse(name, "is a link to %s, which leads out of %s", target, folder)
		default:
			parts = parts[:len(parts)-1]
		}
	}
	if len(parts) < top || !slices.Equal(parts[:top], strings.Split(strings.TrimPrefix(a.to, "/"), "/")[:top]) {
		return refuse(name, "is a link to %s, which leads out of %s", target, folder)
	}
	return nil
}

// linkedFile finds the file of a hard link.
func (a *archive) linkedFile(name, path, target string) (string, error) {
	rel, _, err := a.strippedName(target)
	if err != nil {
		return "", refuse(name, "is a hard link: %w", err)
	}
	to := a.to + "/" + rel
	s, is := a.seen[to]
	switch {
	case rel == "" || to == path || !is || s.implied:
		return "", refuse(name, "is a hard link to %s, which is no earlier file that is taken", fault.Short(target))
	case s.kind == tree.Hardlink:
		return s.file, nil
	case s.kind != tree.File:
		return "", refuse(name, "is a hard link to %s, which is a %s, wanted a file", fault.Short(target), s.kind)
	}
	return to, nil
}
