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
	what := "manifest " + name
	resp, err := r.send(ctx, call{what: what, method: http.MethodGet, url: r.url("/manifests/"+name, ""),
		header: http.Header{"Accept": {accept}}, scopes: r.scopes(false)})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, r.refusal(resp, what)
	}
	defer resp.Body.Close()
	text, err := document(resp)
	if err != nil {
		return nil, &AbsentError{r.Name() + ": " + what, err}
	}
	m := &Manifest{v1.Descriptor{MediaType: typeOf(resp.Header, text), Digest: digest.FromBytes(text), Size: int64(len(text))}, text}
	for _, promised := range []string{name, resp.Header.Get("Docker-Content-Digest")} {
		if d := digest.Digest(promised); d.Validate() == nil && d.Algorithm() == digest.SHA256 && d != m.Digest {
			return nil, &oci.MismatchError{What: r.Name() + ": " + what, Found: m.Digest.String(), Wanted: promised}
		}
	}
	if codes, said := errorsIn(text); codes != nil { // with status 200
		return nil, &AbsentError{r.Name() + ": " + what, fmt.Errorf("is an error: %s", said)}
	}
	return m, nil
}

// tooLong is a document that is larger than any registry must take.
func tooLong() error {
	return finalf("has more than %d bytes, the most that this version reads", oci.MaxDocument)
}

// document reads a small answer whole.
func document(resp *http.Response) ([]byte, error) {
	var body io.Reader = resp.Body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") { // which nobody asked for
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = z
	}
	text, err := io.ReadAll(io.LimitReader(body, oci.MaxDocument+1))
	if err == nil && len(text) > oci.MaxDocument {
		err = tooLong()
	}
	return text, err
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

// download reads a blob, from as many answers as it takes.
type download struct {
	ctx    context.Context
	from   *Repository
	blob   v1.Descriptor
	body   io.ReadCloser
	at     int64 // bytes returned so far
	failed int   // tries without a byte
}

func (b *download) what() string { return "blob " + b.blob.Digest.String() }

// open asks for what is left. A storage behind the registry that refuses a signed
// address, because it is too old, is asked again by way of the registry.
func (b *download) open() error {
	for try := 1; ; try++ {
		c := call{what: b.what(), method: http.MethodGet, url: b.from.url("/blobs/"+b.blob.Digest.String(), ""),
			header: http.Header{}, scopes: b.from.scopes(false)}
		if b.at > 0 {
			c.header.Set("Range", fmt.Sprintf("bytes=%d-", b.at))
		}
		resp, err := b.from.send(b.ctx, c)
		if err != nil {
			return err
		}
		elsewhere := !b.from.ours(resp.Request.URL)
		if old := resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusBadRequest; old && elsewhere && try < tries {
			_ = drain(resp)
			if err := sleep(b.ctx, b.from.client.backoff(try)); err != nil {
				return err
			}
			continue
		}
		return b.accept(resp)
	}
}

// accept judges an answer to a request for the rest of a blob, and passes over what
// was read already if the registry sends it again.
func (b *download) accept(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		if _, err := io.CopyN(io.Discard, resp.Body, b.at); err != nil {
			resp.Body.Close()
			return &AbsentError{b.from.Name() + ": " + b.what(), err}
		}
	case http.StatusPartialContent:
		if got, want := resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/", b.at, b.blob.Size-1); b.at == 0 || !strings.HasPrefix(got, want) {
			resp.Body.Close()
			return &AbsentError{b.from.Name() + ": " + b.what(), finalf("came as the range %q, wanted %q and its size", clean(got), want)}
		}
	case http.StatusRequestedRangeNotSatisfiable: // there is no rest
		resp.Body.Close()
		resp.Body = http.NoBody
	default:
		return b.from.refusal(resp, b.what())
	}
	b.body = resp.Body
	return nil
}

// Read reads, and goes on with another answer when one breaks off.
func (b *download) Read(p []byte) (int, error) {
	for {
		n, err := b.body.Read(p)
		b.at += int64(n)
		if n > 0 {
			b.failed = 0
			if b.from.client.Moved != nil {
				b.from.client.Moved(int64(n))
			}
		}
		if err == nil || n > 0 || err == io.EOF && b.at >= b.blob.Size {
			if b.at < b.blob.Size {
				err = nil // the next read tells
			}
			return n, err
		}
		if err == io.EOF && !b.cut() {
			return 0, io.EOF // it is shorter than promised, and not by accident
		}
		if err := b.again(err); err != nil {
			return 0, err
		}
	}
}

// cut reports whether an answer that ended may have been cut short without anybody
// noticing: once is an accident.
func (b *download) cut() bool { return b.failed == 0 && b.at < b.blob.Size }

// again asks for the rest after a failure.
func (b *download) again(cause error) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if b.failed++; b.failed >= tries || b.at >= b.blob.Size {
		return &AbsentError{fmt.Sprintf("%s: %s, after %d of %d bytes", b.from.Name(), b.what(), b.at, b.blob.Size), cause}
	}
	b.body.Close()
	b.body = http.NoBody
	if err := sleep(b.ctx, b.from.client.backoff(b.failed)); err != nil {
		return err
	}
	return b.open()
}

// Close ends the transfer.
func (b *download) Close() error { return b.body.Close() }

// Has reports whether the repository may have a blob: one that can be had in that
// size. Only reading it shows whether the bytes are right.
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
	_ = drain(resp)
	switch {
	case resp.StatusCode == http.StatusOK:
		return resp.ContentLength < 0 || resp.ContentLength == d.Size || isManifest(d.MediaType), nil
	case resp.StatusCode == http.StatusNotFound:
		return false, nil
	case resp.StatusCode == http.StatusMethodNotAllowed || !r.ours(resp.Request.URL): // a storage that refuses to be asked has something
		return r.hasByReading(ctx, d)
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
