// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/release/registry"
)

// faultLine is one fault, in the form that --json prints.
type faultLine struct {
	What   string `json:"what"`
	Where  string `json:"where,omitempty"`
	Found  string `json:"found,omitempty"`
	Wanted string `json:"wanted,omitempty"`
	Hint   string `json:"hint,omitempty"`

	line string // all of it, for people
	kind string // faults of one kind are counted together; "" for none
	lack string // what is missing, if that is the fault, with the words before it
	by   string // who wants it
}

// parted is an error that knows the fields of a report.
type parted interface {
	error
	Parts() (what, where, found, wanted string)
}

// lacking is an error that says only that something is missing, and who wants it.
// What is "" if it says something else.
type lacking interface {
	error
	Lacks() (what, by string)
}

// leaf is an error that joins no others, with the words that its wrappers put
// before and after it.
type leaf struct {
	before  string
	err     error
	after   string
	subject string // of about, "" for none
	said    int    // bytes of the error's text that the subject has said already
}

func (l leaf) Error() string { return l.before + l.err.Error()[l.said:] + l.after }
func (l leaf) Unwrap() error { return l.err }

// apart splits joined errors, and what wraps them. It does not split an error
// whose text is not the text of those in it.
func (l leaf) apart() []leaf {
	switch e := l.err.(type) {
	case leaf:
		return leaf{l.before + e.before, e.err, e.after + l.after, e.subject, e.said}.apart()
	case interface{ Unwrap() []error }:
		joined := errors.Join(e.Unwrap()...)
		if joined == nil || joined.Error() != l.err.Error() {
			break
		}
		var list []leaf
		for _, inner := range e.Unwrap() {
			list = append(list, leaf{l.before, inner, l.after, l.subject, 0}.apart()...)
		}
		return list
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		if inner == nil {
			break
		}
		text, part := l.err.Error(), inner.Error()
		at := strings.LastIndex(text, part)
		if at < 0 || part == "" {
			break
		}
		list := leaf{l.before + text[:at], inner, text[at+len(part):] + l.after, l.subject, 0}.apart()
		if _, is := list[0].err.(parted); len(list) > 1 || is {
			return list
		}
	}
	return []leaf{l}
}

// about puts a subject before each fault that does not start with it.
func about(subject string, err error) []error {
	var list []error
	for _, l := range (leaf{err: err}).apart() {
		if repo := repository(subject); l.before == "" && repo != "" && strings.HasPrefix(l.err.Error(), repo+": ") {
			l.said = len(repo) + 2
		}
		if !strings.HasPrefix(l.Error(), subject+": ") {
			l.before = subject + ": " + l.before
		}
		l.subject = subject
		list = append(list, l)
	}
	return list
}

// repository returns the name of a repository in the name of an image there, "" for
// others: its errors begin with it.
func repository(subject string) string {
	if !artifact.IsRemote(subject) {
		return ""
	}
	name, _, _ := strings.Cut(subject, " (") // the platform, of several
	ref, err := registry.ParseReference(name)
	if err != nil {
		return ""
	}
	return ref.Name()
}

// faultsOf lists the faults in an error, each once.
func faultsOf(err error) []faultLine {
	list := []faultLine{}
	seen := map[string]bool{}
	for _, l := range (leaf{err: err}).apart() {
		if f := l.fault(); !seen[f.line] || f.kind == "" {
			seen[f.line] = true
			list = append(list, f)
		}
	}
	return list
}

func (l leaf) fault() faultLine {
	f := faultLine{line: l.Error(), Hint: hint(l.err)}
	f.What, f.kind = f.line, kind(f.line)
	if p, ok := l.err.(parted); ok {
		var where string
		f.What, where, f.Found, f.Wanted = p.Parts()
		said := kind(f.What)
		if f.Found != "" {
			said, _, _ = strings.Cut(f.What, " ") // a fact; the rest may be a name
		}
		f.kind = fmt.Sprintf("%T %s", p, said)
		f.Where = strings.TrimSuffix(l.before+where, ": ")
		f.What += l.after
	}
	if file, ok := errors.AsType[*fs.PathError](l.err); ok && f.Where == "" {
		f.What, f.Where = file.Op+": "+file.Err.Error(), strings.TrimSuffix(l.before, file.Path+": ")+file.Path
	}
	if e, ok := l.err.(lacking); ok {
		if what, by := e.Lacks(); what != "" {
			f.lack, f.by = l.before+what, by
			f.kind = fmt.Sprintf("%T", e)
		}
	}
	f.kind = l.subject + "\n" + f.kind // or faults of one archive would hide those of another
	if _, explains := l.err.(*verify.DetailError); explains {
		f.kind = ""
	}
	return f
}

var quotedText = regexp.MustCompile(`"[^"]*"`)

// kind returns what texts about different things have in common: their plain
// words, without those that name something, such as a subject before a colon, a
// path, a version, a number, or a quotation.
func kind(text string) string {
	var words []string
	for word := range strings.FieldsSeq(quotedText.ReplaceAllString(text, "")) {
		plain := strings.TrimRight(word, ",;")
		if strings.Trim(plain, "abcdefghijklmnopqrstuvwxyz'") == "" {
			words = append(words, plain)
		}
	}
	return strings.Join(words, " ")
}
