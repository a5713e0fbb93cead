// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Bounds of an answer that refuses.
const (
	maxErrorBody = 64 << 10 // bytes that are read
	maxText      = 1 << 10  // bytes that are shown
	maxErrors    = 16       // errors in it
)

// StatusError is an answer that refuses a request.
type StatusError struct {
	Where  string // the repository
	What   string // was asked for
	Status int
	Codes  []string // distribution-spec, error codes
	Text   string   // the registry's own words
	Wait   string   // how long it asks to wait, if that is too long; "" else
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s: %s: HTTP status %s", e.Where, e.What, status(e.Status))
	if e.Text != "" {
		text += ": " + e.Text
	}
	if e.Wait != "" {
		text += "; it asks to wait " + e.Wait
	}
	if e.unknown() {
		text += "; it does not exist or is not yours"
	}
	return text
}

// unknown reports whether the answer can mean both: no registry tells a stranger.
func (e *StatusError) unknown() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || e.Status == http.StatusNotFound
}

// Absent reports that bytes could not be had or brought.
func (e *StatusError) Absent() bool {
	return e.unknown() || e.Status == http.StatusGone || temporary(e.Status)
}

// Hint suggests what often helps at this registry, "" if nothing does.
func (e *StatusError) Hint() string {
	host, _, _ := strings.Cut(e.Where, "/")
	switch {
	case e.Status == http.StatusTooManyRequests:
		return "a registry lets those who log in ask more often"
	case !e.unknown():
		return ""
	case strings.HasSuffix(host, ".amazonaws.com"):
		return "ECR makes no repository by itself: create it first"
	case host == "ghcr.io":
		return "a new package of ghcr.io is private until its owner makes it public"
	case e.Status == http.StatusNotFound:
		return ""
	}
	return "podman login " + host + " stores credentials that orlop uses, too"
}

// Has reports whether the answer has an error code of the distribution-spec.
func (e *StatusError) Has(code ...string) bool {
	return slices.ContainsFunc(code, func(c string) bool { return slices.Contains(e.Codes, c) })
}

// BlobUnknown reports whether a registry lacks a blob, or a manifest of an index, that
// a manifest names.
func (e *StatusError) BlobUnknown() bool {
	return e.Has(errcode.ErrorCodeManifestBlobUnknown, errcode.ErrorCodeBlobUnknown, errcode.ErrorCodeManifestUnknown)
}

func status(code int) string { return strings.TrimSpace(fmt.Sprint(code, " ", http.StatusText(code))) }

// temporary reports whether a later request may have another answer.
func temporary(code int) bool {
	return code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500
}

// worthRetry reports whether the same request may soon have another answer.
func worthRetry(code int) bool { return temporary(code) && code != http.StatusNotImplemented }

// refusal makes the error of an answer, whose body it reads and closes.
func (r *Repository) refusal(resp *http.Response, what string) *StatusError {
	defer resp.Body.Close()
	e := &StatusError{Where: r.Name(), What: what, Status: resp.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	e.Codes, e.Text = errorsIn(body)
	if e.Text == "" && e.Codes == nil && !strings.Contains(resp.Header.Get("Content-Type"), "html") {
		e.Text = clean(string(body))
	}
	return e
}

// errorsIn reads the error document of the distribution-spec: codes, and a text.
func errorsIn(body []byte) (codes []string, text string) {
	var doc struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(body, &doc) != nil {
		return nil, ""
	}
	var texts []string
	for _, e := range doc.Errors[:min(len(doc.Errors), maxErrors)] {
		codes = append(codes, clean(e.Code))
		texts = append(texts, strings.TrimSpace(clean(e.Message)))
	}
	return codes, cut(strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "; "))
}

// clean makes a registry's text fit for a line: no control characters, not too long.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return cut(strings.TrimSpace(s))
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
