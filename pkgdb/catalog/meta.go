// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"fmt"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/ucl"
)

// maxMeta bounds meta.conf, which is read before anything vouches for it. pkg
// itself reads no more.
const maxMeta = 1 << 20

// maxName bounds the name of an archive or of its member, which may be the name
// of a file, in bytes.
const maxName = 255

// meta is meta.conf (libpkg/pkg_repo_meta.c): the names of the catalogue's
// archives, without their extension, and of the member of each.
type meta struct {
	data, dataArchive           string
	manifests, manifestsArchive string
}

func parseMeta(r io.Reader) (meta, error) {
	m := meta{data: "data", manifests: "packagesite.yaml", manifestsArchive: "packagesite"}
	text, err := io.ReadAll(io.LimitReader(r, maxMeta+1))
	if err != nil {
		return m, err
	}
	if len(text) > maxMeta {
		return m, fmt.Errorf("meta.conf: is larger than %d bytes", maxMeta)
	}
	o, err := ucl.Parse("meta.conf", text, nil)
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
		}
		if err != nil {
			return m, fmt.Errorf("meta.conf: %s: %w", kv.Key, err)
		}
	}
	if version != 1 && version != 2 {
		return m, fmt.Errorf("meta.conf: version is %d, wanted 1 or 2", version)
	}
	if m.dataArchive == "" {
		m.dataArchive = m.data
	}
	return m, nil
}

// fileName accepts a plain file name: meta.conf is not signed, so its names
// must lead nowhere else.
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
