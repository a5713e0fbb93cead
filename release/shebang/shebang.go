// SPDX-License-Identifier: BSD-2-Clause

// Package shebang reads what starts a script: the line after #!, as FreeBSD's
// kernel parses it (sys/kern/imgact_shell.c), and the arguments of env(1) in it.
package shebang

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// maxLine bounds the line: the kernel looks only at the first page of a file.
const maxLine = 4096

// Head takes the bytes of one file after another as they stream by, and keeps
// the line of a script.
type Head struct {
	line []byte
	over bool // no more bytes of the current file count
}

// Write takes bytes of the current file.
func (h *Head) Write(b []byte) (int, error) {
	n := len(b)
	if h.over {
		return n, nil
	}
	b = b[:min(n, maxLine-len(h.line))]
	if end := bytes.IndexByte(b, '\n'); end >= 0 {
		b, h.over = b[:end], true
	}
	h.line = append(h.line, b...)
	const magic = "#!"
	has := min(len(h.line), len(magic))
	h.over = h.over || len(h.line) == maxLine || string(h.line[:has]) != magic[:has]
	return n, nil
}

// Line ends the current file and returns its first line after #!, "" for a file
// that is not a script.
func (h *Head) Line() string {
	line, is := bytes.CutPrefix(h.line, []byte("#!"))
	h.line, h.over = h.line[:0], false
	if !is {
		return ""
	}
	line, _, _ = bytes.Cut(line, []byte{0})
	return strings.Trim(string(line), " \t")
}

// Of is the line of a file in memory.
func Of(text []byte) string {
	var h Head
	h.Write(text)
	return h.Line()
}

// Interpreter is what starts a script.
type Interpreter struct {
	Path    string   // as in the line; "" for none
	Program string   // that env(1) looks for, if that is the interpreter; else ""
	Folders []string // where env looks, if the line says so; nil for PATH
}

// Parse reads the line.
func Parse(line string) Interpreter {
	end := strings.IndexAny(line, " \t")
	if end < 0 {
		end = len(line)
	}
	i := Interpreter{Path: line[:end]}
	if path.Base(i.Path) == "env" {
		i.env(strings.Fields(line[end:]))
	}
	return i
}

// env finds the program among the arguments of env(1). FreeBSD's kernel passes
// all of them as one, which env splits after -S.
func (i *Interpreter) env(words []string) {
	for len(words) > 0 {
		w := words[0]
		words = words[1:]
		name, value, assigns := strings.Cut(w, "=")
		switch {
		case strings.ContainsAny(w, "'\"\\$"):
			return // env -S has its own quoting
		case strings.HasPrefix(w, "-"):
			words = i.option(w[1:], words)
		case assigns && name == "PATH":
			i.Folders = strings.Split(value, ":")
		case !assigns:
			i.Program = w
			return
		}
	}
}

// option takes letters of options, the last of which may have a value in the
// same word or the next, and returns the remaining words.
func (i *Interpreter) option(letters string, words []string) []string {
	at := strings.IndexAny(letters, "SPLUu")
	if at < 0 {
		return words
	}
	letter, value := letters[at], letters[at+1:]
	switch {
	case letter == 'S' && value == "":
		return words
	case letter == 'S':
		return slices.Insert(slices.Clone(words), 0, value)
	case value == "" && len(words) > 0:
		value, words = words[0], words[1:]
	}
	if letter == 'P' {
		i.Folders = strings.Split(value, ":")
	}
	return words
}
