// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
)

// planText makes the plan of the image of reuseConfig.
func planText(t *testing.T, cfg hooks.Config) []byte {
	t.Helper()
	if _, err := hooks.Plan(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(cfg.OutDir, "container-image-many.plan.json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// buildPlanned builds what a plan says.
func buildPlanned(t *testing.T, cfg hooks.Config, text []byte) error {
	t.Helper()
	plan, err := lock.ParsePlan("plan", text)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Plans = []*lock.Plan{plan}
	_, err = hooks.Build(t.Context(), cfg)
	return err
}

// TestPlanMaker has a plan say which program made it, always in the same bytes,
// while any program of that version may build what was planned.
func TestPlanMaker(t *testing.T) {
	t.Parallel()
	cfg := reuseConfig(t, nil, 0)
	first, same := planText(t, cfg), planText(t, cfg)
	cfg.Maker = "another"
	other := planText(t, cfg)
	if !bytes.Equal(first, same) || bytes.Equal(first, other) {
		t.Errorf("plans of a program, of the same, of another:\n%s\n%s\n%s", first, same, other)
	}
	if err := buildPlanned(t, cfg, first); err != nil {
		t.Error(err)
	}
}

// TestPlanFiles has a plan tell the files of a source tree by their contents.
func TestPlanFiles(t *testing.T) {
	t.Parallel()
	cfg := reuseConfig(t, nil, 0)
	repos(cfg).SrcDir = t.TempDir()
	write := func(text string) {
		for _, name := range []string{"file", "folder/file"} {
			path := filepath.Join(repos(cfg).SrcDir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(name+text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, change := range map[string]func(*define.Image){
		"a file": func(img *define.Image) {
			img.Files = []define.File{{Taken: define.Taken{Source: "file"}, Target: "/etc/file", Mode: 0o644}}
		},
		"a folder": func(img *define.Image) {
			img.Folders = []define.Folder{{Taken: define.Taken{Source: "folder", Folder: true}, Target: "/etc/folder"}}
		},
	} {
		cfg.Custom = &define.Image{Name: "many", Packages: []string{"p*"}}
		change(cfg.Custom)
		write("")
		text := planText(t, cfg)
		if err := buildPlanned(t, cfg, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		write(" changed")
		if bytes.Equal(text, planText(t, cfg)) {
			t.Errorf("%s: the plan says the same", name)
		}
		err := buildPlanned(t, cfg, text)
		if wrong, ok := errors.AsType[*fault.ContentError](err); !ok || !strings.Contains(wrong.Error(), "it is not as planned: the files: found ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
