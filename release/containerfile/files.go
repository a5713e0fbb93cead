// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// makeFolders translates mkdir.
func (r *runner) makeFolders(c *call) error {
	flags, operands := options(c, "m")
	mode := ""
	if has(flags, "m") {
		if mode = octal(flags["m"]); mode == "" {
			return fmt.Errorf("the mode %q is not octal", flags["m"])
		}
	}
	names, err := r.paths(operands)
	if err != nil {
		return err
	}
	made := false
	for _, name := range names {
		if slices.Contains(system, name) {
			continue
		}
		made = true
		if e := r.mkdir(name); mode != "" {
			e.mode = mode
		}
	}
	if !made {
		return &needless{"every image has these folders"}
	}
	return nil
}

// install translates install(1), as far as it makes folders and copies files.
func (r *runner) install(c *call) error {
	flags, operands := options(c, "mogBflDhNTM")
	mode := octal(flags["m"])
	if has(flags, "m") && mode == "" {
		return fmt.Errorf("the mode %q is not octal", flags["m"])
	}
	names, err := r.paths(operands)
	if err != nil || len(names) == 0 {
		return err
	}
	set := func(e *entry) { e.owner, e.group, e.mode = flags["o"], flags["g"], mode }
	if has(flags, "d") {
		for _, name := range names {
			set(r.mkdir(name))
		}
		return nil
	}
	if mode == "" {
		mode = "0755"
	}
	return r.copies(names, strings.HasSuffix(operands[len(operands)-1].text, "/"), false, set)
}

// copyFiles translates cp.
func (r *runner) copyFiles(c *call) error {
	flags, operands := options(c, "")
	names, err := r.paths(operands)
	if err != nil || len(names) == 0 {
		return err
	}
	return r.copies(names, strings.HasSuffix(operands[len(operands)-1].text, "/"), has(flags, "R", "r", "a"), func(*entry) {})
}

// copies copies files of the stage, or takes them from its packages.
func (r *runner) copies(names []string, into, folders bool, set func(*entry)) error {
	if len(names) < 2 {
		return fmt.Errorf("it names no files, or no place for them")
	}
	target := names[len(names)-1]
	names = names[:len(names)-1]
	into = into || len(names) > 1 || r.isDir(target)
	for _, name := range names {
		place := target
		if into {
			place = path.Join(target, path.Base(name))
		}
		var e entry
		switch old := r.find(name); {
		case old != nil && old.kind != isDir:
			e = *old
		case r.inFolder(name) != "":
			e = entry{kind: isLocal, local: r.inFolder(name)}
		case len(r.packages) == 0:
			return fmt.Errorf("it is not known which package has %s", shown(name))
		default:
			e = entry{kind: isTaken, from: slices.Clone(r.packages), source: name}
			if dir := path.Base(path.Dir(name)); dir == "bin" || dir == "sbin" {
				e.mode = "0755"
			}
			if folders && looksLikeFolder(name) {
				e.kind = isFolder
			}
			r.remark("A file that is copied inside the image is taken from the first of the packages that has it.")
		}
		e.path = place
		set(&e)
		r.put(&e)
	}
	return nil
}

// inFolder is the path in the build folder of what a tree has put at a path.
func (r *runner) inFolder(name string) string {
	for _, e := range slices.Backward(r.own) {
		if e.kind != isTree || e.local == "" || e.path == name || !within(e.path, name) {
			continue
		}
		inside := path.Join(e.local, strings.TrimPrefix(name, e.path))
		if folder := r.t.opts.Folder; folder == nil && e.path != "/" || folder != nil && len(folder.Glob(r.t.plain(inside))) > 0 {
			return inside
		}
	}
	return ""
}

// move renames what the stage has made.
func (r *runner) move(c *call) error {
	_, operands := options(c, "")
	if r.moveArchive(operands) {
		return nil
	}
	names, err := r.paths(operands)
	if err != nil {
		return err
	}
	if len(names) != 2 || r.find(names[0]) == nil || r.find(names[0]).kind == isDir {
		return fmt.Errorf("only what the Containerfile has made can have another place: name that place where it is made")
	}
	target := names[1]
	if r.isDir(target) {
		target = path.Join(target, path.Base(names[0]))
	}
	e := r.find(names[0])
	r.own = slices.DeleteFunc(r.own, func(old *entry) bool { return old == e })
	e.path = target
	r.put(e)
	return nil
}

