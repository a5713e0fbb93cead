// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tree"
)

// releasePage is the page for those who make releases.
const releasePage = "orlop-release.7"

// section is the text of a part of the page that begins with a macro.
func section(t *testing.T, macro, heading string) string {
	t.Helper()
	text, err := os.ReadFile(releasePage)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n"+macro+" "+heading+"\n")
	if !found {
		t.Fatalf("%s has no %s %s", releasePage, macro, heading)
	}
	for _, end := range []string{"\n.Sh ", "\n" + macro + " "} {
		rest, _, _ = strings.Cut(rest, end)
	}
	return rest
}

// comparedBy are the tests that compare what the table of differences has without
// a star.
var comparedBy = map[string]string{
	"packages":      "hooks TestGoldenSample",
	"files":         "hooks TestGoldenSample",
	"rows":          "hooks TestGoldenSample",
	"automatic":     "hooks TestAutomatic",
	"local.sqlite":  "hooks TestGoldenSample",
	"folders":       "release/tree TestGoldenMtree",
	"passwords":     "release/etc TestGoldenSums",
	"services.db":   "release/etc TestGoldenSums",
	"login.conf.db": "release/etc TestGoldenSums",
	"certificates":  "release/etc TestGoldenCertificates",
	"hints":         "release/etc TestHints",
}

// TestDifferences looks at the table of differences: a line without a star was
// compared by a test, and each has four cells.
func TestDifferences(t *testing.T) {
	t.Parallel()
	text := section(t, ".Sh", "DIFFERENCES")
	rows := regexp.MustCompile(`(?m)^T\{\n((?:.*\n)*?)T\}$`).FindAllString(text, -1)
	seen, starred := map[string]bool{}, 0
	for _, row := range rows {
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(row, "T{\n"), "\nT}"), "\nT}\tT{\n")
		if len(cells) != 4 || slices.Contains(cells, "") {
			t.Errorf("a line has the cells %q, wanted four", cells)
		}
		name, star := strings.CutSuffix(strings.TrimPrefix(cells[0], `\&`), " *")
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if star {
			starred++
		}
		by := comparedBy[name]
		if star != (by == "") {
			t.Errorf("%s: star %t, compared by %q", name, star, by)
		}
		if folder, test, named := strings.Cut(by, " "); named && !hasTest(t, "../../"+folder, test) {
			t.Errorf("%s: there is no %s", name, by)
		}
	}
	if len(rows)-starred != len(comparedBy) || starred < 20 {
		t.Errorf("%d lines, %d with a star; wanted %d without", len(rows), starred, len(comparedBy))
	}
	for _, topic := range []string{"layers", "order", "config keys", "Cmd", "Env", "annotations", "history", "created", "other times", "local.sqlite",
		"repos", "certificates", "os-release", "hints", "base.conf", "termcap", "flags", "sparse files", "keys", ".pkgsave", "PAM"} {
		if !seen[topic] {
			t.Errorf("nothing is said of %s", topic)
		}
	}
}

// hasTest looks for a test in the files of a folder.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := fs.Glob(os.DirFS(folder), "*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(filepath.Join(folder, file))
		return err == nil && strings.Contains(string(text), "\nfunc "+name+"(t *testing.T) {")
	})
}

