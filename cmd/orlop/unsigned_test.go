// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// attempt is something that no verifier may take for a signed image: what is forged, the
// command, its status, and what it says. An empty status is that of success.
type attempt struct {
	name string
	make func(f *forge) []string
	want int
	says string
}

// verify is the command that looks at the archive.
func (f *forge) verify(args ...string) []string {
	return append(append([]string{"verify", "-q"}, args...), f.archive)
}

// withKey looks with the right key, and withRing with the right keyring.
func (f *forge) withKey(args ...string) []string {
	return f.verify(append([]string{"--key", f.key("ec.pub")}, args...)...)
}

func (f *forge) withRing(args ...string) []string {
	return f.verify(append([]string{"--keyring", f.key("good.asc")}, args...)...)
}

// Right texts.
func (f *forge) statement() string { return string(attest.SignStatement(f.digest)) }
func (f *forge) simple() string    { return string(attest.CosignPayload(identity, f.digest)) }
func (f *forge) atomic() string    { return string(attest.AtomicPayload(identity, f.digest)) }

// elsewhere is the digest of another image.
var elsewhere = digest.FromString("another image")

// swap replaces a text, which must be there.
func swap(text, old, by string) string {
	if !strings.Contains(text, old) {
		panic(old + " is not in " + text)
	}
	return strings.Replace(text, old, by, 1)
}

// flipAt changes a bit of a text.
func flipAt(text []byte, at int) []byte {
	text = bytes.Clone(text)
	text[(at+len(text))%len(text)] ^= 1
	return text
}

// besideBundle forges a statement in a bundle beside the archive; the others likewise.
func besideBundle(edit func(f *forge, statement string) string) func(*forge) []string {
	return func(f *forge) []string {
		f.beside(f.bundle(edit(f, f.statement()), attest.MediaTypeStatement))
		return f.withKey()
	}
}

func besideCosign(edit func(f *forge, payload string) string) func(*forge) []string {
	return func(f *forge) []string {
		f.beside(f.cosign(edit(f, f.simple())))
		return f.withKey("--identity", identity)
	}
}

func besidePGP(by string, edit func(f *forge, payload string) string) func(*forge) []string {
	return func(f *forge) []string {
		f.beside(f.message(by, edit(f, f.atomic())))
		return f.verify("--keyring", f.key("good.asc"), "--keyring", f.key("expired.asc"), "--keyring", f.key("revoked.asc"), "--identity", identity)
	}
}

// same leaves a text as it is.
func same(_ *forge, text string) string { return text }

// replaced swaps one text for another.
func replaced(old, by string) func(*forge, string) string {
	return func(_ *forge, text string) string { return swap(text, old, by) }
}

// editedBundle changes the bundle around a right statement.
func editedBundle(edit func(text []byte) []byte) func(*forge) []string {
	return func(f *forge) []string {
		b := f.bundle(f.statement(), attest.MediaTypeStatement)
		b.Text = edit(b.Text)
		f.beside(b)
		return f.withKey()
	}
}

// editedMessage changes a right OpenPGP message.
func editedMessage(edit func(text []byte) []byte) func(*forge) []string {
	return func(f *forge) []string {
		m := f.message("good", f.atomic())
		m.Text = edit(m.Text)
		f.beside(m)
		return f.withRing()
	}
}

// inList gives a list of digests to a verifier with a keyring.
func inList(make func(f *forge) string) func(*forge) []string {
	return func(f *forge) []string {
		return f.withRing("--digests", f.file("LIST.asc", []byte(make(f))))
	}
}

