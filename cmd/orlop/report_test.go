// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sum"
)

// said runs orlop with both outputs apart.
func said(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = run(t.Context(), append([]string{"orlop"}, args...), &out, &err, func(string) (string, bool) { return "", false })
	return status, out.String(), err.String()
}

// failure is the last object of --json when a command fails.
type failure struct {
	Command string
	Status  int
	Faults  []struct{ What, Where, Found, Wanted, Hint string }
}

func lastObject(t *testing.T, stdout string) failure {
	t.Helper()
	all := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	var f failure
	dec := json.NewDecoder(strings.NewReader(all[len(all)-1]))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	return f
}

// catalogue writes one of n packages, none of which is there: plan needs no more.
func catalogue(t *testing.T, n int, fill func(i int, entry map[string]any)) string {
	t.Helper()
	var entries []any
	for i := range n {
		name := fmt.Sprintf("port-%05d", i)
		e := map[string]any{"name": name, "version": "1.0", "origin": "t/" + name, "comment": "c", "desc": "d", "maintainer": "m", "www": "w",
			"abi": "FreeBSD:15:amd64", "arch": "freebsd:15:x86:64", "prefix": "/usr/local", "flatsize": 0, "licenselogic": "single",
			"categories": []string{"t"}, "sum": string(sum.Of(sum.BLAKE2b, []byte(name))), "path": name + ".pkg", "repopath": name + ".pkg", "pkgsize": 100}
		fill(i, e)
		entries = append(entries, e)
	}
	dir := t.TempDir()
	pkgtest.WriteCatalogue(dir, entries)
	return dir
}

func dependencies(names ...string) map[string]any {
	deps := map[string]any{}
	for _, name := range names {
		deps[name] = map[string]string{"origin": "t/" + name, "version": "1.0"}
	}
	return deps
}

func planOf(dir string, flags ...string) []string {
	return slices.Concat([]string{"plan"}, flags, []string{"--repo", dir, "--revision", "15.0", "--branch", "RELEASE", "--name", "all", "--package", "*"})
}

// TestMissingDependencies has 130 packages that are missing; one of them is
// wanted by all.
func TestMissingDependencies(t *testing.T) {
	t.Parallel()
	dir := catalogue(t, 131, func(i int, e map[string]any) {
		e["deps"] = dependencies("base", fmt.Sprintf("gone-%03d", i))
		if i == 0 {
			e["deps"] = dependencies("base")
		}
	})
	want := []string{"orlop: catalog", "orlop: resolve", "orlop: image all: base: wanted by port-00000 and 130 others"}
	for i := 1; i < 20; i++ {
		want = append(want, fmt.Sprintf("orlop: image all: cannot resolve all, port-%05d: port-%05d-1.0 depends on gone-%03d: gone-%03d is in no repository", i, i, i, i))
	}
	want = append(want, "orlop: and 111 more (-v shows all)")
	status, stdout, stderr := said(t, planOf(dir)...)
	if got := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n"); status != 3 || stdout != "" || !slices.Equal(got, want) {
		t.Errorf("status %d, %q, got\n%s\nwanted\n%s", status, stdout, stderr, strings.Join(want, "\n"))
	}
	status, stdout, stderr = said(t, planOf(dir, "-v", "--json")...)
	if n := strings.Count(stderr, ": cannot resolve all, port-"); status != 3 || n != 261 || strings.Contains(stderr, "more") {
		t.Errorf("-v: status %d, %d lines", status, n)
	}
	f := lastObject(t, stdout)
	if f.Command != "plan" || f.Status != 3 || len(f.Faults) != 261 {
		t.Fatalf("found %q, %d, %d faults", f.Command, f.Status, len(f.Faults))
	}
	if got := f.Faults[0]; got.What != "port-00000-1.0 depends on base: base is in no repository" || got.Where != "image all: all, port-00000" || got.Wanted != "base" {
		t.Errorf("found %+v", got)
	}
}

