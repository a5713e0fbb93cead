// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/ucl"
)

// ParseManifest reads a manifest: a whole +MANIFEST, a +COMPACT_MANIFEST, or a
// line of a catalogue. It accepts what libpkg's parser accepts, and gives each
// value the same meaning (libpkg/pkg_manifest.c, libucl).
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

// ParseManifests reads a manifest, and from the compact one before it, which may
// be nil, what pkg registers. pkg repo makes the catalogue from the compact one,
// if it can read it.
func ParseManifests(text, compact []byte) (*Manifest, error) {
	m, err := ParseManifest(text)
	if err != nil || compact == nil {
		return m, err
	}
	if c, err := ParseManifest(compact); err == nil {
		if digest := c.Digest(); digest != m.Digest() {
			m.Registered = digest
		}
	}
	return m, nil
}

// asJSON turns a manifest in UCL syntax into JSON.
func asJSON(text []byte) ([]byte, error) {
	if json.Valid(text) {
		return text, nil
	}
	o, err := ucl.ParseBytes("+MANIFEST", text)
	if err != nil {
		return nil, err
	}
	return o.JSON(), nil
}

// parse reads the wanted keys, or all. All known keys must have the right types.
func (m *Manifest) parse(top []member, wanted map[string]bool) error {
	d := &decoder{Manifest: m}
	var errs []error
	for _, kv := range top {
		k := keys[kv.key]
		if found := kindOf(kv.value); k.takes != 0 && found&k.takes == 0 {
			errs = append(errs, fmt.Errorf("%s: found %s, wanted %s", kv.key, found, k.takes))
			continue
		}
		if k.read == nil || wanted != nil && !wanted[kv.key] {
			continue
		}
		d.key = kv.key
		if err := k.read(d, kv.value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kv.key, err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, key := range mandatory {
		if (wanted == nil || wanted[key]) && !slices.ContainsFunc(top, func(kv member) bool { return kv.key == key }) {
			return fmt.Errorf("%s is missing", key)
		}
	}
	m.ABI = cmp.Or(m.ABI, d.arch)
	return m.finish()
}

// mandatory are the keys that pkg requires to register a package (libpkg/pkg.c:
// pkg_is_valid).
var mandatory = []string{"origin", "name", "comment", "version", "desc", "maintainer", "www", "prefix"}

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
		m.Files.markConfig(path)
	}
	return nil
}

// decoder fills a manifest.
type decoder struct {
	*Manifest
	key  string // being read
	arch string // the ABI in manifests of older tools

	words map[string]string // that entries share
}

// skip records what pkg skips with a message, as we do.
func (d *decoder) skip(format string, args ...any) {
	d.Skipped = append(d.Skipped, d.key+": "+fmt.Sprintf(format, args...))
}

// key is a key that libpkg knows.
type key struct {
	takes kind                                  // the types that its value may have
	read  func(*decoder, json.RawMessage) error // nil for a key that only catalogues have
}

