// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release/oci"
)

// Attachment is a file that is attached to a manifest.
type Attachment struct {
	Type        string // of the file, and of the artifact where the registry allows that
	Name        string // of the file; "" for none
	Text        []byte
	Annotations map[string]string // of its manifest, and of what lists it
	New         bool              // the registry has just got it, so there is no manifest of it yet

	Manifest digest.Digest // by which it is attached, of one that was read
}

// maxAttachments bounds how many of one manifest are looked at.
const maxAttachments = 100

// Attachments reads the files of some types that are attached to a manifest, each of at
// most limit bytes. Notes say what was passed over.
func (r *Repository) Attachments(ctx context.Context, subject digest.Digest, limit int64, types ...string) (list []Attachment, notes []string, err error) {
	listed, notes, err := r.Referrers(ctx, subject, "")
	if err != nil {
		return nil, nil, err
	}
	looked := 0
	likely := append([]string{v1.MediaTypeImageConfig, v1.MediaTypeEmptyJSON, ""}, types...)
	for _, d := range listed {
		// Some registries list the type of the config in place of the artifact's.
		if !slices.Contains(likely, d.ArtifactType) {
			continue
		}
		if looked++; looked > maxAttachments {
			notes = append(notes, fmt.Sprintf("%s: more than %d manifests are attached to %s, and the rest was not looked at", r.Name(), maxAttachments, subject))
			break
		}
		a, err := r.attachment(ctx, d, subject, limit, types)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		refused, is := errors.AsType[*StatusError](err)
		switch {
		case err == nil && a != nil:
			list = append(list, *a)
		case err == nil:
		case fault.ClassOf(err) == fault.Absent && !(is && refused.Status == http.StatusNotFound):
			return nil, nil, err // it may be there, and was not to be had
		default:
			notes = append(notes, fmt.Sprintf("attachment %s was skipped: %v", d.Digest, err))
		}
	}
	return list, notes, nil
}

// attachment reads one, nil if it is of another type.
func (r *Repository) attachment(ctx context.Context, d v1.Descriptor, subject digest.Digest, limit int64, types []string) (*Attachment, error) {
	text, err := r.Manifest(ctx, d.Digest.String())
	if err != nil {
		return nil, err
	}
	var m v1.Manifest
	if err := strict.Unmarshal(text.Text, &m); err != nil {
		return nil, err
	}
	switch {
	case m.Subject == nil || m.Subject.Digest != subject:
		return nil, errors.New("it is attached to something else")
	case len(m.Layers) != 1 || !slices.Contains(types, m.Layers[0].MediaType):
		return nil, nil
	case m.Layers[0].Size > limit:
		return nil, fmt.Errorf("its file has %d bytes, wanted at most %d", m.Layers[0].Size, limit)
	}
	blob, err := r.Blob(ctx, m.Layers[0])
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	file, err := io.ReadAll(blob)
	return &Attachment{Type: m.Layers[0].MediaType, Name: m.Layers[0].Annotations[v1.AnnotationTitle], Text: file, Annotations: m.Annotations, Manifest: d.Digest}, err
}

// BlobsOf returns the blobs of an attachment: the file, and a config that says nothing.
func BlobsOf(f Attachment) []Manifest {
	return []Manifest{{oci.DescriptorOf(f.Type, f.Text), f.Text}, {v1.DescriptorEmptyJSON, v1.DescriptorEmptyJSON.Data}}
}

// Attached is what has become of files that were attached.
type Attached struct {
	Manifests []v1.Descriptor // one a file
	Sent      []v1.Descriptor // those that were not there
	Plain     bool            // the registry refuses the type of an attachment, so that it has the type of an image
}

