// SPDX-License-Identifier: BSD-2-Clause

package secret_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/secret"
)

func TestCut(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"https://pkg.example.org/FreeBSD:15:amd64/base":      "https://pkg.example.org/FreeBSD:15:amd64/base",
		"https://user:word@pkg.example.org:8080/x%20y":       "https://pkg.example.org:8080/x%20y",
		"pkg+https://user@pkg.example.org/x?token=word#word": "pkg+https://pkg.example.org/x",
		"HTTPS://user:word@pkg.example.org/x":                "HTTPS://pkg.example.org/x",
		"https://pkg.example.org/a@b/x":                      "https://pkg.example.org/a@b/x",
		"https://user:wo/rd@pkg.example.org/x":               "https://pkg.example.org/x",
		"https://user:wo?rd@pkg.example.org/x?token=word":    "https://...",
		"https://user:wo#rd%zz@pkg.example.org/x":            "https://...",
		"https://user:wo rd@pkg.example.org/x":               "https://pkg.example.org/x",
		"https://user:wo@rd@pkg.example.org/x":               "https://pkg.example.org/x",
		"https://pkg.example.org:x/?a=b@word":                "https://...",
		"https://user:word@pkg.example.org/${ABI}/x":         "https://pkg.example.org/${ABI}/x",
		"https://user:word":                                  "https://user",
		"https://user:word/x?y":                              "https://user/x",
		"https:user:word@pkg.example.org/x":                  "https:pkg.example.org/x",
		"https://user:word@/x":                               "https:///x",
		"ftp://user:word@pkg.example.org/x":                  "ftp://pkg.example.org/x",
		"http://[::1]:80/x?word":                             "http://[::1]:80/x",
		"file:///usr/obj/100%2?#@x":                          "file:///usr/obj/100%2?#@x",
		"file:/usr/obj/a@b?c":                                "file:/usr/obj/a@b?c",
		"file://user:word@host/x":                            "file://host/x",
		"FreeBSD:15:amd64/latest@2?3":                        "FreeBSD:15:amd64/latest@2?3",
		"/usr/obj/FreeBSD:15:amd64@x?y":                      "/usr/obj/FreeBSD:15:amd64@x?y",
		"":                                                   "",
	} {
		if got := secret.Cut(location); got != want {
			t.Errorf("%s: got %s, want %s", location, got, want)
		}
	}
}

func TestCutText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`parse "https://user:wo rd@h/x?word": invalid`: `parse "https://h/x": invalid`,
		"see https://h/x?word, and a@b":                "see https://b",
		"a@b: file:///x and /y?z":                      "a@b: file:///x and /y?z",
		"one https://u:w@h/\ntwo https://v:w@i/?w":     "one https://h/\ntwo https://i/",
	} {
		if got := (&secret.Error{Err: errors.New(text)}).Error(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// No text of a password is left of any URL, and what is left of a good one is cut no further.
func FuzzCut(f *testing.F) {
	f.Add("user", "word", "pkg.example.org", "/x", "q")
	f.Add("u@", "%zz", "[::1]:5", "/a@b", "?")
	f.Fuzz(func(t *testing.T, user, password, host, path, query string) {
		const mark = "s3cr3t"
		if strings.Contains(host+path, mark) || strings.ContainsAny(host, "@/?#") {
			return
		}
		text := "https://" + user + ":" + mark + password + "@" + host + "/" + path + "?" + query + mark
		good := (&url.URL{Scheme: "https", User: url.UserPassword(mark+user, mark+password), Host: host, Path: path, RawQuery: mark + query}).String()
		for _, location := range []string{text, good} {
			got := secret.Cut(location)
			u, err := url.Parse(location)
			if err == nil && strings.Contains(u.EscapedPath()+u.Host, mark) {
				continue // a slash in the password has made it part of the path
			}
			if strings.Contains(got, mark) {
				t.Errorf("%q: got %q", location, got)
			}
			if again := secret.Cut(got); err == nil && u.Host != "" && again != got {
				t.Errorf("%q: got %q, then %q", location, got, again)
			}
		}
	})
}
