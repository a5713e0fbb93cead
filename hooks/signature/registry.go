// SPDX-License-Identifier: BSD-2-Clause

package signature

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/registry"
)

// Most bounds the signatures of one image that are looked at in one place.
const Most = 64

// Found is a signature and where it was found.
type Found struct {
	attest.Signature
	Where string

	raw []byte // what a file has of it, if that is more
}

// Equal reports whether both are the same bytes in the same place.
func (f Found) Equal(other Found) bool {
	return f.Where == other.Where && f.Signature.Equal(other.Signature) && bytes.Equal(f.raw, other.raw)
}

// Only returns the signatures alone.
func Only(found []Found) []attest.Signature {
	var list []attest.Signature
	for _, f := range found {
		list = append(list, f.Signature)
	}
	return list
}

// Registry reads the signatures that a registry has of a manifest: bundles attached to
// it, and those at cosign's tag. Notes say what was passed over.
func Registry(ctx context.Context, from *registry.Repository, subject digest.Digest) (found []Found, notes []string, err error) {
	bundles, notes, err := from.Attachments(ctx, subject, attest.MaxSignature, attest.MediaTypeBundle)
	if err != nil {
		return nil, nil, err
	}
	if len(bundles) > Most {
		bundles, notes = bundles[:Most], append(notes, fmt.Sprintf("more than %d bundles are attached to %s, and the rest was not looked at", Most, subject))
	}
	for _, b := range bundles {
		found = append(found, Found{Signature: attest.Signature{Form: attest.FormBundle, Text: b.Text}, Where: "attachment " + b.Manifest.String()})
	}
	tag := attest.SignatureTag(subject)
	there, err := from.At(ctx, tag)
	if err != nil || there == nil {
		return found, notes, err
	}
	list, err := attest.ParseSignatureList(there.Text)
	if err != nil {
		return found, append(notes, fmt.Sprintf("tag %s was skipped: %v", tag, err)), nil
	}
	if list.Others > 0 {
		notes = append(notes, fmt.Sprintf("tag %s has %d layers that are no signatures", tag, list.Others))
	}
	more, skipped, err := payloads(ctx, from, tag, list)
	return append(found, more...), append(notes, skipped...), err
}

// payloads reads what the signatures at cosign's tag sign.
func payloads(ctx context.Context, from *registry.Repository, tag string, list *attest.SignatureList) (found []Found, notes []string, err error) {
	for i, l := range list.Layers {
		if i == Most {
			return found, append(notes, fmt.Sprintf("tag %s has more than %d signatures, and the rest was not looked at", tag, Most)), nil
		}
		if l.Size > attest.MaxSignature {
			notes = append(notes, fmt.Sprintf("tag %s: signature %d has %d bytes, and was not looked at", tag, i+1, l.Size))
			continue
		}
		text, err := read(ctx, from, v1.Descriptor{MediaType: attest.MediaTypeSimple, Digest: l.Digest, Size: l.Size})
		gone, is := errors.AsType[*registry.StatusError](err)
		if err != nil && (fault.ClassOf(err) == fault.Wrong || is && gone.Status == http.StatusNotFound) {
			notes = append(notes, fmt.Sprintf("tag %s: signature %d was skipped: %v", tag, i+1, err))
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		found = append(found, Found{Signature: attest.Signature{Form: attest.FormCosign, Text: text, Sig: l.Sig}, Where: "tag " + tag})
	}
	return found, notes, nil
}

func read(ctx context.Context, from *registry.Repository, d v1.Descriptor) ([]byte, error) {
	r, err := from.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Annotations of a bundle's manifest, by which cosign tells what is in it.
const (
	bundleKind = "dev.sigstore.bundle.content"
	bundleType = "dev.sigstore.bundle.predicateType"
)

// attachment is how a bundle that is not there is attached to what it signs.
func attachment(s attest.Signature) registry.Attachment {
	return registry.Attachment{Type: attest.MediaTypeBundle, Text: s.Text, New: true,
		Annotations: map[string]string{bundleKind: "dsse-envelope", bundleType: attest.SignType}}
}

// Publish adds signatures of a manifest to a registry, in cosign's two forms. The bundles
// among them are not there yet. At cosign's tag, what is there stays as it is. It returns
// how many manifests it sent.
func Publish(ctx context.Context, to *registry.Repository, subject v1.Descriptor, list []attest.Signature) (sent int, err error) {
	var bundles []registry.Attachment
	var older []attest.Signature
	for _, s := range list {
		switch s.Form {
		case attest.FormBundle:
			b := attachment(s)
			for _, text := range registry.BlobsOf(b) {
				if err := upload(ctx, to, text); err != nil {
					return 0, err
				}
			}
			bundles = append(bundles, b)
		case attest.FormCosign:
			older = append(older, s)
		}
	}
	if len(bundles) > 0 {
		attached, err := to.Attach(ctx, subject, bundles)
		if err != nil {
			return len(attached.Sent), err
		}
		sent = len(attached.Sent)
	}
	if len(older) == 0 {
		return sent, nil
	}
	for _, s := range older { // before the tag is read: between that and its change there should be no wait
		if err := upload(ctx, to, registry.Manifest{Descriptor: oci.DescriptorOf(attest.MediaTypeSimple, s.Text), Text: s.Text}); err != nil {
			return sent, err
		}
	}
	seen := &attest.SignatureList{} // also what others have written, which may get lost beside ours
	for _, s := range older {
		seen.Add(s.Text, s.Sig)
	}
	written, err := to.Update(ctx, attest.SignatureTag(subject.Digest), func(there *registry.Manifest) (*registry.Manifest, error) {
		return withSignatures(ctx, to, there, seen)
	})
	return sent + written, err
}

// upload sends a small blob unless it is there.
func upload(ctx context.Context, to *registry.Repository, m registry.Manifest) error {
	has, err := to.Has(ctx, m.Descriptor)
	if err != nil || has {
		return err
	}
	return to.Upload(ctx, m.Descriptor, func(from int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(m.Text[from:])), nil
	})
}

// withSignatures adds those that were seen to a manifest of signatures, nil if it has them
// all. Its config is sent first.
func withSignatures(ctx context.Context, to *registry.Repository, there *registry.Manifest, seen *attest.SignatureList) (*registry.Manifest, error) {
	all := &attest.SignatureList{}
	if there != nil {
		var err error
		if all, err = attest.ParseSignatureList(there.Text); err != nil {
			return nil, fault.Contentf("%s: manifest %s, where cosign's signatures stand: %w", to.Name(), there.Digest, err)
		}
	}
	before := all.Len()
	all.Merge(seen)
	seen.Merge(all)
	switch {
	case all.Len() == before:
		return nil, nil
	case all.Len() > Most:
		return nil, fault.Unsupportedf("%s: there would be %d signatures at cosign's tag, the most that this version writes is %d", to.Name(), all.Len(), Most)
	}
	manifest, config := all.Texts()
	if err := upload(ctx, to, registry.Manifest{Descriptor: oci.DescriptorOf(v1.MediaTypeImageConfig, config), Text: config}); err != nil {
		return nil, err
	}
	return &registry.Manifest{Descriptor: oci.DescriptorOf(v1.MediaTypeImageManifest, manifest), Text: manifest}, nil
}
