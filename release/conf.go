// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// FreeBSD's own definitions, release/tools/oci-image-NAME.conf, are shell
// scripts. The simple ones only set OCI_BASE_IMAGE and have a function
// oci_image_build that calls install_packages and set_cmd; these are read, and
// nothing is executed.

// readConf adds the image of such a file. Whatever is not understood is an
// error: passed over, it would be missing in the image.
func (all Images) readConf(name string, text []byte) error {
	image, ok := strings.CutPrefix(strings.TrimSuffix(filepath.Base(name), ".conf"), "oci-image-")
	if !ok {
		return usagef("%s: the name is not of the form oci-image-NAME.conf", name)
	}
	c := conf{img: Image{Name: image}}
	for _, line := range joinLines(string(text)) {
		if err := c.line(line.text); err != nil {
			c.errs = append(c.errs, fmt.Errorf("%s:%d: %w", name, line.number, err))
		}
	}
	if c.inside || !c.built {
		c.errs = append(c.errs, fmt.Errorf("%s: found no whole function oci_image_build", name))
	}
	if err := errors.Join(c.errs...); err != nil {
		return &UsageError{err}
	}
	return all.Add(c.img)
}

// conf is what has been read of a file.
type conf struct {
	img    Image
	inside bool // of the function
	built  bool // there was one
	errs   []error
}

func (c *conf) line(text string) error {
	words, err := shellWords(text)
	if err != nil || len(words) == 0 {
		return err
	}
	base, assigns := strings.CutPrefix(words[0], "OCI_BASE_IMAGE=")
	switch {
	case !c.inside && assigns && len(words) == 1:
		c.img.Parent = base
		return plainWords([]string{words[0]})
	case !c.inside && !c.built && strings.Join(words, "") == "oci_image_build(){":
		c.inside, c.built = true, true
	case c.inside && len(words) == 1 && words[0] == "}":
		c.inside = false
	case c.inside && len(words) > 2 && words[0] == "set_cmd" && words[1] == "${workdir}":
		c.img.Cmd = words[2:]
		return plainWords(c.img.Cmd)
	case c.inside && len(words) > 3 && words[0] == "install_packages" && words[1] == "${abi}" && words[2] == "${workdir}":
		c.img.Packages = append(c.img.Packages, words[3:]...)
		return plainWords(words[3:])
	default:
		return fmt.Errorf("%q is not understood, wanted OCI_BASE_IMAGE=IMAGE, or in oci_image_build "+
			"install_packages ${abi} ${workdir} PACKAGE... or set_cmd ${workdir} COMMAND", strings.Join(words, " "))
	}
	return nil
}

// plainWords refuses what a shell would make something else of.
func plainWords(words []string) error {
	for _, w := range words {
		if strings.ContainsAny(w, "$`") {
			return fmt.Errorf("%q is not understood, wanted a word without variables", w)
		}
	}
	return nil
}

// confLine is a line of a script, with those that continue it.
type confLine struct {
	text   string
	number int
}

func joinLines(text string) []confLine {
	var list []confLine
	joined, first := "", 0
	for i, line := range strings.Split(text, "\n") {
		if joined == "" {
			first = i + 1
		}
		rest, more := strings.CutSuffix(line, "\\")
		joined += rest + " "
		if !more || strings.HasPrefix(strings.TrimSpace(joined), "#") {
			list = append(list, confLine{joined, first})
			joined = ""
		}
	}
	if joined != "" {
		list = append(list, confLine{joined, first})
	}
	return list
}

// shellWord is a word of sh(1), bare or wholly in quotes.
var shellWord = regexp.MustCompile(`^(?:"([^"\\]*)"|'([^']*)'|([^\s"'\\;&|<>#]+(?:#[^\s"'\\;&|<>]*)?))(?:\s+|$)`)

// shellWords takes a line apart, without its comment.
func shellWords(line string) ([]string, error) {
	var words []string
	rest := strings.TrimSpace(line)
	for rest != "" && rest[0] != '#' {
		m := shellWord.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("%q is not understood, wanted plain words", rest)
		}
		words = append(words, m[1]+m[2]+m[3])
		rest = rest[len(m[0]):]
	}
	return words, nil
}
