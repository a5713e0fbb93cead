// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"path"
	"regexp"
	"strings"

	"github.com/orlop/orlop/pkgdb/ucl"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/shell"
)

// The configuration of the repository of base packages: FreeBSD's definitions
// write it from a text, with a folder chosen by the branch.

const baseConf = "/usr/local/etc/pkg/repos/base.conf"

// arm is an arm of a case: patterns and the value that it assigns to a variable.
type arm struct {
	patterns    []string
	name, value string
}

// repository reads "case ${branch} in", every arm of which sets one variable. It
// understands one way to choose: that of Release.BaseRepository.
func (c *conf) repository(at *shell.Command) error {
	wanted := "case ${branch} in CURRENT|STABLE|BETA*) repo=base_latest ;; *) repo=base_release_${minor} ;; esac"
	arms, err := c.arms()
	if err != nil {
		return err
	}
	if at.String() != "case ${branch} in" || at.End != "\n" || !at.Quiet() || len(arms) == 0 {
		return notUnderstood(at.String(), wanted)
	}
	for _, branch := range []string{"CURRENT", "STABLE", "BETA1", "RC1", "RELEASE", "RELEASE-p1"} {
		r := release.Release{Revision: c.release.Revision, Branch: branch}
		if got := choose(arms, branch); got != r.BaseRepository() {
			return notUnderstood(at.String(), wanted)
		}
	}
	for _, a := range arms {
		if a.name != arms[0].name {
			return notUnderstood(a.name, "the variable "+arms[0].name)
		}
	}
	c.vars[arms[0].name] = atRepository
	return nil
}

// choose is the value that a case assigns for a word.
func choose(arms []arm, word string) string {
	for _, a := range arms {
		for _, p := range a.patterns {
			if is, err := path.Match(p, word); err == nil && is {
				return a.value
			}
		}
	}
	return ""
}

// arms reads the arms of a case, up to its end.
func (c *conf) arms() (list []arm, err error) {
	var words []string // of the arm
	for len(c.left) > 0 {
		at := c.next()
		if at.Err != nil {
			return nil, at.Err
		}
		last := at.String() == "esac"
		if !last {
			words = append(words, at.Words...)
		}
		if (last || at.End == ";;") && len(words) > 0 {
			a, err := c.arm(words)
			if err != nil {
				return nil, err
			}
			list, words = append(list, a), nil
		}
		if last {
			return list, c.ends(&at)
		}
	}
	return nil, notUnderstood("case", "its end, esac")
}

// arm reads patterns, the last with a parenthesis, and an assignment.
func (c *conf) arm(words []string) (a arm, err error) {
	n := len(words) - 1
	name, value, is := shell.Assignment(words[n])
	if n < 1 || !is || !strings.HasSuffix(words[n-1], ")") {
		return a, notUnderstood(strings.Join(words, " "), "PATTERN) NAME=VALUE ;;")
	}
	for i, w := range words[:n] {
		if i == 0 {
			w = strings.TrimPrefix(w, "(")
		}
		if i == n-1 {
			w = strings.TrimSuffix(w, ")")
		}
		if strings.ContainsAny(w, "()$`\\") {
			return a, notUnderstood(w, "a pattern")
		}
		a.patterns = append(a.patterns, w)
	}
	a.name = name
	a.value, err = c.expand(value)
	return a, err
}

// cat reads "cat > FILE <<EOF", for the only file that images make this way.
func (c *conf) cat(at *shell.Command) error {
	var target, text string
	var err error
	for _, r := range at.Redirects {
		switch {
		case r.Op == ">" && target == "":
			target, err = c.target(r.Target)
		case r.Op == "<<" && text == "":
			text, err = c.document(r)
		default:
			err = notUnderstood(at.String()+" "+r.Op, "cat > FILE <<EOF")
		}
		if err != nil {
			return err
		}
	}
	if len(at.Words) != 1 || target != baseConf || text == "" {
		return notUnderstood(at.String()+" > "+target, "cat > ${workdir}/rootfs"+baseConf+" <<EOF")
	}
	if !enablesBase(text) {
		return notUnderstood(text, "the stanza FreeBSD-base of FreeBSD's own images, or one with no more than enabled: yes")
	}
	for _, name := range StandardNames() {
		if img := c.known[name]; img.BaseConf != nil {
			c.Image.BaseConf, c.Image.OSRelease = img.BaseConf, img.OSRelease
			c.keys(img)
		}
	}
	return nil
}

// keys are the folders that make-oci-image.sh puts into each base image, so that
// pkg can use the repository.
func (c *conf) keys(img Image) {
	var list []Folder
	for _, f := range img.Folders {
		if img.Certificates == nil || !strings.HasPrefix(f.Source, img.Certificates.Source+"/") {
			list = append(list, f)
		}
	}
	c.Image.Folders = append(list, c.Image.Folders...)
}

var (
	inDocument = regexp.MustCompile("\\\\[$`\\\\]|" + `\\\n|\$\{[A-Za-z_]\w*\}|\$[A-Za-z_]\w*|` + "[$`]")
	escaped    = regexp.MustCompile("^\\\\[$`\\\\]$")
)

// document is the text of a here-document with its variables expanded.
func (c *conf) document(r shell.Redirect) (string, error) {
	if r.Quoted {
		return r.Target, nil
	}
	var err error
	text := inDocument.ReplaceAllStringFunc(r.Target, func(s string) string {
		switch {
		case escaped.MatchString(s):
			return s[1:]
		case s == "\\\n":
			return ""
		case len(s) > 1 && s[1] != '{':
			s = "${" + s[1:] + "}"
		}
		value, bad := c.expand(s)
		if bad != nil {
			err = bad
		}
		return value
	})
	return text, err
}

// enablesBase reports whether a configuration is that of FreeBSD's images.
func enablesBase(text string) bool {
	o, err := ucl.Parse(baseConf, []byte(strings.ReplaceAll(text, atRepository, "@REPOSITORY@")), nil)
	if err != nil || len(o.Members) != 1 || o.Members[0].Key != "FreeBSD-base" {
		return false
	}
	stanza, err := o.Members[0].Value.AsObject()
	if err != nil {
		return false
	}
	seen := map[string]string{}
	for _, m := range stanza.Members {
		if on, err := m.Value.AsBool(); err == nil && m.Key == "enabled" {
			seen[m.Key] = map[bool]string{true: "yes", false: "no"}[on]
		} else if s, err := m.Value.AsString(); err == nil {
			seen[m.Key] = strings.ToLower(s)
		}
	}
	if len(seen) != len(stanza.Members) || seen["enabled"] != "yes" {
		return false
	}
	url := strings.TrimPrefix(seen["url"], "pkg+")
	keys, _ := path.Match("/usr/share/keys/pkgbase-[0-9][0-9]", seen["fingerprints"])
	return len(seen) == 1 || len(seen) == 5 && url == "https://pkg.freebsd.org/${abi}/@repository@" && seen["mirror_type"] == "srv" &&
		seen["signature_type"] == "fingerprints" && (keys || seen["fingerprints"] == "/usr/share/keys/pkg")
}
