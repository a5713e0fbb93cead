// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// copy translates COPY and ADD.
func (s *stage) copy(in *instruction) error {
	sources, v := s.sources(in)
	if v.why != "" {
		return v.err()
	}
	if len(sources) < 2 {
		return fmt.Errorf("it names no files, or no place for them")
	}
	target := sources[len(sources)-1]
	sources = sources[:len(sources)-1]
	c := &copying{stage: s, in: in, many: len(sources) > 1, into: strings.HasSuffix(target, "/"), target: resolve(s.dir, target)}
	chown := s.scope().line(in.get("chown"))
	if chown.why != "" {
		return chown.err()
	}
	c.owner, c.group = owners(chown.text)
	if mode := in.get("chmod"); mode != "" {
		if c.mode = octal(mode); c.mode == "" {
			return fmt.Errorf("the mode %q is not octal", mode)
		}
	}
	if from := in.get("from"); from != "" {
		text := s.scope().line(from)
		if text.why != "" {
			return text.err()
		}
		return c.fromImage(text.text, sources)
	}
	docs := in.docs
	for _, source := range sources {
		if strings.HasPrefix(source, "<<") && len(docs) > 0 {
			if err := c.document(docs[0]); err != nil {
				return err
			}
			docs = docs[1:]
		} else if err := c.local(source); err != nil {
			return err
		}
	}
	return nil
}

// sources are the words of a COPY.
func (s *stage) sources(in *instruction) ([]string, value) {
	if words := list(in.rest); words != nil {
		return words, value{}
	}
	return s.scope().words(in.rest)
}

// owners splits USER:GROUP. Root's numbers are its names.
func owners(text string) (owner, group string) {
	owner, group, _ = strings.Cut(text, ":")
	if owner == "0" {
		owner = "root"
	}
	if group == "0" {
		group = "wheel"
	}
	return owner, group
}

var octalForm = regexp.MustCompile(`^[0-7]{1,4}$`)

// octal is a mode of four digits; "" if the text is none.
func octal(text string) string {
	if !octalForm.MatchString(text) {
		return ""
	}
	return strings.Repeat("0", 4-len(text)) + text
}

// copying is one COPY.
type copying struct {
	*stage
	in                 *instruction
	many, into         bool // several sources; the target ends with a slash
	target             string
	owner, group, mode string
}

// place is where a file goes.
func (c *copying) place(source string) string {
	if c.into || c.many || c.isDir(c.target) {
		return path.Join(c.target, path.Base(source))
	}
	return c.target
}

func (c *copying) document(d document) error {
	v := c.scope().document(&d)
	if v.why != "" {
		return v.err()
	}
	c.put(&entry{kind: isText, path: c.place(d.tag), content: v.text, owner: c.owner, group: c.group, mode: c.mode})
	return nil
}

var packed = regexp.MustCompile(`\.(?:tar|tgz|tbz|txz|tzst|tar\.(?:gz|bz2|xz|zst))$`)

// local copies a file or folder of the build folder.
func (c *copying) local(source string) error {
	if strings.Contains(source, "://") || strings.HasPrefix(source, "git@") {
		if packed.MatchString(source) {
			c.archives = append(c.archives, &download{line: c.in.line, url: source, to: c.target})
			c.note(c.in.line, c.in.text(), "its sha256 is not known: fill it in. ADD does not unpack what comes from the web; archive does", Open)
			return nil
		}
		return fmt.Errorf("a file from the web has no key of its own: fetch it once, and name it with local")
	}
	if c.in.name == "ADD" && packed.MatchString(source) {
		return fmt.Errorf("ADD unpacks the archive: unpack it beside the definition, and name the folder in a tree")
	}
	folder := c.t.opts.Folder
	name := path.Join("/", source)[1:]
	if strings.ContainsAny(source, "*?[") {
		if folder == nil {
			return fmt.Errorf("%s is a pattern: name each file", source)
		}
		names := folder.Glob(c.t.plain(name))
		if len(names) == 0 {
			return fmt.Errorf("%s matches nothing here", source)
		}
		c.many = c.many || len(names) > 1
		for _, n := range names {
			c.file(n, folder.IsDir(n))
		}
		return nil
	}
	isDir := name == "" || strings.HasSuffix(source, "/") || path.Base(source) == "."
	if folder != nil && name != "" {
		plain := c.t.plain(name)
		if len(folder.Glob(plain)) == 0 {
			c.remark(fmt.Sprintf("%s is not beside the Containerfile: this definition belongs into the folder that has it.", plain))
		}
		isDir = isDir || folder.IsDir(plain)
	}
	c.file(name, isDir)
	return nil
}

