// SPDX-License-Identifier: BSD-2-Clause

package lock_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// parsable is a lock that Parse takes, as text with a change.
func parsable(t *testing.T, change func(map[string]any)) []byte {
	t.Helper()
	l := twoLayers(t)
	for i := range l.Packages {
		l.Packages[i].Sum = string(sum.Of(sum.SHA256, []byte("x")))
	}
	text, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	change(keys)
	if text, err = json.Marshal(keys); err != nil {
		t.Fatal(err)
	}
	return text
}

// TestFormats reads locks of all formats that were ever written, and names the
// orlop that can read another.
func TestFormats(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(map[string]any)
		want   string
	}{
		{"today's", func(map[string]any) {}, ""},
		{"the first", func(l map[string]any) { l["format"] = 1 }, ""},
		{"before there were numbers of bytes", func(l map[string]any) { delete(l, "byte_format") }, ""},
		{"before there were annotations", func(l map[string]any) { delete(l, "annotations") }, ""},
		{"a later one", func(l map[string]any) { l["format"], l["orlop"], l["later"] = 3, "9.0", 1 }, "l: its format is 3, wanted 1 to 2; orlop 9.0 can read it"},
		{"none", func(l map[string]any) { delete(l, "format") }, "l: its format is 0, wanted 1 to 2; orlop 0.1 can read it"},
		{"later bytes", func(l map[string]any) { l["byte_format"], l["orlop"] = 2, "9.0" }, "l: its byte format is 2, wanted 1; orlop 9.0 can read it"},
		{"no number", func(l map[string]any) { l["format"] = "2" }, "l: format: found string, wanted a number, in line 1"},
		{"another key", func(l map[string]any) { l["later"] = 1 }, `l: json: unknown field "later"`},
	} {
		l, err := lock.Parse("l", parsable(t, tt.change))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			continue
		}
		if err != nil {
			version := strings.Contains(tt.want, "can read it")
			bad, is := errors.AsType[*lock.Error](err)
			if !is || bad.Failed() != version || bad.Usage() == version {
				t.Errorf("%s: got %v, %+v, want one that another version can read: %v", tt.name, is, bad, version)
			}
			continue
		}
		if l.Bytes != 1 || l.Annotations == nil {
			t.Errorf("%s: got bytes %d, annotations %v, want 1 and no nil", tt.name, l.Bytes, l.Annotations)
		}
		if want := tt.name != "the first"; l.HasGenerated() != want {
			t.Errorf("%s: got that it tells what is made: %v, want %v", tt.name, !want, want)
		}
	}
}

// TestParseBounds takes a lock of no more bytes than it may have, and nothing
// after its end.
func TestParseBounds(t *testing.T) {
	t.Parallel()
	text := string(parsable(t, func(map[string]any) {}))
	for want, text := range map[string]string{
		"l: has 67108865 bytes, wanted at most 67108864":            strings.Repeat(" ", 64<<20+1),
		"l: invalid character '{' after top-level value, in line 1": text + "{}",
	} {
		if _, err := lock.Parse("l", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%d bytes: got %v, want %q", len(text), err, want)
		}
	}
}

// TestParseEdges takes the last second of the year 9999, and no package without a
// name or a version.
func TestParseEdges(t *testing.T) {
	t.Parallel()
	first := func(l map[string]any, list string) map[string]any { return l[list].([]any)[0].(map[string]any) }
	for want, change := range map[string]func(map[string]any){
		"": func(l map[string]any) { first(l, "layers")["epoch"] = lock.MaxEpoch },
		`l: layer "low": epoch 253402300800 is not in the years 1970 to 9999`: func(l map[string]any) { first(l, "layers")["epoch"] = lock.MaxEpoch + 1 },
		"l: package -1: size 1, path \"All/a.pkg\": wanted":                   func(l map[string]any) { first(l, "packages")["name"] = "" },
		"l: package a-: size 1, path \"All/a.pkg\": wanted":                   func(l map[string]any) { first(l, "packages")["version"] = "" },
	} {
		if _, err := lock.Parse("l", parsable(t, change)); want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestErrors tells of errors what reports and exit statuses need.
func TestErrors(t *testing.T) {
	t.Parallel()
	rollback := &lock.RollbackError{Repo: "base", Package: "a", Found: "1", Wanted: "2"}
	if want := `repository "base": rollback: its newest a is 1, the lock has 2`; rollback.Error() != want || !rollback.Wrong() {
		t.Errorf("got %v, want %s", rollback, want)
	}
	version := &lock.VersionError{Err: fs.ErrInvalid, Orlop: "9"}
	bad := &lock.Error{File: "l", Err: version}
	if !errors.Is(bad, fs.ErrInvalid) || bad.Error() != "l: invalid argument; orlop 9 can read it" {
		t.Errorf("got %v", bad)
	}
	for _, tt := range []struct {
		err  interface{ Parts() (_, _, _, _ string) }
		want []string
	}{
		{rollback, []string{"rollback of a", `repository "base"`, "1", "2"}},
		{bad, []string{"invalid argument; orlop 9 can read it", "l", "", ""}},
	} {
		what, where, found, wanted := tt.err.Parts()
		if diff := cmp.Diff(tt.want, []string{what, where, found, wanted}); diff != "" {
			t.Errorf("parts of %v (-want +got):\n%s", tt.err, diff)
		}
	}
}

// TestRollbackOfOthers passes over what says nothing of a repository: packages of
// another, and a repository that the lock does not have.
func TestRollbackOfOthers(t *testing.T) {
	t.Parallel()
	l := twoLayers(t)
	l.Repositories = append(l.Repositories, lock.Repository{Name: "ports", Catalogue: "p"})
	l.Packages[0].Version = "5"
	older := func(repo string) *catalog.Catalogue {
		c, err := catalog.New(t.Context(), &catalog.Repo{Name: repo}, "x", []*catalog.Package{{Summary: pkgfile.Summary{Name: "a", Version: "4"}}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for repo, want := range map[string]bool{"base": true, "ports": false, "unknown": false} {
		if err := l.CheckRollback(older(repo)); (err != nil) != want {
			t.Errorf("%s: got %v, want a rollback: %v", repo, err, want)
		}
	}
}