// TestFilesOfNoPackage compares images with what pkg(8) put into a root: what
// they have besides is what the page lists, and all of that is in one of them.
func TestFilesOfNoPackage(t *testing.T) {
	t.Parallel()
	var patterns []string
	for _, m := range regexp.MustCompile(`(?m)^\.It Pa (.*)$`).FindAllStringSubmatch(section(t, ".Ss", "Files of no package"), -1) {
		patterns = append(patterns, strings.Split(m[1], " , ")...)
	}
	out := t.TempDir()
	images := define.StandardNames()[:4]
	args := append([]string{"build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--format", "dir", "-o", out}, images...)
	if status, _, said := capture(t, args...); status != 0 {
		t.Fatal(said)
	}
	used := map[string]bool{"/etc/termcap.small": true, "/usr/share/misc/termcap": true} // the sample has no source tree
	for _, image := range images {
		archive := filepath.Join(out, "container-image-"+image)
		for _, file := range besides(t, archive, image) {
			i := slices.IndexFunc(patterns, func(p string) bool { return covers(p, file) })
			if i < 0 {
				t.Errorf("%s: %s is from no package, and not on the page", image, file)
				continue
			}
			used[patterns[i]] = true
		}
	}
	for _, p := range patterns {
		if !used[p] {
			t.Errorf("%s is on the page, and in no image", p)
		}
	}
}

// covers reports whether a pattern of the page is of a path, a last * of all below.
func covers(pattern, file string) bool {
	if folder, all := strings.CutSuffix(pattern, "*"); all {
		return strings.HasPrefix(file, folder)
	}
	return pattern == path.Clean(file)
}

// besides are the files of an image that pkg(8) did not install for it, where that
// is at hand, else those that its lock says were made.
func besides(t *testing.T, archive, image string) []string {
	t.Helper()
	var list []string
	f, err := os.Open(filepath.Join("../../hooks/testdata/golden", image, "files.mtree"))
	if os.IsNotExist(err) {
		for _, layer := range readLock(t, archive+".lock.json").Layers {
			for _, g := range layer.Generated {
				list = append(list, g.Path)
			}
		}
		return list
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	nodes, err := tree.ReadMtree(f, image, "/")
	if err != nil {
		t.Fatal(err)
	}
	installed := map[string]bool{}
	for _, n := range nodes {
		installed[n.Path] = true
	}
	for _, file := range filesOf(t, archive) {
		if !installed[file.Path] && file.Type != "dir" {
			list = append(list, file.Path)
		}
	}
	return list
}

func readLock(t *testing.T, file string) *lock.Lock {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// listed is a line of ls --files --json.
type listed struct{ Path, Type string }

func filesOf(t *testing.T, archive string) []listed {
	t.Helper()
	status, text, said := capture(t, "ls", "--files", "--json", archive)
	if status != 0 {
		t.Fatal(said)
	}
	var list []listed
	for line := range strings.Lines(text) {
		var f listed
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

// TestPublishedPage compares the page's list of published files, and its knobs and
// targets, with the program's list and with Makefile.inc.
func TestPublishedPage(t *testing.T) {
	t.Parallel()
	items := func(heading, macro string) []string {
		var list []string
		for _, m := range regexp.MustCompile(`(?m)^\.It `+macro+` (.*)$`).FindAllStringSubmatch(section(t, ".Ss", heading), -1) {
			list = append(list, m[1])
		}
		return list
	}
	var files []string
	for _, f := range release.PublishedFiles() {
		files = append(files, f.Name)
	}
	if got := items("What is published", "Pa"); !slices.Equal(got, files) {
		t.Errorf("the page has the files %q, the program %q", got, files)
	}
	text, err := os.ReadFile("../../Makefile.inc")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\n\n# A tree that has this file")
	var knobs, targets []string
	for _, m := range regexp.MustCompile(`(?m)^#  ([A-Za-z_-]+):`).FindAllStringSubmatch(head, -1) {
		if strings.HasPrefix(m[1], "oci-") {
			targets = append(targets, m[1])
		} else if m[1] != "WITH_OCIIMAGES" {
			knobs = append(knobs, m[1])
		}
	}
	if got := items("Knobs", "Va"); !slices.Equal(got, knobs) {
		t.Errorf("the page has the knobs %q, Makefile.inc %q", got, knobs)
	}
	if got := items("Targets", "Cm"); !slices.Equal(got, targets) {
		t.Errorf("the page has the targets %q, Makefile.inc %q", got, targets)
	}
}
