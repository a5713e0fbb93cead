// SPDX-License-Identifier: BSD-2-Clause

// Package secret removes from URLs what only their owner should see: a user, a
// password, and the query and fragment, which may hold a token. Messages and
// documents show the rest.
package secret

import (
	"net/url"
	"regexp"
	"strings"
)

// Cut returns what anyone may see of a repository's location: scheme, host and
// path of a URL. A directory, and the path of a file: URL, stay as they are. An
// unreadable URL loses rather more.
func Cut(location string) string {
	scheme, rest, found := strings.Cut(location, ":")
	if !found || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+.-") != "" {
		return location
	}
	rest, slashes := strings.CutPrefix(rest, "//")
	if !slashes && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz+") != "" { // FreeBSD:15:amd64 is a directory
		return location
	}
	start := scheme + ":"
	if slashes {
		start += "//"
	}
	if scheme == "file" {
		if !slashes {
			return location
		}
		host, path := cutAt(rest, "/")
		return start + host[strings.LastIndexByte(host, '@')+1:] + path
	}
	if u, err := url.Parse(location); err == nil && u.Host != "" {
		rest, _ = cutAt(rest, "?#")
		host, path := cutAt(rest, "/")
		return start + host[strings.LastIndexByte(host, '@')+1:] + path
	}
	at := strings.LastIndexByte(rest, '@')
	if strings.ContainsAny(rest[:at+1], "?#") { // part of a password, or the query's own @
		return start + "..."
	}
	rest, _ = cutAt(rest[at+1:], "?#")
	host, path := cutAt(rest, "/")
	if name, port, found := strings.Cut(host, ":"); at < 0 && found && strings.Trim(port, "0123456789") != "" {
		host = name // what follows may be a password whose host is missing
	}
	return start + host + path
}

// cutAt splits a text before the first of some bytes.
func cutAt(text, any string) (before, after string) {
	if i := strings.IndexAny(text, any); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// What CutText looks for. A password may contain almost any byte, so everything
// up to the last @ of the line or of a quoted text goes.
var (
	users   = regexp.MustCompile(`://[^"\n]*@`)
	queries = regexp.MustCompile(`(://[^\s"?#]*)[?#][^\s"]*`)
)

// CutText does so for the URLs in a foreign message.
func CutText(text string) string {
	return queries.ReplaceAllString(users.ReplaceAllString(text, "://"), "$1")
}

// Error is a fault whose text may contain a URL.
type Error struct{ Err error }

func (e *Error) Error() string { return CutText(e.Err.Error()) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
