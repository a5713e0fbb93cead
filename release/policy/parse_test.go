// SPDX-License-Identifier: BSD-2-Clause

package policy_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/policy"
)

// elsewhere is a policy with a requirement for a transport that is not judged.
func elsewhere(requirement string) string {
	return fmt.Sprintf(`{"default":[{"type":"reject"}],"transports":{"dir":{"/x":[%s]}}}`, requirement)
}

// scoped is a policy with a scope.
func scoped(scope string) string {
	return fmt.Sprintf(`{"default":[{"type":"reject"}],"transports":{"docker":{%q:[{"type":"reject"}]}}}`, scope)
}

// TestParse accepts what podman and skopeo accept.
func TestParse(t *testing.T) {
	t.Parallel()
	all := parties()
	for _, text := range []string{
		` {"default":[{"type":"insecureAcceptAnything"}]} `,
		`{"default":[{"type":"reject"}],"transports":{}}`,
		`{"default":[{"type":"reject"}],"transports":{"docker":{}}}`,
		elsewhere(`{"type":"signedBy","keyType":"GPGKeys","keyPath":"/absent"}`),
		elsewhere(cosign(typed("exactRepository", "dockerRepository", "x"))),
		required(`{"type":"signedBy","keyType":"GPGKeys","keyPaths":["/a.gpg","/b.gpg"]}`),
		required(`{"type":"signedBy","keyType":"GPGKeys","keyData":"` + all[0].ringText + `"}`),
		required(`{"type":"sigstoreSigned","keyPaths":["/a.pub","/b.pub"]}`),
		required(`{"type":"sigstoreSigned","keyData":"` + all[0].publicText + `"}`),
		required(`{"type":"sigstoreSigned","keyDatas":["` + all[0].publicText + `","` + all[1].publicText + `"]}`),
		required(pgp(typed("exactRepository", "dockerRepository", "x:1"))),
		required(pgp(typed("remapIdentity", "prefix", "example.com:5000", "signedPrefix", "docker.io/x"))),
		scoped(""), scoped("docker.io"), scoped("docker.io/freebsd"), scoped("docker.io/freebsd/x"), scoped("docker.io/freebsd/x:15.0"),
		scoped("docker.io/freebsd/x@" + manifest.String()), scoped("localhost"), scoped("localhost:5000/x"), scoped("*.example.com"), scoped("*.com"),
		scoped("[::1]:5000/x"), scoped("example.com:5000"), scoped("docker.io/library/x:1"),
	} {
		if _, err := policy.Parse([]byte(text), files); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestParseFaults refuses the whole policy for anything that is wrong or unknown in it.
func TestParseFaults(t *testing.T) {
	t.Parallel()
	const at = `transports.docker."docker.io/freebsd"[0]`
	keyed := func(members string) string { return required(`{"type":"sigstoreSigned",` + members + `}`) }
	for _, tt := range []struct{ text, want string }{
		{``, "unexpected end of JSON input"},
		{`null`, "found null, wanted an object"},
		{`[]`, "found an array, wanted an object"},
		{`{"default":[{"type":"reject"}]}x`, "invalid character 'x'"},
		{`{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}`, `has "default" twice`},
		{`{"default":[{"type":"reject","type":"insecureAcceptAnything"}]}`, `has "type" in default.0 twice`},
		{`{"transports":{}}`, "default: is missing"},
		{`{"Default":[{"type":"reject"}]}`, "Default: this version does not know"},
		{`{"default":[]}`, "default: is empty"},
		{`{"default":null}`, "default: found null, wanted an array"},
		{`{"default":[{"type":"reject"}],"transports":null}`, "transports: found null, wanted an object"},
		{`{"default":[{"type":"reject"}],"transports":{"docker":[]}}`, "transports.docker: found an array, wanted an object"},
		{`{"default":[{"type":"reject"}],"transports":{"docker":{"":[]}}}`, `transports.docker."": is empty`},
		{`{"default":[{"type":"reject"}],"version":2}`, "version: this version does not know"},
		{`{"default":["reject"]}`, "default[0]: found a string, wanted an object"},
		{`{"default":[{}]}`, "default[0].type: is missing"},
		{`{"default":[{"type":1}]}`, "default[0].type: found a number, wanted a string"},
		{`{"default":[{"type":true}]}`, "default[0].type: found a bool, wanted a string"},
		{`{"default":[{"type":"Reject"}]}`, `default[0].type: is "Reject"`},
		{`{"default":[{"type":"reject","keyPath":"/x"}]}`, "default[0].keyPath: this version does not know"},
		{required(`{"type":"signedBaseLayer","baseLayerIdentity":{"type":"matchExact"}}`), at + `.type: is "signedBaseLayer"`},
		{elsewhere(`{"type":"signedBaseLayer","baseLayerIdentity":{"type":"matchExact"}}`), `transports.dir."/x"[0].type: is "signedBaseLayer"`},
		{elsewhere(`{"type":"sigstoreSigned","keyData":"-"}`), `transports.dir."/x"[0].keyData: is not base64`},
		{required(`{"type":"signedBy","keyPath":"/a.gpg"}`), at + ".keyType: is missing"},
		{required(`{"type":"signedBy","keyType":"SignedByGPGKeys","keyPath":"/a.gpg"}`), at + `.keyType: is "SignedByGPGKeys", wanted "GPGKeys"`},
		{required(`{"type":"signedBy","keyType":"X509Certificates","keyPath":"/a.gpg"}`), at + `.keyType: is "X509Certificates"`},
		{required(`{"type":"signedBy","keyType":"GPGKeys"}`), at + ": has none of keyPath, keyPaths, keyData, wanted exactly one"},
		{required(`{"type":"signedBy","keyType":"GPGKeys","keyDatas":["eA=="]}`), at + ".keyDatas: this version does not know"},
		{required(`{"type":"signedBy","keyType":"GPGKeys","keyData":"eA=="}`), at + ".keyData: has no OpenPGP key that can be used: it is not a sequence of OpenPGP packets"},
		{keyed(`"keyPath":"/a.pub","keyData":"eA=="`), at + ": has keyPath and keyData of keyPath, keyPaths, keyData, keyDatas, wanted exactly one"},
		{keyed(`"keyPath":""`), at + ".keyPath: is empty"},
		{keyed(`"keyPaths":[]`), at + ".keyPaths: is empty"},
		{keyed(`"keyPaths":"/a.pub"`), at + ".keyPaths: found a string, wanted an array"},
		{keyed(`"keyPaths":["/a.pub",null]`), at + ".keyPaths[1]: found null, wanted a string"},
		{keyed(`"keyData":"%"`), at + ".keyData: is not base64"},
		{keyed(`"keyData":"eA=="`), at + ".keyData: is no public key in PEM form"},
		{keyed(`"keyPath":"/empty"`), at + ".keyPath: /empty is no public key in PEM form"},
		{keyed(`"keyPath":"/both.pub"`), at + ".keyPath: /both.pub has 2 keys, wanted 1 in each file"},
		{keyed(`"keyPath":"/a.gpg"`), at + ".keyPath: /a.gpg is no public key in PEM form"},
		{keyed(`"fulcio":{"caPath":"/x"}`), at + ".fulcio: this version does not know or support this member"},
		{keyed(`"pki":{"caRootsPath":"/x"}`), at + ".pki: this version does not know or support"},
		{keyed(`"keyPath":"/a.pub","rekorPublicKeyPath":"/x"`), at + ".rekorPublicKeyPath: this version does not know or support"},
		{keyed(`"keyPath":"/a.pub","rekorPublicKeyDatas":[]`), at + ".rekorPublicKeyDatas: this version does not know or support"},
		{required(pgp(`null`)), at + ".signedIdentity: found null, wanted an object"},
		{required(pgp(`{}`)), at + ".signedIdentity.type: is missing"},
		{required(pgp(typed("matchAnything"))), at + `.signedIdentity.type: is "matchAnything"`},
		{required(pgp(typed("matchExact", "prefix", "x"))), at + ".signedIdentity.prefix: this version does not know"},
		{required(pgp(typed("exactReference"))), at + ".signedIdentity.dockerReference: is missing"},
		{required(pgp(typed("exactReference", "dockerReference", "docker.io/freebsd/x"))), `"docker.io/freebsd/x" has neither a tag nor a digest`},
		{required(pgp(typed("exactReference", "dockerReference", "X:1"))), `"X:1" is no reference`},
		{required(pgp(typed("exactRepository", "dockerRepository", "a//b"))), `"a//b" is no reference`},
		{required(pgp(typed("remapIdentity", "prefix", "docker.io"))), ".signedIdentity.signedPrefix: is missing"},
		{required(pgp(typed("remapIdentity", "prefix", "docker.io/x:1", "signedPrefix", "x"))), ".signedIdentity.prefix: \"docker.io/x:1\" is no REGISTRY"},
		{required(pgp(typed("remapIdentity", "prefix", "docker.io", "signedPrefix", "x/"))), ".signedIdentity.signedPrefix: \"x/\" is no REGISTRY"},
		{scoped("x"), "transports.docker.x: no image has this scope"},
		{scoped("docker.io/"), "no image has this scope"},
		{scoped("docker.io/x:1"), "no image has this scope"}, // which is docker.io/library/x:1
		{scoped("index.docker.io/x/y"), "no image has this scope"},
		{scoped("example*.com"), "no image has this scope"},
		{scoped("*.example.com:5000"), "no image has this scope"},
		{scoped("docker.io/x/y:1@" + manifest.String()), "no image has this scope"},
	} {
		p, err := policy.Parse([]byte(tt.text), files)
		if p != nil || err == nil {
			t.Errorf("%s: got a policy", tt.text)
			continue
		}
		contains(t, err, tt.want)
		if class := fault.ClassOf(err); class != fault.Failed {
			t.Errorf("%v: got class %d, want %d", err, class, fault.Failed)
		}
	}
}

// TestUnread leaves it to whoever reads a file of keys what it means that there is none.
func TestUnread(t *testing.T) {
	t.Parallel()
	absent := func(path string) ([]byte, error) {
		return nil, &fault.UnreadError{Path: path, Err: fs.ErrNotExist}
	}
	_, err := policy.Parse([]byte(required(cosign(""))), absent)
	contains(t, err, `transports.docker."docker.io/freebsd"[0].keyPath: /a.pub: file does not exist`)
	if class := fault.ClassOf(err); class != fault.Absent || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v: got class %d, want %d", err, class, fault.Absent)
	}
}
