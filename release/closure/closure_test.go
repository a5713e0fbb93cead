// SPDX-License-Identifier: BSD-2-Clause

package closure_test

import (
	"bytes"
	"context"
	delf "debug/elf"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/tree"
)

// image is what a file in testdata describes, and the Files of its tree.
type image struct {
	closure.Image
	asks  map[string]closure.Asks
	texts map[string][]byte
	fault error // of reading any text
}

func (i *image) Owner(n *tree.Node) (pkg, by string) {
	if n.Package == "" {
		return "", "orlop"
	}
	return n.Package, n.Package + "-1.0"
}

func (i *image) Asks(n *tree.Node) closure.Asks { return i.asks[n.Path] }

func (i *image) Texts(context.Context, []*tree.Node) (map[string][]byte, error) {
	return i.texts, i.fault
}

// read makes the image of a txtar archive. Its section "image" has a line for each
// thing in it, "exceptions" what may be absent; sections with the path of a file
// have its text.
//
//	dir PATH | file PATH | script PATH LINE | link PATH TARGET | requires WORD PACKAGE…
//	program PATH                    of the run-time linker's own class and machine
//	cmd WORD… | env NAME=VALUE
//
// A dir, file or program may be followed by words: of=PACKAGE ("" for orlop's
// own), uname=, mode=; a program by 32, arm64, needs=, path= and interpreter= too.
func read(t *testing.T, a *txtar.Archive) *image {
	t.Helper()
	i := &image{asks: map[string]closure.Asks{}, texts: map[string][]byte{}}
	i.Tree, i.Files = new(tree.Tree), i
	for _, f := range a.Files {
		switch f.Name {
		case "image":
			for line := range strings.Lines(string(f.Data)) {
				i.add(t, strings.Fields(line))
			}
		case "exceptions":
			var err error
			if i.Known, err = define.ReadExceptions(f.Name, f.Data); err != nil {
				t.Fatal(err)
			}
		default:
			i.texts[f.Name] = f.Data
		}
	}
	return i
}

func (i *image) add(t *testing.T, words []string) {
	t.Helper()
	n := tree.Node{Path: words[1], Mode: 0o755, Uname: "root", Gname: "wheel", Origin: tree.Packaged, Package: "pkg"}
	switch words[0] {
	case "cmd":
		i.Cmd = words[1:]
		return
	case "env":
		i.Env = append(i.Env, words[1])
		return
	case "requires":
		i.Requires = append(i.Requires, closure.Requirement{What: words[1], By: words[2:]})
		return
	case "dir":
		n.Type = tree.Dir
	case "link":
		n.Type, n.Link = tree.Symlink, words[2]
	case "script":
		i.asks[n.Path] = closure.Asks{Script: strings.Join(words[2:], " ")}
	case "program":
		i.asks[n.Path] = closure.Asks{Needs: needs(t, words[2:])}
	case "file":
	default:
		t.Fatalf("a line begins with %q", words[0])
	}
	for _, w := range words[2:] {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "of":
			if n.Package = value; value == "" {
				n.Origin = tree.Generated
			}
		case "uname":
			n.Uname = value
		case "mode":
			mode, err := strconv.ParseUint(value, 8, 32)
			if err != nil {
				t.Fatal(err)
			}
			n.Mode = uint32(mode)
		}
	}
	if err := i.Tree.Put(n); err != nil {
		t.Fatal(err)
	}
}

// needs reads what follows a program.
func needs(t *testing.T, words []string) *elf.Needs {
	t.Helper()
	n := &elf.Needs{Class: delf.ELFCLASS64, Machine: delf.EM_X86_64}
	for _, w := range words {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "32":
			n.Class, n.Machine = delf.ELFCLASS32, delf.EM_386
		case "arm64":
			n.Machine = delf.EM_AARCH64
		case "needs":
			n.Libraries = strings.Split(value, ",")
		case "path":
			n.SearchPath = strings.Split(value, ":")
		case "interpreter":
			n.Interpreter = value
		case "of":
		default:
			t.Fatalf("a program has %q", w)
		}
	}
	return n
}

// lines are the texts of errors in the form of a section.
func lines(errs []error) string {
	var b strings.Builder
	for _, err := range errs {
		b.WriteString(err.Error() + "\n")
	}
	return b.String()
}

// section is one of an archive, "" where it has none.
func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// late are the kinds of gaps that only the contents of packages tell of.
var late = map[string]bool{"library": true, "interpreter": true}

