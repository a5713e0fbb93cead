// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/ucl"
)

// ParseManifest reads a manifest: a whole +MANIFEST, a +COMPACT_MANIFEST, or a
// line of a catalogue. Keys that libpkg does not know either are ignored.
func ParseManifest(text []byte) (*Manifest, error) {
	text, err := asJSON(text)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	top, err := members(text)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	m := new(Manifest)
	if err := m.parse(top, nil); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// parse reads the keys that are wanted, or all.
func (m *Manifest) parse(top []member, wanted map[string]bool) error {
	d := decoder{m}
	var errs []error
	for _, kv := range top {
		if read := keys[kv.key]; read != nil && (wanted == nil || wanted[kv.key]) {
			if err := read(d, kv.value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", kv.key, err))
			}
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return m.finish()
}

var errNotUTF8 = errors.New("text is not UTF-8")

// asJSON turns a manifest in UCL syntax into JSON.
func asJSON(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, errNotUTF8
	}
	if json.Valid(text) {
		return text, nil
	}
	o, err := ucl.Parse("+MANIFEST", text, nil)
	if err != nil {
		return nil, err
	}
	return o.JSON(), nil
}

// finish marks configuration files and checks what every package must have.
func (m *Manifest) finish() error {
	for _, must := range []struct{ key, value string }{
		{"name", m.Name}, {"version", m.Version}, {"origin", m.Origin}, {"prefix", m.Prefix}, {"abi", m.ABI},
	} {
		if must.value == "" {
			return fmt.Errorf("%s is missing", must.key)
		}
	}
	if err := m.checkTexts(); err != nil {
		return err
	}
	for _, path := range m.Config {
		i, found := slices.BinarySearchFunc(m.Files, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
		if found {
			m.Files[i].IsConfig = true
		}
	}
	return nil
}

type decoder struct{ *Manifest }

// keys maps each key of a manifest to what reads its value.
var keys = map[string]func(decoder, json.RawMessage) error{
	"name":     into(func(d decoder) *string { return &d.Name }),
	"origin":   into(func(d decoder) *string { return &d.Origin }),
	"version":  into(func(d decoder) *string { return &d.Version }),
	"comment":  into(func(d decoder) *string { return &d.Comment }),
	"desc":     escaped(func(d decoder) *string { return &d.Desc }),
	"flatsize": into(func(d decoder) *int64 { return &d.FlatSize }),

	"maintainer":  into(func(d decoder) *string { return &d.Maintainer }),
	"www":         into(func(d decoder) *string { return &d.WWW }),
	"abi":         into(func(d decoder) *string { return &d.ABI }),
	"arch":        into(func(d decoder) *string { return &d.Arch }),
	"prefix":      into(func(d decoder) *string { return &d.Prefix }),
	"vital":       into(func(d decoder) *bool { return &d.Vital }),
	"dep_formula": into(func(d decoder) *string { return &d.DepFormula }),

	"licenselogic": decoder.licenseLogic,
	"licenses":     strs(func(d decoder) *[]string { return &d.Licenses }),
	"categories":   strs(func(d decoder) *[]string { return &d.Categories }),
	"users":        strs(func(d decoder) *[]string { return &d.Users }),
	"groups":       strs(func(d decoder) *[]string { return &d.Groups }),

	"shlibs":                 strs(func(d decoder) *[]string { return &d.ShlibsRequired }),
	"shlibs_required":        strs(func(d decoder) *[]string { return &d.ShlibsRequired }),
	"shlibs_required_ignore": strs(func(d decoder) *[]string { return &d.ShlibsRequiredIgnore }),
	"shlibs_provided":        strs(func(d decoder) *[]string { return &d.ShlibsProvided }),
	"shlibs_provided_ignore": strs(func(d decoder) *[]string { return &d.ShlibsProvidedIgnore }),
	"provides":               strs(func(d decoder) *[]string { return &d.Provides }),
	"requires":               strs(func(d decoder) *[]string { return &d.Requires }),
	"conflicts":              strs(func(d decoder) *[]string { return &d.Conflicts }),

	"config":      decoder.config,
	"deps":        decoder.deps,
	"options":     pairs(func(d decoder) *[]Pair { return &d.Options }),
	"annotations": pairs(func(d decoder) *[]Pair { return &d.Annotations }),
	"files":       decoder.files,
	"directories": decoder.dirs, "dirs": decoder.dirs,
	"scripts":     decoder.scripts,
	"lua_scripts": decoder.luaScripts,
	"messages":    decoder.messages, "message": decoder.messages,
}

func into[T any](field func(decoder) *T) func(decoder, json.RawMessage) error {
	return func(d decoder, raw json.RawMessage) error { return unmarshal(raw, field(d)) }
}

// escaped reads a text in which pkg has written '%' and all bytes beyond ASCII
// as %xx (libpkg/pkg_manifest.c: urlencode).
func escaped(field func(decoder) *string) func(decoder, json.RawMessage) error {
	return func(d decoder, raw json.RawMessage) error { return readEscaped(raw, field(d)) }
}

func readEscaped(raw json.RawMessage, p *string) error {
	if err := unmarshal(raw, p); err != nil {
		return err
	}
	return unescape(p)
}

func unescape(p *string) error {
	s, err := url.PathUnescape(*p)
	if err != nil {
		return err
	}
	*p = s
	return nil
}

// strs reads an array of strings, or the keys of an object.
func strs(field func(decoder) *[]string) func(decoder, json.RawMessage) error {
	return func(d decoder, raw json.RawMessage) error {
		var list []string
		if bytes.HasPrefix(raw, []byte("{")) {
			kvs, err := members(raw)
			if err != nil {
				return err
			}
			for _, kv := range kvs {
				list = append(list, kv.key)
			}
		} else if err := unmarshal(raw, &list); err != nil {
			return err
		}
		slices.Sort(list)
		*field(d) = slices.Compact(list)
		return nil
	}
}

func pairs(field func(decoder) *[]Pair) func(decoder, json.RawMessage) error {
	return func(d decoder, raw json.RawMessage) error {
		p := field(d)
		kvs, err := members(raw)
		if err != nil {
			return err
		}
		for _, kv := range kvs {
			pair := Pair{Name: kv.key}
			if err := unmarshal(kv.value, &pair.Value); err != nil {
				return fmt.Errorf("%s: %w", kv.key, err)
			}
			*p = append(*p, pair)
		}
		slices.SortFunc(*p, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
		return nil
	}
}
