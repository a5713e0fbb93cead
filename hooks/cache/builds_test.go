// SPDX-License-Identifier: BSD-2-Clause

package cache_test

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/release/layer"
)

// outcome is what a build came to, for these tests.
type outcome struct {
	Paths []string
	Layer layer.Layer
}

// TestBuild gives back what was kept of a build, any bytes of paths among it, to the
// same program under the same key, and no more if it is damaged.
func TestBuild(t *testing.T) {
	t.Parallel()
	st, notices := newStore(t)
	c := cache.New(st, "one")
	want := outcome{Paths: []string{"/\xff", "", "/a\nb"}, Layer: layer.Layer{MediaType: "x", Size: 3}}
	c.KeepBuild(t.Context(), "key", want)
	look := func(c *cache.Cache, key string) (outcome, bool) {
		var got outcome
		found := c.Build(t.Context(), key, &got)
		return got, found
	}
	got, found := look(cache.New(st, "one"), "key")
	if diff := cmp.Diff(want, got); diff != "" || !found {
		t.Errorf("found %v (-want +got)\n%s", found, diff)
	}
	for what, other := range map[string]struct {
		*cache.Cache
		key string
	}{"another key": {c, "other"}, "another program": {cache.New(st, "two"), "key"}, "no cache": {nil, "key"}} {
		if got, found := look(other.Cache, other.key); found {
			t.Errorf("%s: got %v", what, got)
		}
	}
	var number int
	if c.Build(t.Context(), "key", &number) {
		t.Errorf("of another form: got %d", number)
	}
	damage(t, st, "notes")
	if got, found := look(c, "key"); found || notices.String() == "" {
		t.Errorf("a damaged note: got %v, said %q", got, notices)
	}
	(*cache.Cache)(nil).KeepBuild(t.Context(), "key", want)
}

// TestBuildBytes keeps bytes as they are, and has none for a key without a note.
func TestBuildBytes(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	for _, text := range []string{"", "text\x00"} {
		c.KeepBuild(t.Context(), "key", []byte(text))
		var got []byte
		if found := c.Build(t.Context(), "key", &got); !found || string(got) != text {
			t.Errorf("%q: got %q, %v", text, got, found)
		}
		if c.Build(t.Context(), "other", &got) {
			t.Error("got a note of another key")
		}
	}
	var number int
	if c.Build(t.Context(), "key", &number) {
		t.Errorf("bytes are the number %d", number)
	}
}

// TestBlob opens the blob of a layer by its digest, and none for what is no digest or
// is not there.
func TestBlob(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	made := keep(t, c, "gzip", "blob", "a")
	blob := c.Blob(made.Layer)
	if blob == nil {
		t.Fatal("got none")
	}
	defer blob.Close()
	if text, err := io.ReadAll(blob); err != nil || string(text) != "blob" {
		t.Errorf("got %q, %v", text, err)
	}
	for _, l := range []layer.Layer{{}, {Digest: "sha256:x"}, {Digest: "x"}, {Digest: made.Digest[:len(made.Digest)-1] + "g"}} {
		if got := c.Blob(l); got != nil {
			t.Errorf("%q: got a blob", l.Digest)
		}
	}
	c.Drop(made)
	if got := c.Blob(made.Layer); got != nil {
		t.Error("of a layer that was dropped: got a blob")
	}
}

// TestSetLastByKey makes a layer that only its key names the last one.
func TestSetLastByKey(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	first := keep(t, c, "gzip", "first", "a")
	keep(t, c, "gzip", "second", "b")
	c.SetLast(t.Context(), c.LayerKey("gzip", fragments("b")), "image")
	for range 2 {
		c.SetLast(t.Context(), c.LayerKey("gzip", fragments("a")), "image")
		got, blob := c.Last(t.Context(), "image")
		wantLayer(t, "the first", got, blob, first, "first")
	}
	if key := (*cache.Cache)(nil).LayerKey("gzip", fragments("a")); key != "" {
		t.Errorf("without a cache: got %q", key)
	}
}
