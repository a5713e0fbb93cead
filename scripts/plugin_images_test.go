// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Which images a release has, by where OCI_IMAGES stands.
func TestInteropMakeImages(t *testing.T) {
	t.Parallel()
	const all14, all15 = "static dynamic runtime", "static dynamic runtime notoolchain toolchain" // as the trees list them
	for _, tt := range []struct {
		name, branch string
		vars, env    []string
		conf         string // of what is read before release/Makefile, as make.conf(5) is
		want         string
	}{
		{"nowhere", "15", nil, nil, "", all15},
		{"nowhere", "14", nil, nil, "", all14},
		{"the environment", "15", nil, []string{"OCI_IMAGES=zones"}, "", all15 + " zones"},
		{"the environment", "14", nil, []string{"OCI_IMAGES=zones"}, "", all14 + " zones"},
		{"make.conf", "15", nil, nil, "OCI_IMAGES+=more zones\n", all15 + " more zones"},
		{"FreeBSD's and one twice", "15", nil, nil, "OCI_IMAGES+=zones runtime zones\n", all15 + " zones"},
		{"the command line", "15", []string{"OCI_IMAGES=zones"}, nil, "", "zones"},
		{"the command line, +=", "15", []string{"OCI_IMAGES+=zones"}, nil, "", "zones"},
		{"the command line, twice", "15", []string{"OCI_IMAGES=zones static zones"}, nil, "", "zones static"},
		{"toolchain", "14", nil, []string{"OCI_IMAGES=toolchain"}, "", "OCI_IMAGES has toolchain, of packages that FreeBSD 14.3 does not have"},
		{"toolchain on the command line", "14", []string{"OCI_IMAGES=static toolchain"}, nil, "",
			"OCI_IMAGES has toolchain, of packages that FreeBSD 14.3 does not have"},
	} {
		t.Run(tt.branch+" "+tt.name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, newTree func(*testing.T, string) *tree) {
				tr := newTree(t, tt.branch)
				definition(t, tr)
				conf := filepath.Join(tr.src, "make.conf")
				write(t, conf, tt.conf)
				tr.vars, tr.env = append(tr.vars, tt.vars...), append(tr.env, tt.env...)
				out := tr.make(t, "-f", conf, "-f", tr.way.makefile, "-n", "oci-check", "oci-plan")
				got := ""
				if m := regexp.MustCompile(`(?m)echo "` + tr.way.says + `(OCI_IMAGES.*)" >&2`).FindStringSubmatch(out); m != nil {
					got = m[1]
				} else if m := regexp.MustCompile(`(?m)^echo "\S+ plan (.*?)"; `).FindStringSubmatch(out); m != nil {
					got = m[1]
				}
				if got != tt.want {
					t.Errorf("got %q, want %q in\n%s", got, tt.want, out)
				}
			})
		})
	}
}

// A parent in the tree need not be listed.
func TestInteropMakeParent(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	write(t, filepath.Join(tr.src, "release/tools/oci-image-top.ucl"), "image top { parent = zones }\n")
	tr.make(t, "oci-release", "OCI_IMAGES=top")
	if got := inspect(t, filepath.Join(tr.obj, "container-image-top.txz")); got.OS != "freebsd" {
		t.Errorf("got %+v", got)
	}
	if _, err := os.Stat(filepath.Join(tr.obj, "container-image-zones.txz")); err == nil {
		t.Error("the parent was made, too")
	}
}

// What is installed is what the last whole run has made, or nothing.
func TestInteropMakeInstall(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	tr.make(t, "release")
	refused := func(name, want string) {
		root := filepath.Join(t.TempDir(), "R")
		out, err := tr.try("oci-install", "DESTDIR="+root)
		if _, there := os.Stat(root); err == nil || there == nil || !strings.Contains(out, want) {
			t.Errorf("%s: got %v, %v, want nothing there and %q in\n%s", name, err, there, want, out)
		}
	}
	for _, name := range []string{"container-image-zones.txz", "container-image-zones.lock.json", "container-image-MANIFESTS"} {
		path := filepath.Join(tr.obj, name)
		good := read(t, path)
		write(t, path, good[:len(good)/2])
		refused(name, name)
		write(t, path, good)
	}
	tr.make(t, "-j4", "oci-install", "DESTDIR=relative")
	for _, kind := range []string{"SHA256", "SHA512"} {
		checkSums(t, filepath.Join(tr.obj, "relative/ociimages"), "CHECKSUM."+kind, kind, 3)
	}
	tr.newvers(t, "15.0", "RELEASE-p1")
	fails := filepath.Join(tr.src, "fails")
	write(t, fails, "#!/bin/sh\n[ \"$1\" != build ] && exec "+orlop+" \"$@\"\nexit 5\n")
	if err := os.Chmod(fails, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := tr.try("-j4", "oci-release", "ORLOP="+fails); err == nil {
		t.Fatalf("no error in\n%s", out)
	}
	refused("after a failure", tr.way.says+"oci-release has not completed in "+tr.obj)
}

// Two runs of make(1) in one object directory do not disturb each other.
func TestInteropMakeTwice(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	tr.make(t, "pkgbase-repo-dir")
	meeting := filepath.Join(tr.src, "meeting")
	write(t, meeting, `#!/bin/sh
`+orlop+` "$@" || exit
[ "$1" != build ] || : > met.$$
n=0
while [ "$1" = build ] && [ "$(ls met.* | wc -l)" -lt 2 ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
`)
	if err := os.Chmod(meeting, 0o755); err != nil {
		t.Fatal(err)
	}
	tr.vars = append(tr.vars, "ORLOP="+meeting)
	failed := make(chan string)
	for range 2 {
		go func() {
			out, err := tr.try("oci-release")
			if err == nil {
				out = ""
			}
			failed <- out
		}()
	}
	for range 2 {
		if out := <-failed; out != "" {
			t.Error(out)
		}
	}
	var left []string
	for name := range contents(t, tr.obj) {
		if strings.Contains(name, "part") {
			left = append(left, name)
		}
	}
	if met, err := filepath.Glob(filepath.Join(tr.obj, "met.*")); err != nil || len(met) != 2 || left != nil {
		t.Errorf("%d runs met, and left %q", len(met), left)
	}
	before := contents(t, tr.obj)
	tr.make(t, "oci-release")
	if !maps.Equal(before, contents(t, tr.obj)) {
		t.Error("another run had something to do")
	}
}
