// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/trust"
	"github.com/orlop/orlop/pkgdb/ucl"
)

// maxMeta bounds meta.conf, which is read before anything vouches for it. pkg
// itself reads no more.
const maxMeta = 1 << 20

// maxName bounds the name of an archive or of its member, which may become a
// file name, in bytes.
const maxName = 255

// meta is meta.conf (libpkg/pkg_repo_meta.c): the names of the catalogue's
// archives, without their extension, and of the member of each.
type meta struct {
	data, dataArchive           string
	manifests, manifestsArchive string

	keys   map[string][]byte // of signers, by name, from repositories before pkg 1.13
	absent error             // why there is no meta.conf, nor meta.txz
}

// defaultMeta is the one for a repository without any.
func defaultMeta() meta {
	return meta{data: "data", dataArchive: "data", manifests: "packagesite.yaml", manifestsArchive: "packagesite", keys: map[string][]byte{}}
}

// loadMeta reads meta.conf, or else meta.txz, which repositories had before pkg
// 1.13: signed like a catalogue, and with the keys of its signers.
func loadMeta(ctx context.Context, repo Repo, files Opener, believed trust.Trust) (meta, error) {
	f, absent := files.Open(ctx, "meta.conf")
	if absent == nil {
		defer f.Close()
		m, err := parseMeta("meta.conf", f)
		if err != nil {
			return m, &FormatError{repo.Name, err}
		}
		return m, nil
	}
	if !notFound(absent) {
		return meta{}, fmt.Errorf("repository %q: %w", repo.Name, absent)
	}
	f, err := files.Open(ctx, oldMeta)
	if notFound(err) {
		m := defaultMeta()
		m.absent = absent
		return m, nil
	}
	if err != nil {
		return meta{}, fmt.Errorf("repository %q: %w", repo.Name, err)
	}
	a := &archive{file: f, name: oldMeta, forms: []form{{"meta", false}}}
	defer func() { a.file.Close() }()
	return a.meta(ctx, repo, believed)
}

// oldMeta is the archive that preceded meta.conf.
const oldMeta = "meta.txz"

// meta reads the archive that has the file meta. The key of its own signer may
// be in that file, and is looked up there before anything vouches for it: the
// key is trusted no more than one next to the signature would be.
func (a *archive) meta(ctx context.Context, repo Repo, believed trust.Trust) (m meta, err error) {
	parse := func(_ form, r io.Reader) error {
		m, err = parseMeta("meta", r)
		return err
	}
	a.lookup = func(digest [sha256.Size]byte) error {
		err := a.read(ctx, digest, func(r io.Reader) error { return parse(a.form, r) })
		a.keys = m.keys
		return err
	}
	_, err = a.checked(ctx, repo, believed, parse)
	return m, err
}

func parseMeta(name string, r io.Reader) (meta, error) {
	m := defaultMeta()
	m.dataArchive = ""
	text, err := io.ReadAll(io.LimitReader(r, maxMeta+1))
	if err != nil {
		return m, err
	}
	if len(text) > maxMeta {
		return m, fmt.Errorf("%s: is larger than %d bytes", name, maxMeta)
	}
	o, err := ucl.Parse(name, text, nil)
	if err != nil {
		return m, err
	}
	var version int64
	for _, kv := range o.Members {
		switch strings.ToLower(kv.Key) {
		case "version":
			version, err = kv.Value.AsInt()
		case "data":
			m.data, err = fileName(kv.Value)
		case "data_archive":
			m.dataArchive, err = fileName(kv.Value)
		case "manifests":
			m.manifests, err = fileName(kv.Value)
		case "manifests_archive":
			m.manifestsArchive, err = fileName(kv.Value)
		case "cert":
			err = m.addKey(kv.Value)
		}
		if err != nil {
			return m, fmt.Errorf("%s: %s: %w", name, kv.Key, err)
		}
	}
	if version != 1 && version != 2 {
		return m, fmt.Errorf("%s: version is %d, wanted 1 or 2", name, version)
	}
	if m.dataArchive == "" {
		m.dataArchive = m.data
	}
	return m, nil
}

// addKey reads cert { name = …; type = rsa; data = "…" }: the public key of a
// signer.
func (m *meta) addKey(v ucl.Value) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	var texts [2]string
	for i, key := range []string{"name", "data"} {
		if v, has := o.Get(key); has {
			if texts[i], err = v.AsString(); err != nil {
				return err
			}
		}
	}
	if texts[0] == "" || texts[1] == "" {
		return v.Errorf("found no name or no data, wanted both")
	}
	m.keys[texts[0]] = []byte(texts[1])
	return nil
}

// fileName accepts a plain file name: meta.conf is not signed, so its names must
// not lead elsewhere.
func fileName(v ucl.Value) (string, error) {
	s, err := v.AsString()
	if err != nil {
		return "", err
	}
	if s == "" || s == "." || s == ".." || strings.ContainsAny(s, "/\\\x00") {
		return "", fmt.Errorf("is not a plain file name: %q", s)
	}
	if len(s) > maxName {
		return "", fmt.Errorf("has %d bytes, wanted at most %d", len(s), maxName)
	}
	return s, pkgfile.CheckText(s)
}
