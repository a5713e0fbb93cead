// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// Digest returns the manifest digest that pkg stores for a package it installs
// from a repository (libpkg/pkg_checksum.c: pkg_checksum_generate). It covers
// what an upgrade would compare, but no files or scripts: pkg computes it from
// the catalogue, which has neither, and whose "arch" pkg repo derives from the
// ABI. The first 2 is the version of the digest, the second the type of the sum.
func (m *Manifest) Digest() string { return cmp.Or(m.Registered, m.digest(new(Files))) }

// DigestWithFiles is the digest of a package added from its file: pkg then has
// the files at hand and covers them too.
func (m *Manifest) DigestWithFiles() string { return m.digest(&m.Files) }

func (m *Manifest) digest(files *Files) string {
	type entry struct{ key, value string }
	list := []entry{
		{"name", m.Name}, {"origin", m.Origin}, {"version", m.Version}, {"arch", AltABI(m.ABI)},
		{"vital", map[bool]string{false: "0", true: "1"}[m.Vital]},
	}
	for _, o := range m.Options {
		list = append(list, entry{o.Name, o.Value})
	}
	for _, d := range m.Deps {
		list = append(list, entry{"depend", d.Name + "~" + d.Origin})
	}
	for _, many := range []struct {
		key    string
		values []string
	}{
		{"required_shlib", m.ShlibsRequired}, {"provided_shlib", m.ShlibsProvided},
		{"user", m.Users}, {"group", m.Groups},
		{"provide", m.Provides}, {"require", m.Requires},
	} {
		for _, v := range many.values {
			list = append(list, entry{many.key, v})
		}
	}
	for _, f := range files.All() {
		list = append(list, entry{f.Path, f.Sum})
	}
	slices.SortFunc(list, func(a, b entry) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	var text []byte
	for _, e := range list {
		text = append(append(text, e.key...), e.value...)
	}
	return "2$" + string(sum.Of(sum.BLAKE2b, text))
}
