// SPDX-License-Identifier: BSD-2-Clause

package input_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/catalog"
)

// TestUnheld makes one fault of a repository that is not there at all, and says
// which way out there is.
func TestUnheld(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(t *testing.T) (*input.Repositories, *catalog.Package){
		"a folder that has gone": func(t *testing.T) (*input.Repositories, *catalog.Package) {
			in := of(t, repo(t, "r", app("1")))
			p := offered(catalogues(t, in)[0])[0]
			if err := os.RemoveAll(in.Repos[0].URL); err != nil {
				t.Fatal(err)
			}
			return in, p
		},
		"a server that has gone": func(t *testing.T) (*input.Repositories, *catalog.Package) {
			local := repo(t, "r", app("1"))
			server := httptest.NewServer(http.FileServer(http.Dir(local.URL)))
			local.URL, local.Signature = server.URL, "none"
			in := of(t, local)
			in.InsecureUnsigned = true
			p := offered(catalogues(t, in)[0])[0]
			server.Close()
			return in, p
		},
		"offline": func(t *testing.T) (*input.Repositories, *catalog.Package) {
			in := of(t, remote(t, repo(t, "r", app("1"))))
			in.InsecureUnsigned = true
			p := offered(catalogues(t, in)[0])[0]
			in.Store.Offline = true
			return in, p
		},
	} {
		in, p := broken(t)
		_, err := in.Open(t.Context(), p, nil)
		unheld, is := errors.AsType[*input.UnheldError](err)
		if !is || unheld.Repo != "r" || !unheld.Given || unheld.LockURL || unheld.Offline != in.Store.Offline || unheld.Reason == "" || !unheld.Absent() {
			t.Errorf("%s: got %v, %+v", name, err, unheld)
			continue
		}
		if diff := cmp.Diff([]string{"app-1"}, unheld.Packages); diff != "" {
			t.Errorf("%s: packages (-want +got):\n%s", name, diff)
		}
		hint := ""
		if in.Store.Offline {
			hint = "run orlop fetch first, or omit --offline"
		}
		if got := unheld.Hint(); got != hint {
			t.Errorf("%s: got the hint %q, want %q", name, got, hint)
		}
		again := in.Verify(t.Context(), p)
		if second, is := errors.AsType[*input.UnheldError](again); !is || again.Error() != err.Error() || second.Hint() != hint {
			t.Errorf("%s: Verify says %v, Open %v", name, again, err)
		}
	}
}

// TestUnheldWords tells of packages that cannot be had, and what to give.
func TestUnheldWords(t *testing.T) {
	t.Parallel()
	one := &input.UnheldError{Repo: "r", Reason: "it is away", Packages: []string{"a-1"}}
	if want := `repository "r": it is away: a-1 could not be obtained`; one.Error() != want {
		t.Errorf("got %v, want %s", one, want)
	}
	two := &input.UnheldError{Repo: "r", Reason: "it is away", Packages: []string{"a-1", "b-1"}}
	if want := `repository "r": it is away: 2 packages could not be obtained`; two.Error() != want {
		t.Errorf("got %v, want %s", two, want)
	}
	what, where, found, wanted := two.Parts()
	if diff := cmp.Diff([]string{"it is away", `repository "r"`, "", "a-1, b-1"}, []string{what, where, found, wanted}); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		err  input.UnheldError
		want string
	}{
		{input.UnheldError{}, "give --repo"}, {input.UnheldError{Offline: true}, "give --repo"}, {input.UnheldError{Given: true}, ""},
		{input.UnheldError{Given: true, Offline: true}, "run orlop fetch first, or omit --offline"},
		{input.UnheldError{Given: true, Offline: true, LockURL: true}, "give --repo, or --lock-urls to use the lock's"},
	} {
		if got := tt.err.Hint(); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}

// TestJoin makes one fault of those of a repository for one reason, in place of
// the first, and changes none of them.
func TestJoin(t *testing.T) {
	t.Parallel()
	unheld := func(repo, reason string, packages ...string) error {
		return &input.UnheldError{Repo: repo, Reason: reason, Packages: packages}
	}
	first := unheld("r", "x", "a-1")
	err := input.Join([]error{errors.New("damage"), first, unheld("s", "x", "b-1"), nil, unheld("r", "x", "c-1", "d-1"), unheld("r", "y", "e-1"), errors.New("damage")})
	want := []string{"damage", `repository "r": x: 3 packages could not be obtained`, `repository "s": x: b-1 could not be obtained`, `repository "r": y: e-1 could not be obtained`, "damage"}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("joined (-want +got):\n%s", diff)
	}
	joined, _ := errors.AsType[*input.UnheldError](err)
	if diff := cmp.Diff([]string{"a-1", "c-1", "d-1"}, joined.Packages); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if want := `repository "r": x: a-1 could not be obtained`; first.Error() != want {
		t.Errorf("the first is changed: got %v, want %s", first, want)
	}
	if err := input.Join([]error{nil, nil}); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}
