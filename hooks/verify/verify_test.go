// SPDX-License-Identifier: BSD-2-Clause

package verify_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/artifact/artifacttest"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/release/define"
)

var update = flag.Bool("update", false, "write what is found into the cases")

// TestCases checks images that testdata/FUNCTION/*.txtar describe: what each function
// reports as a fault, as a note and as a detail. A closure with an "exceptions" file,
// be it empty, has a lock with these.
func TestCases(t *testing.T) {
	t.Parallel()
	functions := map[string]func(*testing.T, map[string]string) verify.Findings{"artifact": checkArtifact, "alone": checkAlone, "closure": checkClosure}
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %v, %v, want cases", files, err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		function := filepath.Base(filepath.Dir(file))
		seen[function] = true
		t.Run(function+"/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts := map[string]string{}
			for _, f := range archive.Files {
				texts[f.Name] = string(f.Data)
			}
			found := functions[function](t, texts)
			var faults []string
			for _, err := range found.Errs {
				faults = append(faults, strings.Split(err.Error(), "\n")...)
			}
			got := map[string]string{"faults": lines(faults), "notes": lines(found.Notes), "details": lines(found.Details)}
			want := map[string]string{"faults": texts["faults"], "notes": texts["notes"], "details": texts["details"]}
			if *update {
				write(t, file, archive, got)
			} else if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
	for function := range functions {
		if !seen[function] {
			t.Errorf("there is no case of %s", function)
		}
	}
}

func lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

// write puts what was found into a case.
func write(t *testing.T, file string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	var files []txtar.File
	for _, f := range archive.Files {
		if _, is := got[f.Name]; !is {
			files = append(files, f)
		}
	}
	for _, name := range []string{"faults", "notes", "details"} {
		if got[name] != "" {
			files = append(files, txtar.File{Name: name, Data: []byte(got[name])})
		}
	}
	archive.Files = files
	if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
		t.Fatal(err)
	}
}

// examine reads an image in which nothing is wrong so far.
func examine(t *testing.T, texts map[string]string) *artifact.Artifact {
	t.Helper()
	a, err := artifact.Examine(t.Context(), artifacttest.Describe(t, texts["image"]).Source(), "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func checkArtifact(t *testing.T, texts map[string]string) verify.Findings {
	_, found := verify.Artifact(t.Context(), artifacttest.Describe(t, texts["image"]).Source(), "")
	for _, gone := range found.Gone { // which only a lock would allow
		found.Errs = append(found.Errs, gone.Err)
	}
	return found
}

func checkAlone(t *testing.T, texts map[string]string) verify.Findings {
	return verify.Lock(t.Context(), examine(t, texts), nil)
}

func checkClosure(t *testing.T, texts map[string]string) verify.Findings {
	var l *lock.Lock
	if text, has := texts["exceptions"]; has {
		known, err := define.ReadExceptions("exceptions", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		_, complete := texts["complete"]
		definition, err := json.Marshal(define.Image{Name: "x", Complete: complete, Packages: []string{"app"}})
		if err != nil {
			t.Fatal(err)
		}
		l = &lock.Lock{Format: lock.Format, Image: "x", Layers: []lock.Layer{{Image: "x", Definition: definition}}}
		l.Except(known)
	}
	return verify.Closure(t.Context(), examine(t, texts), l)
}