// TestGaps checks images each of which lacks what one kind of file asks for: all
// that is missing is reported, nothing else, and an exception that speaks of something
// absent is used. What is known before packages are unpacked is reported then, too.
func TestGaps(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			i := read(t, a)
			report := closure.Check(t.Context(), &i.Image)
			if diff := cmp.Diff(section(a, "gaps"), lines(report.Gaps)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			var used []string
			for e := range report.Used {
				used = append(used, e.Pattern+"\n")
			}
			slices.Sort(used)
			if diff := cmp.Diff(section(a, "used"), strings.Join(used, "")); diff != "" {
				t.Errorf("used exceptions (-want +got):\n%s", diff)
			}
			want := section(a, "gaps")
			if late[filepath.Base(filepath.Dir(file))] {
				want = ""
			}
			if diff := cmp.Diff(want, lines(closure.LinksAndWords(t.Context(), &i.Image).Gaps)); diff != "" {
				t.Errorf("gaps before packages are unpacked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGapParts tells of a gap what reports need: what asks, where, and what is
// missing, with the package alone where no file asks.
func TestGapParts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		gap             closure.Gap
		text, where, by string
	}{
		{closure.Gap{By: "a-1", Path: "/bin/a", Wants: "needs libx.so, which is in none of /lib", Lack: "libx.so"},
			"a-1: /bin/a: needs libx.so, which is in none of /lib", "a-1: /bin/a", "a-1: /bin/a"},
		{closure.Gap{By: "a", Wants: "requires w, which no package provides", Lack: "w"},
			"a: requires w, which no package provides", "a", "a"},
	} {
		if got := tt.gap.Error(); got != tt.text {
			t.Errorf("got %s, want %s", got, tt.text)
		}
		what, where, found, wanted := tt.gap.Parts()
		if diff := cmp.Diff([]string{tt.gap.Wants, tt.where, "", tt.gap.Lack}, []string{what, where, found, wanted}); diff != "" {
			t.Errorf("parts of %s (-want +got):\n%s", tt.text, diff)
		}
		if what, by := tt.gap.Lacks(); what != tt.gap.Lack || by != tt.by {
			t.Errorf("got that %q lacks %q, want that %q lacks %q", by, what, tt.by, tt.gap.Lack)
		}
		if !tt.gap.Wrong() {
			t.Errorf("%s: got an error that is not of wrong bytes", tt.text)
		}
	}
}

// TestUnreadable tells what keeps a file from being read among the gaps, and goes
// on with the others.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	i := read(t, txtar.Parse([]byte("-- image --\nfile /etc/nsswitch.conf\nfile /etc/pam.d/login\nlink /a nowhere\n")))
	i.fault = errors.New("cannot be read")
	const want = "pkg-1.0: /a: links to nowhere, which is not in the image\ncannot be read\ncannot be read\n"
	for name, check := range map[string]func(context.Context, *closure.Image) closure.Report{"Check": closure.Check, "LinksAndWords": closure.LinksAndWords} {
		if got := lines(check(t.Context(), &i.Image).Gaps); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestContext ends a check with its context: nothing in the tree is looked at.
func TestContext(t *testing.T) {
	t.Parallel()
	i := read(t, txtar.Parse([]byte("-- image --\nlink /a nowhere\nprogram /bin/b needs=libc.so.7\nscript /bin/s /bin/none\nfile /etc/pam.d/login\n-- /etc/pam.d/login --\nauth required pam_x.so\n")))
	if got := closure.Check(t.Context(), &i.Image).Gaps; len(got) != 4 {
		t.Fatalf("got %v, want 4 gaps", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := closure.Check(ctx, &i.Image).Gaps; len(got) != 0 {
		t.Errorf("after the end: got %v, want none", got)
	}
}

// TestEmpty finds nothing missing in an image that asks for nothing.
func TestEmpty(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "-- image --\nfile /etc/motd\ndir /var/empty\n"} {
		report := closure.Check(t.Context(), &read(t, txtar.Parse([]byte(text))).Image)
		if len(report.Gaps) != 0 || len(report.Used) != 0 {
			t.Errorf("%s: got %+v, want nothing", text, report)
		}
	}
}

// TestExceptionsUsed tells apart exceptions that have one pattern and another
// package: used is the one whose package asks.
func TestExceptionsUsed(t *testing.T) {
	t.Parallel()
	i := read(t, txtar.Parse([]byte("-- image --\nprogram /libexec/ld-elf.so.1\nprogram /bin/a needs=libx.so of=a\n")))
	ofA, ofB := define.Exception{Pattern: "libx.so", Reason: "r", Package: "a"}, define.Exception{Pattern: "libx.so", Reason: "r", Package: "b"}
	any := define.Exception{Pattern: "libx.so", Reason: "r"}
	i.Known.Missing = []define.Exception{ofB, ofA, any}
	report := closure.Check(t.Context(), &i.Image)
	if len(report.Gaps) != 0 {
		t.Errorf("got %v, want none", report.Gaps)
	}
	if want := map[define.Exception]bool{ofA: true, any: true}; !maps.Equal(report.Used, want) {
		t.Errorf("got %v, want %v", report.Used, want)
	}
}

// TestLibraryPath lists the folders of which ldconfig(8) would tell: its own where
// they exist, then those of packages by their names, none twice, and none that
// others than root can write, but for /usr/local/lib.
func TestLibraryPath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, dirs, lists, want string }{
		{"nothing", "", "", "/usr/local/lib"},
		{"its own", "dir /lib\ndir /usr/lib\ndir /usr/lib/compat\ndir /usr/local/lib\ndir /usr/local/lib/compat/pkg\n", "",
			"/lib /usr/lib /usr/lib/compat /usr/local/lib /usr/local/lib/compat/pkg"},
		{"packages'", "dir /lib\ndir /opt/b\ndir /opt/a\n", "/opt/b\n|/opt/a /lib\n", "/lib /usr/local/lib /opt/a /opt/b"},
		{"absent", "dir /lib\n", "/opt/a\n", "/lib /usr/local/lib"},
		{"no folder", "file /lib\n", "", "/usr/local/lib"},
		{"others'", "dir /lib uname=games\ndir /usr/lib mode=0775\ndir /opt/a mode=0757\ndir /opt/b mode=0750\n", "/opt/a /opt/b", "/usr/local/lib /opt/b"},
		{"a link", "link /lib usr/lib\ndir /usr/lib\n", "", "/lib /usr/lib /usr/local/lib"},
	} {
		i := read(t, txtar.Parse([]byte("-- image --\n"+tt.dirs)))
		got := strings.Join(closure.LibraryPath(i.Tree, bytes.Split([]byte(tt.lists), []byte("|"))), " ")
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