// forgeries are sorted by what is forged.
var forgeries = map[string][]attempt{
	"right": { // or nothing else would prove anything
		{"bundle", besideBundle(same), 0, ""},
		{"cosign", besideCosign(same), 0, ""},
		{"pgp", besidePGP("good", same), 0, ""},
		{"list", inList(func(f *forge) string { return f.list("good", f.line()) }), 0, ""},
		{"registry", func(f *forge) []string {
			return []string{"verify", "-q", "--plain-http", "--key", f.key("ec.pub"), f.publish(true, f.bundle(string(attest.SignStatement(f.indexDigest())), attest.MediaTypeStatement))}
		}, 0, ""},
		{"two signers", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement), f.message("good", f.atomic()))
			return f.withKey("--keyring", f.key("good.asc"), "--signers", "2")
		}, 0, ""},
	},
	"key": {
		{"another key", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			return f.verify("--key", f.key("other.pub"))
		}, 5, "has no signature that counts: one was made by none of the given keys"},
		{"a key of another kind", func(f *forge) []string { f.beside(f.cosign(f.simple())); return f.verify("--key", f.key("ed.pub")) }, 5, "was made by none of the given keys"},
		{"a keyring, and a signature by no such key", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			return f.withRing()
		}, 5, "has no signature that counts"},
		{"OpenPGP, unknown", besidePGP("unknown", same), 5, "which is not among the given ones"},
		{"OpenPGP, expired", besidePGP("expired", same), 5, "is by a key that has expired"},
		{"OpenPGP, revoked", besidePGP("revoked", same), 5, "is by a key that is revoked"},
		{"OpenPGP, revoked, and an older copy of it", func(f *forge) []string {
			f.beside(f.message("revoked", f.atomic()))
			return f.verify("--keyring", f.key("revoked.sec"), "--keyring", f.key("revoked.asc"))
		}, 5, "is by a key that is revoked"},
		{"one of the revoked cannot be read", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			dir := f.trust([]string{"ec.pub"}, []string{"ed.pub"})
			f.must(os.WriteFile(dir+"/revoked/ec.pub", append(flipAt(f.read("ec.pub"), 40), f.read("other.pub")...), 0o600))
			return f.verify("--trust", dir)
		}, 2, "revoked/ec.pub: "},
		{"no key in the folder, and another one", func(f *forge) []string { return f.withKey("--trust", f.trust(nil, []string{"ed.pub"})) }, 2, "has no keys"},
		{"revoked in the folder", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			return f.verify("--trust", f.trust([]string{"ec.pub", "good.asc"}, []string{"ec.pub"}))
		}, 5, "which is revoked"},
		{"OpenPGP, revoked in the folder", func(f *forge) []string {
			f.beside(f.message("good", f.atomic()))
			return f.verify("--trust", f.trust([]string{"ec.pub", "good.asc"}, []string{"good.asc"}))
		}, 5, "which is revoked"},
		{"list, revoked in the folder", func(f *forge) []string {
			return f.verify("--trust", f.trust([]string{"good.asc"}, []string{"good.asc"}), "--digests", f.file("LIST.asc", []byte(f.list("good", f.line()))))
		}, 5, "which is revoked"},
		{"a folder without keys", func(f *forge) []string { return f.verify("--trust", f.trust(nil, nil)) }, 2, "has no keys"},
		{"one key twice", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement), f.cosign(f.simple()))
			return f.withKey("--signers", "2")
		}, 5, "is signed by 1 of 2 wanted keys"},
		{"a private key", func(f *forge) []string { return f.verify("--key", f.key("ec.pem")) }, 2, `is a PEM block "PRIVATE KEY", wanted PUBLIC KEY`},
		{"another curve", func(f *forge) []string { return f.verify("--key", f.key("p384.pub")) }, 2, "is ECDSA on P-384, wanted P-256"},
		{"no keyring", func(f *forge) []string { return f.verify("--keyring", f.key("ec.pub")) }, 2, "has no OpenPGP key"},
	},
	"form": {
		{"none", func(f *forge) []string { return f.withKey() }, 5, "is not signed"},
		{"none, and the policy takes anything", func(f *forge) []string {
			return f.withKey("--identity", identity, "--policy", f.file("p.json", []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`)))
		}, 5, "is not signed"},
		{"cosign in place of a bundle", func(f *forge) []string { f.beside(f.cosign(f.simple())); return f.withKey("--require-form", "bundle") }, 5, "is not signed in the form bundle"},
		{"a bundle in place of cosign", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			return f.withKey("--require-form", "cosign")
		}, 5, "is not signed in the form cosign"},
		{"a list in place of pgp", func(f *forge) []string {
			return f.withRing("--require-form", "pgp", "--digests", f.file("L", []byte(f.list("good", f.line()))))
		}, 5, "is not signed in the form pgp"},
		{"pgp, which no key can judge", func(f *forge) []string { return f.withKey("--require-form", "pgp") }, 2, "wanted a key that could have made it"},
		{"unheard of", func(f *forge) []string { return f.withKey("--require-form", "notation") }, 2, `found "notation", wanted bundle, cosign, pgp`},
		{"the index alone", func(f *forge) []string {
			return []string{"verify", "-q", "--plain-http", "--key", f.key("ec.pub"), "--require-form", "bundle", f.publish(true, f.bundle(string(attest.SignStatement(f.indexDigest())), attest.MediaTypeStatement))}
		}, 5, "manifest sha256:"},
		{"a pipe has nothing beside it", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			return append([]string{"verify", "-q", "--key", f.key("ec.pub")}, f.pipe())
		}, 5, "is not signed"},
	},
	"payload": {
		{"another predicate", besideBundle(replaced(attest.SignType, "https://slsa.dev/provenance/v1")), 5, "is of a statement of type"},
		{"another statement", besideBundle(replaced("Statement/v1", "Statement/v0.1")), 5, "is of a statement that cannot be read"},
		{"another payloadType", func(f *forge) []string { f.beside(f.bundle(f.statement(), "text/plain")); return f.withKey() }, 5, `is of a payload of type "text/plain"`},
		{"no digest", besideBundle(replaced("sha256", "sha1")), 5, "has no subject with a sha256"},
		{"a key twice", besideBundle(replaced(`"predicate":{}`, `"predicate":{},"predicateType":"x"`)), 5, `has "predicateType" twice`},
		{"two digests", besideCosign(func(_ *forge, s string) string {
			return swap(s, `"docker-manifest-digest":`, `"docker-manifest-digest":"`+elsewhere.String()+`","docker-manifest-digest":`)
		}), 5, `has "docker-manifest-digest" in critical.image twice`},
		{"a digest under another name", besideCosign(replaced(`"docker-manifest-digest":`, `"manifest-digest":"x","docker-manifest-digest":`)), 5, "manifest-digest"},
		{"a key in another spelling", besideCosign(replaced(`"critical"`, `"Critical"`)), 5, "Critical"},
		{"a member more", besideCosign(replaced(`"type":`, `"until":"2030","type":`)), 5, "until"},
		{"podman's type for cosign", besideCosign(func(f *forge, _ string) string { return f.atomic() }), 5, `critical.type is "atomic container signature"`},
		{"cosign's type for podman", besidePGP("good", func(f *forge, _ string) string { return f.simple() }), 5, `critical.type is "cosign container image signature"`},
		{"sha512", besideCosign(func(f *forge, s string) string {
			return swap(s, f.digest.String(), digest.SHA512.FromString("x").String())
		}), 5, "wanted sha256:HEX"},
		{"no JSON", besidePGP("good", func(*forge, string) string { return "signed" }), 5, "signs a text that names no image"},
		{"nothing", besidePGP("good", func(*forge, string) string { return "" }), 5, "signs a text that names no image"},
		{"something behind it", besideCosign(func(_ *forge, s string) string { return s + "{}" }), 5, "has a payload that cannot be read"},
	},
	"identity": {
		{"another repository", besideCosign(replaced("freebsd-static", "freebsd-runtime")), 5, "is for another repository, wanted " + identity},
		{"another registry", besideCosign(replaced("registry.example.org", "registry.example.com")), 5, "is for another repository"},
		{"a repository below it", besideCosign(replaced("freebsd-static", "freebsd-static/x")), 5, "is for another repository"},
		{"none", besideCosign(func(_ *forge, s string) string { return swap(s, identity, "") }), 5, "is for another repository"},
		{"no name", besidePGP("good", func(_ *forge, s string) string { return swap(s, identity, "?") }), 5, "is for another repository"},
		{"a tag of another", besidePGP("good", func(_ *forge, s string) string { return swap(s, identity, identity+"x:15.0") }), 5, "is for another repository"},
		{"that of a copy", func(f *forge) []string {
			return []string{"verify", "-q", "--plain-http", "--key", f.key("ec.pub"), f.publish(false, f.cosign(f.simple()))}
		}, 5, "is for another repository"},
		{"asked for with a tag", func(f *forge) []string { return f.withKey("--identity", identity+":t") }, 2, "wanted REGISTRY/PATH"},
	},
	"digest": {
		{"in a bundle", besideBundle(func(f *forge, s string) string { return swap(s, f.digest.Encoded(), elsewhere.Encoded()) }), 5, "is of " + elsewhere.String()},
		{"in cosign's", besideCosign(func(f *forge, s string) string { return swap(s, f.digest.String(), elsewhere.String()) }), 5, "is of " + elsewhere.String()},
		{"in podman's", besidePGP("good", func(f *forge, s string) string { return swap(s, f.digest.String(), elsewhere.String()) }), 5, "is of " + elsewhere.String()},
		{"in a list", inList(func(f *forge) string { return f.list("good", swap(f.line(), f.digest.Encoded(), elsewhere.Encoded())) }), 5, "wanted " + elsewhere.Encoded()},
		{"of the manifest for the index", func(f *forge) []string {
			ref := f.publish(true)
			f.add(f.digest, f.bundle(f.statement(), attest.MediaTypeStatement))
			return []string{"verify", "-q", "--plain-http", "--key", f.key("ec.pub"), ref}
		}, 5, "is not signed"},
		{"of another at its tag", func(f *forge) []string {
			return []string{"verify", "-q", "--plain-http", "--key", f.key("ec.pub"), f.publish(false, f.cosign(string(attest.CosignPayload("x/y", elsewhere))))}
		}, 5, "is of " + elsewhere.String()},
	},
	"envelope": {
		{"a bit of the bundle's signature", editedBundle(func(b []byte) []byte { return editSig(b, 12) }), 5, "was made by none of the given keys"},
		{"a bit of the bundle's payload", editedBundle(func(b []byte) []byte { return editPayload(b) }), 5, "has no signature that counts"},
		{"two signatures", editedBundle(func(b []byte) []byte {
			return []byte(swap(string(b), `"signatures":[{`, `"signatures":[{"sig":"AA=="},{`))
		}), 5, "its envelope has 2 signatures, wanted 1"},
		{"no signature", editedBundle(func(b []byte) []byte {
			at := bytes.Index(b, []byte(`"signatures":[`))
			return append(bytes.Clone(b[:at]), `"signatures":[]}}`...)
		}), 5, "its envelope has 0 signatures, wanted 1"},
		{"a message's signature, too", editedBundle(func(b []byte) []byte {
			return []byte(swap(string(b), `"dsseEnvelope"`, `"messageSignature":{},"dsseEnvelope"`))
		}), 5, "wanted one of them"},
		{"an older bundle", editedBundle(func(b []byte) []byte { return []byte(swap(string(b), "v0.3+json", "v0.1+json")) }), 5, "is no bundle"},
		{"half a bundle", editedBundle(func(b []byte) []byte { return b[:len(b)/2] }), 5, "container-image-static.sigstore.json"},
		{"a bit of cosign's signature", func(f *forge) []string {
			s := f.cosign(f.simple())
			s.Sig = flipAt(s.Sig, -1)
			f.beside(s)
			return f.withKey()
		}, 5, "was made by none of the given keys"},
		{"a bit of cosign's payload", func(f *forge) []string {
			s := f.cosign(f.simple())
			s.Text = []byte(swap(string(s.Text), "freebsd-static", "freebsd-statix"))
			f.beside(s)
			return f.withKey()
		}, 5, "was made by none of the given keys"},
		{"a bit of the message", editedMessage(func(b []byte) []byte { return []byte(swap(string(b), "freebsd-static", "freebsd-statix")) }), 5, "does not verify"},
		{"half a message", editedMessage(func(b []byte) []byte { return b[:len(b)/2] }), 5, "has no signature that counts"},
		{"two messages in one", editedMessage(func(b []byte) []byte { return append(b, b...) }), 5, "found packets of the types [4 11 2 4 11 2]"},
		{"a message that is a text", editedMessage(func([]byte) []byte { return []byte("\xac\x05b\x00\x00\x00\x00") }), 5, "is no signed OpenPGP message"},
	},
	"storage": {
		{"a symbolic link", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			name := filepath.Join(f.dir, "container-image-static.sigstore.json")
			f.must(os.Rename(name, name+".real"))
			f.must(os.Symlink(name+".real", name))
			return f.withKey()
		}, 5, "container-image-static.sigstore.json"},
		{"a folder", func(f *forge) []string {
			f.must(os.Mkdir(filepath.Join(f.dir, "container-image-static.pgp"), 0o700))
			return f.withRing()
		}, 5, "container-image-static.pgp"},
		{"65 signatures", func(f *forge) []string {
			f.file("container-image-static.sigstore.json", bytes.Repeat([]byte("{}\n"), 65))
			return f.withKey()
		}, 5, "has more than 64 signatures"},
		{"no JSON", func(f *forge) []string { f.file("container-image-static.cosign.json", []byte("x")); return f.withKey() }, 5, "container-image-static.cosign.json"},
		{"an index at cosign's tag", func(f *forge) []string {
			ref := f.publish(false)
			f.server.PutManifest("freebsd/freebsd-static", attest.SignatureTag(f.digest), "application/vnd.oci.image.index.v1+json", []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
			return f.remote(ref)
		}, 5, "is not signed"},
		{"other layers at cosign's tag", func(f *forge) []string {
			ref := f.publish(false)
			f.server.PutManifest("freebsd/freebsd-static", attest.SignatureTag(f.digest), "application/vnd.oci.image.manifest.v1+json",
				fmt.Appendf(nil, `{"schemaVersion":2,"layers":[{"mediaType":"text/plain","digest":"%s","size":1}]}`, elsewhere))
			return f.remote(ref)
		}, 5, "is not signed"},
		{"a payload that is not there", func(f *forge) []string {
			ref := f.publish(false, f.cosign(f.simple()))
			f.server.DropBlob("freebsd/freebsd-static", digest.FromString(f.simple()))
			return f.remote(ref)
		}, 5, "is not signed"},
		{"a payload of other bytes", func(f *forge) []string {
			ref := f.publish(false, f.cosign(f.simple()))
			f.server.Edit(registrytest.Always, registrytest.On("GET", digest.FromString(f.simple()).String()), registrytest.Spoil())
			return f.remote(ref)
		}, 5, "is not signed"},
		{"503 for referrers", func(f *forge) []string {
			ref := f.publish(false)
			f.server.Handle(registrytest.Answer(registrytest.Always, 503, http.Header{"Retry-After": {"100000"}}, "", registrytest.On("GET", "/referrers/")))
			return f.remote(ref)
		}, 4, "503"},
		{"503 for cosign's tag", func(f *forge) []string {
			ref := f.publish(false)
			f.server.Handle(registrytest.Answer(registrytest.Always, 503, http.Header{"Retry-After": {"100000"}}, "", registrytest.On("GET HEAD", ".sig")))
			return f.remote(ref)
		}, 4, "503"},
		{"503 for the lookaside", func(f *forge) []string {
			return append(f.remote(f.publish(false)), "--lookaside", f.web(http.StatusServiceUnavailable, ""))
		}, 4, "503"},
		{"a lookaside that is not there", func(f *forge) []string {
			return append(f.remote(f.publish(false)), "--lookaside", "http://127.0.0.1:1/x")
		}, 4, "127.0.0.1:1"},
		{"a lookaside of endless signatures", func(f *forge) []string {
			return append(f.remote(f.publish(false)), "--lookaside", f.web(http.StatusOK, "x"))
		}, 5, "has no signature that counts"},
		{"values deep in one another", func(f *forge) []string {
			deep := strings.Repeat(`{"`+strings.Repeat("n", 400)+`":`, 300) + "1" + strings.Repeat("}", 300)
			f.file("container-image-static.sigstore.json", []byte(deep))
			return f.withKey()
		}, 5, "deep in one another"},
		{"a signature of a megabyte", func(f *forge) []string {
			return append(f.remote(f.publish(false)), "--lookaside", f.web(http.StatusOK, strings.Repeat("x", 1<<20)))
		}, 5, "has more than 65536 bytes"},
		{"one for another repository in the lookaside", func(f *forge) []string {
			ref := f.publish(false)
			at := registry.Reference{Repository: "freebsd/freebsd-static"}
			f.must(signature.Lookaside{Place: f.dir}.Add(at, f.digest, []attest.Signature{f.message("good", f.atomic())}))
			return []string{"verify", "-q", "--plain-http", "--keyring", f.key("good.asc"), "--lookaside", f.dir, ref}
		}, 5, "is for another repository"},
	},
	"list": {
		{"a text before it", inList(func(f *forge) string { return f.line() + f.list("good", f.line()) }), 5, "has something before its signed text"},
		{"a text behind it", inList(func(f *forge) string { return f.list("good", f.line()) + f.line() }), 5, "has something after its signature"},
		{"two blocks", inList(func(f *forge) string { return f.list("good", f.line()) + f.list("good", f.line()) }), 5, "LIST.asc"},
		{"a line that is no part of it", inList(func(f *forge) string { return swap(f.list("good", f.line()), "SHA256 (", "-SHA256 (") }), 5, "in which a dash is not escaped"},
		{"a line more", inList(func(f *forge) string {
			return swap(f.list("good", "SHA256 (x) = "+elsewhere.Encoded()+"\n"), "SHA256 (x", f.line()+"SHA256 (x")
		}), 5, "does not verify"},
		{"a Hash that lies", inList(func(f *forge) string { return swap(f.list("good", f.line()), "Hash: SHA512", "Hash: SHA256") }), 5, "says that its hash is SHA256, and it is SHA512"},
		{"another header", inList(func(f *forge) string { return swap(f.list("good", f.line()), "Hash: SHA512", "Comment: x") }), 5, "wanted Hash alone"},
		{"a line twice with two digests", inList(func(f *forge) string {
			return f.list("good", f.line()+swap(f.line(), f.digest.Encoded(), elsewhere.Encoded()))
		}), 5, "twice"},
		{"no list", inList(func(f *forge) string { return f.list("good", "hello\n") }), 5, "wanted a line such as"},
		{"unsigned", inList(func(f *forge) string { return f.line() }), 5, "is not clear-signed, and OpenPGP keys are given"},
		{"by another", inList(func(f *forge) string { return f.list("unknown", f.line()) }), 5, "which is not among the given ones"},
		{"of another image", inList(func(f *forge) string { return f.list("good", "SHA256 (x) = "+elsewhere.Encoded()+"\n") }), 5, "in the lists of digests"},
		{"without a keyring", func(f *forge) []string {
			return f.verify("--digests", f.file("LIST.asc", []byte(f.list("good", f.line()))))
		}, 2, "is clear-signed: give --keyring"},
	},
	"policy": {
		{"another key", policed(`[{"type":"sigstoreSigned","keyPath":"%s"}]`, "other.pub"), 5, "was made by none of the given keys"},
		{"an OpenPGP key for cosign's signature", policed(`[{"type":"signedBy","keyType":"GPGKeys","keyPath":"%s"}]`, "good.asc"), 5, "no signature"},
		{"reject", policed(`[{"type":"reject"}]`, ""), 5, "reject"},
		{"unheard of", policed(`[{"type":"signedByAnybody"}]`, ""), 1, "signedByAnybody"},
		{"a member more", policed(`[{"type":"insecureAcceptAnything","x":1}]`, ""), 1, "x"},
		{"no requirement", policed(`[]`, ""), 1, "default"},
		{"no default", func(f *forge) []string {
			return f.verify("--identity", identity, "--policy", f.file("p.json", []byte(`{"transports":{}}`)))
		}, 1, "default"},
		{"a tag that lends its scope to any digest", func(f *forge) []string {
			ref := f.publish(false)
			policy := fmt.Sprintf(`{"default":[{"type":"reject"}],"transports":{"docker":{"%s:15.0p3":[{"type":"insecureAcceptAnything"}]}}}`, f.here())
			return []string{"verify", "-q", "--plain-http", "--policy", f.file("p.json", []byte(policy)), strings.TrimSuffix(ref, ":t") + ":15.0p3@" + f.digest.String()}
		}, 5, "reject"},
		{"nowhere published", func(f *forge) []string {
			return f.verify("--policy", f.file("p.json", []byte(`{"default":[{"type":"reject"}]}`)))
		}, 2, "wanted --identity"},
	},
	"version": {
		{"older, as uname(1) has it", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			return f.withKey("--at-least", "15.0-RELEASE-p4")
		}, 5, "has version 15.0p3, wanted at least 15.0p4"},
		{"no version at all", func(f *forge) []string { return f.withKey("--at-least", "newest") }, 2, "wanted a version such as 15.0p3"},
		{"older, by far", func(f *forge) []string { return f.withKey("--at-least", "15") }, 2, "wanted a version such as 15.0p3"},
		{"older", func(f *forge) []string {
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
			return f.withKey("--at-least", "15.0p4")
		}, 5, "has version 15.0p3, wanted at least 15.0p4"},
		{"a tag that names an older one", func(f *forge) []string {
			ref := f.publish(false, f.bundle(f.statement(), attest.MediaTypeStatement))
			f.server.SetTag("freebsd/freebsd-static", "15", f.digest)
			f.server.PutImage("freebsd/freebsd-static", "15.0p3", []byte("another"))
			return f.remote(strings.TrimSuffix(ref, ":t") + ":15")
		}, 5, "tag 15.0p3 is sha256:"},
	},
}

// TestForgeries refuses each of them, with the right status, and says what is wrong.
func TestForgeries(t *testing.T) {
	t.Parallel()
	count := 0
	for kind, list := range forgeries {
		for _, tt := range list {
			if tt.want != 0 {
				count++
			}
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				f := newForge(t)
				args := tt.make(f)
				status, said := orlop(t, args...)
				if status != tt.want || !strings.Contains(said, tt.says) {
					t.Errorf("status %d, want %d, and %q in\n%s", status, tt.want, tt.says, said)
				}
			})
		}
	}
	if count < 60 {
		t.Errorf("there are %d forgeries, wanted 60", count)
	}
}
