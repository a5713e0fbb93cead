// SPDX-License-Identifier: BSD-2-Clause

package lock_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/release/tree"
)

// TestCheckURL takes what anybody may be sent to, and shows no secret of what it
// refuses.
func TestCheckURL(t *testing.T) {
	t.Parallel()
	const scheme, secret, host = "wanted one of http:", "it has a user, a query or a fragment", "it has no host"
	for url, want := range map[string]string{
		"":                                  "",
		"https://pkg.freebsd.org/a/b":       "",
		"http://pkg.example.org:8080/x":     "",
		"pkg+https://pkg.freebsd.org/x":     "",
		"pkg+http://[2001:db8::1]/x":        "",
		"/usr/packages":                     scheme,
		"file:///usr/packages":              scheme,
		"ssh://host/x":                      scheme,
		"pkg+file:///x":                     scheme,
		"https:/host":                       scheme,
		"https":                             scheme,
		"://host":                           scheme,
		"https://user:hunter2@example.org/": secret,
		"https://hunter2@example.org/":      secret,
		"https://example.org/?key=hunter2":  secret,
		"https://example.org/#hunter2":      secret,
		"https://example.org/x?":            secret,
		"https:///x":                        host,
		"https://:80/x":                     host,
		"https://a b/":                      "cannot be read",
		"https://h/%zz?key=hunter2":         "cannot be read",
	} {
		err := lock.CheckURL(url)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %q", url, err, want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%q: got %v, want no secret", url, err)
		}
	}
}

// TestCatalogueName makes a name of a file of whatever a repository is called.
func TestCatalogueName(t *testing.T) {
	t.Parallel()
	for repo, want := range map[string]string{
		"FreeBSD-base": "container-image-catalogue-FreeBSD-base.pkg",
		"a b/../ü":     "container-image-catalogue-a_b_..__.pkg",
		"A.1_2-3":      "container-image-catalogue-A.1_2-3.pkg",
	} {
		if got := lock.CatalogueName(repo); got != want {
			t.Errorf("%q: got %s, want %s", repo, got, want)
		}
	}
}

// TestDirectoriesDigest covers all that a layer says of its directories, and
// their order.
func TestDirectoriesDigest(t *testing.T) {
	t.Parallel()
	digest := func(nodes ...*tree.Node) string {
		text, err := lock.DirectoriesDigest(t.Context(), nodes)
		if err != nil || len(text) != 64 {
			t.Fatalf("got %q, %v, want a sha256", text, err)
		}
		return text
	}
	dir := func(change func(*tree.Node)) *tree.Node {
		n := &tree.Node{Path: "/a", Type: tree.Dir, Mode: 0o755, Uname: "root", Gname: "wheel", Time: 5}
		change(n)
		return n
	}
	same := func(*tree.Node) {}
	one := digest(dir(same))
	if again := digest(dir(same)); again != one {
		t.Errorf("got %s and %s, want one", one, again)
	}
	seen := map[string]string{one: "nothing"}
	for what, nodes := range map[string][]*tree.Node{
		"mode":   {dir(func(n *tree.Node) { n.Mode = 0o700 })},
		"uname":  {dir(func(n *tree.Node) { n.Uname = "games" })},
		"gname":  {dir(func(n *tree.Node) { n.Gname = "games" })},
		"flags":  {dir(func(n *tree.Node) { n.Flags = "schg" })},
		"time":   {dir(func(n *tree.Node) { n.Time = 6 })},
		"path":   {dir(func(n *tree.Node) { n.Path = "/b" })},
		"more":   {dir(same), dir(func(n *tree.Node) { n.Path = "/b" })},
		"order":  {dir(func(n *tree.Node) { n.Path = "/b" }), dir(same)},
		"fewest": {},
	} {
		got := digest(nodes...)
		if other, twice := seen[got]; twice {
			t.Errorf("%s: got the digest of %s", what, other)
		}
		seen[got] = what
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if text, err := lock.DirectoriesDigest(ctx, []*tree.Node{dir(same)}); !errors.Is(err, context.Canceled) || text != "" {
		t.Errorf("after the end of the context: got %q, %v", text, err)
	}
}
