// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/orlop/orlop/release/tarfile"
)

// keyed makes fragments whose text tells their keys; each that is written is
// counted.
func keyed(written *[]string, keys ...string) []Fragment {
	var list []Fragment
	var mu sync.Mutex
	for _, key := range keys {
		f := fragment(dir("/"+key), file("/"+key+"/f", strings.Repeat(key+"\n", 400_000)))
		write := f.Write
		f.Key = key
		f.Write = func(ctx context.Context, w *tarfile.Writer) error {
			mu.Lock()
			*written = append(*written, key)
			mu.Unlock()
			return write(ctx, w)
		}
		list = append(list, f)
	}
	return list
}

// TestReuse makes layers of what a prior layer had and of new fragments, and
// compares their bytes with those of layers rebuilt.
func TestReuse(t *testing.T) {
	t.Parallel()
	for _, c := range []Compression{Gzip, Zstd} {
		var blob bytes.Buffer
		var written []string
		rec, err := Write(t.Context(), &blob, c, 1, keyed(&written, "a", "b", "c", "d"), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ keys, anew []string }{
			{[]string{"a", "b", "c", "d"}, nil},
			{[]string{"x", "b", "c", "d"}, []string{"x"}},
			{[]string{"a", "x", "c", "d"}, []string{"x"}},
			{[]string{"a", "b", "c", "x"}, []string{"x"}},
			{[]string{"d", "c"}, nil},
			{[]string{"a", "b", "x", "y", "c", "d"}, []string{"x", "y"}},
			{[]string{"x"}, []string{"x"}},
		} {
			var want, got bytes.Buffer
			var ignored []string
			fresh, err := Write(t.Context(), &want, c, 2, keyed(&ignored, tt.keys...), nil)
			if err != nil {
				t.Fatal(err)
			}
			written = nil
			again, err := Write(t.Context(), &got, c, 1, keyed(&written, tt.keys...), &Prior{*rec, bytes.NewReader(blob.Bytes())})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want.Bytes()) || again.Layer != fresh.Layer || !slices.Equal(written, tt.anew) {
				t.Errorf("%s %v: got %+v, wrote %v; want %+v, %v", c, tt.keys, again.Layer, written, fresh.Layer, tt.anew)
			}
			if fmt.Sprint(again.Fragments) != fmt.Sprint(fresh.Fragments) {
				t.Errorf("%s %v: the records differ", c, tt.keys)
			}
		}
		for at := range blob.Len() {
			if at%(blob.Len()/7) != 5 {
				continue
			}
			damaged := bytes.Clone(blob.Bytes())
			damaged[at] ^= 1
			_, err := Write(t.Context(), new(bytes.Buffer), c, 2, keyed(&written, "a", "b", "c", "d"), &Prior{*rec, bytes.NewReader(damaged)})
			if _, ok := errors.AsType[*DamageError](err); !ok {
				t.Errorf("%s, byte %d changed: got %v", c, at, err)
			}
		}
		_, err = Write(t.Context(), new(bytes.Buffer), c, 2, keyed(&written, "a", "b", "c", "d"), &Prior{*rec, bytes.NewReader(blob.Bytes()[:blob.Len()/2])})
		if _, ok := errors.AsType[*DamageError](err); !ok {
			t.Errorf("%s, cut short: got %v", c, err)
		}
	}
}
