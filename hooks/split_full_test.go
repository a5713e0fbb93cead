// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package hooks_test

import (
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
)

// TestReuseSplit builds an image of several layers again, and counts what is unpacked:
// nothing where nothing has changed, one package where one has. Locks of layers are
// part of what decides a build.
func TestReuseSplit(t *testing.T) {
	t.Parallel()
	const none = -1
	with := func(st *store.Store, changed int) hooks.Config {
		cfg := reuseConfig(t, st, changed)
		cfg.Custom = &define.Image{Name: "many", Packages: []string{"p*"}, Layers: define.Layers{AtMost: 5}}
		return cfg
	}
	st := &store.Store{Dir: t.TempDir() + "/store"}
	want := digestOf(t, with(nil, none))
	if whole := digestOf(t, reuseConfig(t, nil, none)); whole == want {
		t.Error("the image is not split")
	}
	got, first := unpacked(t, with(st, none))
	if got != want || first != 15 {
		t.Errorf("first build with a store: %s, without %s; unpacked %d packages", got, want, first)
	}
	if got, n := unpacked(t, with(st, none)); got != want || n != 0 {
		t.Errorf("nothing changed: %s, wanted %s; unpacked %d packages", got, want, n)
	}
	for _, changed := range []int{0, 7, 12, 19} {
		unpacked(t, with(st, none))
		got, n := unpacked(t, with(st, changed))
		if want := digestOf(t, with(nil, changed)); got != want || n != 1 {
			t.Errorf("p%02d changed: %s, wanted %s; unpacked %d packages", changed, got, want, n)
		}
	}
	other := with(st, none)
	other.LayersFrom = []*lock.Lock{{ABI: "FreeBSD:15:amd64", Image: "many", Layers: []lock.Layer{{Image: "many", Parts: []lock.Part{{Packages: []string{"p01", "p02"}}}}}}}
	if got := digestOf(t, other); got == want {
		t.Error("a lock of layers changes nothing")
	}
}