// moveArchive gives another place to the one folder that an archive has. That it has one
// is what the command says.
func (r *runner) moveArchive(operands []field) bool {
	if len(operands) != 2 || len(r.archives) == 0 {
		return false
	}
	from, to := resolve(r.cwd, operands[0].text), resolve(r.cwd, operands[1].text)
	last := r.archives[len(r.archives)-1]
	if r.find(from) != nil || last.strip != "" || last.include != nil || path.Dir(from) != last.to || strings.HasSuffix(from, "/*") {
		return false
	}
	if r.isDir(to) {
		return false
	}
	last.to, last.strip = to, "1"
	return true
}

// link translates ln -s.
func (r *runner) link(c *call) error {
	flags, operands := options(c, "")
	if !has(flags, "s") {
		return fmt.Errorf("a hard link has no key")
	}
	if slices.ContainsFunc(operands, func(f field) bool { return f.glob }) || len(operands) == 0 {
		return fmt.Errorf("it has a pattern: name each path")
	}
	if len(operands) == 1 {
		operands = append(operands, field{text: "."})
	}
	last := operands[len(operands)-1].text
	place := resolve(r.cwd, last)
	targets := operands[:len(operands)-1]
	into := strings.HasSuffix(last, "/") || len(targets) > 1 || r.isDir(place) && !has(flags, "h", "n")
	for _, f := range targets {
		name := place
		if into {
			name = path.Join(place, path.Base(f.text))
		}
		r.put(&entry{kind: isLink, path: name, target: f.text})
	}
	return nil
}

// touch makes empty files.
func (r *runner) touch(c *call) error {
	flags, operands := options(c, "Adrt")
	names, err := r.paths(operands)
	if err != nil {
		return err
	}
	for _, name := range names {
		if r.find(name) == nil && !has(flags, "c") && !r.isDir(name) {
			r.put(&entry{kind: isText, path: name})
		}
	}
	return nil
}

// cache reports whether a path is one that never comes into an image.
func cache(name string) bool {
	for _, folder := range []string{"/var/cache/pkg", "/var/db/pkg/repos", "/var/db/pkg/*", "/tmp", "/var/tmp", "/root/.cache", "/var/db/freebsd-update"} {
		if name == folder || strings.HasPrefix(name, folder+"/") || name == strings.TrimSuffix(folder, "*") {
			return true
		}
	}
	return strings.HasPrefix(name, "/var/db/pkg/repo")
}

// removeFiles translates rm.
func (r *runner) removeFiles(c *call) error {
	flags, operands := options(c, "")
	reason := "it removes what is not in the image: caches, temporary files, or what was fetched"
	for _, f := range operands {
		name := resolve(r.cwd, f.text)
		if name == "/var/db/pkg/*" {
			r.remark("The Containerfile removes pkg's database with its catalogues; pkg-database = none does that.")
		}
		fetched := slices.ContainsFunc(append(slices.Clone(r.downloads), r.archives...), func(d *download) bool { return d.file != "" && d.file == name })
		own := r.forget(name, has(flags, "r", "R", "d"))
		if cache(name) || fetched {
			continue
		}
		reason = ""
		if !own {
			if name == "/" || name == "/*" {
				return fmt.Errorf("it removes everything")
			}
			add(&r.remove, name)
		}
	}
	if reason != "" {
		return &needless{reason}
	}
	if has(flags, "f") && len(r.remove) > 0 {
		r.remark("Each path of remove must be there; rm -f did not mind.")
	}
	return nil
}

// forget takes back what the stage has made at a path. It reports whether that was all
// there is.
func (r *runner) forget(name string, below bool) bool {
	e := r.find(name)
	all := e != nil && (e.kind != isDir || !e.implied)
	r.own = slices.DeleteFunc(r.own, func(e *entry) bool {
		matched, _ := path.Match(name, e.path)
		return e.kind != isTree && (matched || below && within(name, e.path))
	})
	return all
}
