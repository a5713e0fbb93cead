// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

func (d decoder) licenseLogic(raw json.RawMessage) error {
	var s string
	if err := unmarshal(raw, &s); err != nil {
		return err
	}
	switch s {
	case "single", "or", "and":
		d.LicenseLogic = s
	case "dual":
		d.LicenseLogic = "or"
	case "multi":
		d.LicenseLogic = "and"
	default:
		return fmt.Errorf("%q is not one of single, or, and", s)
	}
	return nil
}

func (d decoder) config(raw json.RawMessage) error {
	var list []string
	if err := unmarshal(raw, &list); err != nil {
		return err
	}
	for i := range list {
		if err := unescape(&list[i]); err != nil {
			return err
		}
	}
	slices.Sort(list)
	d.Config = slices.Compact(list)
	return nil
}

func (d decoder) deps(raw json.RawMessage) error {
	kvs, err := members(raw)
	if err != nil {
		return err
	}
	for _, kv := range kvs {
		dep := Dep{Name: kv.key}
		if err := unmarshal(kv.value, &dep); err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
		dep.Name = kv.key
		d.Deps = append(d.Deps, dep)
	}
	slices.SortFunc(d.Deps, func(a, b Dep) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// entry is a value of "files" or "directories".
type entry struct {
	sum     string
	uname   text
	gname   text
	perm    text // octal
	fflags  json.RawMessage
	time    *int64
	symlink text
}

// text is one that may be absent.
type text struct {
	string
	there bool
}

// read reads an entry. There are thousands in a package, hence no reflection.
func (e *entry) read(raw json.RawMessage) error {
	kvs, err := members(raw)
	if err != nil {
		return err
	}
	for _, kv := range kvs {
		var err error
		switch kv.key {
		case "sum":
			err = unmarshal(kv.value, &e.sum)
		case "uname":
			err = e.uname.read(kv.value)
		case "gname":
			err = e.gname.read(kv.value)
		case "perm":
			err = e.perm.read(kv.value)
		case "symlink_target":
			err = e.symlink.read(kv.value)
		case "mtime":
			e.time, err = number(kv.value)
		case "fflags":
			e.fflags = kv.value
		}
		if err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
	}
	return nil
}

func (t *text) read(raw json.RawMessage) error {
	if t.there = string(raw) != "null"; !t.there {
		return nil
	}
	return unmarshal(raw, &t.string)
}

// number reads a number that may be absent.
func number(raw json.RawMessage) (*int64, error) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil { // json allows for less, and has been asked
		return &n, nil
	}
	var n *int64
	err := json.Unmarshal(raw, &n)
	return n, err
}

func (e *entry) attr() (Attr, error) {
	if !e.perm.there || !e.uname.there || !e.gname.there {
		if e.perm.there || e.uname.there || e.gname.there {
			return Attr{}, fmt.Errorf("only some of uname, gname and perm are there")
		}
		return Attr{}, nil
	}
	perm, err := strconv.ParseUint(e.perm.string, 8, 12)
	if err != nil {
		return Attr{}, fmt.Errorf("perm %q is not an octal mode", e.perm.string)
	}
	return Attr{Known: true, Uname: e.uname.string, Gname: e.gname.string, Perm: uint32(perm)}, nil
}

// flags reads names (pkg 2.7.5 and later) or st_flags as a number (2.4 to 2.7.4).
func (e *entry) flags() (*uint32, error) {
	if e.fflags == nil {
		return nil, nil
	}
	var bits uint32
	if unmarshal(e.fflags, &bits) == nil {
		return &bits, nil
	}
	var names string
	if err := unmarshal(e.fflags, &names); err != nil {
		return nil, fmt.Errorf("fflags: %s is neither a string nor a number", e.fflags)
	}
	bits, err := ParseFlags(names)
	return &bits, err
}

func (d decoder) files(raw json.RawMessage) error {
	kvs, err := members(raw)
	if err != nil {
		return err
	}
	d.Files = make([]File, 0, len(kvs))
	for _, kv := range kvs {
		f, err := decodeFile(kv)
		if err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
		d.Files = append(d.Files, f)
	}
	slices.SortFunc(d.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return onlyOnce(d.Files, func(f File) string { return f.Path })
}

func decodeFile(kv member) (File, error) {
	f := File{Path: kv.key}
	if err := unescape(&f.Path); err != nil {
		return f, err
	}
	var e entry
	if bytes.HasPrefix(kv.value, []byte(`"`)) { // before pkg 2.4: only the sum
		if err := unmarshal(kv.value, &e.sum); err != nil {
			return f, err
		}
	} else if err := e.read(kv.value); err != nil {
		return f, err
	}
	if _, err := sum.Parse(e.sum); err != nil {
		return f, err
	}
	f.Sum, f.Time = e.sum, e.time
	f.IsLink, f.Link = e.symlink.there, e.symlink.string
	var err error
	if f.Attr, err = e.attr(); err != nil {
		return f, err
	}
	f.Flags, err = e.flags()
	return f, err
}

func (d decoder) dirs(raw json.RawMessage) error {
	kvs, err := members(raw)
	if err != nil {
		return err
	}
	for _, kv := range kvs {
		dir := Dir{Path: kv.key}
		if err := unescape(&dir.Path); err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
		if len(dir.Path) > 1 {
			dir.Path = strings.TrimSuffix(dir.Path, "/")
		}
		var e entry
		if bytes.HasPrefix(kv.value, []byte("{")) { // before pkg 2.4: "y", or a boolean
			if err := e.read(kv.value); err != nil {
				return fmt.Errorf("%s: %w", kv.key, err)
			}
		}
		if dir.Attr, err = e.attr(); err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
		if dir.Flags, err = e.flags(); err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
		d.Dirs = append(d.Dirs, dir)
	}
	slices.SortFunc(d.Dirs, func(a, b Dir) int { return strings.Compare(a.Path, b.Path) })
	return onlyOnce(d.Dirs, func(d Dir) string { return d.Path })
}

// onlyOnce finds paths that are equal once they are decoded.
func onlyOnce[T any](sorted []T, path func(T) string) error {
	for i := 1; i < len(sorted); i++ {
		if path(sorted[i]) == path(sorted[i-1]) {
			return fmt.Errorf("%s stands twice", path(sorted[i]))
		}
	}
	return nil
}

func (d decoder) scripts(raw json.RawMessage) error {
	kvs, err := members(raw)
	if err != nil {
		return err
	}
	for _, kv := range kvs {
		s := Script{Phase: kv.key}
		if err := readEscaped(kv.value, &s.Text); err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
		d.Scripts = append(d.Scripts, s)
	}
	slices.SortFunc(d.Scripts, func(a, b Script) int { return strings.Compare(a.Phase, b.Phase) })
	return nil
}

func (d decoder) luaScripts(raw json.RawMessage) error {
	kvs, err := members(raw)
	if err != nil {
		return err
	}
	for _, kv := range kvs {
		var texts []string
		if err := unmarshal(kv.value, &texts); err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
		for _, text := range texts {
			d.LuaScripts = append(d.LuaScripts, Script{Phase: kv.key, Text: text})
		}
	}
	slices.SortStableFunc(d.LuaScripts, func(a, b Script) int { return strings.Compare(a.Phase, b.Phase) })
	return nil
}

// messages reads an array of objects, or one text as packages had it before 1.11.
func (d decoder) messages(raw json.RawMessage) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		var text string
		if err := unmarshal(raw, &text); err != nil {
			return err
		}
		d.Messages = []Message{{Text: text}}
		return nil
	}
	var list []struct {
		Message        string `json:"message"`
		Type           string `json:"type"`
		MinimumVersion string `json:"minimum_version"`
		MaximumVersion string `json:"maximum_version"`
	}
	if err := unmarshal(raw, &list); err != nil {
		return err
	}
	for _, m := range list {
		d.Messages = append(d.Messages, Message{m.Message, m.Type, m.MinimumVersion, m.MaximumVersion})
	}
	return nil
}
