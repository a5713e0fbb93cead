// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// instruction translates one.
func (t *translator) instruction(in instruction) {
	if t.tooMany() {
		return
	}
	if in.name != "RUN" {
		t.steps++
	}
	switch in.name {
	case "FROM":
		t.from(&in)
		return
	case "ARG":
		t.arg(&in)
		return
	case "RUN":
		t.run(&in)
		return
	}
	if err := t.stage().instruction(&in); err != nil {
		t.stage().failed(in.line, in.text(), err)
	}
}

// failed notes why a step is not translated.
func (s *stage) failed(line int, text string, err error) {
	if n, is := err.(*needless); is {
		s.note(line, text, n.reason, Needless)
		return
	}
	s.note(line, text, err.Error(), Left)
}

// needless is a step that the image can do without.
type needless struct{ reason string }

func (n *needless) Error() string { return n.reason }

// why is an error from the reason of a value.
func (v value) err() error {
	if v.why == "" {
		return nil
	}
	return fmt.Errorf("%s", v.why)
}

func (s *stage) instruction(in *instruction) (err error) {
	sc := s.scope()
	switch in.name {
	case "COPY", "ADD":
		return s.copy(in)
	case "ENV":
		return s.pairs(&s.env, in)
	case "LABEL":
		return s.pairs(&s.labels, in)
	case "MAINTAINER":
		s.labels.set("org.opencontainers.image.authors", in.rest)
	case "CMD":
		s.cmd, err = s.program(in)
	case "ENTRYPOINT":
		s.entrypoint, err = s.program(in)
	case "SHELL":
		if s.shell = list(in.rest); s.shell == nil {
			return fmt.Errorf("it is no list in JSON")
		}
	case "EXPOSE":
		return s.ports(in)
	case "VOLUME":
		names := list(in.rest)
		if names == nil {
			var v value
			if names, v = sc.words(in.rest); v.why != "" {
				return v.err()
			}
		}
		for _, name := range names {
			add(&s.volumes, path.Clean(name))
		}
	case "USER":
		words, v := sc.words(in.rest)
		if v.why == "" && len(words) > 0 {
			s.user = words[0]
		}
		return v.err()
	case "WORKDIR":
		v := sc.line(in.rest)
		if v.why == "" {
			s.dir = resolve(s.dir, v.text)
			if s.cwd = s.dir; !s.isDir(s.dir) {
				s.mkdir(s.dir)
			}
		}
		return v.err()
	case "STOPSIGNAL":
		v := sc.line(in.rest)
		s.signal = v.text
		return v.err()
	case "HEALTHCHECK":
		return fmt.Errorf("the configuration of OCI images has no health checks; a label can name a program for one")
	case "ONBUILD":
		return fmt.Errorf("the configuration of OCI images has no instructions for builds on top of it; say it in those definitions")
	}
	return err
}

