// SPDX-License-Identifier: BSD-2-Clause

// Package policy reads the policy of podman and skopeo (containers-policy.json(5)), and
// judges by it whether an image of a registry may be used.
//
// Of the transports in it only docker is judged, by its scopes, and by the default. What
// stands there for other transports is checked to be well formed; their scopes may be
// anything, and their files of keys are not read.
//
// A policy is believed whole or not at all. Certificates and logs (fulcio, pki and
// rekorPublicKey), keys other than OpenPGP's and cosign's, and signedBaseLayer are not
// supported: a policy that has one of them is an error, wherever it stands. So is a scope
// of docker that no image can have, which podman and skopeo pass over.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
)

// Policy is a policy.json.
type Policy struct {
	fallback []requirement            // of everything that no scope is for
	docker   map[string][]requirement // by scope
}

// Image is what is judged. That the manifest is the one asked for, or one of an index that
// was asked for, is for the caller to know.
type Image struct {
	Name     string        // REGISTRY/PATH, normalised: docker.io/library/x
	Tag      string        // by which it was asked for; "" for none
	Digest   digest.Digest // by which it was asked for; "" for none; then the tag counts for nothing
	Manifest digest.Digest // of the manifest that is judged
}

// Verdict is how an image came to be accepted.
type Verdict struct {
	Scope    string         // where the requirements stand: default, docker, or docker "docker.io/freebsd"
	Insecure bool           // nothing but insecureAcceptAnything stands there
	Claims   []attest.Claim // of the signatures that counted, in their order
}

// reference is what the image was asked for by. Of a tag and a digest the digest counts,
// as it does for podman.
func (i Image) reference() (reference, error) {
	r := reference{name: i.Name, tag: i.Tag, digest: i.Digest}
	if r.digest != "" {
		r.tag = ""
	}
	if again, err := parseReference(r.String()); err != nil || again != r {
		return r, &Error{"", fmt.Errorf("image %q: wanted a name in full, as in docker.io/library/x:latest", fault.Short(r.String()))}
	}
	if i.Manifest.Validate() != nil {
		return r, &Error{"", fmt.Errorf("image %s: the digest of its manifest is %q", r, fault.Short(string(i.Manifest)))}
	}
	return r, nil
}

// scopes lists the scopes that may be for an image, the most specific first: itself, its
// repository, each name above that down to the registry, and the registry's domains.
func (r reference) scopes() []string {
	list := []string{r.String()}
	name := r.name
	if name != list[0] {
		list = append(list, name)
	}
	for at := strings.LastIndexByte(name, '/'); at >= 0; at = strings.LastIndexByte(name, '/') {
		name = name[:at]
		list = append(list, name)
	}
	host, _, _ := strings.Cut(name, ":")
	for _, above, more := strings.Cut(host, "."); more; _, above, more = strings.Cut(above, ".") {
		list = append(list, "*."+above)
	}
	return append(list, "")
}

// requirements finds what is required of an image, and where that stands.
func (p *Policy) requirements(r reference) (scope string, list []requirement) {
	for _, scope := range r.scopes() {
		if list, has := p.docker[scope]; has {
			if scope == "" {
				return docker, list
			}
			return docker + " " + strconv.Quote(scope), list
		}
	}
	return "default", p.fallback
}

// Forms lists which forms of signatures the requirements for an image need.
func (p *Policy) Forms(image Image) []attest.Form {
	asked, err := image.reference()
	if err != nil {
		return nil // which is not judged
	}
	var forms []attest.Form
	_, list := p.requirements(asked)
	for _, r := range list {
		if r.form != "" {
			forms = append(forms, r.form)
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// Judge decides whether an image may be used: all requirements hold that stand where it
// belongs. An error that is not an Error says which one does not, and why.
func (p *Policy) Judge(image Image, signatures []attest.Signature, now time.Time) (Verdict, error) {
	asked, err := image.reference()
	if err != nil {
		return Verdict{}, err
	}
	scope, list := p.requirements(asked)
	if len(list) == 0 {
		return Verdict{}, fault.Contentf("policy: %s: has no requirement, not even insecureAcceptAnything", scope)
	}
	v := Verdict{Scope: scope, Insecure: true}
	claims := map[int]attest.Claim{}
	for _, r := range list {
		if r.kind == acceptAnything {
			continue
		}
		v.Insecure = false
		if err := r.judge(asked, image.Manifest, signatures, now, claims); err != nil {
			return Verdict{}, fault.Contentf("policy: %s: %s: %w", scope, r.kind, err)
		}
	}
	for i := range signatures {
		if claim, counted := claims[i]; counted {
			v.Claims = append(v.Claims, claim)
		}
	}
	return v, nil
}

// maxReasons bounds the signatures of which a message says why they do not count.
const maxReasons = 10

// judge checks one requirement, and notes the claims of the signatures that count for it.
func (r requirement) judge(asked reference, manifest digest.Digest, signatures []attest.Signature, now time.Time, claims map[int]attest.Claim) error {
	if r.form == "" {
		return errors.New("accepts no image")
	}
	r.trust.Now = now
	var reasons []string
	for i, s := range signatures {
		claim, err := r.counts(asked, manifest, s)
		if err == nil {
			claims[i] = claim
			continue
		}
		reasons = append(reasons, fmt.Sprintf("signature %d %s", i+1, fault.OneLine(err.Error())))
	}
	switch more := len(reasons) - maxReasons; {
	case len(reasons) < len(signatures):
		return nil
	case len(signatures) == 0:
		return errors.New("no signature counts: there is none")
	case more > 0:
		reasons = append(reasons[:maxReasons], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("no signature counts: %s", strings.Join(reasons, "; "))
}

// counts checks one signature: of the form that is required, by a key that is required, of
// this manifest, and for the image that was asked for.
func (r requirement) counts(asked reference, manifest digest.Digest, s attest.Signature) (attest.Claim, error) {
	if s.Form != r.form {
		return attest.Claim{}, fmt.Errorf("has the form %q, wanted %q", s.Form, r.form)
	}
	claim, err := r.trust.Verify(s)
	if err != nil {
		return claim, err
	}
	if n := len(claim.Digests); n != 1 {
		return claim, fmt.Errorf("is of %d manifests, wanted 1", n)
	}
	if claim.Digests[0] != manifest {
		return claim, fmt.Errorf("is of %s, wanted %s", claim.Digests[0], manifest)
	}
	signed, err := parseReference(claim.Identity)
	if err != nil {
		return claim, fmt.Errorf("is for %q, which %w", fault.Short(claim.Identity), err)
	}
	return claim, r.identity.check(asked, signed)
}
