// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// fetch remembers what a command fetches, until another unpacks it.
func (r *runner) fetch(c *call) error {
	d, err := r.download(c)
	if err != nil {
		return err
	}
	if d.file == "-" {
		return fmt.Errorf("it prints a file from the web")
	}
	d.file = resolve(r.cwd, d.file)
	r.downloads = append(r.downloads, d)
	return nil
}

// download reads the options of fetch(1), curl and wget.
func (r *runner) download(c *call) (*download, error) {
	takes := map[string]string{"fetch": "oBhNSTwi", "curl": "oHAdXuemT", "wget": "OPtTU"}[c.name]
	flags, operands := options(c, takes)
	d := &download{line: c.c.line, text: c.c.text}
	for _, f := range operands {
		if strings.Contains(f.text, "://") || strings.HasPrefix(f.text, "\x01") {
			if d.url != "" {
				return nil, fmt.Errorf("it fetches several files")
			}
			d.url = f.text
		}
	}
	switch {
	case d.url == "":
		return nil, fmt.Errorf("it is not understood what it fetches")
	case flags["o"] != "":
		d.file = flags["o"]
	case flags["O"] != "" && c.name == "wget":
		d.file = flags["O"]
	case c.name == "curl" && !has(flags, "O"):
		d.file = "-"
	default:
		d.file = path.Base(d.url)
	}
	if slices.Contains([]string{"/dev/stdout", "-"}, d.file) {
		d.file = "-"
	}
	return d, nil
}

// unpack makes an archive of what was fetched.
func (r *runner) unpack(c *call) error {
	d, operands, err := r.unpacking(c)
	if err != nil {
		return err
	}
	if r.web == nil || d.file != "-" {
		d.file = resolve(r.cwd, d.file)
		i := slices.IndexFunc(r.downloads, func(known *download) bool { return known.file == d.file })
		switch e := r.find(d.file); {
		case i >= 0:
			d.url, d.line, d.text = r.downloads[i].url, r.downloads[i].line, r.downloads[i].text+" && "+c.c.text
		case e != nil && e.kind == isLocal:
			return fmt.Errorf("it unpacks a file of the build folder: unpack it there, and name the folder in a tree")
		default:
			return fmt.Errorf("it is not known what is in the archive")
		}
	} else {
		d.url, d.line, d.text = r.web.url, r.web.line, r.web.text
	}
	for _, f := range operands {
		d.include = append(d.include, strings.TrimPrefix(f.text, "./"))
	}
	r.archives = append(r.archives, d)
	r.note(d.line, d.text, "its sha256 is not known: fill it in, and take the # off the archive above", Open)
	return nil
}

// unpacking reads the options of tar(1) and unzip(1).
func (r *runner) unpacking(c *call) (*download, []field, error) {
	d := &download{to: r.cwd, file: "-"}
	args := slices.Clone(c.args)
	if c.name == "unzip" {
		flags, operands := options(c, "d")
		if len(operands) == 0 {
			return nil, nil, fmt.Errorf("it names no file")
		}
		if flags["d"] != "" {
			d.to = resolve(r.cwd, flags["d"])
		}
		d.file = operands[0].text
		return d, operands[1:], nil
	}
	if len(args) > 0 && !strings.HasPrefix(args[0].text, "-") {
		args[0].text = "-" + args[0].text // the old form, tar xzf
	}
	for i := range args {
		if i > 0 && args[i-1].text == "--strip-components" || i > 0 && args[i-1].text == "--strip" {
			d.strip = args[i].text
		}
	}
	args = slices.DeleteFunc(args, func(f field) bool { return d.strip != "" && f.text == d.strip })
	flags, operands := options(&call{args: args}, "fCXTs")
	if !has(flags, "x") {
		return nil, nil, fmt.Errorf("it does not unpack")
	}
	if has(flags, "X", "T", "s", "--exclude") {
		return nil, nil, fmt.Errorf("it chooses or renames what it unpacks in a way that has no key")
	}
	for _, name := range []string{"--strip-components", "--strip"} {
		if flags[name] != "" {
			d.strip = flags[name]
		}
	}
	if dir, is := flags["C"]; is {
		d.to = resolve(r.cwd, dir)
	}
	if file, is := flags["f"]; is {
		d.file = file
	}
	return d, operands, nil
}

// endDownloads notes what was fetched and not unpacked.
func (s *stage) endDownloads() {
	for _, d := range s.downloads {
		switch {
		case slices.ContainsFunc(s.archives, func(a *download) bool { return a.url == d.url }):
		case d.asked:
			s.note(d.line, d.text, "it only tells what to fetch next", Needless)
		default:
			s.note(d.line, d.text, "a file from the web has no key of its own: fetch it once, and name it with local", Left)
		}
	}
	s.downloads = nil
}
