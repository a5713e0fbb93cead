// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"
)

func TestKeptCatalogue(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("0a", 32)
	st := &Store{Dir: t.TempDir() + "/store" + "/new"}
	if _, err := st.Catalogue(t.Context(), digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty store: got %v", err)
	}
	for _, text := range []string{"archive", "with another signature"} { // the last one is kept
		if err := st.KeepCatalogue(t.Context(), digest, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := st.Catalogue(t.Context(), digest); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	read := time.Unix(1_800_000_000, 0)
	st.Now = func() time.Time { return read }
	if _, err := st.Catalogue(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	list, err := st.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Name != "signed/"+digest || !list[0].Used.Equal(read) {
		t.Errorf("the store has %v, %v", list, err)
	}
	if _, err := st.Prune(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Catalogue(t.Context(), digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("pruned: got %v", err)
	}
	for _, digest := range []string{"", "../packages/x", strings.ToUpper(digest), digest + "0", strings.Repeat("/", 64)} {
		if err := st.KeepCatalogue(t.Context(), digest, nil); err == nil {
			t.Errorf("%q: kept", digest)
		}
		if _, err := st.Catalogue(t.Context(), digest); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: got %v", digest, err)
		}
	}
	if err := new(Store).KeepCatalogue(t.Context(), digest, nil); err != nil {
		t.Errorf("without a folder: %v", err)
	}
	if _, err := new(Store).Catalogue(t.Context(), digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: got %v", err)
	}
}
