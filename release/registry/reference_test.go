// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
)

func TestReference(t *testing.T) {
	t.Parallel()
	digest := blobOf(nil).Digest.String()
	for text, want := range map[string]string{
		"image":                             "docker.io/library/image",
		"team/image":                        "docker.io/team/image",
		"docker.io/image":                   "docker.io/library/image",
		"index.docker.io/team/image:1":      "docker.io/team/image:1",
		"docker://quay.io/team/image:1.0":   "quay.io/team/image:1.0",
		"Quay.IO/team/image":                "quay.io/team/image",
		"localhost/image":                   "localhost/image",
		"localhost:5000/image:5000":         "localhost:5000/image:5000",
		"[::1]:5000/image":                  "[::1]:5000/image",
		"127.0.0.1/a/b/c":                   "127.0.0.1/a/b/c",
		"quay.io/team/image@" + digest:      "quay.io/team/image@" + digest,
		"quay.io/team/image:15.0@" + digest: "quay.io/team/image@" + digest,
		"quay.io/a__b/c.d-e---f:_x":         "quay.io/a__b/c.d-e---f:_x",
	} {
		ref, err := registry.ParseReference(text)
		if err != nil || ref.String() != want {
			t.Errorf("%s is %s, want %s, and %v", text, ref, want, err)
		}
	}
}

func TestReferenceFails(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "repository",
		"docker://":                    "repository",
		"quay.io/":                     "repository",
		"quay.io//image":               "repository",
		"quay.io/Team/image":           "lower-case",
		"./image":                      "registry",
		"../image":                     "registry",
		"quay.io:x/image":              "registry",
		"quay.io:99999/image":          "registry",
		"q..u.io/-image":               "repository",
		"quäy.io/image":                "registry",
		"quay.io%2f/image":             "registry",
		"u:p@quay.io/image":            "",
		"https://u:pass@quay.io/image": "https://",
		"a/b/c":                        "docker.io has names of two parts",
		"quay.io/image:":               "no tag",
		"quay.io/image@":               "no digest",
		"quay.io/image:-x":             "tag",
		"quay.io/image:" + strings.Repeat("x", 129):    "128",
		"quay.io/image@sha256:00":                      "digest",
		"quay.io/image@md5:" + strings.Repeat("0", 32): "digest",
		"quay.io/" + strings.Repeat("x", 250):          "258 characters",
	} {
		ref, err := registry.ParseReference(text)
		fails(t, err, fault.Usage, want)
		if ref != (registry.Reference{}) || err != nil && strings.Contains(err.Error(), "pass") {
			t.Errorf("%q: got %v and %v", text, ref, err)
		}
	}
	fails(t, registry.CheckTag("a b"), fault.Usage, `tag "a b"`)
	none(t, registry.CheckTag("15.0-RELEASE_p1"))
}
