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
	m := new(Manifest)
	d := decoder{m: m}
	keys := d.keys()
	top, err := members(text)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var errs []error
	for _, kv := range top {
		if read := keys[kv.key]; read != nil {
			if err := read(kv.value); err != nil {
				errs = append(errs, fmt.Errorf("manifest: %s: %w", kv.key, err))
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if err := m.finish(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// asJSON turns a manifest in UCL syntax into JSON.
func asJSON(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("text is not UTF-8")
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
	for _, path := range m.Config {
		i, found := slices.BinarySearchFunc(m.Files, path, func(f File, p string) int { return strings.Compare(f.Path, p) })
		if found {
			m.Files[i].IsConfig = true
		}
	}
	return nil
}

type member struct {
	key   string
	value json.RawMessage
}

// members splits a JSON object, in its order; a repeated key is an error.
func members(text []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("found %.20q, wanted an object", text)
	}
	var list []member
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		kv := member{key: t.(string)} // a key is always a string
		if seen[kv.key] {
			return nil, fmt.Errorf("key %q stands twice", kv.key)
		}
		seen[kv.key] = true
		if err := dec.Decode(&kv.value); err != nil {
			return nil, err
		}
		list = append(list, kv)
	}
	return list, nil
}

type decoder struct{ m *Manifest }

// keys maps each key of a manifest to what reads its value.
func (d decoder) keys() map[string]func(json.RawMessage) error {
	m := d.m
	return map[string]func(json.RawMessage) error{
		"name": into(&m.Name), "origin": into(&m.Origin), "version": into(&m.Version),
		"comment": into(&m.Comment), "desc": escaped(&m.Desc),
		"maintainer": into(&m.Maintainer), "www": into(&m.WWW),
		"abi": into(&m.ABI), "arch": into(&m.Arch), "prefix": into(&m.Prefix),
		"flatsize": into(&m.FlatSize), "licenselogic": d.licenseLogic, "vital": into(&m.Vital),
		"dep_formula": into(&m.DepFormula),
		"licenses":    strs(&m.Licenses), "categories": strs(&m.Categories),
		"users": strs(&m.Users), "groups": strs(&m.Groups),
		"shlibs_required": strs(&m.ShlibsRequired), "shlibs": strs(&m.ShlibsRequired),
		"shlibs_required_ignore": strs(&m.ShlibsRequiredIgnore),
		"shlibs_provided":        strs(&m.ShlibsProvided),
		"shlibs_provided_ignore": strs(&m.ShlibsProvidedIgnore),
		"provides":               strs(&m.Provides), "requires": strs(&m.Requires),
		"conflicts": strs(&m.Conflicts), "config": d.config,
		"deps": d.deps, "options": pairs(&m.Options), "annotations": pairs(&m.Annotations),
		"files": d.files, "directories": d.dirs, "dirs": d.dirs,
		"scripts": d.scripts, "lua_scripts": d.luaScripts,
		"messages": d.messages, "message": d.messages,
	}
}

func into[T any](p *T) func(json.RawMessage) error {
	return func(raw json.RawMessage) error { return json.Unmarshal(raw, p) }
}

// escaped reads a text in which pkg has written '%' and all bytes beyond ASCII
// as %xx (libpkg/pkg_manifest.c: urlencode).
func escaped(p *string) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		if err := json.Unmarshal(raw, p); err != nil {
			return err
		}
		return unescape(p)
	}
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
func strs(p *[]string) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var list []string
		if bytes.HasPrefix(raw, []byte("{")) {
			kvs, err := members(raw)
			if err != nil {
				return err
			}
			for _, kv := range kvs {
				list = append(list, kv.key)
			}
		} else if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		slices.Sort(list)
		*p = slices.Compact(list)
		return nil
	}
}

func pairs(p *[]Pair) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		kvs, err := members(raw)
		if err != nil {
			return err
		}
		for _, kv := range kvs {
			pair := Pair{Name: kv.key}
			if err := json.Unmarshal(kv.value, &pair.Value); err != nil {
				return fmt.Errorf("%s: %w", kv.key, err)
			}
			*p = append(*p, pair)
		}
		slices.SortFunc(*p, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
		return nil
	}
}
