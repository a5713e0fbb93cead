// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/shell"
)

// FreeBSD's own definitions, release/tools/oci-image-NAME.conf, are shell
// scripts: they set OCI_BASE_IMAGE and have a function oci_image_build. Their
// commands, and those of copies, are read for what they mean for an image;
// nothing is executed. For what FreeBSD's scripts take from the source tree, the
// built-in definitions know the path there, and which packages have it, too.

// Conf is what such a file says.
type Conf struct {
	Image   Image
	Removes []string // paths of lower steps that must be gone: packages replace them
}

// ReadConf reads a file oci-image-NAME.conf for a revision. Whatever is not
// understood is an error: if skipped, the image would lack it.
func ReadConf(name string, text []byte, revision string) (Conf, error) {
	image, ok := strings.CutPrefix(strings.TrimSuffix(filepath.Base(name), ".conf"), "oci-image-")
	if !ok {
		return Conf{}, fault.Usagef("%s: the name is not of the form oci-image-NAME.conf", name)
	}
	known, err := Standard(revision)
	if err != nil {
		return Conf{}, err
	}
	c := conf{Conf: Conf{Image: Image{Name: image}}, known: known, release: release.Release{Revision: revision}, made: map[string]int{}}
	var errs []error
	for c.left = shell.Parse(string(text)); len(c.left) > 0; {
		at := c.next()
		c.line = at.Line
		if err := c.command(&at); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, at.Line, err))
		}
	}
	if c.inside || !c.built {
		errs = append(errs, fmt.Errorf("%s: found no complete function oci_image_build", name))
	}
	for _, folder := range slices.Sorted(maps.Keys(c.made)) {
		if !c.fills(folder) {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, c.made[folder], notUnderstood("mkdir -p "+folder, "a folder that a file of this definition is put into")))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Conf{}, &fault.UsageError{Err: err}
	}
	c.replaces()
	return c.Conf, nil
}

// ReadTree replaces orlop's definition of one of FreeBSD's images by that of a
// source tree. The image stays FreeBSD's: exceptions, which the tree does not
// have, are those of the built-in definition.
func (all Images) ReadTree(name string, text []byte, revision string) (Conf, error) {
	c, err := ReadConf(name, text, revision)
	if err != nil {
		return c, err
	}
	img := &c.Image
	img.Title, img.Exceptions = "FreeBSD "+img.Name, all[img.Name].Exceptions
	if own := all[img.Name].Title; own != "" {
		img.Title = own
	}
	delete(all, img.Name)
	if err := all.Add(*img); err != nil {
		return c, &fault.UsageError{Err: fmt.Errorf("%s: %w", name, err)}
	}
	img.FreeBSD, img.Annotations = true, freeBSDs()
	all[img.Name] = *img
	return c, nil
}

// AddConf adds the image of such a file, and returns all that the file says.
func (all Images) AddConf(name string, text []byte, revision string) (Conf, error) {
	c, err := ReadConf(name, text, revision)
	if err == nil {
		if err = all.Add(c.Image); err != nil {
			err = &fault.UsageError{Err: fmt.Errorf("%s: %w", name, err)}
		}
	}
	return c, err
}

