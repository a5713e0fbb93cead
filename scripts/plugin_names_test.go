// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Images of every architecture come from any host, by an ordinary make.
func TestInteropMakeCross(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ target, arch, platform, variant string }{
		{"amd64", "amd64", "amd64", ""},
		{"arm64", "aarch64", "arm64", ""},
		{"riscv", "riscv64", "riscv64", ""},
		{"i386", "i386", "386", ""},
		{"arm", "armv7", "arm", "v7"},
		{"powerpc", "powerpc64le", "ppc64le", ""},
	} {
		t.Run(tt.arch, func(t *testing.T) {
			t.Parallel()
			tr := newTree(t, "15")
			tr.zones(t, "FreeBSD:15:"+tt.arch)
			tr.make(t, "release", "NO_ROOT=1", "TARGET="+tt.target, "TARGET_ARCH="+tt.arch)
			if got, want := tr.file(t, "container-image-MANIFESTS"), "SHA256 (zones:15.0-RELEASE-"+tt.arch+") = "; !strings.HasPrefix(got, want) {
				t.Errorf("manifests say %q, want %q", got, want)
			}
			got := inspect(t, filepath.Join(tr.obj, "container-image-zones.txz"))
			if got.Architecture != tt.platform || got.Variant != tt.variant || got.OS != "freebsd" {
				t.Errorf("config says %+v, want freebsd, %s, %q", got, tt.platform, tt.variant)
			}
		})
	}
}

type platform struct{ Architecture, Variant, OS string }

// inspect has skopeo read the config of an archive.
func inspect(t *testing.T, archive string) (p platform) {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("bsdtar", "-xf", archive, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command("skopeo", "inspect", "--config", "--raw", "oci:"+dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// stage is what a mirror calls the images of a release: the begin of their
// names, what tells one snapshot from another, and the folder.
type stage struct {
	branch, revision, line string // of the tree, and in it
	target, arch           string
	osrelease, suffix      string
	folder                 string
}

// What a mirror gets has FreeBSD's names, for releases and for snapshots.
func TestInteropMakeMirrors(t *testing.T) {
	t.Parallel()
	const suffix = "20251120-a1b2c3d4e5f6-280999"
	for _, s := range []stage{
		{"14", "14.3", "RELEASE-p2", "amd64", "amd64", "FreeBSD-14.3-RELEASE-p2-amd64", "", "releases/OCI-IMAGES/14.3-RELEASE-p2/amd64/Latest"},
		{"15", "15.0", "RELEASE", "amd64", "amd64", "FreeBSD-15.0-RELEASE-amd64", "", "releases/OCI-IMAGES/15.0-RELEASE/amd64/Latest"},
		{"15", "15.1", "RC2", "arm64", "aarch64", "FreeBSD-15.1-RC2-arm64-aarch64", "", "releases/OCI-IMAGES/15.1-RC2/aarch64/Latest"},
		{"15", "15.1", "STABLE", "riscv", "riscv64", "FreeBSD-15.1-STABLE-riscv-riscv64", suffix, "snapshots/OCI-IMAGES/15.1-STABLE/riscv64/20251120"},
		{"15", "15.0", "ALPHA4", "amd64", "amd64", "FreeBSD-15.0-ALPHA4-amd64", suffix, "snapshots/OCI-IMAGES/15.0-ALPHA4/amd64/20251120"},
		{"main", "16.0", "CURRENT", "amd64", "amd64", "FreeBSD-16.0-CURRENT-amd64", suffix, "snapshots/OCI-IMAGES/16.0-CURRENT/amd64/20251120"},
	} {
		t.Run(s.osrelease, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, newTree func(*testing.T, string) *tree) {
				tr := newTree(t, s.branch)
				tr.newvers(t, s.revision, s.line)
				major, _, _ := strings.Cut(s.revision, ".")
				abi := "FreeBSD:" + major + ":" + s.arch
				repo := tr.zones(t, abi)
				if s.branch == "14" {
					if err := os.CopyFS(filepath.Join(filepath.Dir(tr.obj), "repo", abi, "latest"), os.DirFS(repo)); err != nil {
						t.Fatal(err)
					}
				}
				tr.vars = append(tr.vars, "TARGET="+s.target, "TARGET_ARCH="+s.arch)
				tr.make(t, "release")
				root := filepath.Join(tr.obj, "R")
				tr.make(t, "install", "DESTDIR="+root)
				tr.env = append(tr.env, "PATH="+freebsdSums(t)+":"+os.Getenv("PATH"))
				for range 2 { // a mirror that is staged again is the same
					tr.make(t, "-f", tr.way.mirrors, "-j4", "ftp-stage", "RELEASEDIR="+root)
					checkStage(t, filepath.Join(root, "ftp-stage"), s)
				}
			})
		})
	}
}

