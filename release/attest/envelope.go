// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/orlop/orlop/pkgdb/strict"
)

// Envelope is a signed document (DSSE, envelope.md).
type Envelope struct {
	Type       string // of the payload
	Payload    []byte
	Signatures [][]byte
}

// maxSignatures bounds how many signatures of an envelope are tried.
const maxSignatures = 16

// envelopeDocument is its JSON.
type envelopeDocument struct {
	PayloadType string `json:"payloadType"`
	Payload     string `json:"payload"`
	Signatures  []struct {
		Sig string `json:"sig"`
	} `json:"signatures"`
}

// ParseEnvelope reads an envelope. It says nothing of who signed it.
func ParseEnvelope(text []byte) (*Envelope, error) {
	var doc envelopeDocument
	if err := strict.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	return doc.envelope()
}

// ParseBundle reads the envelope in a bundle (sigstore protobuf-specs, bundle v0.3).
// Certificates and entries of logs in it count for nothing.
func ParseBundle(text []byte) (*Envelope, error) {
	var doc struct {
		MediaType        string            `json:"mediaType"`
		DSSEEnvelope     *envelopeDocument `json:"dsseEnvelope"`
		MessageSignature *json.RawMessage  `json:"messageSignature"`
	}
	if err := strict.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.MediaType != MediaTypeBundle || doc.DSSEEnvelope == nil {
		return nil, fmt.Errorf("mediaType is %q, wanted %q with an envelope", doc.MediaType, MediaTypeBundle)
	}
	if doc.MessageSignature != nil {
		return nil, errors.New("has an envelope and a messageSignature, wanted one of them")
	}
	if n := len(doc.DSSEEnvelope.Signatures); n != 1 {
		return nil, fmt.Errorf("its envelope has %d signatures, wanted 1", n)
	}
	return doc.DSSEEnvelope.envelope()
}

// Bundle writes a statement and its signature with the members of cosign 3's, in its
// order. That, and that there is no blank, decides bytes.
func Bundle(by Key, statement, sig []byte) []byte {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `{"mediaType":"%s","verificationMaterial":{"publicKey":{"hint":"%s"}},`+
		`"dsseEnvelope":{"payload":"%s","payloadType":"%s","signatures":[{"sig":"%s"}]}}`,
		MediaTypeBundle, by.Hint(), b64(statement), MediaTypeStatement, b64(sig))
}

func (doc *envelopeDocument) envelope() (*Envelope, error) {
	e := &Envelope{Type: doc.PayloadType}
	var err error
	if e.Payload, err = decode(doc.Payload); err != nil {
		return nil, errors.New("payload is not base64")
	}
	if n := len(doc.Signatures); n == 0 || n > maxSignatures {
		return nil, fmt.Errorf("has %d signatures, wanted 1 to %d", n, maxSignatures)
	}
	for _, s := range doc.Signatures {
		sig, err := decode(s.Sig)
		if err != nil {
			return nil, errors.New("a signature is not base64")
		}
		e.Signatures = append(e.Signatures, sig)
	}
	return e, nil
}

// decode reads base64 in one of the two alphabets that DSSE allows.
func decode(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return base64.URLEncoding.Strict().DecodeString(s)
	}
	return b, nil
}

// SignedBy finds the first of the keys that has signed the envelope.
func (e *Envelope) SignedBy(keys []Key) (Key, bool) {
	signed := PAE(e.Type, e.Payload)
	i := slices.IndexFunc(keys, func(k Key) bool {
		return slices.ContainsFunc(e.Signatures, func(sig []byte) bool { return k.Verify(signed, sig) })
	})
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// PAE returns the bytes that are signed of a payload (DSSE, protocol.md).
func PAE(payloadType string, payload []byte) []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload)), payload...)
}
