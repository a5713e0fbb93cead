// SPDX-License-Identifier: BSD-2-Clause

// Package attest writes and reads what is said of images, and tells who signed it:
//
//   - in-toto statements (in-toto attestation framework, Statement v1), alone, in a DSSE
//     envelope, or in cosign's bundle (sigstore protobuf-specs, bundle v0.3);
//   - cosign's older signatures (cosign, SIGNATURE_SPEC.md);
//   - OpenPGP messages as podman and skopeo have them (containers-signature(5));
//   - clear-signed lists, as FreeBSD's releases have them.
//
// Keys are those that the user gives: certificates, logs and key servers count for
// nothing. The same key makes the same bytes of the same image each time, except OpenPGP
// keys of which PGPKey.Deterministic is false.
package attest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/strict"
)

// The types of files that hold a statement.
const (
	MediaTypeStatement = "application/vnd.in-toto+json"
	MediaTypeEnvelope  = "application/vnd.dsse.envelope.v1+json"
	MediaTypeBundle    = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// statementType is what a statement calls itself.
const statementType = "https://in-toto.io/Statement/v1"

// SignType is the type of the predicate by which cosign 3 signs an image. It says nothing
// but that.
const SignType = "https://sigstore.dev/cosign/sign/v1"

// SignStatement writes the statement that signs something with this digest, as cosign 3
// does, but without an empty list of annotations. Its bytes are what is signed.
func SignStatement(d digest.Digest) []byte {
	return fmt.Appendf(nil, `{"_type":"%s","subject":[{"digest":{"sha256":"%s"}}],"predicateType":"%s","predicate":{}}`, statementType, d.Encoded(), SignType)
}

// Statement is a statement about some images.
type Statement struct {
	Subjects      []digest.Digest
	PredicateType string
	Predicate     json.RawMessage
}

// ParseStatement reads a statement that has only one meaning.
func ParseStatement(text []byte) (*Statement, error) {
	var doc struct {
		Type    string `json:"_type"`
		Subject []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		PredicateType string          `json:"predicateType"`
		Predicate     json.RawMessage `json:"predicate"`
	}
	if err := strict.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.Type != statementType {
		return nil, fmt.Errorf("_type is %q, wanted %q", doc.Type, statementType)
	}
	s := &Statement{PredicateType: doc.PredicateType, Predicate: doc.Predicate}
	for _, subject := range doc.Subject {
		if hex, has := subject.Digest["sha256"]; has {
			s.Subjects = append(s.Subjects, digest.NewDigestFromEncoded(digest.SHA256, hex))
		}
	}
	if len(s.Subjects) == 0 {
		return nil, errors.New("has no subject with a sha256")
	}
	return s, nil
}
