// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strconv"
)

// Response is an answer of the registry that is not sent yet.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	Filler int64 // bytes without sense that follow Body
	Cut    bool  // the connection is closed after Body and Filler
}

// Edit changes an answer on its way out.
type Edit func(r *http.Request, a *Response)

type editRule struct {
	match Match
	edits []Edit
}

// Edit applies edits, in this order, to the answers to the next n matching
// requests. Answers of handlers are not edited.
func (s *Server) Edit(n int, m Match, edits ...Edit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edits = append(s.edits, editRule{next(n, m), edits})
}

// write sends the answer. Without Content-Length it is sent in chunks.
func (a *Response) write(w http.ResponseWriter, r *http.Request) {
	clear(w.Header())
	for k, v := range a.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.Status)
	if r.Method == http.MethodHead {
		return
	}
	flush := http.NewResponseController(w).Flush
	if a.Header.Get("Content-Length") == "" && a.Status != http.StatusNoContent {
		_ = flush()
	}
	_, err := w.Write(a.Body)
	chunk := bytes.Repeat([]byte("filler, "), 4<<10)
	for left := a.Filler; left > 0 && err == nil; left -= int64(len(chunk)) {
		_, err = w.Write(chunk[:min(int64(len(chunk)), left)])
	}
	if a.Cut {
		_ = flush()
		panic(http.ErrAbortHandler)
	}
}

// setBody replaces the body and states its length.
func (a *Response) setBody(body []byte) {
	a.Body = body
	a.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// Status sets the status and leaves all else.
func Status(status int) Edit {
	return func(_ *http.Request, a *Response) { a.Status = status }
}

// OnSuccess applies edits only to answers below 300.
func OnSuccess(edits ...Edit) Edit {
	return func(r *http.Request, a *Response) {
		if a.Status >= http.StatusMultipleChoices {
			return
		}
		for _, edit := range edits {
			edit(r, a)
		}
	}
}

// Set sets a header: Content-Length too, for a HEAD that lies.
func Set(name, value string) Edit {
	return func(_ *http.Request, a *Response) { a.Header.Set(name, value) }
}

// Without removes headers.
func Without(names ...string) Edit {
	return func(_ *http.Request, a *Response) {
		for _, name := range names {
			a.Header.Del(name)
		}
	}
}

// LinkTo adds a Link to the next page; an empty url is the request's own.
func LinkTo(url string) Edit {
	return func(r *http.Request, a *Response) {
		to := url
		if to == "" {
			to = r.URL.RequestURI()
		}
		a.Header.Set("Link", "<"+to+`>; rel="next"`)
	}
}

// Body replaces the body.
func Body(contentType, body string) Edit {
	return func(_ *http.Request, a *Response) {
		a.Header.Set("Content-Type", contentType)
		a.setBody([]byte(body))
	}
}

// Rewrite changes the body.
func Rewrite(f func(body []byte) []byte) Edit {
	return func(_ *http.Request, a *Response) { a.setBody(f(bytes.Clone(a.Body))) }
}

// Reformat indents a JSON body, as a registry does that stores what it
// understood and not what it was sent.
func Reformat() Edit {
	return Rewrite(func(body []byte) []byte {
		var out bytes.Buffer
		if json.Indent(&out, body, "", "    ") != nil {
			return body
		}
		return out.Bytes()
	})
}

// Spoil changes the last byte of the body.
func Spoil() Edit {
	return Rewrite(func(body []byte) []byte {
		if len(body) > 0 {
			body[len(body)-1] ^= 1
		}
		return body
	})
}

// Field sets a member of a JSON object, or removes it if value is nil.
func Field(name string, value any) Edit {
	return Rewrite(func(body []byte) []byte {
		var object map[string]any
		if json.Unmarshal(body, &object) != nil {
			return body
		}
		object[name] = value
		if value == nil {
			delete(object, name)
		}
		out, err := json.Marshal(object)
		if err != nil {
			panic(err) // the test gave a value that is no JSON
		}
		return out
	})
}

// Longer adds n bytes to the body and states no length. With a huge n the
// answer ends when the client hangs up.
func Longer(n int64) Edit {
	return func(_ *http.Request, a *Response) {
		a.Header.Del("Content-Length")
		a.Filler = n
	}
}

// Shorter ends the body after n bytes as if it were all.
func Shorter(n int) Edit {
	return func(_ *http.Request, a *Response) { a.setBody(a.Body[:min(n, len(a.Body))]) }
}

// CutBody states the true length and closes the connection after n bytes.
func CutBody(n int) Edit {
	return func(_ *http.Request, a *Response) {
		a.Body, a.Cut = a.Body[:min(n, len(a.Body))], true
	}
}

// Gzip compresses the body, and says so.
func Gzip() Edit {
	return func(_ *http.Request, a *Response) {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, _ = z.Write(a.Body) // a bytes.Buffer takes all
		_ = z.Close()
		a.Header.Set("Content-Encoding", "gzip")
		a.setBody(out.Bytes())
	}
}
