// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// blob serves HEAD, GET and DELETE of a blob.
func (e *exchange) blob() {
	d := digest.Digest(e.ref)
	if d.Validate() != nil {
		e.fail(http.StatusBadRequest, "DIGEST_INVALID", "invalid digest")
		return
	}
	var data []byte
	var ok bool
	e.s.look(e.repo, func(r *repository) { data, ok = r.blobs[d] })
	switch {
	case !ok:
		e.fail(http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
	case e.r.Method == http.MethodDelete:
		e.s.DropBlob(e.repo, d)
		e.empty(http.StatusAccepted)
	case e.r.Method == http.MethodGet && e.p.Redirects > 0:
		e.redirect(d, e.p.Redirects-1)
	case e.r.Method == http.MethodGet || e.r.Method == http.MethodHead:
		e.w.Header().Set("Docker-Content-Digest", d.String())
		e.sendBytes(data)
	default:
		e.notAllowed()
	}
}

// sendBytes serves a blob's bytes, also a range of them.
func (e *exchange) sendBytes(data []byte) {
	e.w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(e.w, e.r, "", time.Time{}, bytes.NewReader(data))
}

// ExpireSignatures makes all signed addresses given out so far worthless.
func (s *Server) ExpireSignatures() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.signatures)
}

// redirect leads to the storage on the second host, with that many more
// redirects there.
func (e *exchange) redirect(d digest.Digest, more int) {
	left := cmp.Or(e.p.SignatureUses, -1)
	e.s.mu.Lock()
	e.s.serial++
	signature := strconv.Itoa(e.s.serial)
	e.s.signatures[signature] = left
	e.s.mu.Unlock()
	e.w.Header().Set("Location", fmt.Sprintf("%s/storage/%s/%s?X-Amz-Signature=%s&more=%d",
		e.s.OtherURL(), e.repo, d, signature, more))
	e.empty(http.StatusTemporaryRedirect)
}

// storage serves /storage/<repository>/<digest> as S3 does: it refuses
// credentials beside the signature, HEAD, and signatures that are used up.
func (e *exchange) storage() {
	path := strings.TrimPrefix(e.r.URL.Path, "/storage/")
	i := strings.LastIndex(path, "/")
	e.repo, e.ref = path[:max(0, i)], path[i+1:]
	query := e.r.URL.Query()
	switch {
	case e.r.Header.Get("Authorization") != "":
		e.storageError(http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed")
		return
	case e.r.Method != http.MethodGet:
		e.storageError(http.StatusForbidden, "SignatureDoesNotMatch", "The method is not the one that was signed")
		return
	case !e.s.signed(query.Get("X-Amz-Signature")):
		e.storageError(http.StatusForbidden, "AccessDenied", "Request has expired")
		return
	}
	if more, err := strconv.Atoi(query.Get("more")); err == nil && more > 0 {
		e.redirect(digest.Digest(e.ref), more-1)
		return
	}
	var data []byte
	var ok bool
	e.s.look(e.repo, func(r *repository) { data, ok = r.blobs[digest.Digest(e.ref)] })
	if !ok {
		e.storageError(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	e.sendBytes(data)
}

func (s *Server) signed(signature string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	left, ok := s.signatures[signature]
	if left > 0 {
		s.signatures[signature]--
	}
	return ok && left != 0
}

func (e *exchange) storageError(status int, code, message string) {
	e.send(status, "application/xml", []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>"+
		code+"</Code><Message>"+message+"</Message></Error>"))
}