// freebsdSums is a folder with FreeBSD's programs for checksums.
func freebsdSums(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, kind := range []string{"sha256", "sha512"} {
		name := filepath.Join(dir, kind)
		write(t, name, "#!/bin/sh\nexec "+kind+"sum --tag \"$@\"\n")
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkStage compares the names below the root of a mirror, and the checksums
// with the files.
func checkStage(t *testing.T, root string, s stage) {
	t.Helper()
	name, sums, latest := s.osrelease+"-container-image-", "", filepath.Join(filepath.Dir(s.folder), "Latest")
	if s.suffix != "" {
		name, sums = name+s.suffix+"-", "-"+s.suffix
	}
	whats := []string{"zones.txz", "zones.lock.json", "MANIFESTS"}
	kinds := []string{"SHA256", "SHA512"}
	var want []string
	for _, what := range whats {
		want = append(want, filepath.Join(s.folder, name+what), filepath.Join(latest, s.osrelease+"-container-image-"+what))
	}
	for _, kind := range kinds {
		want = append(want, filepath.Join(s.folder, "CHECKSUM."+kind+sums), filepath.Join(latest, "CHECKSUM."+kind))
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if got := names(contents(t, root)); !slices.Equal(got, want) {
		t.Errorf("the mirror has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, name := range want {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("a link leads nowhere: %v", err)
		}
	}
	for _, kind := range kinds {
		checkSums(t, filepath.Join(root, s.folder), "CHECKSUM."+kind+sums, kind, len(whats))
	}
}

// commit makes a git tree of it.
func commit(t *testing.T, tr *tree) {
	t.Helper()
	script := "git init -q . && git add -A && git -c user.name=x -c user.email=x@example.org commit -qm x --date=@1500000000"
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir, cmd.Env = tr.src, append(os.Environ(), "GIT_COMMITTER_DATE=@1500000001", "HOME="+tr.obj)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Which of its sources the epoch comes from.
func TestInteropMakeEpoch(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		vars, env []string
		prepare   func(*testing.T, *tree)
		want      string
	}{
		{"nothing", nil, nil, nil, ""},
		{"the commit", []string{"GIT_CMD=" + git}, nil, commit, "1500000001"},
		{"GITEPOCH", []string{"GIT_CMD=" + git, "GITEPOCH=1600000000"}, nil, commit, "1600000000"},
		{"PKG_INSTALL_EPOCH", []string{"GITEPOCH=1600000000", "PKG_INSTALL_EPOCH=1600000001"}, nil, nil, "1600000001"},
		{"SOURCE_DATE_EPOCH", []string{"PKG_INSTALL_EPOCH=1600000001", "SOURCE_DATE_EPOCH=1600000002"}, nil, nil, "1600000002"},
		{"the environment", []string{"GITEPOCH=1600000000"}, []string{"SOURCE_DATE_EPOCH=1600000003"}, nil, "1600000003"},
		{"an empty one", []string{"GITEPOCH=1600000000", "SOURCE_DATE_EPOCH="}, nil, nil, "1600000000"},
		{"a tree without history", []string{"GIT_CMD=" + git}, nil, nil, ""},
		{"somebody else's tree", []string{"GIT_CMD=" + git}, nil, func(t *testing.T, tr *tree) {
			commit(t, tr)
			asNobody(t, tr)
			if tr.user != nil {
				chown(t, "65533:65533", tr.src)
			}
		}, "1500000001"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := newTree(t, "15")
			tr.zones(t, "FreeBSD:15:amd64")
			if tt.prepare != nil {
				tt.prepare(t, tr)
			}
			spy := filepath.Join(t.TempDir(), "spy")
			write(t, spy, "#!/bin/sh\necho \"$1:${SOURCE_DATE_EPOCH}\" >> epochs\nexec "+orlop+" \"$@\"\n")
			if err := os.Chmod(spy, 0o755); err != nil {
				t.Fatal(err)
			}
			tr.vars, tr.env = append(append(tr.vars, "ORLOP="+spy), tt.vars...), tt.env
			tr.make(t, "oci-release")
			got := regexp.MustCompile(`(?m)^(make|version):.*\n`).ReplaceAllString(tr.file(t, "epochs"), "")
			if want := "plan:" + tt.want + "\nlock:" + tt.want + "\nbuild:" + tt.want + "\n"; got != want {
				t.Errorf("epochs %q, want %q", got, want)
			}
		})
	}
}

// A tree with a history that cannot be read is not built with other epochs.
func TestInteropMakeEpochUnknown(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	for name, vars := range map[string][]string{"no commit": {"GIT_CMD=" + git}, "no git": {"GIT_CMD="}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTree(t, "15")
			tr.zones(t, "FreeBSD:15:amd64")
			if out, err := exec.Command(git, "init", "-q", tr.src).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			tr.vars = append(tr.vars, vars...)
			want := tr.way.says + "git gives no commit time for " + tr.src + "; set SOURCE_DATE_EPOCH\n"
			if name == "no git" {
				want = tr.way.says + "git is not installed, so the commit time of " + tr.src + " is not known; set ORLOP_COMMIT or SOURCE_DATE_EPOCH\n"
			}
			if out, err := tr.try("release"); err == nil || strings.Count(out, want) != 1 {
				t.Errorf("got %v, want %q in\n%s", err, want, out)
			}
			tr.make(t, "release", "SOURCE_DATE_EPOCH=1500000000")
		})
	}
}

