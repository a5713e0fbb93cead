// SPDX-License-Identifier: BSD-2-Clause

package catalog_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/trust"
)

const oldMeta = "version = 1;\npacking_format = \"txz\";\ndigest_format = \"sha256_hex\";\ndigests = \"digests\";\nmanifests = \"packagesite.yaml\";\n"

// TestOldMeta reads repositories as pkg before 1.13 made them, and such without
// any meta.
func TestOldMeta(t *testing.T) {
	t.Parallel()
	lines := archive(t, "packagesite.yaml", line+"\n")
	for name, f := range map[string]folder{
		"meta.txz":                     {"meta.txz": archive(t, "meta", oldMeta), "packagesite.txz": lines},
		"a signature not asked for":    {"meta.txz": archive(t, "signature", "x", "meta", oldMeta), "packagesite.txz": lines},
		"without meta":                 {"data.pkg": archive(t, "data", data)},
		"without meta, packagesite":    {"packagesite.txz": lines},
		"a name of the old meta":       {"meta.txz": archive(t, "meta", oldMeta+"manifests = other.yaml; manifests_archive = other;\n"), "other.txz": archive(t, "other.yaml", line)},
		"meta.conf and something else": {"meta.conf": []byte(metaConf), "meta.txz": []byte("not looked at"), "packagesite.txz": lines},
	} {
		if c, err := load(t, f); err != nil || c.Len() != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tt := range map[string]struct {
		folder
		want string
	}{
		"nothing":            {folder{}, `repository "r": meta.conf: file does not exist`},
		"meta without data":  {folder{"meta.txz": archive(t, "meta", oldMeta)}, `repository "r": data.pkg: file does not exist`},
		"no member meta":     {folder{"meta.txz": archive(t, "data", oldMeta), "packagesite.txz": lines}, `meta.txz: has no member "meta"`},
		"another version":    {folder{"meta.txz": archive(t, "meta", "version = 3;"), "packagesite.txz": lines}, "meta.txz: meta: meta: version is 3, wanted 1 or 2"},
		"no UCL":             {folder{"meta.txz": archive(t, "meta", "version ="), "packagesite.txz": lines}, "meta.txz: meta: meta:1: "},
		"a key without name": {folder{"meta.txz": archive(t, "meta", oldMeta+"cert { data = x }"), "packagesite.txz": lines}, "cert: meta:6: found no name or no data, wanted both"},
		"lz4":                {folder{"meta.conf": []byte(metaConf), "data.pkg": []byte("\x04\x22\x4d\x18xxxxxxxxxxxxxxxx")}, "data.pkg: is packed with lz4, which this version does not read"},
	} {
		_, err := load(t, tt.folder)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
		if _, unread := errors.AsType[*fault.UnsupportedError](err); unread != (name == "lz4") {
			t.Errorf("%s: is not supported: %t", name, unread)
		}
	}
	broken := errors.New("connection reset")
	_, err := catalog.Load(t.Context(), catalog.Repo{Name: "r"}, opener(func(string) (io.ReadSeekCloser, error) { return nil, broken }), nil, nil)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "connection reset") {
		t.Errorf("a host that does not answer: got %v", err)
	}
}

// TestOldMetaSigned checks both archives of an old repository. The keys of its
// signers may be in meta, and count for no more there.
func TestOldMetaSigned(t *testing.T) {
	t.Parallel()
	ours, stranger := pkgtest.NewSigner(rand.Reader), pkgtest.NewSigner(rand.Reader)
	believed := &trust.Fingerprints{Where: "test", Trusted: map[string]string{ours.Fingerprint(): "ours"}}
	cert := func(s *pkgtest.Signer) string {
		return oldMeta + "cert { name = x; type = rsa; data = " + strconv.Quote(string(s.Public())) + " }\n"
	}
	sealed := func(s *pkgtest.Signer, name, text string, public bool) []byte {
		members := []string{"x.sig", string(s.Signature([]byte(text)))}
		if public {
			members = append(members, "x.pub", string(s.Public()))
		}
		return archive(t, append(members, name, text)...)
	}
	for _, tt := range []struct {
		name        string
		meta, lines []byte
		want        string // "" for no error
	}{
		{"keys beside", sealed(ours, "meta", oldMeta, true), sealed(ours, "packagesite.yaml", line, true), ""},
		{"keys in meta", sealed(ours, "meta", cert(ours), false), sealed(ours, "packagesite.yaml", line, false), ""},
		{"meta is not signed", archive(t, "meta", oldMeta), sealed(ours, "packagesite.yaml", line, true), "meta.txz: signature: the catalogue is not signed, wanted a key of test"},
		{"the catalogue is not signed", sealed(ours, "meta", oldMeta, true), archive(t, "packagesite.yaml", line), "packagesite.txz: signature: the catalogue is not signed"},
		{"a stranger's meta", sealed(stranger, "meta", oldMeta, true), sealed(ours, "packagesite.yaml", line, true), "none of which test trusts"},
		{"a stranger's key in meta", sealed(stranger, "meta", cert(stranger), false), sealed(ours, "packagesite.yaml", line, true), "none of which test trusts"},
		{"our key, a stranger's signature", sealed(stranger, "meta", cert(ours), false), sealed(ours, "packagesite.yaml", line, true), "meta.txz: signature of key x"},
		{"no key anywhere", sealed(ours, "meta", oldMeta, true), sealed(ours, "packagesite.yaml", line, false), "found only one of .sig and .pub, wanted both"},
	} {
		c, err := catalog.Load(context.Background(), catalog.Repo{Name: "r"}, folder{"meta.txz": tt.meta, "packagesite.txz": tt.lines}, believed, nil)
		switch {
		case tt.want != "":
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case c.Signer != ours.Fingerprint():
			t.Errorf("%s: the signer is %s", tt.name, c.Signer)
		case (c.Sealed != nil) != (tt.name == "keys beside"): // nobody could check it without meta
			t.Errorf("%s: has a catalogue to keep: %t", tt.name, c.Sealed != nil)
		}
	}
}
