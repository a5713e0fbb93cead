// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
)

// manifestTypes are all types of manifest and index. A request names them all, in one
// header: registries hide what a client does not name.
var (
	manifestTypes = []string{v1.MediaTypeImageIndex, v1.MediaTypeImageManifest,
		"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json"}
	accept = strings.Join(manifestTypes, ", ")
)

// Manifest is a manifest or index, as a registry has it.
type Manifest struct {
	v1.Descriptor // media type, digest and size
	Text          []byte
}

// Manifest gets the manifest of a tag or digest. Its digest is that of the bytes that
// came, whatever the registry calls it. It fails with a StatusError if there is none.
func (r *Repository) Manifest(ctx context.Context, name string) (*Manifest, error) {
	m, _, err := r.manifest(ctx, name)
	return m, err
}

// manifest gets a manifest with the header of the answer.
func (r *Repository) manifest(ctx context.Context, name string) (*Manifest, http.Header, error) {
	what := "manifest " + name
	resp, text, err := r.get(ctx, call{what: what, method: http.MethodGet, url: r.url("/manifests/"+name, ""),
		header: http.Header{"Accept": {accept}}, scopes: r.scopes(false)})
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, r.refusal(resp, what)
	}
	if codes, said := errorsIn(text); codes != nil { // with status 200
		return nil, nil, &AbsentError{r.Name() + ": " + what, fmt.Errorf("is an error: %s", said)}
	}
	m := &Manifest{v1.Descriptor{MediaType: typeOf(resp.Header, text), Digest: digest.FromBytes(text), Size: int64(len(text))}, text}
	for _, promised := range []string{name, resp.Header.Get("Docker-Content-Digest")} {
		if d := digest.Digest(promised); d.Validate() == nil && d.Algorithm() == digest.SHA256 && d != m.Digest {
			return nil, nil, &oci.MismatchError{What: r.Name() + ": " + what, Found: m.Digest.String(), Wanted: promised}
		}
	}
	return m, resp.Header, nil
}

// get gets a document whole, once more if it breaks off. It closes the body of an
// answer with status 200.
func (r *Repository) get(ctx context.Context, c call) (*http.Response, []byte, error) {
	for try := 1; ; try++ {
		resp, err := r.send(ctx, c)
		if err != nil || resp.StatusCode != http.StatusOK {
			return resp, nil, err
		}
		text, err := document(resp)
		resp.Body.Close()
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil && try >= tries:
			return nil, nil, &AbsentError{r.Name() + ": " + c.what, err}
		case err == nil && len(text) > oci.MaxDocument:
			return nil, nil, fault.Unsupportedf("%s: %s: has more than %d bytes, the most that this version reads", r.Name(), c.what, oci.MaxDocument)
		case err == nil:
			return resp, text, nil
		}
		if err := sleep(ctx, r.client.backoff(try)); err != nil {
			return nil, nil, err
		}
	}
}

// document reads a small answer, up to one byte more than it may have.
func document(resp *http.Response) ([]byte, error) {
	body := io.LimitReader(resp.Body, oci.MaxDocument+1)
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") { // which nobody asked for
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = z
	}
	return io.ReadAll(io.LimitReader(body, oci.MaxDocument+1))
}

// typeOf returns the type that a document says itself, else that of the answer.
func typeOf(h http.Header, text []byte) string {
	var doc struct {
		MediaType string `json:"mediaType"`
	}
	if json.Unmarshal(text, &doc) == nil && doc.MediaType != "" {
		return doc.MediaType
	}
	mediaType, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return mediaType
}

// isManifest reports whether a registry keeps something of this type with the
// manifests.
func isManifest(mediaType string) bool { return slices.Contains(manifestTypes, mediaType) }

// Blob reads the blob of a descriptor. A broken transfer goes on where it ended. The
// last read fails unless the bytes match the descriptor.
func (r *Repository) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if err := oci.CheckDigest(d.Digest); err != nil {
		return nil, err
	}
	if d.Size < 0 {
		return nil, oci.FormatErrorf("size of blob %s is %d in its descriptor, wanted 0 or more", d.Digest, d.Size)
	}
	if isManifest(d.MediaType) {
		m, err := r.Manifest(ctx, d.Digest.String())
		if err != nil {
			return nil, err
		}
		return oci.Verify(io.NopCloser(bytes.NewReader(m.Text)), d.Digest, d.Size), nil
	}
	b := &download{ctx: ctx, from: r, blob: d}
	if err := b.open(); err != nil {
		return nil, err
	}
	return oci.Verify(b, d.Digest, d.Size), nil
}

// Has reports whether the repository may have a blob, or a manifest: one that can be
// had in that size. Only reading it shows whether the bytes are right. A registry that
// forbids to look has nothing: many do so where there is no repository yet, and
// whether the user may make it shows only a push.
func (r *Repository) Has(ctx context.Context, d v1.Descriptor) (bool, error) {
	path, header := "/blobs/", http.Header{}
	if isManifest(d.MediaType) {
		path, header = "/manifests/", http.Header{"Accept": {accept}}
	}
	what := "whether there is " + d.Digest.String()
	resp, err := r.send(ctx, call{what: what, method: http.MethodHead, url: r.url(path+d.Digest.String(), ""), header: header, scopes: r.scopes(true)})
	if err != nil {
		return false, err
	}
	defer drain(resp)
	switch {
	case resp.StatusCode == http.StatusOK:
		return resp.ContentLength < 0 || resp.ContentLength == d.Size || isManifest(d.MediaType), nil
	case resp.StatusCode == http.StatusNotFound:
		return false, nil
	case resp.StatusCode == http.StatusMethodNotAllowed || !r.ours(resp.Request.URL): // a storage that refuses to be asked may have it
		return r.hasByReading(ctx, d)
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return false, nil
	}
	return false, r.refusal(resp, what)
}

// hasByReading asks for a blob and leaves it unread.
func (r *Repository) hasByReading(ctx context.Context, d v1.Descriptor) (bool, error) {
	body, err := r.Blob(ctx, d)
	if refused, is := errors.AsType[*StatusError](err); is && refused.Status == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, body.Close()
}