// A tree whose release makes no repository has that of `make packages`, and
// one where the release is named on the command line knows its version.
func TestInteropMakeOtherTrees(t *testing.T) {
	t.Parallel()
	t.Run("14", func(t *testing.T) {
		t.Parallel()
		tr := newTree(t, "14")
		repo := tr.zones(t, "FreeBSD:14:amd64")
		definition(t, tr)
		if out, err := tr.try("release"); err == nil || !strings.Contains(out, tr.way.says+"no repository in "+filepath.Dir(tr.obj)+"/repo/FreeBSD:14:amd64/latest") {
			t.Errorf("without packages: got %v\n%s", err, out)
		}
		if err := os.CopyFS(filepath.Join(filepath.Dir(tr.obj), "repo/FreeBSD:14:amd64/latest"), os.DirFS(repo)); err != nil {
			t.Fatal(err)
		}
		tr.took(t)
		tr.make(t, "release")
		// Media are made by a make(1) of their own there, which knows nothing of orlop.
		if got, want := tr.took(t), []string{"orlop-plan", "orlop-lock", "disc1", "orlop-build"}; !slices.Equal(got, want) {
			t.Errorf("did %q, want %q", got, want)
		}
		if got, want := tr.file(t, "container-image-MANIFESTS"), "SHA256 (zones:14.3-RELEASE-p2-amd64) = "; !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		tr.vars = tr.vars[:2]
		if out := tr.make(t, "-n", "oci-plan"); regexp.MustCompile(`\b(no)?toolchain\b`).MatchString(out) || !strings.Contains(out, "static dynamic runtime") {
			t.Errorf("14 has three images:\n%s", out)
		}
	})
	t.Run("NOPKGBASE", func(t *testing.T) {
		t.Parallel()
		tr := newTree(t, "15")
		repo := tr.zones(t, "FreeBSD:15:amd64")
		if err := os.CopyFS(filepath.Join(filepath.Dir(tr.obj), "repo/FreeBSD:15:amd64/latest"), os.DirFS(repo)); err != nil {
			t.Fatal(err)
		}
		tr.make(t, "release", "NOPKGBASE=yes")
		if took := tr.took(t); slices.Contains(took, "pkgbase-repo") || slices.Index(took, "orlop-plan") > slices.Index(took, "disc1") {
			t.Errorf("did %q, want no repository, and the plan before media", took)
		}
	})
	t.Run("OSRELEASE", func(t *testing.T) {
		t.Parallel()
		tr := newTree(t, "15")
		tr.zones(t, "FreeBSD:15:amd64")
		tr.make(t, "oci-release", "OSRELEASE=FreeBSD-ours", "REVISION=15.0")
		if got, want := tr.file(t, "container-image-MANIFESTS"), "SHA256 (zones:15.0-RELEASE-amd64) = "; !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// definition gives a tree the image that others have in testdata.
func definition(t *testing.T, tr *tree) {
	t.Helper()
	write(t, filepath.Join(tr.src, "release/tools/oci-image-zones.ucl"), "image zones {\n  packages = [ FreeBSD-zoneinfo ];\n}\n")
}