// TestLines groups faults, and hides no kind of them.
func TestLines(t *testing.T) {
	t.Parallel()
	var errs []error
	for i := range 1500 {
		errs = append(errs, &pkgdb.Fault{Subject: fmt.Sprintf("p-1.0: /f%d", i), Fact: "mode", Found: "0755", Wanted: "0644"})
		if i%100 == 0 {
			errs = append(errs, fmt.Errorf("layer 1: %w", &pkgdb.Fault{Subject: fmt.Sprintf("/g%d", i), Fact: "uid", Found: "1", Wanted: "0"}))
		}
	}
	errs = append(errs, errors.New("the last is of another kind"), errs[0])
	list := faultsOf(errors.Join(about("a.txz", fmt.Errorf("within: %w", errors.Join(errs...)))...))
	if len(list) != 1516 {
		t.Errorf("found %d faults", len(list))
	}
	got := lines(list, false)
	if len(got) != 37 || got[0] != "a.txz: within: p-1.0: /f0: mode is 0755, wanted 0644" || got[1] != "a.txz: within: layer 1: /g0: uid is 1, wanted 0" ||
		got[21] != "and 1480 more (-v shows all)" || got[36] != "a.txz: within: the last is of another kind" {
		t.Errorf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	if all := lines(list, true); len(all) != 1516 {
		t.Errorf("-v: %d lines", len(all))
	}
	if f := list[1]; f.What != "uid" || f.Where != "a.txz: within: layer 1: /g0" || f.Found != "1" || f.Wanted != "0" {
		t.Errorf("found %+v", f)
	}
}

// TestManyFaults verifies an image in which all files have another mode, and one
// another owner as well.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--format", "dir", "-o", out, "static"); status != 0 {
		t.Fatal(said)
	}
	l := openLayout(t, out+"/container-image-static")
	inLayer(0, func(l *opened) {
		for i := range l.layers[0] {
			if e := &l.layers[0][i]; e.Typeflag == tar.TypeReg && strings.HasPrefix(e.Name, "usr/share/zoneinfo/") {
				e.Mode = 0o4444
			}
		}
		e := l.find(0, "usr/share/zoneinfo/UTC")
		e.Uid, e.Uname = 2, "operator"
	})(l)
	status, _, stderr := said(t, "verify", l.dir)
	modes := strings.Count(stderr, ": mode is 4444, wanted 0444, as the pkg database has it\n")
	if status != 5 || modes != 20 || strings.Count(stderr, "/UTC: uname is operator, 2, wanted root, 0") != 1 || strings.Count(stderr, "\n") != 22 {
		t.Errorf("status %d, %d modes: %s", status, modes, stderr)
	}
	status, stdout, all := said(t, "verify", "-v", "--json", l.dir)
	modes = strings.Count(all, ": mode is 4444, ")
	if more := fmt.Sprintf("orlop: and %d more (-v shows all)\n", modes-20); modes < 100 || !strings.Contains(stderr, more) {
		t.Errorf("%d modes, wanted the line %s", modes, more)
	}
	if f := lastObject(t, stdout); status != 5 || len(f.Faults) != modes+1 || f.Faults[0].What != "mode" || f.Faults[0].Found != "4444" {
		t.Errorf("status %d, %d faults, first %+v", status, len(f.Faults), f.Faults[0])
	}
}

// TestKind has texts that are of one kind.
func TestKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`image x: FreeBSD-a-1.0: /bin/sh: its user "odd one" is not in the image's accounts`: "image its user is not in the image's accounts",
		"package nginx: found none, its lock has 1.2, requested":                             "package found none its lock has requested",
		"layer 2: /a/b: lies below /a, which is a file in a lower layer":                     "layer lies below which is a file in a lower layer",
	} {
		if got := kind(text); got != want {
			t.Errorf("%s: found %q, wanted %q", text, got, want)
		}
	}
}

// TestLastObject ends what fails with an object, whatever else --json writes.
func TestLastObject(t *testing.T) {
	t.Parallel()
	if status, stdout, stderr := said(t, "build", "--json", "--no-such-flag"); status != 2 || lastObject(t, stdout).Command != "build" || !strings.Contains(stderr, "no-such-flag") {
		t.Errorf("usage: status %d, %s%s", status, stdout, stderr)
	}
	if status, stdout, _ := said(t, "pkgdb", "diff", "--json", "nowhere", "nowhere"); status != 2 || lastObject(t, stdout).Command != "pkgdb diff" {
		t.Errorf("pkgdb diff: status %d, %s", status, stdout)
	}
	if status, stdout, _ := said(t, "diff", "nowhere", "nowhere"); status != 2 || stdout != "" {
		t.Errorf("without --json: status %d, %s", status, stdout)
	}
	status, stdout, _ := said(t, "verify", "--json", "nowhere.txz")
	if f := lastObject(t, stdout); status != 4 || f.Status != 4 || len(f.Faults) != 1 || strings.Count(stdout, "\n") != 2 || !strings.HasPrefix(stdout, `{"file":"nowhere.txz","result":"input-absent"`) {
		t.Errorf("verify: status %d, %s", status, stdout)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	status, stdout = orlopIn(ctx, "plan", "--json", "--repo", "sample", "static")
	if !strings.Contains(stdout, `{"command":"plan","status":130,"faults":[]}`+"\n") || status != 130 {
		t.Errorf("interrupted: status %d, %s", status, stdout)
	}
}

func TestAsks(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{"x -v": true, "x -qv": true, "x --verbose": true, "x -vj4": true, "x -v=true": true, "": false, "x": false,
		"x -- -v": false, "x -q": false, "x v": false, "x -j4": false, "x --verify": false} {
		if got := asks(append([]string{"orlop"}, strings.Fields(line)...), "v", "verbose"); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}
