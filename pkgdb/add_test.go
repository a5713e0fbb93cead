// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"bytes"
	"strings"
	"testing"
)

// TestAdd installs in two steps, and wants the bytes of one step, in each schema and
// whatever the parent has.
func TestAdd(t *testing.T) {
	t.Parallel()
	all := plain()
	for _, schema := range Schemas {
		want := written(t, all, 100, schema)
		for i := range len(all) + 1 {
			below := content(t, written(t, all[:i], 70, schema))
			image, err := below.Add(t.Context(), t.TempDir(), all[i:], nil, 100, schema)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(bytesOf(t, image), want) {
				t.Errorf("schema %d: %d packages on top of %d are not those of one step", schema, len(all)-i, i)
			}
		}
	}
}

// TestAddAll uses every table, and packages that share a directory.
func TestAddAll(t *testing.T) {
	t.Parallel()
	all := installed()
	want := mustWrite(t, all, 100)
	for i := range all {
		below := content(t, mustWrite(t, all[i:i+1], 100))
		image, err := below.Add(t.Context(), t.TempDir(), append(all[:i:i], all[i+1:]...), nil, 100, DefaultSchema)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytesOf(t, image), want) {
			t.Errorf("with %s below, the bytes are not those of one step", all[i].Name)
		}
	}
}

// TestAddRequested wants a package that is requested now to be automatic no longer.
func TestAddRequested(t *testing.T) {
	t.Parallel()
	all := installed()
	below := content(t, mustWrite(t, all[1:], 100))
	image, err := below.Add(t.Context(), t.TempDir(), all[:1], map[string]bool{"b": true}, 100, DefaultSchema)
	if err != nil {
		t.Fatal(err)
	}
	all[1].Automatic = false
	if !bytes.Equal(bytesOf(t, image), mustWrite(t, all, 100)) {
		t.Error("the bytes are not those of one step in which both are requested")
	}
}

// TestAddElder puts packages on a database of an older schema, which becomes newer.
func TestAddElder(t *testing.T) {
	t.Parallel()
	all := plain()
	for _, from := range Schemas {
		for _, to := range Schemas {
			if to < from {
				continue // which cannot say all
			}
			below := content(t, written(t, all[:1], 100, from))
			image, err := below.Add(t.Context(), t.TempDir(), all[1:], nil, 100, to)
			if err != nil {
				t.Fatalf("from %d to %d: %v", from, to, err)
			}
			one := content(t, written(t, all[:1], 100, from))
			parent, err := one.Add(t.Context(), t.TempDir(), nil, nil, 100, to)
			if err != nil {
				t.Fatal(err)
			}
			again, err := content(t, bytesOf(t, parent)).Add(t.Context(), t.TempDir(), all[1:], nil, 100, to)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(bytesOf(t, image), bytesOf(t, again)) {
				t.Errorf("from %d to %d: it matters when the schema changes", from, to)
			}
		}
	}
}

// TestAddRefuses what the parent's database must not have.
func TestAddRefuses(t *testing.T) {
	t.Parallel()
	below := content(t, mustWrite(t, installed()[:1], 100))
	if _, err := below.Add(t.Context(), t.TempDir(), installed()[:1], nil, 100, DefaultSchema); err == nil || !strings.Contains(err.Error(), "package a is installed already") {
		t.Errorf("got %v for a package that is installed already", err)
	}
	if _, err := below.Add(t.Context(), t.TempDir(), nil, nil, 100, 36); err == nil || !strings.Contains(err.Error(), "no place in schema 36") {
		t.Errorf("got %v for what schema 36 cannot say", err)
	}
}