// Attach attaches files to a manifest, all of which and their blobs the repository has,
// and makes sure that others find them.
func (r *Repository) Attach(ctx context.Context, subject v1.Descriptor, files []Attachment) (Attached, error) {
	var all Attached
	for _, f := range files {
		a, err := r.attach(ctx, subject, f)
		if err != nil {
			return all, err
		}
		if a.sent {
			all.Sent = append(all.Sent, a.Descriptor)
		}
		all.Plain = all.Plain || a.plain
		all.Manifests = append(all.Manifests, a.Descriptor)
	}
	return all, r.Listed(ctx, subject.Digest, all.Manifests)
}

// attached is what one attachment has become: its descriptor in a list.
type attached struct {
	v1.Descriptor
	sent, plain bool
}

// attach stores one attachment, with the type of an image where the registry refuses
// its own, unless it is there in one of the two forms.
func (r *Repository) attach(ctx context.Context, subject v1.Descriptor, f Attachment) (attached, error) {
	own, plain := AttachmentManifest(subject, f), plainAttachment(subject, f)
	if !f.New {
		for _, m := range []*Manifest{own, plain} {
			if has, err := r.shows(ctx, m); err != nil || has {
				return attached{Descriptor: m.Descriptor, plain: m == plain}, err
			}
		}
	}
	err := r.Put(ctx, own)
	if !isTypeRefused(err) {
		return attached{Descriptor: own.Descriptor, sent: true}, err
	}
	if r.Put(ctx, plain) != nil {
		return attached{}, err // the first refusal says why
	}
	return attached{plain.Descriptor, true, true}, nil
}

// plainAttachment is AttachmentManifest for registries that take only images.
func plainAttachment(subject v1.Descriptor, f Attachment) *Manifest {
	text := oci.PlainAttachment(f.Name, oci.DescriptorOf(f.Type, f.Text), subject, f.Annotations)
	m := &Manifest{oci.DescriptorOf(v1.MediaTypeImageManifest, text), text}
	m.ArtifactType, m.Annotations = v1.MediaTypeImageConfig, f.Annotations
	return m
}

// AttachmentManifest returns the manifest by which a file is attached to another one.
func AttachmentManifest(subject v1.Descriptor, f Attachment) *Manifest {
	text := oci.Attachment(f.Type, f.Name, oci.DescriptorOf(f.Type, f.Text), subject, f.Annotations)
	m := &Manifest{oci.DescriptorOf(v1.MediaTypeImageManifest, text), text}
	m.ArtifactType, m.Annotations = f.Type, f.Annotations
	return m
}

// isTypeRefused reports whether a registry refuses a manifest because of what it is.
func isTypeRefused(err error) bool {
	refused, is := errors.AsType[*StatusError](err)
	return is && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusMethodNotAllowed || refused.Status == http.StatusUnsupportedMediaType)
}

// Ensure stores a manifest unless it is there, and reports whether it sent it. Either way
// the registry has shown the very bytes.
func (r *Repository) Ensure(ctx context.Context, m *Manifest) (sent bool, err error) {
	if has, err := r.shows(ctx, m); err != nil || has {
		return false, err
	}
	return true, r.Put(ctx, m)
}

// shows reports whether the registry shows the very bytes of a manifest.
func (r *Repository) shows(ctx context.Context, m *Manifest) (bool, error) {
	_, err := r.Manifest(ctx, m.Digest.String())
	if refused, is := errors.AsType[*StatusError](err); is && (refused.unknown() || refused.Status == http.StatusBadRequest) {
		return false, nil
	}
	return err == nil, err
}

// Await waits for a blob that the registry has accepted, for half a minute.
func (r *Repository) Await(ctx context.Context, d v1.Descriptor) error {
	for try := 0; ; try++ {
		has, err := r.Has(ctx, d)
		if err != nil || has {
			return err
		}
		if try == len(waits) {
			return &UnseenError{fmt.Errorf("%s: there is no blob %s of %d bytes", r.Name(), d.Digest, d.Size)}
		}
		if err := sleep(ctx, waits[try]*r.client.backoff(1)); err != nil {
			return err
		}
	}
}