// keys are those of libpkg (libpkg/pkg_manifest.c: manifest_keys). Other keys
// have no meaning.
var keys = map[string]key{
	"name":    {aString | anInt, text(func(d *decoder) *string { return &d.Name })},
	"version": {aString | anInt, text(func(d *decoder) *string { return &d.Version })},

	"origin":     {aString, text(func(d *decoder) *string { return &d.Origin })},
	"comment":    {aString, text(func(d *decoder) *string { return &d.Comment })},
	"maintainer": {aString, text(func(d *decoder) *string { return &d.Maintainer })},
	"www":        {aString, text(func(d *decoder) *string { return &d.WWW })},
	"abi":        {aString, text(func(d *decoder) *string { return &d.ABI })},
	"arch":       {aString, text(func(d *decoder) *string { return &d.arch })},
	"prefix":     {aString, text(func(d *decoder) *string { return &d.Prefix })},

	"desc":         {aString, (*decoder).desc},
	"dep_formula":  {aString, (*decoder).depFormula},
	"licenselogic": {aString, (*decoder).licenseLogic},
	"flatsize":     {anInt, (*decoder).flatSize},
	"vital":        {aBool, (*decoder).vital},

	"licenses":   {aList, words(func(d *decoder) *[]string { return &d.Licenses }, mayBeEmpty)},
	"categories": {aList, words(func(d *decoder) *[]string { return &d.Categories }, mayBeEmpty)},
	"users":      {aList, words(func(d *decoder) *[]string { return &d.Users }, mayBeEmpty)},
	"groups":     {aList, words(func(d *decoder) *[]string { return &d.Groups }, mayBeEmpty)},

	"shlibs":                 {aList, words(func(d *decoder) *[]string { return &d.ShlibsRequired }, emptyIsNone)},
	"shlibs_required":        {aList, words(func(d *decoder) *[]string { return &d.ShlibsRequired }, emptyIsNone)},
	"shlibs_required_ignore": {aList, words(func(d *decoder) *[]string { return &d.ShlibsRequiredIgnore }, notEmpty)},
	"shlibs_provided":        {aList, words(func(d *decoder) *[]string { return &d.ShlibsProvided }, notEmpty)},
	"shlibs_provided_ignore": {aList, words(func(d *decoder) *[]string { return &d.ShlibsProvidedIgnore }, notEmpty)},
	"provides":               {aList, words(func(d *decoder) *[]string { return &d.Provides }, notEmpty)},
	"requires":               {aList, words(func(d *decoder) *[]string { return &d.Requires }, notEmpty)},
	"conflicts":              {aList, words(func(d *decoder) *[]string { return &d.Conflicts }, notEmpty)},

	"config":      {aList, (*decoder).config},
	"deps":        {anObject, (*decoder).deps},
	"options":     {anObject, (*decoder).options},
	"annotations": {anObject, (*decoder).annotations},
	"files":       {anObject, (*decoder).files},
	"directories": {anObject, (*decoder).directories},
	"dirs":        {aList, (*decoder).dirs},
	"scripts":     {anObject, (*decoder).scripts},
	"lua_scripts": {anObject, (*decoder).luaScripts},
	"messages":    {aString | aList, (*decoder).messages},
	"message":     {aString | aList, (*decoder).messages},

	"path": {takes: aString}, "repopath": {takes: aString}, "sum": {takes: aString}, "pkgsize": {takes: anInt},
}

func text(field func(*decoder) *string) func(*decoder, json.RawMessage) error {
	return func(d *decoder, value json.RawMessage) error {
		*field(d) = stringOf(value)
		return nil
	}
}

// desc is a text in which pkg has encoded '%' and all non-ASCII bytes as %xx.
func (d *decoder) desc(value json.RawMessage) error {
	d.Desc = urlDecode(stringOf(value))
	return nil
}

// depFormula is kept but not followed: pkg's repository database does not store
// it (libpkg/repo/binary/update.c).
func (d *decoder) depFormula(value json.RawMessage) error {
	formula := stringOf(value)
	d.DepFormula = &formula
	return nil
}

func (d *decoder) flatSize(value json.RawMessage) error {
	d.FlatSize = numberOf(value)
	return nil
}

func (d *decoder) vital(value json.RawMessage) error {
	d.Vital = string(value) == "true"
	return nil
}

func (d *decoder) licenseLogic(value json.RawMessage) error {
	switch s := stringOf(value); s {
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

// emptiness says how libpkg treats an empty word in a list.
type emptiness int

const (
	mayBeEmpty  emptiness = iota // a word
	emptyIsNone                  // skipped
	notEmpty                     // pkg aborts
)

// words reads a list of strings. Other elements are skipped.
func words(field func(*decoder) *[]string, rule emptiness) func(*decoder, json.RawMessage) error {
	return func(d *decoder, value json.RawMessage) error {
		list := *field(d) // "shlibs_required" adds to "shlibs"
		for _, e := range elements(value) {
			if found := kindOf(e); found != aString {
				if found != anObject || d.key != "users" && d.key != "groups" {
					d.skip("found %s in the list, wanted %s", found, aString)
				}
				continue
			}
			switch word := stringOf(e); {
			case word != "" || rule == mayBeEmpty:
				list = append(list, word)
			case rule == notEmpty:
				return errors.New("found an empty string in the list")
			}
		}
		slices.Sort(list)
		*field(d) = slices.Compact(list)
		return nil
	}
}

// config takes paths verbatim, including '%', unlike those of files.
func (d *decoder) config(value json.RawMessage) error {
	for _, e := range elements(value) {
		if found := kindOf(e); found != aString {
			d.skip("found %s in the list, wanted %s", found, aString)
			continue
		}
		path := cleanPath(stringOf(e))
		if !strings.HasPrefix(path, "/") { // to pkg it is relative to its working directory
			return fmt.Errorf("%s: path is not absolute", path)
		}
		d.Config = append(d.Config, path)
	}
	slices.Sort(d.Config)
	for i := 1; i < len(d.Config); i++ {
		if d.Config[i] == d.Config[i-1] {
			return fmt.Errorf("%s occurs twice", d.Config[i])
		}
	}
	return nil
}
