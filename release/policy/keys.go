// SPDX-License-Identifier: BSD-2-Clause

package policy

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/attest"
)

// keySource is a file with keys, or what one would have.
type keySource struct {
	where string
	path  string // "" if the policy has the keys itself
	data  []byte
}

// keySources reads where the keys of a requirement are: exactly one of some members says.
func (o object) keySources(names []string) ([]keySource, error) {
	var given []string
	for _, name := range names {
		if o.has(name) {
			given = append(given, name)
		}
	}
	if len(given) != 1 {
		found := "none"
		if len(given) > 0 {
			found = strings.Join(given, " and ")
		}
		return nil, &Error{o.where, fmt.Errorf("has %s of %s, wanted exactly one", found, strings.Join(names, ", "))}
	}
	name := given[0]
	if !strings.HasSuffix(name, "s") {
		src, err := parseSource(o.place(name), name, o.members[name])
		return []keySource{src}, err
	}
	list, err := o.list(name)
	if err != nil {
		return nil, err
	}
	var all []keySource
	for i, raw := range list {
		src, err := parseSource(fmt.Sprintf("%s[%d]", o.place(name), i), name, raw)
		if err != nil {
			return nil, err
		}
		all = append(all, src)
	}
	return all, nil
}

// parseSource reads a path, or data in base64.
func parseSource(where, name string, raw json.RawMessage) (keySource, error) {
	text, err := parseText(where, raw)
	if err != nil {
		return keySource{}, err
	}
	if strings.HasPrefix(name, "keyPath") {
		return keySource{where: where, path: text}, nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return keySource{}, &Error{where, errors.New("is not base64")}
	}
	return keySource{where: where, data: data}, nil
}

// readKeys reads the keys of all requirements that are judged.
func (p *Policy) readKeys(read func(path string) ([]byte, error)) error {
	lists := [][]requirement{p.fallback}
	for _, scope := range slices.Sorted(maps.Keys(p.docker)) {
		lists = append(lists, p.docker[scope])
	}
	for _, list := range lists {
		for i := range list {
			if err := list[i].readKeys(read); err != nil {
				return err
			}
		}
	}
	return nil
}

// readKeys reads the keys that a requirement names.
func (r *requirement) readKeys(read func(path string) ([]byte, error)) error {
	for _, src := range r.keys {
		text, what := src.data, ""
		if src.path != "" {
			var err error
			if text, err = read(src.path); err != nil {
				return fmt.Errorf("%s: %w", src.where, err)
			}
			what = src.path + " "
		}
		if err := r.addKeys(text); err != nil {
			return &Error{src.where, fmt.Errorf("%s%w", what, err)}
		}
	}
	return nil
}

// addKeys adds the keys of a file.
func (r *requirement) addKeys(text []byte) error {
	if r.form == attest.FormPGP {
		ring, err := attest.ParseKeyring(text)
		if err == nil {
			r.trust.Ring = r.trust.Ring.Join(ring)
		}
		return err
	}
	keys, err := attest.ParseKeys(text)
	if err == nil && len(keys) != 1 { // podman and skopeo see the first one alone
		err = fmt.Errorf("has %d keys, wanted 1 in each file", len(keys))
	}
	r.trust.Keys = append(r.trust.Keys, keys...)
	return err
}
