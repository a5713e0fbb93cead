// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// chown translates chown and chgrp.
func (r *runner) chown(c *call) error {
	flags, operands := options(c, "")
	if len(operands) < 2 {
		return fmt.Errorf("it names no owner, or no paths")
	}
	if has(flags, "--reference", "--from") {
		return fmt.Errorf("it depends on who owns another path")
	}
	owner, group := owners(operands[0].text)
	if c.name == "chgrp" {
		owner, group = "", owner
	}
	return r.give(operands[1:], has(flags, "R"), func(e *entry) error {
		if owner != "" {
			e.owner = owner
		}
		if group != "" {
			e.group = group
		}
		return nil
	}, false)
}

// chmod translates chmod.
func (r *runner) chmod(c *call) error {
	// A mode such as -w looks like an option.
	args := c.args
	recursive := false
	for len(args) > 0 && len(args[0].text) > 1 && strings.Trim(args[0].text, "-RfvhHLP") == "" && args[0].text[0] == '-' {
		recursive = recursive || strings.Contains(args[0].text, "R")
		args = args[1:]
	}
	if len(args) < 2 {
		return fmt.Errorf("it names no mode, or no paths")
	}
	mode := args[0].text
	return r.give(args[1:], recursive, func(e *entry) error { return e.setMode(mode) }, true)
}

// give changes entries of the stage, and what others brought, by a change to one entry.
// Modes can be given inside a tree.
func (r *runner) give(operands []field, recursive bool, change func(*entry) error, inTrees bool) error {
	var failed, idle error
	done := false
	for _, f := range operands {
		err := r.giveOne(resolve(r.cwd, f.text), f.glob, recursive, change, inTrees)
		switch _, is := err.(*needless); {
		case err == nil:
			done = true
		case is:
			idle = err
		case failed == nil:
			failed = err
		}
	}
	if failed == nil && !done {
		return idle
	}
	return failed
}

func (r *runner) giveOne(name string, glob, recursive bool, change func(*entry) error, inTrees bool) error {
	found, whole := false, false
	for _, e := range r.own {
		matched, _ := path.Match(name, e.path)
		if e.kind == isLink || !matched && e.path != name && !(recursive && within(name, e.path)) {
			continue
		}
		found = found || matched || e.path == name
		if e.path == name && !e.implied {
			whole = true
		}
		if e.implied && (matched || e.path == name) {
			if top := strings.Split(name, "/")[1]; top == "usr" || top == "var" || top == "etc" {
				continue // a package may have it, and more in it
			}
			e.implied, whole = false, true
		}
		if e.kind == isTree && inTrees && e.path != name {
			continue // the modes of its files would all be one
		}
		if err := change(e); err != nil {
			return err
		}
	}
	for _, d := range r.archives {
		is, err := d.give(name, recursive, change, inTrees)
		if err != nil {
			return err
		}
		if is && (inTrees || within(name, d.to)) {
			return nil
		}
	}
	inTree, copied := false, false
	for _, e := range r.own {
		if e.kind != isTree || e.path == name || !within(e.path, name) {
			continue
		}
		copied = true
		is, err := r.inTree(e, name, recursive, change, inTrees)
		if err != nil {
			return err
		}
		inTree = inTree || is
	}
	switch {
	case whole && !inTree, found && glob, inTree && inTrees:
		return nil
	case glob && copied && r.t.opts.Folder != nil && !inTree:
		return &needless{fmt.Sprintf("%s matches nothing that is copied here", shown(name))}
	}
	return r.attribute(name, recursive, change)
}

// give changes what an archive brings. It reports whether the path is of the archive, as
// far as the command that unpacks it says so.
func (d *download) give(name string, recursive bool, change func(*entry) error, modes bool) (bool, error) {
	file := &entry{kind: isLocal, owner: d.owner, group: d.group}
	switch inside, below := strings.CutPrefix(name, strings.TrimSuffix(d.to, "/")+"/"); {
	case recursive && within(name, d.to):
		if err := change(file); err != nil {
			return false, err
		}
		if d.owner, d.group = file.owner, file.group; file.mode != "" {
			d.modes.set("**", file.mode)
		}
		return true, nil
	case !below || !modes || !slices.Contains(d.include, inside):
		return false, nil
	default:
		err := change(file)
		if err == nil && file.mode != "" {
			d.modes.set(inside, file.mode)
		}
		return true, err
	}
}

