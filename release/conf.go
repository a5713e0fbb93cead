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
	number := 1
	for rest := string(text); rest != ""; {
		words, n, err := shellLine(rest)
		if err == nil {
			err = c.line(words)
		}
		if err != nil {
			c.errs = append(c.errs, fmt.Errorf("%s:%d: %w", name, number, err))
		}
		number += strings.Count(rest[:n], "\n")
		rest = rest[n:]
	}
	if c.inside || !c.built {
		c.errs = append(c.errs, fmt.Errorf("%s: found no whole function oci_image_build", name))
	}
	if err := errors.Join(c.errs...); err != nil {
		return &UsageError{err}
	}
	if err := all.Add(c.img); err != nil {
		return &UsageError{fmt.Errorf("%s: %w", name, err)}
	}
	return nil
}

// conf is what has been read of a file.
type conf struct {
	img    Image
	inside bool // of the function
	built  bool // there was one
	errs   []error
}

func (c *conf) line(words []string) error {
	if len(words) == 0 {
		return nil
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

// shellPart is what sh(1) makes of the next bytes of a script: a line that goes
// on, blanks, the end of the line, or a part of a word, in quotes or bare. A $ in
// single quotes is none of plain words.
var shellPart = regexp.MustCompile(`^(?:\\\n|[ \t]+|\n|"((?:[^"\\\n]|\\\n)*)"|'([^'$\n]*)'|([^\s"'\\;&|<>]+))`)

// shellLine takes the first line of a script apart, with those that continue it
// and without its comment. It tells how many bytes these are.
func shellLine(text string) (words []string, n int, err error) {
	inWord := false
	for n < len(text) {
		rest, _, _ := strings.Cut(text[n:], "\n")
		if text[n] == '#' && !inWord {
			n += len(rest)
			continue
		}
		m := shellPart.FindStringSubmatch(text[n:])
		if m == nil {
			return nil, n + len(rest), fmt.Errorf("%q is not understood, wanted plain words", rest)
		}
		n += len(m[0])
		switch part := m[0]; {
		case part == "\n":
			return words, n, nil
		case part == "\\\n":
		case strings.Trim(part, " \t") == "":
			inWord = false
		default:
			if !inWord {
				words, inWord = append(words, ""), true
			}
			words[len(words)-1] += strings.ReplaceAll(m[1], "\\\n", "") + m[2] + m[3]
		}
	}
	return words, n, nil
}
