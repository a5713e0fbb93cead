// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/elf/elftest"
)

// exceptional are packages that leave something open: what FreeBSD-clibs has, its
// image's definition knows.
func exceptional(t *testing.T) string {
	t.Helper()
	needs := string(elftest.File{Needed: []string{"libgone.so.1"}}.Bytes())
	repo := t.TempDir()
	pkgtest.WriteRepo(repo,
		pkgtest.Package{Name: "FreeBSD-runtime", Version: "15.0"},
		pkgtest.Package{Name: "FreeBSD-clibs", Version: "15.0", Files: []pkgtest.File{
			{Path: "/libexec/ld-elf.so.1", Body: string(elftest.File{}.Bytes())}, {Path: "/usr/lib/libxnet.so", Symlink: "gone"}}},
		pkgtest.Package{Name: "above", Deps: []string{"FreeBSD-clibs"}},
		pkgtest.Package{Name: "other", Files: []pkgtest.File{
			{Path: "/libexec/ld-elf.so.1", Body: string(elftest.File{}.Bytes())}, {Path: "/usr/lib/libxnet.so", Symlink: "gone"}}},
		pkgtest.Package{Name: "a", Files: []pkgtest.File{{Path: "/bin/a", Body: needs}}, Keys: map[string]any{"requires": []string{"word"}}},
		pkgtest.Package{Name: "b", Files: []pkgtest.File{{Path: "/bin/b", Body: needs}}, Keys: map[string]any{"requires": []string{"word"}}},
	)
	return repo
}

// TestExceptionsOfPackages builds images that have, by request or dependency, what
// FreeBSD's definitions excuse for a package, and images that have the same of
// another.
func TestExceptionsOfPackages(t *testing.T) {
	t.Parallel()
	repo := exceptional(t)
	const excuse = `{ package = "x | a"; reason = "as it is" }`
	both := "known-missing { libgone.so.1 " + excuse + "; word " + excuse + " }"
	for _, tt := range []struct{ definition, want string }{
		{"packages = [ FreeBSD-clibs ]", ""},
		{"packages = [ above ]", ""},
		{"packages = [ other ]", "image x: other-1.0: /usr/lib/libxnet.so: links to gone"},
		{"packages = [ FreeBSD-clibs, a ]; " + both, ""},
		{"packages = [ FreeBSD-clibs, b ]; " + both, "image x: b: requires word\nimage x: b-1.0: /bin/b: needs libgone.so.1"},
		{"packages = [ FreeBSD-clibs, a, b ]; " + both, "image x: b: requires word\nimage x: b-1.0: /bin/b: needs libgone.so.1"},
		{"packages = [ FreeBSD-clibs, a ]", "image x: a: requires word\nimage x: a-1.0: /bin/a: needs libgone.so.1"},
	} {
		cfg := config(t, repo, "x")
		cfg.Exceptions, cfg.ImageFiles = define.Exceptions{}, []string{write(t, "image x { "+tt.definition+" }")}
		if tt.want == "" {
			images := build(t, cfg)
			sameFromLock(t, cfg, "x", images["x"])
			continue
		}
		_, err := hooks.Build(t.Context(), cfg)
		if err == nil {
			t.Errorf("%s: got no error, want %s", tt.definition, tt.want)
			continue
		}
		got := strings.Split(err.Error(), "\n")
		want := strings.Split(tt.want, "\n")
		if len(got) != len(want) {
			t.Errorf("%s: got\n%v\nwant\n%s", tt.definition, err, tt.want)
		}
		for _, line := range want {
			if !strings.Contains(err.Error(), line) {
				t.Errorf("%s: got\n%v\nwant\n%s", tt.definition, err, line)
			}
		}
	}
}
