// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
)

// Text writes a definition in the language of Read, with the keys that a command line can
// stand for: what it is made of, files and folders beside the definition, settings and
// annotations. Another key is an error.
func (img Image) Text() (string, error) {
	w := writer{}
	for _, k := range []struct{ key, value string }{{"title", img.Title}, {"parent", img.Parent}, {"version", img.Version},
		{string(oci.User), img.User}, {string(oci.WorkDir), img.WorkDir}, {string(oci.StopSignal), img.StopSignal}} {
		if k.value != "" {
			w.key(k.key, w.quote(k.value, false))
		}
	}
	for _, k := range []struct {
		key  string
		list []string
	}{{"packages", img.Packages}, {"tags", img.Tags}, {string(oci.Entrypoint), img.Entrypoint}, {string(oci.Cmd), img.Cmd},
		{string(oci.Env), img.Env}, {string(oci.Expose), img.Expose}, {string(oci.Volumes), img.Volumes}} {
		if k.list != nil {
			w.key(k.key, w.list(k.list))
		}
	}
	for _, k := range []struct {
		key string
		all map[string]string
	}{{string(oci.Labels), img.Labels}, {"annotations", img.Annotations}} {
		if k.all != nil {
			w.key(k.key, w.object(k.all))
		}
	}
	for _, s := range img.Unset {
		w.key(string(s), "none")
	}
	for _, f := range img.Files {
		w.line("    file %s { local = %s }", w.quote(f.Target, true), w.quote(f.Local, false))
	}
	for _, t := range img.Trees {
		w.line("    tree %s { local = %s }", w.quote(t.Target, true), w.quote(t.Local, false))
	}
	text := fmt.Sprintf("image %s {\n%s}\n", img.Name, w.text.String())
	if w.dollar {
		text = "variables { dollar = \"$\" }\n" + text
	}
	return text, img.isText(text)
}

// isText checks that a text says all of the definition.
func (img Image) isText(text string) error {
	all := Images{}
	if err := all.Read("definition", []byte(text), Target{Revision: "0.0"}); err != nil {
		return err
	}
	was, err := json.Marshal(img)
	if err != nil {
		return err
	}
	is, err := json.Marshal(all[img.Name])
	if err == nil && !bytes.Equal(was, is) {
		err = fault.Unsupportedf("image %s: its definition has keys that cannot be written", img.Name)
	}
	return err
}

// writer writes UCL.
type writer struct {
	text   strings.Builder
	dollar bool // the variable dollar is in the text
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.text, format+"\n", args...) }

// key writes a key and its value, which is written as it is.
func (w *writer) key(name, value string) { w.line("    %s = %s", name, value) }

func (w *writer) list(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = w.quote(s, false)
	}
	return "[ " + strings.Join(quoted, ", ") + " ]"
}

func (w *writer) object(all map[string]string) string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "        %s = %s\n", w.quote(key, true), w.quote(all[key], false))
	}
	b.WriteString("    }")
	return b.String()
}

// quote quotes a text. One with a dollar is in single quotes, in which no variable counts;
// where that cannot be, a variable stands for the dollar. Versions of packages stay, and
// what a terminal would act on is escaped.
func (w *writer) quote(s string, key bool) string {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || r == '\'' || r == '\\' }
	if strings.Contains(s, "$") && !key && !versionForm.MatchString(s) && !strings.ContainsFunc(s, odd) {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for len(s) > 0 {
		if at := versionForm.FindStringIndex(s); at != nil && at[0] == 0 && !key {
			b.WriteString(s[:at[1]])
			s = s[at[1]:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '$':
			w.dollar = true
			b.WriteString("${dollar}")
		case r == '"' || r == '\\':
			b.WriteString("\\" + string(r))
		case !unicode.IsPrint(r):
			for _, unit := range utf16.AppendRune(nil, r) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	b.WriteByte('"')
	return b.String()
}
