// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/strict"
)

// What simple signing calls itself in the two forms that have it.
const (
	cosignType = "cosign container image signature"
	atomicType = "atomic container signature"
)

// MediaTypeSimple is the type of a payload that cosign has signed.
const MediaTypeSimple = "application/vnd.dev.cosign.simplesigning.v1+json"

// CosignPayload writes what cosign signs in its older form. The identity is the name of
// the repository, which has no character that JSON escapes. The bytes are cosign's.
func CosignPayload(identity string, d digest.Digest) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"%s"},"type":"%s"},"optional":null}`, identity, d, cosignType)
}

// AtomicPayload writes what podman and skopeo sign (containers-signature(5)). The identity
// is a repository, or a tag in it. It has no time of its own: the signature around it has.
func AtomicPayload(identity string, d digest.Digest) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"%s"},"type":"%s"},"optional":{}}`, identity, d, atomicType)
}

// simple is such a payload.
type simple struct {
	Critical *struct {
		Identity *struct {
			Reference *string `json:"docker-reference"`
		} `json:"identity"`
		Image *struct {
			Digest *digest.Digest `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional json.RawMessage `json:"optional"`
}

// parseSimple reads a payload of one of the two types. What is critical has no member
// that this version does not know: there may be only one digest.
func parseSimple(text []byte, want string) (Claim, error) {
	var doc simple
	if err := strict.Unmarshal(text, &doc); err != nil {
		return Claim{}, err
	}
	known := json.NewDecoder(bytes.NewReader(text))
	known.DisallowUnknownFields()
	if err := known.Decode(new(simple)); err != nil {
		return Claim{}, strict.Explain(text, err)
	}
	c := doc.Critical
	if c == nil || c.Identity == nil || c.Identity.Reference == nil || c.Image == nil || c.Image.Digest == nil {
		return Claim{}, errors.New("names no image: wanted critical.identity.docker-reference and critical.image.docker-manifest-digest")
	}
	if c.Type != want {
		return Claim{}, fmt.Errorf("critical.type is %q, wanted %q", c.Type, want)
	}
	if err := c.Image.Digest.Validate(); err != nil || c.Image.Digest.Algorithm() != digest.SHA256 {
		return Claim{}, fmt.Errorf("critical.image.docker-manifest-digest is %q, wanted sha256:HEX", *c.Image.Digest)
	}
	return Claim{Digests: []digest.Digest{*c.Image.Digest}, Identity: *c.Identity.Reference}, nil
}
