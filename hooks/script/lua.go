// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"path"
	"regexp"
	"strings"
)

// RecogniseLua returns the effects of a Lua script that the ports framework wrote, of a
// package with the given prefix.
func RecogniseLua(script, prefix string) (Effects, bool) {
	if len(script) > maxScript {
		return Effects{}, false
	}
	tokens, ok := luaTokens(script)
	if !ok {
		return Effects{}, false
	}
	for _, form := range luaForms {
		texts, is := form.match(tokens)
		if !is {
			continue
		}
		var e Effects
		return e, form.effects(&e, texts, argsOf(script), prefix)
	}
	return Effects{}, false
}

// luaForm is a script, but for texts in quotes.
type luaForm struct {
	tokens  []string
	effects func(e *Effects, texts, args []string, prefix string) bool
}

// anyText stands for a text in quotes.
const anyText = `"…"`

// luaForms are the forms that scripts have had (Keywords/sample.ucl, shell.ucl).
var luaForms = []luaForm{
	form(sampleWords+sampleCopy("args", true), sampleOfWords),
	form(sampleWords+sampleCopy("args", false), sampleOfWords),
	form(sampleCopy("arg", true), sampleOfArgs),
	form(sampleCopy("arg", false), sampleOfArgs),
	form(sampleCounted, sampleOfFirst),
	form(shellAppended, shellOf),
}

// sampleWords puts the words of a text into a table.
const sampleWords = `args = {} for arg in string.gmatch(` + anyText + `, "%S+") do table.insert(args, arg) end `

// sampleCopy copies the first word's file to the second's, or to itself without .sample.
func sampleCopy(table string, metalog bool) string {
	text := `sample_file = pkg.prefixed_path(ARG[1])
		if ARG[2] == nil then target_file = string.gsub(sample_file, '%.sample$', "")
		else target_file = pkg.prefixed_path(ARG[2]) end
		if not pkg.stat(target_file) then pkg.copy(sample_file, target_file) `
	if metalog {
		text += `if pkg_metalog ~= nil and pkg.metalog_copy ~= nil then pkg.metalog_copy(sample_file, target_file) end `
	}
	return strings.ReplaceAll(text+"end", "ARG", table)
}

// sampleCounted is a form whose count of words, a text, is never a number: the copy has
// the name without .sample.
const sampleCounted = `sample_file = pkg.prefixed_path(` + anyText + `)
	if ` + anyText + ` == 2 then target_file = pkg.prefixed_path(` + anyText + `)
	else target_file = string.gsub(sample_file, '%.sample$', "") end
	if not pkg.stat(target_file) then pkg.copy(sample_file, target_file) end`

// shellAppended adds a line to /etc/shells unless it has it.
const shellAppended = `shell_path = pkg.prefixed_path(` + anyText + `)
	shell = assert(io.open("/etc/shells", "r+"))
	while true do
		line = shell:read()
		if line == nil then break end
		if line == shell_path then shell:close() return end
	end
	assert(shell:write(shell_path .. "\n"))
	assert(shell:close())`

func form(text string, effects func(*Effects, []string, []string, string) bool) luaForm {
	tokens, _ := luaTokens(text)
	return luaForm{tokens, effects}
}

// match reports whether tokens have the form, and returns the texts that it leaves open.
func (f *luaForm) match(tokens []string) (texts []string, is bool) {
	if len(tokens) != len(f.tokens) {
		return nil, false
	}
	for i, t := range tokens {
		switch {
		case f.tokens[i] == anyText && t[0] == '"':
			texts = append(texts, t[1:len(t)-1])
		case f.tokens[i] != t:
			return nil, false
		}
	}
	return texts, true
}

// luaToken is a comment or blanks, or a token: a name, a number, a text without
// escapes but for \n, or a sign.
var luaToken = regexp.MustCompile(`^(?:\s+|--[^\n]*|([A-Za-z_]\w*|[0-9]+|"(?:[^"\\\n]|\\n)*"|'[^'\\\n]*'|\.\.|[=~]=|[-+*/%#<>=(){}\[\];:,.]))`)

// luaTokens splits a script. Texts have double quotes; semicolons, which Lua does not
// need, are left out.
func luaTokens(script string) (list []string, ok bool) {
	for script != "" {
		m := luaToken.FindStringSubmatch(script)
		if m == nil || strings.HasPrefix(m[0], "--[[") || strings.HasPrefix(m[0], "--[=") {
			return nil, false
		}
		script = script[len(m[0]):]
		switch t := m[1]; {
		case t == "" || t == ";":
		case t[0] == '\'':
			list = append(list, `"`+t[1:len(t)-1]+`"`)
		default:
			list = append(list, t)
		}
	}
	return list, true
}

// argsOf are the words of the comment in which pkg(8) keeps a keyword's arguments.
func argsOf(script string) []string {
	first, _, _ := strings.Cut(strings.TrimLeft(script, " \t\n"), "\n")
	words, has := strings.CutPrefix(first, "-- args: ")
	if !has {
		return nil
	}
	return strings.Fields(words)
}

func sampleOfWords(e *Effects, texts, _ []string, prefix string) bool {
	return e.addSample(strings.Fields(texts[0]), prefix)
}

func sampleOfArgs(e *Effects, _, args []string, prefix string) bool { return e.addSample(args, prefix) }

func sampleOfFirst(e *Effects, texts, _ []string, prefix string) bool {
	return e.addSample(texts[:1], prefix)
}

// addSample adds the copy of a sample, unless it is its own.
func (e *Effects) addSample(words []string, prefix string) bool {
	if len(words) == 0 {
		return false
	}
	from, ok := prefixed(words[0], prefix)
	to, isTo := prefixed(strings.TrimSuffix(words[0], ".sample"), prefix)
	if len(words) > 1 {
		to, isTo = prefixed(words[1], prefix)
	}
	if from != to {
		e.Samples = append(e.Samples, Sample{From: from, To: to})
	}
	return ok && isTo
}

func shellOf(e *Effects, texts, _ []string, prefix string) bool {
	name, ok := prefixed(texts[0], prefix)
	e.Shells = append(e.Shells, name)
	return ok && !strings.Contains(name, "#")
}

// prefixed is pkg.prefixed_path (libpkg/lua.c): a relative path is below the prefix.
func prefixed(name, prefix string) (string, bool) {
	if !path.IsAbs(name) {
		name = prefix + "/" + name
	}
	return absolute(name)
}