// fills reports whether a folder of the image gets a file.
func (c *conf) fills(folder string) bool {
	inside := func(name string) bool { return strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/") }
	return c.Image.BaseConf != nil && inside(baseConf) || slices.ContainsFunc(c.Image.Files, func(f File) bool { return inside(f.Target) })
}

// conf is what has been read from a file.
type conf struct {
	Conf
	known   Images          // FreeBSD's
	release release.Release // its revision
	left    []shell.Command
	inside  bool           // of the function
	built   bool           // there was one
	line    int            // of the command
	made    map[string]int // folders, and the line of their mkdir
	vars    map[string]string
}

// command reads a command and its continuation, for which it may read more
// commands.
func (c *conf) command(at *shell.Command) error {
	words := strings.Join(at.Words, "")
	switch {
	case at.Err != nil:
		return at.Err
	case at.End == "|":
		return notUnderstood("| "+c.next().String(), "plain words")
	case !c.inside && len(at.Words) == 1 && strings.HasPrefix(words, "OCI_BASE_IMAGE="):
		c.Image.Parent = strings.TrimPrefix(words, "OCI_BASE_IMAGE=")
		return cmp.Or(plainWords(at.Words), c.ends(at))
	case !c.inside && !c.built && words == "oci_image_build(){":
		c.inside, c.built = true, true
		c.vars = c.given()
	case c.inside && words == "}":
		c.inside = false
	case c.inside && len(at.Words) > 0 && at.Words[0] == "case":
		return c.repository(at)
	case c.inside && len(at.Words) > 0:
		return cmp.Or(c.call(at), c.ends(at))
	default:
		return notUnderstood(at.String(), "OCI_BASE_IMAGE=IMAGE or the function oci_image_build")
	}
	return c.ends(at)
}

// given are the variables that make-oci-image.sh sets.
func (c *conf) given() map[string]string {
	return map[string]string{"curdir": atSource + "/release", "workdir": atWork, "abi": atABI, "branch": atBranch,
		"major": c.release.Major(), "minor": c.release.Minor(), "rev": c.release.Revision}
}

// next takes the next command, an empty one at the end of the file.
func (c *conf) next() shell.Command {
	if len(c.left) == 0 {
		return shell.Command{}
	}
	at := c.left[0]
	c.left = c.left[1:]
	return at
}

func notUnderstood(text, wanted string) error {
	return fmt.Errorf("%q is not understood, wanted %s", text, wanted)
}

// ends reads what follows a command: exiting on failure, which happens here
// anyway.
func (c *conf) ends(at *shell.Command) error {
	if at.End != "||" {
		if at.End == ";;" {
			return notUnderstood(at.End, "the end of a command")
		}
		return nil
	}
	next := c.next()
	handler := next.String()
	at.End = next.End
	if handler != "return $?" && handler != "exit $?" {
		return notUnderstood("|| "+handler, "|| return $?")
	}
	return c.ends(at)
}

// plainWords refuses words that a shell would change.
func plainWords(words []string) error {
	for _, w := range words {
		if strings.ContainsAny(w, "$`\x00") {
			return notUnderstood(w, "a word without variables")
		}
	}
	return nil
}

// The meanings of the first parts of paths, and words that only the build knows.
const (
	atSource     = "\x00source"     // the source tree
	atWork       = "\x00work"       // the folder with rootfs, the image's root
	atObject     = "\x00object"     // the object directory of the source tree; commands run in its folder release
	atABI        = "\x00abi"        // FreeBSD:15:amd64
	atBranch     = "\x00branch"     // RELEASE
	atRepository = "\x00repository" // base_release_0
)

var varForm = regexp.MustCompile(`\$\{([A-Za-z_]\w*)\}`)

// expand replaces the variables of a word by their values.
func (c *conf) expand(word string) (string, error) {
	bad := strings.ContainsAny(varForm.ReplaceAllString(word, ""), "$`\x00")
	got := varForm.ReplaceAllStringFunc(word, func(v string) string {
		value, ok := c.vars[v[2:len(v)-1]]
		bad = bad || !ok
		return value
	})
	if bad {
		return "", notUnderstood(word, "variables with values from this file or make-oci-image.sh")
	}
	return got, nil
}

// place finds where a path of a command leads: atSource, atObject or
// atWork+"/rootfs" and the path there, without a leading slash.
func (c *conf) place(word string) (root, name string, err error) {
	full, err := c.expand(word)
	if err != nil {
		return "", "", err
	}
	if full != "" && full[0] != '/' && full[0] != 0 {
		full = atObject + "/release/" + full
	}
	full = path.Clean(full)
	for _, root := range []string{atSource, atObject, atWork + "/rootfs"} {
		if name, in := strings.CutPrefix(full, root); in && (name == "" || name[0] == '/') && !strings.ContainsAny(name, "*?[\x00") {
			return root, strings.TrimPrefix(name, "/"), nil
		}
	}
	return "", "", notUnderstood(word, "a path in the source tree, the object directory or ${workdir}/rootfs")
}

// target is a path in the image.
func (c *conf) target(word string) (string, error) {
	root, name, err := c.place(word)
	if err == nil && root != atWork+"/rootfs" {
		err = notUnderstood(word, "a path in ${workdir}/rootfs")
	}
	return "/" + name, err
}

// source is a path in the source tree. What is generated in the object directory
// has the same path there.
func (c *conf) source(word string) (string, error) {
	root, name, err := c.place(word)
	if err == nil && (name == "" || root != atSource && root != atObject) {
		err = notUnderstood(word, "a path in the source tree, as ${curdir}/../etc/group")
	}
	return name, err
}

// replacing are packages with files that FreeBSD's lower images made or took
// from elsewhere, and the image whose definition says which.
var replacing = []struct{ pkg, image string }{
	{"FreeBSD-runtime", "runtime"}, {"FreeBSD-pkg-bootstrap", "runtime"},
	{"FreeBSD-caroot", "notoolchain"}, {"FreeBSD-set-minimal-jail", "notoolchain"},
}

// replaces lets packages have such files, as pkg(8) does.
func (c *conf) replaces() {
	if c.Image.Parent == "" {
		return
	}
	for _, r := range replacing {
		if !slices.Contains(c.Image.Packages, r.pkg) {
			continue
		}
		for _, name := range c.known[r.image].Replaces {
			if !slices.Contains(c.Image.Replaces, name) {
				c.Image.Replaces = append(c.Image.Replaces, name)
			}
		}
	}
}
