// SPDX-License-Identifier: BSD-2-Clause

package policy_test

import (
	"bytes"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/policy"
)

// FuzzPolicy accepts no image without signatures by a policy that does not say so.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{
		`{"default":[{"type":"insecureAcceptAnything"}]}`,
		elsewhere(pgp(typed("matchExact"))),
		required(pgp(typed("remapIdentity", "prefix", "docker.io", "signedPrefix", "x"))),
		required(cosign(typed("exactReference", "dockerReference", "x:1")) + "," + anything),
		scoped("*.example.com"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := policy.Parse(text, files)
		if err != nil {
			if p != nil || fault.ClassOf(err) != fault.Failed {
				t.Errorf("%s: got a policy or the class %d of %v", text, fault.ClassOf(err), err)
			}
			return
		}
		// A backslash may hide the word.
		lenient := bytes.Contains(text, []byte("insecureAcceptAnything")) || bytes.ContainsRune(text, '\\')
		for _, asked := range []string{tagged, repository, "docker.io/library/x@" + manifest.String(), "a.example.com:5000/y:1"} {
			v, err := p.Judge(image(asked), nil, now)
			if err == nil && (!lenient || !v.Insecure || p.Forms(image(asked)) != nil) {
				t.Errorf("%s: accepts %s without a signature: %+v", text, asked, v)
			}
		}
	})
}
