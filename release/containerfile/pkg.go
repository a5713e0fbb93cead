// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// pkg translates pkg(8).
func (r *runner) pkg(c *call) error {
	words := c.args
	for len(words) > 0 && strings.HasPrefix(words[0].text, "-") {
		switch option := words[0].text; {
		case option == "-o" || option == "--option":
			words = words[min(2, len(words)):]
		case option == "-r" || option == "-c" || option == "-j" || strings.HasPrefix(option, "--rootdir") || strings.HasPrefix(option, "--chroot"):
			return fmt.Errorf("it installs below another root: make an image of its own of that")
		default:
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return &needless{"it only prints"}
	}
	rest := &call{name: c.name, args: words[1:]}
	flags, operands := options(rest, "r")
	switch sub := words[0].text; sub {
	case "install":
		if operands == nil {
			return fmt.Errorf("it names no packages")
		}
		for _, f := range operands {
			r.addPackage(f.text)
		}
		r.repository(flags, operands)
		return nil
	case "add":
		return r.pkgAdd(operands)
	case "delete", "remove":
		return r.pkgDelete(flags, operands)
	case "upgrade":
		return &needless{"a newer parent, or base packages from the repository, are up to date"}
	case "bootstrap", "update":
		return &needless{"catalogues are read when the image is built"}
	case "clean", "autoremove":
		return &needless{"neither fetched packages nor catalogues, nor packages that nothing needs, come into the image"}
	case "info", "query", "version", "stats", "audit", "check", "search", "rquery", "which", "repos", "config":
		return &needless{"it only prints"}
	case "create":
		return fmt.Errorf("it makes a package: make it before, and name the file in packages")
	default:
		return fmt.Errorf("pkg %s has no meaning for an image", sub)
	}
}

// origin is a package named by its place in the ports tree, perhaps with a flavour.
var origin = regexp.MustCompile(`^[a-z][a-z0-9-]*/([A-Za-z0-9_.+\x01\x02-]+?)(?:@([A-Za-z0-9_\x01\x02]+))?$`)

func (r *runner) addPackage(name string) {
	m := origin.FindStringSubmatch(name)
	if m == nil {
		add(&r.packages, name)
		return
	}
	name = m[1]
	if rest, is := strings.CutPrefix(name, "py-"); is && strings.HasPrefix(m[2], "py") {
		name = m[2] + "-" + rest
	}
	r.remark("Packages named by their origin have the last part of it as a name here; that is a guess.")
	add(&r.packages, name)
}

// repository adds FreeBSD's repositories that packages come from.
func (r *runner) repository(flags map[string]string, operands []field) {
	if name := flags["r"]; name != "" {
		for _, own := range []string{"FreeBSD-base", "FreeBSD-ports"} {
			if name == own || strings.EqualFold(name, "FreeBSD") && own == "FreeBSD-ports" {
				add(&r.repositories, own)
				return
			}
		}
		add(&r.repositories, name)
		r.remark(fmt.Sprintf("The repository %s is not one of FreeBSD's: --repo or --repo-conf-dir says what it is.", shown(name)))
		return
	}
	for _, f := range operands {
		if strings.HasPrefix(f.text, "FreeBSD-") {
			add(&r.repositories, "FreeBSD-base")
		} else {
			add(&r.repositories, "FreeBSD-ports")
		}
	}
}

// pkgAdd takes packages in files that were copied before.
func (r *runner) pkgAdd(operands []field) error {
	for _, f := range operands {
		name := resolve(r.cwd, f.text)
		e := r.find(name)
		switch {
		case e == nil && strings.Contains(f.text, "://"):
			return fmt.Errorf("a package from the web: fetch it, and name the file in packages")
		case e == nil || e.kind != isLocal:
			return fmt.Errorf("a package that is not in the build folder: make it before, and name the file in packages")
		}
		add(&r.packages, "./"+e.local)
		r.own = slices.DeleteFunc(r.own, func(other *entry) bool { return other == e })
	}
	return nil
}

// pkgDelete takes packages out of the list again. Those of the parent stay.
func (r *runner) pkgDelete(flags map[string]string, operands []field) error {
	if has(flags, "a") {
		return fmt.Errorf("an image cannot lose what its parent has: take a smaller parent")
	}
	for _, f := range operands {
		if f.text == "pkg" && !slices.Contains(r.packages, "pkg") {
			continue // nothing has installed it
		}
		if !slices.Contains(r.packages, f.text) {
			return fmt.Errorf("%s is none of the packages above; without leaves out what they depend on, and the parent's stay", shown(f.text))
		}
		r.packages = slices.DeleteFunc(r.packages, func(name string) bool { return name == f.text })
	}
	return nil
}
