// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// definition is what a statement of a schema makes, as far as it is read here.
type definition struct {
	kind, name string
	table      string   // the one that an index or trigger is for
	columns    []string // of a table or index
	types      []string // of a table's columns, "" for none
	keys       []string // columns that constraints of a table name
	primary    []string // columns of a table's primary keys
	falling    bool     // one of them is a column's own, and in falling order
	tokens     []token
}

// token is a word, name, number, text or sign of SQL.
type token struct {
	text string // a name without its quotes
	kind byte   // 'w' word, 'n' name in quotes, '9' number, '\'' text, or the sign itself
}

// is reports whether a token is one of some words or signs.
func (t token) is(words ...string) bool {
	return t.kind != 'n' && t.kind != '\'' && slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(t.text, w) })
}

// same reports whether SQLite takes two tokens for the same: an ALTER TABLE
// quotes names, and names and words are case-insensitive.
func (t token) same(u token) bool {
	if t.kind == '\'' || u.kind == '\'' {
		return t == u
	}
	return strings.EqualFold(t.text, u.text) && (t.kind == u.kind || t.kind == 'n' && u.kind == 'w')
}

// tokensOf splits a statement into tokens. Comments come out as signs, which no
// known statement has there.
func tokensOf(sql string) ([]token, error) {
	var list []token
	for i := 0; i < len(sql); {
		c := sql[i]
		end := i + 1
		switch {
		case strings.IndexByte(" \t\n\f\r", c) >= 0:
			i++
			continue
		case c < ' ' || c == 0x7f:
			return nil, fmt.Errorf("has the byte %#02x", c)
		case strings.IndexByte("\"'`[", c) >= 0:
			text, n := unquote(sql[i:])
			if n == 0 {
				return nil, errors.New("has a quote that does not end")
			}
			kind := byte('n')
			if c == '\'' {
				kind = c
			}
			list = append(list, token{text, kind})
			i += n
			continue
		case wordByte(c):
			for end < len(sql) && (wordByte(sql[end]) || sql[end] == '$') {
				end++
			}
			list = append(list, token{sql[i:end], map[bool]byte{true: '9', false: 'w'}[c >= '0' && c <= '9']})
		default:
			list = append(list, token{sql[i:end], c})
		}
		i = end
	}
	return list, nil
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

// unquote returns what is between the quotes, and the length including them.
func unquote(sql string) (string, int) {
	mark := sql[0]
	if mark == '[' {
		mark = ']'
	}
	var b strings.Builder
	for i := 1; i < len(sql); i++ {
		switch {
		case sql[i] != mark:
			b.WriteByte(sql[i])
		case mark != ']' && i+1 < len(sql) && sql[i+1] == mark:
			b.WriteByte(mark)
			i++
		default:
			return b.String(), i + 1
		}
	}
	return "", 0
}

// parser reads the statements that make tables and indexes as pkg does: columns,
// their types, keys and literal defaults. It knows no expressions, so no
// statement that it accepts has one.
type parser struct {
	rest []token
	err  error
}

func (p *parser) peek() token {
	if len(p.rest) == 0 || p.err != nil {
		return token{}
	}
	return p.rest[0]
}

// accept takes a sequence of words or signs if they come next.
func (p *parser) accept(words ...string) bool {
	if p.err != nil || len(p.rest) < len(words) {
		return false
	}
	for i, w := range words {
		if !p.rest[i].is(w) {
			return false
		}
	}
	p.rest = p.rest[len(words):]
	return true
}

func (p *parser) want(words ...string) {
	for _, w := range words {
		if !p.accept(w) {
			p.fail("wanted " + w)
			return
		}
	}
}

func (p *parser) fail(wanted string) {
	if p.err == nil {
		found := "the end"
		if len(p.rest) > 0 {
			found = fmt.Sprintf("%.60q", p.rest[0].text)
		}
		p.err = fmt.Errorf("found %s, %s", found, wanted)
	}
}

// reserved are the words that begin something after a column's name and type.
var reserved = []string{"constraint", "primary", "not", "null", "unique", "check", "default", "collate", "references",
	"foreign", "generated", "always", "as", "on", "deferrable", "without", "strict", "select", "where", "using"}

// name takes a name.
func (p *parser) name() string {
	t := p.peek()
	if t.kind != 'n' && (t.kind != 'w' || t.is(reserved...)) || t.text == "" {
		p.fail("wanted a name")
		return ""
	}
	p.rest = p.rest[1:]
	return t.text
}

// one takes one of several words.
func (p *parser) one(words ...string) {
	if !slices.ContainsFunc(words, func(w string) bool { return p.accept(w) }) {
		p.fail("wanted one of " + strings.Join(words, ", "))
	}
}

// names takes a parenthesized list of columns, as in an index or a key.
func (p *parser) names() []string {
	var list []string
	p.want("(")
	for {
		list = append(list, p.name())
		if p.accept("collate") {
			p.one("binary", "nocase", "rtrim")
		}
		if !p.accept("asc") {
			p.accept("desc")
		}
		if !p.accept(",") {
			break
		}
	}
	p.want(")")
	return list
}

// number takes an optionally signed number.
func (p *parser) number() {
	if !p.accept("-") {
		p.accept("+")
	}
	if p.peek().kind != '9' {
		p.fail("wanted a number")
		return
	}
	p.rest = p.rest[1:]
}
