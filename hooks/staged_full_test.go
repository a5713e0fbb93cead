// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package hooks_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/release"
)

// TestStagedFaults damages a root in ways that would make another image.
func TestStagedFaults(t *testing.T) {
	t.Parallel()
	cfg := config(t, sampleRepo, "dynamic")
	image := database(t, build(t, cfg)["dynamic"], filepath.Join(cfg.OutDir, release.ArtifactName("dynamic")))
	for want, damage := range map[string]func(root, metalog string) error{
		"/lib/libc.so.7: sum is": func(root, _ string) error {
			return os.WriteFile(root+"/lib/libc.so.7", []byte("other"), 0o444)
		},
		"/lib/libc.so.7: file in the root is absent, wanted one": func(root, _ string) error {
			return os.Remove(root + "/lib/libc.so.7")
		},
		"/lib/libc.so.7: type in the root is dir, wanted file": func(root, _ string) error {
			return errors.Join(os.Remove(root+"/lib/libc.so.7"), os.Mkdir(root+"/lib/libc.so.7", 0o755))
		},
		"/lib/libc.so.7: entry in the METALOG is absent, wanted one": func(_, metalog string) error {
			return edit(metalog, func(s string) string { return strings.ReplaceAll(s, "./lib/libc.so.7 ", "./lib/libc.so.8 ") })
		},
		"/lib/libc.so.7: uname in the METALOG is games, wanted root": func(_, metalog string) error {
			return edit(metalog, func(s string) string { return s + "./lib/libc.so.7 type=file uname=games gname=wheel mode=444\n" })
		},
		"METALOG:1: found": func(_, metalog string) error {
			return edit(metalog, func(s string) string { return "nonsense\n" + s })
		},
	} {
		root, metalog := stage(t, sampleRepo, image)
		if err := damage(root, metalog); err != nil {
			t.Fatal(err)
		}
		cfg := config(t, "", "dynamic")
		cfg.Input, cfg.Revision, cfg.Branch = &input.Root{Path: root, Metalog: metalog, Tree: input.Tree{SrcDir: sourceTree(t)}}, "15.0", "RELEASE"
		_, err := hooks.Build(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if left, _ := os.ReadDir(cfg.OutDir); len(left) > 0 {
			t.Errorf("%s: left %v", want, left)
		}
	}
}
