// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// each reads the members of an object whose values have an accepted type, and
// skips the others.
func (d *decoder) each(value json.RawMessage, takes kind, read func(member) error) error {
	kvs, err := members(value)
	if err != nil {
		return err
	}
	return d.eachOf(kvs, takes, read)
}

func (d *decoder) eachOf(kvs []member, takes kind, read func(member) error) error {
	for _, kv := range kvs {
		if found := kindOf(kv.value); found&takes == 0 {
			d.skip("%s: found %s, wanted %s", kv.key, found, takes)
			continue
		}
		if err := read(kv); err != nil {
			return fmt.Errorf("%s: %w", kv.key, err)
		}
	}
	return nil
}

// deps reads {"NAME": {"origin": …, "version": …}}, or a list of such objects
// for a name; the first one counts. A dependency without an origin is skipped.
func (d *decoder) deps(value json.RawMessage) error {
	err := d.each(value, anObject|aList, func(kv member) error {
		if kindOf(kv.value) == aList {
			return d.dependency(kv.key, elements(kv.value))
		}
		return d.dependency(kv.key, append([]json.RawMessage{kv.value}, kv.more...))
	})
	slices.SortFunc(d.Deps, func(a, b Dep) int { return strings.Compare(a.Name, b.Name) })
	return err
}

// dependency adds the first of the objects that has an origin, with what those
// before it say.
func (d *decoder) dependency(name string, objects []json.RawMessage) error {
	dep, has := Dep{Name: name}, false
	for _, object := range objects {
		if kindOf(object) != anObject {
			continue
		}
		kvs, err := members(object)
		if err != nil {
			return err
		}
		for _, kv := range kvs {
			found := kindOf(kv.value)
			switch isVersion := strings.EqualFold(kv.key, "version"); {
			case isVersion && found&(aString|anInt) != 0:
				dep.Version = stringOf(kv.value)
			case strings.EqualFold(kv.key, "origin") && found == aString:
				dep.Origin, has = stringOf(kv.value), true
			case found != aString:
				d.skip("%s: %s: found %s, wanted %s", name, kv.key, found, aString)
			}
		}
		if has {
			d.Deps = append(d.Deps, dep)
			return nil
		}
	}
	d.skip("%s: has no origin, and so is not a dependency to pkg(8)", name)
	return nil
}

func (d *decoder) options(value json.RawMessage) error {
	err := d.each(value, aString|aBool, func(kv member) error {
		option := Pair{kv.key, "off"}
		switch {
		case kindOf(kv.value) == aString:
			if option.Value = stringOf(kv.value); option.Value == "" {
				return errors.New("found an empty string, wanted on or off")
			}
		case string(kv.value) == "true":
			option.Value = "on"
		}
		d.Options = append(d.Options, option)
		return nil
	})
	slices.SortFunc(d.Options, comparePairs)
	return err
}

func (d *decoder) annotations(value json.RawMessage) error {
	err := d.each(value, aString, func(kv member) error {
		d.Annotations = append(d.Annotations, Pair{kv.key, stringOf(kv.value)})
		return nil
	})
	slices.SortFunc(d.Annotations, comparePairs)
	return err
}

func comparePairs(a, b Pair) int { return strings.Compare(a.Name, b.Name) }

// phases are those of scripts; packages made by pkg before 1.13 have three more,
// which no current pkg runs or keeps.
var phases = []string{"pre-install", "post-install", "pre-deinstall", "post-deinstall", "install", "deinstall"}

// luaPhases are those of scripts in Lua.
var luaPhases = phases[:4]

// scripts keeps those of phases that pkg knows. Empty scripts are skipped.
func (d *decoder) scripts(value json.RawMessage) error {
	err := d.each(value, aString, func(kv member) error {
		if !slices.Contains(phases, kv.key) {
			d.skip("%s: is not a phase that pkg(8) knows", kv.key)
		} else if text := urlDecode(stringOf(kv.value)); text != "" {
			d.Scripts = append(d.Scripts, Script{Phase: kv.key, Text: text})
		}
		return nil
	})
	slices.SortFunc(d.Scripts, func(a, b Script) int { return strings.Compare(a.Phase, b.Phase) })
	return err
}

// luaScripts reads lists of scripts. Whatever follows an element that is not a
// string is skipped.
func (d *decoder) luaScripts(value json.RawMessage) error {
	err := d.each(value, aList, func(kv member) error {
		if !slices.Contains(luaPhases, kv.key) {
			d.skip("%s: is not a phase that pkg(8) knows", kv.key)
			return nil
		}
		for _, e := range elements(kv.value) {
			if found := kindOf(e); found != aString {
				d.skip("%s: found %s in the list, wanted %s; nothing after it counts", kv.key, found, aString)
				break
			}
			d.LuaScripts = append(d.LuaScripts, Script{Phase: kv.key, Text: stringOf(e)})
		}
		return nil
	})
	slices.SortStableFunc(d.LuaScripts, func(a, b Script) int { return strings.Compare(a.Phase, b.Phase) })
	return err
}

// messages reads a list of objects, or one text, from before pkg 1.11
// (libpkg/pkg.c: pkg_message_from_ucl).
func (d *decoder) messages(value json.RawMessage) error {
	if kindOf(value) == aString {
		d.Messages = append(d.Messages, Message{Text: stringOf(value)})
		return nil
	}
	for _, e := range elements(value) {
		if found := kindOf(e); found != anObject {
			return fmt.Errorf("found %s in the list, wanted %s", found, anObject)
		}
		kvs, err := members(e)
		if err != nil {
			return err
		}
		texts := map[string]*string{}
		for _, kv := range kvs {
			if kindOf(kv.value) == aString {
				text := stringOf(kv.value)
				texts[kv.key] = &text
			}
		}
		if texts["message"] == nil {
			return errors.New(`found an object without a string "message"`)
		}
		d.Messages = append(d.Messages, d.message(texts))
	}
	return nil
}

// message keeps versions only for an upgrade message.
func (d *decoder) message(texts map[string]*string) Message {
	m := Message{Text: *texts["message"]}
	if name := texts["type"]; name != nil {
		switch kind := strings.ToLower(*name); kind {
		case "install", "remove", "upgrade":
			m.Type = kind
		default:
			d.skip("type %q: is not one of install, remove and upgrade; the message is always shown", *name)
		}
	}
	if m.Type == "upgrade" {
		m.MinVersion, m.MaxVersion = texts["minimum_version"], texts["maximum_version"]
	}
	return m
}
