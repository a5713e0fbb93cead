// SPDX-License-Identifier: BSD-2-Clause

package containerfile_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/ucl"
	"github.com/orlop/orlop/release/containerfile"
	"github.com/orlop/orlop/release/define"
)

var update = flag.Bool("update", false, "write the definitions in testdata anew")

// folder is a build folder of which the names are known.
type folder struct{ fs fs.FS }

func (f folder) IsDir(name string) bool {
	info, err := fs.Stat(f.fs, name)
	return err == nil && info.IsDir()
}

func (f folder) Glob(pattern string) []string {
	names, _ := fs.Glob(f.fs, pattern)
	return names
}

// TestTranslate compares translations with testdata: a file Containerfile, the definition,
// and files of the build folder. The comment parse says that define reads all keys.
func TestTranslate(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			opts := containerfile.Options{Name: "example"}
			var text, want []byte
			rest := &txtar.Archive{}
			at := -1
			for i, f := range a.Files {
				switch f.Name {
				case "Containerfile":
					text = f.Data
				case "definition":
					want, at = f.Data, i
				default:
					rest.Files = append(rest.Files, f)
				}
			}
			if len(rest.Files) > 0 {
				files := fstest.MapFS{}
				for _, f := range rest.Files {
					files[f.Name] = &fstest.MapFile{Data: f.Data}
				}
				opts.Folder = folder{files}
			}
			got, err := containerfile.Translate("Containerfile", text, opts)
			if err != nil {
				t.Fatal(err)
			}
			if *update && at >= 0 {
				a.Files[at].Data = []byte(got.Definition)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(want), got.Definition); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if _, err := ucl.Parse("definition", []byte(got.Definition), nil); err != nil {
				t.Error(err)
			}
			if strings.Contains(string(a.Comment), "parse") {
				if err := (define.Images{}).Read("definition", []byte(got.Definition), define.Target{Revision: "15.1"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestRefuses wants a clear error, of the class usage, for what is no Containerfile.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "Containerfile:1: found no FROM, so this is no Containerfile",
		"ARG a=b\n":                       "Containerfile:1: found no FROM, so this is no Containerfile",
		"\n# x\nRUN true\nFROM x\n":       "Containerfile:3: found RUN, wanted FROM first",
		"FROM\n":                          `Containerfile:1: found "FROM", wanted FROM IMAGE or FROM IMAGE AS NAME`,
		"FROM x\nIMPORT y\n":              "Containerfile:2: IMPORT is no instruction of a Containerfile",
		"FROM x\nRUN a \\\n  b\n{% if %}": "Containerfile:4: {% is no instruction of a Containerfile",
		"FROM x\nRUN cat <<EOT\nx\n":      "Containerfile:2: found no line EOT, which ends the text after <<",
		"FROM x\nENV a=\xff\n":            "Containerfile:2: found byte 0xff, wanted text in UTF-8",
		"FROM x\nENV a=\x01\n":            "Containerfile:2: found the control character '\\x01'",
	} {
		_, err := containerfile.Translate("Containerfile", []byte(text), containerfile.Options{Name: "x"})
		if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q: got %v, wanted %s", text, err, want)
		}
	}
}

// TestNotes wants the line, the text and the reason of what is not translated.
func TestNotes(t *testing.T) {
	t.Parallel()
	text := "FROM x\nRUN pkg install -y vim && \\\n    # a comment\n    make install && \\\n    pkg clean -ay\nHEALTHCHECK --interval=5s CMD true\n"
	got, err := containerfile.Translate("Containerfile", []byte(text), containerfile.Options{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	want := []containerfile.Note{
		{Line: 4, Text: "make install", Reason: "it compiles: give what it makes as files or as a package", Kind: containerfile.Left},
		{Line: 5, Text: "pkg clean -ay", Reason: "neither fetched packages nor catalogues, nor packages that nothing needs, come into the image", Kind: containerfile.Needless},
		{Line: 6, Text: "HEALTHCHECK --interval=5s CMD true", Reason: "the configuration of OCI images has no health checks; a label can name a program for one", Kind: containerfile.Left},
	}
	if diff := cmp.Diff(want, got.Notes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Steps != 5 || got.Count(containerfile.Left) != 2 || got.Count(containerfile.Open) != 0 {
		t.Errorf("got %d steps, %d left, %d open", got.Steps, got.Count(containerfile.Left), got.Count(containerfile.Open))
	}
}

// FuzzTranslate wants every translation to be UCL, and its notes to have lines that are
// there.
func FuzzTranslate(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(a.Files[0].Data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := containerfile.Translate("Containerfile", []byte(text), containerfile.Options{Name: "example"})
		if err != nil {
			if fault.ClassOf(err) != fault.Usage {
				t.Errorf("%q: the error %v is not of the class usage", text, err)
			}
			return
		}
		if _, err := ucl.Parse("definition", []byte(got.Definition), nil); err != nil {
			t.Errorf("%q: %v\n%s", text, err, got.Definition)
		}
		for _, n := range got.Notes {
			if n.Line < 1 || n.Line > strings.Count(text, "\n")+1 || n.Reason == "" {
				t.Errorf("%q: bad note %+v", text, n)
			}
		}
	})
}

// FuzzStrings wants texts to come out of a definition as they went into a Containerfile,
// whatever UCL makes of dollars, quotes and backslashes.
func FuzzStrings(f *testing.F) {
	for _, text := range []string{"", "plain", `a"b\c'd`, "$HOME ${ABI} $$ $x", "tab\tline\nend\\", `\'`, "${ARG}x${ABI}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := json.Marshal([]string{"/bin/echo", text})
		var back []string
		if err != nil || json.Unmarshal(words, &back) != nil || back[1] != text || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) {
			t.Skip()
		}
		if strings.Contains(text, "$") && strings.Contains(strings.ReplaceAll(text, "\n", "'")+"'", `\'`) {
			t.Skip("UCL has no form for it: neither raw nor with $$")
		}
		got, err := containerfile.Translate("Containerfile", []byte("FROM x\nARG ARG=1\nCMD "+string(words)+"\n"), containerfile.Options{Name: "example"})
		if err != nil {
			t.Skip(err)
		}
		vars := map[string]string{"ABI": "FreeBSD:15:amd64", "ARCH": "amd64"}
		o, err := ucl.Parse("definition", []byte(got.Definition), vars)
		if err != nil {
			t.Fatalf("%q: %v\n%s", text, err, got.Definition)
		}
		cmd, err := cmdOf(o)
		if err != nil || !slices.Equal(cmd, []string{"/bin/echo", text}) {
			t.Errorf("%q: got %q, %v\n%s", text, cmd, err, got.Definition)
		}
	})
}

// cmdOf is the key cmd of the first image.
func cmdOf(o *ucl.Object) ([]string, error) {
	images, ok := o.Get("image")
	if !ok {
		return nil, errors.New("no image")
	}
	named, err := images.AsObject()
	if err != nil {
		return nil, err
	}
	image, err := named.Members[0].Value.AsObject()
	if err != nil {
		return nil, err
	}
	cmd, ok := image.Get("cmd")
	if !ok {
		return nil, errors.New("no cmd")
	}
	return cmd.AsStrings()
}
