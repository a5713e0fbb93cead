// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/strict"
)

// signatureAnnotation is where a layer of cosign's signatures has the signature, in
// base64.
const signatureAnnotation = "dev.cosignproject.cosign/signature"

// SignatureTag is the tag at which cosign's older signatures of an image stand
// (SIGNATURE_SPEC.md, Tag-based discovery).
func SignatureTag(subject digest.Digest) string {
	return subject.Algorithm().String() + "-" + subject.Encoded() + ".sig"
}

// SignatureLayer is a signature as the manifest at that tag has it: a payload of so many
// bytes, and the signature of it.
type SignatureLayer struct {
	Digest digest.Digest
	Size   int64
	Sig    []byte
}

// SignatureList is that manifest. Its zero value is an empty one.
type SignatureList struct {
	Layers []SignatureLayer // those that are signatures
	Others int              // layers that are something else

	raw         []json.RawMessage // all layers as they were
	digests     []digest.Digest   // of all
	annotations json.RawMessage   // of the manifest
}

// ParseSignatureList reads a manifest of signatures.
func ParseSignatureList(text []byte) (*SignatureList, error) {
	var doc struct {
		MediaType   string            `json:"mediaType"`
		Layers      []json.RawMessage `json:"layers"`
		Manifests   json.RawMessage   `json:"manifests"`
		Annotations json.RawMessage   `json:"annotations"`
	}
	if err := strict.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.MediaType != "" && doc.MediaType != v1.MediaTypeImageManifest || doc.Manifests != nil {
		return nil, fmt.Errorf("is of type %q, wanted %q", doc.MediaType, v1.MediaTypeImageManifest)
	}
	l := &SignatureList{raw: doc.Layers, annotations: doc.Annotations}
	for i, raw := range doc.Layers {
		var d v1.Descriptor
		if err := strict.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		if err := d.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("layer %d: digest is %q", i, d.Digest)
		}
		l.note(d)
	}
	return l, nil
}

// note notes what a layer is: a signature, or something else.
func (l *SignatureList) note(d v1.Descriptor) {
	l.digests = append(l.digests, d.Digest)
	sig, err := base64.StdEncoding.DecodeString(d.Annotations[signatureAnnotation])
	if err != nil || d.MediaType != MediaTypeSimple || len(sig) == 0 || d.Size < 0 {
		l.Others++
		return
	}
	l.Layers = append(l.Layers, SignatureLayer{d.Digest, d.Size, sig})
}

// Add adds a signature at the end. The layers that are there stay as they are. The bytes
// are those of cosign.
func (l *SignatureList) Add(payload, sig []byte) {
	d := SignatureLayer{digest.FromBytes(payload), int64(len(payload)), sig}
	l.Layers, l.digests = append(l.Layers, d), append(l.digests, d.Digest)
	l.raw = append(l.raw, fmt.Appendf(nil, `{"mediaType":"%s","size":%d,"digest":"%s","annotations":{"%s":"%s"}}`,
		MediaTypeSimple, d.Size, d.Digest, signatureAnnotation, base64.StdEncoding.EncodeToString(sig)))
}

// Merge adds the layers of another list that are not there yet.
func (l *SignatureList) Merge(other *SignatureList) {
	for i, raw := range other.raw {
		if slices.ContainsFunc(l.raw, func(have json.RawMessage) bool { return bytes.Equal(have, raw) }) {
			continue
		}
		l.raw = append(l.raw, raw)
		l.note(other.descriptor(i))
	}
}

// descriptor reads a layer again, which has been read before.
func (l *SignatureList) descriptor(i int) v1.Descriptor {
	var d v1.Descriptor
	_ = json.Unmarshal(l.raw[i], &d)
	return d
}

// Len counts all layers.
func (l *SignatureList) Len() int { return len(l.raw) }

// Texts writes the manifest and its config, byte for byte as cosign does.
func (l *SignatureList) Texts() (manifest, config []byte) {
	var digests, layers []string
	for i, d := range l.digests {
		digests, layers = append(digests, `"`+d.String()+`"`), append(layers, string(l.raw[i]))
	}
	const never = "0001-01-01T00:00:00Z"
	history := strings.TrimSuffix(strings.Repeat(`{"created":"`+never+`"},`, len(layers)), ",")
	config = fmt.Appendf(nil, `{"architecture":"","created":"%s","history":[%s],"os":"","rootfs":{"type":"layers","diff_ids":[%s]},"config":{}}`,
		never, history, strings.Join(digests, ","))
	annotations := ""
	if len(l.annotations) > 0 {
		annotations = `,"annotations":` + string(l.annotations)
	}
	manifest = fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","size":%d,"digest":"%s"},"layers":[%s]%s}`,
		v1.MediaTypeImageManifest, v1.MediaTypeImageConfig, len(config), digest.FromBytes(config), strings.Join(layers, ","), annotations)
	return manifest, config
}
