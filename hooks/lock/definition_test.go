// SPDX-License-Identifier: BSD-2-Clause

package lock_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
)

// TestDefinition reads those of a lock as they were written.
func TestDefinition(t *testing.T) {
	t.Parallel()
	l := twoLayers(t)
	for i, want := range []define.Image{
		{Name: "low", Packages: []string{"a"}},
		{Name: "app", Parent: "low", Packages: []string{"b"}, Cmd: []string{"/bin/app"}, Env: []string{"A=1"}, Labels: map[string]string{"l": "2"}, Tags: []string{"1.2"}},
	} {
		got, err := lock.Definition(l, i)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("layer %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestDefinitionFaults refuses what could not have been in a file of definitions,
// and what does not belong where it stands.
func TestDefinitionFaults(t *testing.T) {
	t.Parallel()
	app := func(change func(*define.Image)) json.RawMessage {
		def := define.Image{Name: "app", Parent: "low", Packages: []string{"b"}}
		change(&def)
		return definition(t, def)
	}
	for want, text := range map[string]json.RawMessage{
		"layer app: definition: unexpected EOF":                                               json.RawMessage(`{`),
		`layer app: definition: json: unknown field "other"`:                                  json.RawMessage(`{"other": 1}`),
		`layer app: definition: has "Name", wanted "name"`:                                    json.RawMessage(`{"Name": "app"}`),
		`layer app: definition: has "name" twice`:                                             json.RawMessage(`{"name": "app", "name": "app"}`),
		`layer app: definition: cmd: its first word is empty`:                                 app(func(d *define.Image) { d.Cmd = []string{""} }),
		`layer app: definition: file /x: has no origin, wanted local`:                         app(func(d *define.Image) { d.Files = []define.File{{Target: "/x"}} }),
		`layer app: definition of image "App": image name "App": wanted lower-case letters`:   app(func(d *define.Image) { d.Name = "App" }),
		`layer app: definition of image "app": image "app" has neither a parent nor packages`: app(func(d *define.Image) { d.Parent, d.Packages = "", nil }),
		`layer app: the definition names image "other", wanted "app"`:                         app(func(d *define.Image) { d.Name = "other" }),
		`layer app: its definition has parent "", the layer below is "low"`:                   app(func(d *define.Image) { d.Parent = "" }),
		`layer app: its definition has parent "static", the layer below is "low"`:             app(func(d *define.Image) { d.Parent = "static" }),
	} {
		l := twoLayers(t)
		l.Layers[1].Definition = text
		if _, err := lock.Definition(l, 1); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	l := twoLayers(t)
	l.Layers[0].Definition = definition(t, define.Image{Name: "low", Parent: "below"})
	if _, err := lock.Definition(l, 0); err == nil || err.Error() != `layer low: its definition has parent "below", the layer below is ""` {
		t.Errorf("got %v, want that the lowest stands on nothing", err)
	}
}

// TestElder completes definitions from before they said whose they are: one of a
// name of FreeBSD's was FreeBSD's own.
func TestElder(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{ // elder, FreeBSD's
		`{"name": "static", "packages": ["a"]}`:                   {true, true},
		`{"name": "own", "packages": ["a"]}`:                      {true, false},
		`{"name": "static", "packages": ["a"], "freebsd": false}`: {false, false},
		`{"name": "static", "packages": ["a"], "freebsd": true}`:  {false, true},
	} {
		if got := lock.Elder(json.RawMessage(text)); got != want[0] {
			t.Errorf("%s: got elder %v, want %v", text, got, want[0])
		}
		var named struct{ Name string }
		if err := json.Unmarshal([]byte(text), &named); err != nil {
			t.Fatal(err)
		}
		l := &lock.Lock{Image: named.Name, Layers: []lock.Layer{{Image: named.Name, Definition: json.RawMessage(text)}}}
		if def, err := lock.Definition(l, 0); err != nil || def.FreeBSD != want[1] {
			t.Errorf("%s: got FreeBSD's %v, %v, want %v", text, def.FreeBSD, err, want[1])
		}
	}
	if lock.Elder(json.RawMessage(`[`)) || lock.Elder(json.RawMessage(`{"freebsd": 1}`)) {
		t.Error("got an elder one of what is no definition")
	}
}

// TestImage is the image of a lock: all that its definition and its epoch decide.
func TestImage(t *testing.T) {
	t.Parallel()
	l := twoLayers(t)
	layers := []oci.Layer{{CreatedBy: "one"}, {CreatedBy: "two"}}
	got, err := lock.Image(l, layers)
	if err != nil {
		t.Fatal(err)
	}
	annotations := got.Annotations
	got.Annotations = nil
	want := oci.Image{Name: got.Name, Architecture: "amd64", Created: 2_000, Layers: layers,
		Settings: v1.ImageConfig{Env: []string{define.Path, "A=1"}, Cmd: []string{"/bin/app"}, Labels: map[string]string{"l": "2"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
	}
	for key, want := range map[string]string{v1.AnnotationCreated: "1970-01-01T00:33:20Z", define.AnnotationABI: "FreeBSD:15:amd64", "org.example.run": "1"} {
		if annotations[key] != want {
			t.Errorf("annotation %s: got %q, want %q", key, annotations[key], want)
		}
	}
	if name := lock.Name(l); name != got.Name || !strings.Contains(name, "app:1.2") {
		t.Errorf("got the name %q, want %q with app:1.2", name, got.Name)
	}
	for what, change := range map[string]func(*lock.Lock){
		"release":    func(l *lock.Lock) { l.ABI = "Linux" },
		"definition": func(l *lock.Lock) { l.Layers[1].Definition = json.RawMessage(`{}`) },
	} {
		l := twoLayers(t)
		change(l)
		if _, err := lock.Image(l, nil); err == nil || lock.Name(l) != "" {
			t.Errorf("%s: got the image %q, %v, want an error and no name", what, lock.Name(l), err)
		}
	}
}

// TestCheckAll finds locks of which nothing can be made, or not in one run.
func TestCheckAll(t *testing.T) {
	t.Parallel()
	other := func(change func(l *lock.Lock)) []*lock.Lock {
		l := twoLayers(t)
		change(l)
		return []*lock.Lock{twoLayers(t), l}
	}
	only := func(change func(l *lock.Lock)) []*lock.Lock { return other(change)[1:] }
	const runs = "the locks of app and app are for different runs"
	for name, tt := range map[string]struct {
		locks []*lock.Lock
		want  string
	}{
		"one":                 {only(func(*lock.Lock) {}), ""},
		"two":                 {other(func(*lock.Lock) {}), ""},
		"other annotations":   {other(func(l *lock.Lock) { l.Annotations = nil }), ""},
		"another schema":      {other(func(l *lock.Lock) { l.Schema = 36 }), runs},
		"another compression": {other(func(l *lock.Lock) { l.Compression = "zstd" }), runs},
		"squashed":            {other(func(l *lock.Lock) { l.Squash = true }), runs},
		"another revision":    {other(func(l *lock.Lock) { l.Revision = "15.1" }), runs},
		"another branch":      {other(func(l *lock.Lock) { l.Branch = "RELEASE-p1" }), runs},
		"another ABI":         {other(func(l *lock.Lock) { l.ABI = "FreeBSD:15:aarch64" }), runs},
		"schema":              {only(func(l *lock.Lock) { l.Schema = 7 }), "lock of app: "},
		"compression":         {only(func(l *lock.Lock) { l.Compression = "lzma" }), "lock of app: "},
		"release":             {only(func(l *lock.Lock) { l.Branch = "x y" }), "lock of app: "},
		"annotation":          {only(func(l *lock.Lock) { l.Annotations = map[string]string{define.AnnotationABI: "x"} }), "lock of app: "},
		"definition":          {only(func(l *lock.Lock) { l.Layers[0].Definition = json.RawMessage(`{}`) }), "lock of app: layer low: definition of image \"\""},
	} {
		err := lock.CheckAll(tt.locks)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	for what, locks := range map[string][]*lock.Lock{"schema": only(func(l *lock.Lock) { l.Schema = 7 }), "compression": only(func(l *lock.Lock) { l.Compression = "lzma" })} {
		version, is := errors.AsType[*lock.VersionError](lock.CheckAll(locks))
		if !is || version.Orlop != "0.1" || !version.Failed() {
			t.Errorf("%s: got %v, want that only orlop 0.1 can", what, lock.CheckAll(locks))
		}
	}
	all := append(other(func(l *lock.Lock) { l.Squash = true }), only(func(l *lock.Lock) { l.Layers[1].Definition = json.RawMessage(`{}`) })...)
	all[1].Image, all[2].Image = "second", "app"
	if err := lock.CheckAll(all); err == nil || len(strings.Split(err.Error(), "\n")) != 2 {
		t.Errorf("got %v, want the faults of both", err)
	}
	if _, usage := errors.AsType[*fault.UsageError](lock.CheckAll(all)); !usage {
		t.Errorf("got %v, want an error of usage", lock.CheckAll(all))
	}
}

// TestSettings are those that the lock fixes.
func TestSettings(t *testing.T) {
	t.Parallel()
	l := twoLayers(t)
	l.Squash = true
	if got, want := l.Settings(), (lock.Settings{Schema: pkgdb.Schema(42), Compression: layer.Compression("gzip"), Squash: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
