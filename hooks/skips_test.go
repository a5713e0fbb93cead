// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/pkgfile/porttest"
	"github.com/orlop/orlop/pkgdb/store"
)

// TestSkipByName skips unknown scripts and triggers by name.
func TestSkipByName(t *testing.T) {
	t.Parallel()
	strange := porttest.New("strange", porttest.User("www", "80", "/nonexistent"), "texhash\n", nil,
		pkgtest.File{Path: "/usr/local/share/pkg/triggers/fontconfig.ucl", Body: "x"})
	pkgs := append(ports(), strange)
	const image = "image x { packages = [ base, strange ]; %s }"
	const both = `skip-scripts { strange = "no TeX here" }; skip-triggers { fontconfig = "a cache" }`
	cfg := portsConfig(t, fmt.Sprintf(image, both), "x", pkgs...)
	a := build(t, cfg)["x"]
	compareFile(t, a, "/etc/group", "0644 root:wheel 0:0", baseGroup+"www:*:80:\n")
	l := lockOf(t, cfg, "x")
	var skipped []string
	for _, s := range l.Layers[0].SkippedScripts {
		skipped = append(skipped, s.Package+" "+s.Phase+": "+s.Reason)
		if len(s.SHA256) != 64 {
			t.Errorf("sha256 of %s is %q", s.Phase, s.SHA256)
		}
	}
	want := []string{"strange-1.0 /usr/local/share/pkg/triggers/fontconfig.ucl: a cache", "strange-1.0 post-install: no TeX here"}
	if slices.Sort(skipped); !slices.Equal(skipped, want) {
		t.Errorf("got %q, want %q", skipped, want)
	}
	again := cfg
	fromLock(&again, &store.Store{}, l)
	again.OutDir = t.TempDir()
	if got := build(t, again)["x"]; got.Descriptor.Digest != a.Descriptor.Digest {
		t.Errorf("again from its lock: got %s, want %s", got.Descriptor.Digest, a.Descriptor.Digest)
	}
	for _, tt := range []struct{ keys, want string }{
		{`skip-scripts { strange = "x" }`, "fontconfig.ucl script is unknown"},
		{`skip-triggers { fontconfig = "x" }`, "its post-install script is unknown"},
		{both + `; skip-scripts { nginx = "x" }`, `skip-scripts: "nginx" skips nothing: the image installs no such package`},
		{both + `; skip-scripts { base = "x" }`, `skip-scripts: "base" skips nothing: the package has no script that orlop does not know`},
		{both + `; skip-triggers { mandoc = "x" }`, `skip-triggers: "mandoc" skips nothing`},
	} {
		_, err := hooks.Build(t.Context(), portsConfig(t, fmt.Sprintf(image, tt.keys), "x", pkgs...))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.keys, err, tt.want)
		}
		if skip := new(root.SkipError); errors.As(err, &skip) && fault.ClassOf(err) != fault.Unmet {
			t.Errorf("%s: class is %v", tt.keys, fault.ClassOf(err))
		}
	}
	_, err := hooks.Build(t.Context(), portsConfig(t, fmt.Sprintf(image, `skip-scripts { strange = "" }`), "x", pkgs...))
	if want := "skip-scripts: strange has no reason"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestSkippedTextChanged builds from a lock that skips another text.
func TestSkippedTextChanged(t *testing.T) {
	t.Parallel()
	cfg := portsConfig(t, `image x { packages = [ s ]; skip-scripts { s = "x" } }`, "x", porttest.New("s", "", "texhash\n", nil))
	build(t, cfg)
	l := lockOf(t, cfg, "x")
	l.Layers[0].SkippedScripts[0].SHA256 = strings.Repeat("0", 64)
	fromLock(&cfg, &store.Store{}, l)
	cfg.OutDir = t.TempDir()
	_, err := hooks.Build(t.Context(), cfg)
	if want := "s-1.0: its post-install script is unknown, and not the one that the lock skips, which has sha256 0000"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