// inTree changes files of a tree that was copied. It reports whether the tree has some.
func (r *runner) inTree(e *entry, name string, recursive bool, change func(*entry) error, modes bool) (bool, error) {
	inside := strings.TrimPrefix(strings.TrimPrefix(name, e.path), "/")
	if folder := r.t.opts.Folder; folder != nil && e.local != "" && len(folder.Glob(r.t.plain(path.Join(e.local, inside)))) == 0 {
		return false, nil
	}
	if !modes {
		return true, nil
	}
	if e.local == "" {
		return false, nil
	}
	file := &entry{kind: isLocal}
	if err := change(file); err != nil {
		return false, err
	}
	if file.mode == "" {
		return true, nil
	}
	e.modes.set(inside, file.mode)
	if recursive {
		e.modes.set(inside+"/**", file.mode)
	}
	return true, nil
}

// attribute says owner and mode of what packages, or the parent, brought.
func (r *runner) attribute(name string, recursive bool, change func(*entry) error) error {
	patterns := []string{name}
	if recursive {
		patterns = append(patterns, strings.TrimSuffix(name, "/")+"/**")
	}
	for _, pattern := range patterns {
		i := slices.IndexFunc(r.attributes, func(a *attributes) bool { return a.pattern == pattern })
		e := entry{kind: isTaken}
		if i >= 0 {
			a := r.attributes[i]
			e.owner, e.group, e.mode = a.owner, a.group, a.mode
		}
		before := e
		if err := change(&e); err != nil {
			return err
		}
		if e.mode == before.mode && e.owner == before.owner && e.group == before.group {
			continue
		}
		if i < 0 {
			r.attributes = append(r.attributes, &attributes{pattern: pattern})
			i = len(r.attributes) - 1
		}
		*r.attributes[i] = attributes{pattern, e.owner, e.group, e.mode}
	}
	return nil
}

// setMode sets a mode, octal or in symbols. Without a mode of its own a file has 0755 if
// it is executable on disk, else 0644: then symbols must lead to one mode from both.
func (e *entry) setMode(text string) error {
	if mode := octal(text); mode != "" {
		e.mode = mode
		return nil
	}
	bases := []string{e.mode}
	switch {
	case e.mode != "":
	case e.kind == isDir || e.kind == isTree || e.kind == isFolder:
		bases = []string{"0755"}
	case e.kind == isText:
		bases = []string{"0644"}
	default:
		bases = []string{"0644", "0755"}
	}
	var modes []string
	same := true
	for _, base := range bases {
		mode, err := symbolic(text, base, e.kind == isDir)
		if err != nil {
			return err
		}
		same = same && mode == base
		modes = append(modes, mode)
	}
	switch {
	case same && e.kind != isTaken:
		return nil
	case modes[0] != modes[len(modes)-1] || e.kind == isTaken && !strings.HasSuffix(text, "+x"):
		return fmt.Errorf("%s depends on the mode that is there: give the octal one", text)
	}
	e.mode = modes[0]
	return nil
}

// symbolic applies a mode in symbols, such as u+rw,o-x, to an octal one.
func symbolic(text, base string, isDir bool) (string, error) {
	n, err := strconv.ParseUint(base, 8, 12)
	if err != nil {
		return "", err
	}
	mode := uint(n)
	for clause := range strings.SplitSeq(text, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return "", fmt.Errorf("%q is no mode", text)
		}
		who, op, what := clause[:at], clause[at], clause[at+1:]
		if who == "" || strings.Contains(who, "a") {
			who = "ugo"
		}
		if strings.Trim(who, "ugo") != "" || strings.Trim(what, "rwxXst") != "" {
			return "", fmt.Errorf("%q is no mode", text)
		}
		var bits, all uint
		for shift, class := range map[uint]string{6: "u", 3: "g", 0: "o"} {
			if !strings.Contains(who, class) {
				continue
			}
			all |= 7 << shift
			for letter, bit := range map[string]uint{"r": 4, "w": 2, "x": 1} {
				if strings.Contains(what, letter) || letter == "x" && strings.Contains(what, "X") && (isDir || mode&0o111 != 0) {
					bits |= bit << shift
				}
			}
		}
		if strings.Contains(what, "s") {
			if strings.Contains(who, "u") {
				bits |= 0o4000
			}
			if strings.Contains(who, "g") {
				bits |= 0o2000
			}
		}
		if strings.Contains(what, "t") {
			bits |= 0o1000
		}
		switch op {
		case '+':
			mode |= bits
		case '-':
			mode &^= bits
		default:
			mode = mode&^all | bits
		}
	}
	return fmt.Sprintf("%04o", mode), nil
}