// add adds a text that is not there yet.
func add(list *[]string, text string) {
	if !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

// list reads a list in JSON; nil if the text is none.
func list(text string) []string {
	words := []string{}
	if json.Unmarshal([]byte(text), &words) != nil {
		return nil
	}
	return words
}

// program is that of CMD or ENTRYPOINT: a list, or a line for the shell.
func (s *stage) program(in *instruction) ([]string, error) {
	if words := list(in.rest); words != nil {
		return words, nil
	}
	shell := s.shell
	if shell == nil {
		shell = []string{"/bin/sh", "-c"}
	}
	if in.rest == "" {
		return nil, fmt.Errorf("it names no program")
	}
	return append(slices.Clone(shell), in.rest), nil
}

// pairs reads NAME=VALUE …, or NAME VALUE.
func (s *stage) pairs(into *pairs, in *instruction) error {
	sc := s.scope()
	name, rest, _ := strings.Cut(strings.ReplaceAll(in.rest, "\t", " "), " ")
	if !strings.Contains(name, "=") && name != "" {
		v := sc.line(strings.TrimSpace(rest))
		if v.why == "" {
			into.set(name, v.text)
		}
		return v.err()
	}
	words := &script{src: in.rest, stop: plainStop}
	var set pairs
	for words.blank(); words.pos < len(words.src); words.blank() {
		v := sc.text(words.word())
		name, text, is := strings.Cut(v.text, "=")
		if v.why != "" {
			return v.err()
		}
		if !is || name == "" {
			return fmt.Errorf("%q is not of the form NAME=VALUE", v.text)
		}
		set = append(set, pair{name, text})
	}
	for _, p := range set {
		into.set(p.key, p.value)
	}
	return nil
}

// official are FreeBSD's own images.
var official = regexp.MustCompile(`^docker://(?:ghcr\.io|docker\.io)/freebsd/`)

// portForm is PORT or PORT/PROTOCOL; a variable may stand for either.
var portForm = regexp.MustCompile(`^(?:[0-9]{1,5}|\x01\w+\x02)(?:/(?:tcp|udp|sctp))?$`)

func (s *stage) ports(in *instruction) error {
	words, v := s.scope().words(in.rest)
	if v.why != "" {
		return v.err()
	}
	for _, w := range words {
		if !portForm.MatchString(strings.ToLower(w)) {
			return fmt.Errorf("%q is no port; write each of a range", w)
		}
	}
	for _, w := range words {
		add(&s.expose, strings.ToLower(w))
	}
	return nil
}

// builtin are the variables that a definition has without saying so.
var builtin = []string{"ABI", "ARCH", "VERSION_MAJOR"}

// arg makes build arguments variables of the definition.
func (t *translator) arg(in *instruction) {
	sc, args := t.scope(), t.global
	if len(t.stages) > 0 {
		sc, args = t.stage().scope(), t.stage().args
	}
	s := &script{src: in.rest, stop: plainStop}
	for s.blank(); s.pos < len(s.src); s.blank() {
		v := sc.text(s.word())
		name, text, given := strings.Cut(v.text, "=")
		global, is := t.global[name]
		switch {
		case v.why != "":
			name, _, _ = strings.Cut(strings.TrimSpace(in.rest), "=")
			args[name] = v
		case !given && is && len(t.stages) > 0:
			args[name] = global
		case strings.HasPrefix(name, "TARGET") || strings.HasPrefix(name, "BUILDPLATFORM"):
			args[name] = value{why: fmt.Sprintf("it uses %s, which is the platform's; ${ARCH} is pkg's name of it", name)}
		default:
			args[name] = t.variable(name, text, given)
		}
	}
}

// variable returns the value of a build argument. A list, and a text that other
// arguments are part of, is written out where it is used.
func (t *translator) variable(name, text string, given bool) value {
	if strings.ContainsAny(text, " \t\n\x01") || slices.Contains(builtin, name) || !isName(name) {
		return value{text: text}
	}
	for _, v := range t.vars {
		if v.name == name {
			if v.text != text {
				return value{text: text} // of another stage
			}
			return value{text: ofVariable(name)}
		}
	}
	if len(t.vars) == maxVariables {
		return value{text: text}
	}
	t.vars = append(t.vars, variable{name, text, given})
	return value{text: ofVariable(name)}
}

// plain is a text with the values that variables have now.
func (t *translator) plain(text string) string {
	if !strings.Contains(text, "\x01") {
		return text
	}
	for _, v := range t.vars {
		text = strings.ReplaceAll(text, ofVariable(v.name), v.text)
	}
	return text
}

// scope is that of FROM: arguments before the first one.
func (t *translator) scope() *scope {
	return &scope{plain: t.plain, lookup: func(name string) (value, bool) { v, is := t.global[name]; return v, is }}
}

// from begins a stage.
func (t *translator) from(in *instruction) {
	words, v := t.scope().words(in.rest)
	s := &stage{t: t, args: map[string]value{}, noted: map[Note]bool{}, cwd: "/", dir: "/"}
	if len(words) > 0 {
		if earlier := t.byName(t.plain(words[0])); earlier != nil && words[0] != "scratch" {
			earlier.usedBy = "FROM"
			s = earlier.clone()
		} else {
			s.parent = t.reference(words[0])
			s.official = official.MatchString(t.plain(s.parent))
		}
	}
	s.name = ""
	if len(words) == 3 {
		s.name = words[2]
	}
	t.stages = append(t.stages, s)
	if v.why != "" {
		s.note(in.line, in.text(), "parent: "+v.why, Left)
	}
	if in.get("platform") != "" {
		s.remark("The platform is chosen by --abi, not by FROM.")
	}
}

// reference is how a definition names an image that a Containerfile names.
func (t *translator) reference(name string) string {
	plain := t.plain(name)
	host, _, has := strings.Cut(plain, "/")
	switch {
	case plain == "scratch":
		return ""
	case !has && plain != "":
		name = "docker.io/library/" + name
	case !strings.ContainsAny(host, ".:") && host != "localhost" && host != "":
		name = "docker.io/" + name
	}
	return "docker://" + name
}

// imageName makes a name of an image from another text.
func imageName(text, otherwise string) string {
	text = strings.Trim(notName.ReplaceAllString(strings.ToLower(text), "-"), "-")
	if text == "" {
		return otherwise
	}
	return text
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)