// file copies one thing; the contents of a folder, and not itself.
func (c *copying) file(name string, isDir bool) {
	e := &entry{local: name, owner: c.owner, group: c.group}
	if !isDir {
		e.kind, e.path, e.mode = isLocal, c.place(name), c.mode
		c.put(e)
		return
	}
	if name == "" {
		e.local = "."
		c.remark("A tree of the whole folder has all that is in it: .dockerignore is not read, exclude says what stays out.")
	}
	e.kind, e.path = isTree, c.target
	if c.mode != "" {
		e.modes.set("**", c.mode)
	}
	c.put(e)
}

// fromImage copies from an earlier stage, or from an image.
func (c *copying) fromImage(from string, sources []string) error {
	stage := c.t.byName(c.t.plain(from))
	if stage == nil {
		for _, source := range sources {
			e := &entry{kind: isTree, path: c.target, image: c.t.reference(from), source: path.Join("/", source), owner: c.owner, group: c.group}
			if c.mode != "" {
				e.modes.set("**", c.mode)
			}
			c.put(e)
		}
		c.remark("Trees of other images want a digest, or a key: NAME@sha256:….")
		return nil
	}
	if stage.usedBy != "FROM" {
		stage.usedBy = "COPY"
	}
	whole := len(sources) == 1 && path.Join("/", sources[0]) == "/" && c.target == "/"
	switch {
	case whole && c.parent == "" && len(c.own)+len(c.packages) == 0:
		return c.squash(stage)
	case stage.picks():
		return fmt.Errorf("the stage %s picks programs with their libraries: name its packages here, and only { programs = [ … ] } keeps these", from)
	case stage.runs():
		return fmt.Errorf("it comes from the stage %s, which runs programs: keep its result as files (tree or file { local = … }) or as a package", from)
	case stage.copies() || len(stage.packages) == 0:
		return fmt.Errorf("it comes from the stage %s: say here what makes these files there", from)
	}
	for _, source := range sources {
		full := path.Join("/", source)
		e := &entry{kind: isTaken, path: c.place(source), from: stage.packages, source: full, owner: c.owner, group: c.group, mode: c.mode}
		if strings.HasSuffix(source, "/") || looksLikeFolder(full) && !c.into {
			e.kind, e.path, e.mode = isFolder, c.target, ""
		}
		c.put(e)
	}
	c.remark(fmt.Sprintf("What comes from the stage %s is taken from its packages, which are not installed. If one that they depend on has it, add its name to from.", from))
	return nil
}

// looksLikeFolder guesses by the name: files mostly have a suffix, or are programs.
func looksLikeFolder(name string) bool {
	dir := path.Base(path.Dir(name))
	return path.Ext(name) == "" && dir != "bin" && dir != "sbin"
}

// squash takes all that another stage has, as an image without layers below it.
func (c *copying) squash(stage *stage) error {
	settings := *c.stage
	*c.stage = *stage.clone()
	c.name, c.args, c.usedBy, c.base = settings.name, settings.args, "", stage
	c.env, c.labels, c.entrypoint, c.cmd, c.expose, c.volumes = settings.env, settings.labels, settings.entrypoint, settings.cmd, settings.expose, settings.volumes
	c.user, c.dir, c.signal, c.cwd, c.notes, c.noted = settings.user, settings.dir, settings.signal, settings.cwd, settings.notes, settings.noted
	c.remark("This image stands on its parent's layers; the Containerfile put all into one. --squash makes one layer of an image's own.")
	return nil
}

// picks reports whether the stage looks for the libraries of programs.
func (s *stage) picks() bool {
	return slices.ContainsFunc(s.notes, func(n Note) bool { return n.Kind == Left && strings.Contains(n.Text, "ldd ") })
}

// runs reports whether a command of the stage, or of one below it, is left.
func (s *stage) runs() bool {
	for at := s; at != nil; at = at.base {
		for _, n := range at.notes {
			if n.Kind == Left {
				return true
			}
		}
	}
	return false
}

// copies reports whether the stage has files of its own.
func (s *stage) copies() bool { return len(s.own)+len(s.archives) > 0 }
