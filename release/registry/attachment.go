// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release/oci"
)

// Attachment is a file that is attached to a manifest.
type Attachment struct {
	Type string // of the file, and of the artifact where the registry allows that
	Name string // of the file
	Text []byte
}

// maxAttachments bounds how many of one manifest are looked at.
const maxAttachments = 50

// Attachments reads the files of a type that are attached to a manifest, each of at
// most limit bytes. Notes say what was passed over.
func (r *Repository) Attachments(ctx context.Context, subject digest.Digest, fileType string, limit int64) (list []Attachment, notes []string, err error) {
	listed, notes, err := r.Referrers(ctx, subject, "")
	if err != nil {
		return nil, nil, err
	}
	looked := 0
	for _, d := range listed {
		if d.ArtifactType != fileType && d.ArtifactType != v1.MediaTypeImageConfig && d.ArtifactType != "" {
			continue
		}
		if looked++; looked > maxAttachments {
			notes = append(notes, fmt.Sprintf("%s: more than %d manifests are attached to %s, and the rest was not looked at", r.Name(), maxAttachments, subject))
			break
		}
		a, err := r.attachment(ctx, d, subject, fileType, limit)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			notes = append(notes, fmt.Sprintf("attachment %s was skipped: %v", d.Digest, err))
		} else if a != nil {
			list = append(list, *a)
		}
	}
	return list, notes, nil
}

// attachment reads one, nil if it is of another type.
func (r *Repository) attachment(ctx context.Context, d v1.Descriptor, subject digest.Digest, fileType string, limit int64) (*Attachment, error) {
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
	case len(m.Layers) != 1 || m.Layers[0].MediaType != fileType:
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
	return &Attachment{fileType, m.Layers[0].Annotations[v1.AnnotationTitle], file}, err
}

// Attach attaches files to a manifest that the repository has, and makes sure that
// others find them. It sends nothing that is there. Plain reports that the registry
// refuses the type of an attachment, so that it has the type of an image.
func (r *Repository) Attach(ctx context.Context, subject v1.Descriptor, files []Attachment) (plain bool, err error) {
	var attached []v1.Descriptor
	for _, f := range files {
		d, isPlain, err := r.attach(ctx, subject, f)
		if err != nil {
			return false, err
		}
		plain = plain || isPlain
		attached = append(attached, d)
	}
	return plain, r.Listed(ctx, subject.Digest, attached)
}

// attach stores one attachment, and returns the descriptor by which it is listed.
func (r *Repository) attach(ctx context.Context, subject v1.Descriptor, f Attachment) (d v1.Descriptor, plain bool, err error) {
	file := v1.Descriptor{MediaType: f.Type, Digest: digest.FromBytes(f.Text), Size: int64(len(f.Text))}
	for _, b := range []struct {
		v1.Descriptor
		text []byte
	}{{file, f.Text}, {v1.DescriptorEmptyJSON, v1.DescriptorEmptyJSON.Data}} {
		has, err := r.Has(ctx, b.Descriptor)
		if err == nil && !has {
			err = r.Upload(ctx, b.Descriptor, func(from int64) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(b.text[from:])), nil
			})
		}
		if err != nil {
			return d, false, err
		}
	}
	m := manifestOf(oci.Attachment(f.Type, f.Name, file, subject))
	m.ArtifactType = f.Type
	err = r.putOnce(ctx, m)
	if refused, is := errors.AsType[*StatusError](err); is && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusMethodNotAllowed || refused.Status == http.StatusUnsupportedMediaType) {
		plain, m = true, manifestOf(oci.PlainAttachment(f.Name, file, subject))
		m.ArtifactType = v1.MediaTypeImageConfig
		if r.putOnce(ctx, m) != nil {
			return d, false, err // the first refusal says why
		}
		err = nil
	}
	return m.Descriptor, plain, err
}

// putOnce stores a manifest unless it is there.
func (r *Repository) putOnce(ctx context.Context, m *Manifest) error {
	has, err := r.Has(ctx, m.Descriptor)
	if err != nil || has {
		return err
	}
	return r.Put(ctx, m)
}

func manifestOf(text []byte) *Manifest {
	return &Manifest{oci.DescriptorOf(v1.MediaTypeImageManifest, text), text}
}
