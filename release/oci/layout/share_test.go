// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/oci"
)

// far is a source without files that counts how often it is asked.
type far struct {
	oci.Source
	asked int
	cut   bool // blobs end in the middle
}

func (f *far) Index(context.Context) (oci.LayoutFiles, error) { return oci.LayoutFiles{}, nil }

func (f *far) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	f.asked++
	r, err := f.Source.Blob(ctx, d)
	if err == nil && f.cut {
		return oci.Verify(io.NopCloser(io.LimitReader(r, d.Size/2)), d.Digest, d.Size), nil
	}
	return r, err
}

// onDisk is a source on a disk, one of its blobs, and the blob's bytes.
func onDisk(t *testing.T) (oci.Source, v1.Descriptor, []byte) {
	t.Helper()
	im, blobs := sample()
	disk, err := open(save(t, Tar))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return disk, v1.Descriptor{Digest: im.Layers[1].Digest, Size: im.Layers[1].Size}, blobs[1]
}

// TestShare fetches a blob once, from wherever it is nearest, and keeps none that is
// incomplete.
func TestShare(t *testing.T) {
	t.Parallel()
	disk, d, text := onDisk(t)
	read := func(s oci.Source, want int64) error {
		r, err := s.Blob(t.Context(), d)
		if err != nil {
			return err
		}
		defer r.Close()
		got, err := io.ReadAll(io.LimitReader(r, want))
		if err == nil && int64(len(got)) == d.Size && !bytes.Equal(got, text) {
			return errors.New("other bytes")
		}
		return err
	}
	a, b := &far{Source: disk}, &far{Source: disk}
	both, err := Share(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	if err := read(both.Source(0), d.Size/2); err != nil { // and leave the rest
		t.Fatal(err)
	}
	for range 2 {
		for i := range 2 {
			if err := read(both.Source(i), d.Size+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if a.asked != 2 || b.asked != 0 {
		t.Errorf("asked %d and %d times, want twice, of which one was left, and never", a.asked, b.asked)
	}
	if err := both.Close(); err != nil {
		t.Error(err)
	}
	near, err := Share(t.Context(), b, disk)
	if err != nil {
		t.Fatal(err)
	}
	if err := read(near.Source(0), d.Size+1); err != nil || b.asked != 0 {
		t.Errorf("with the blob on disk: %v, asked %d times", err, b.asked)
	}
	a.cut = true
	alone, err := Share(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := read(alone.Source(0), d.Size+1); err == nil {
			t.Error("half a blob passed")
		}
	}
	if a.asked != 4 {
		t.Errorf("asked %d times, want twice more: half a blob is not kept", a.asked)
	}
}

// TestShareAtOnce fetches a blob once for sources that want it at the same time: the
// others wait, and begin anew where it was left, or end with their context.
func TestShareAtOnce(t *testing.T) {
	t.Parallel()
	disk, d, text := onDisk(t)
	a, b := &far{Source: disk}, &far{Source: disk}
	both, err := Share(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	first, err := both.Source(0).Blob(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := both.Source(1).Blob(ended, d); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: got %v", err)
	}
	got := make(chan []byte)
	go func() {
		r, err := both.Source(1).Blob(t.Context(), d)
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		got <- text
	}()
	if _, err := io.ReadAll(first); err != nil {
		t.Fatal(err)
	}
	if b.asked != 0 {
		t.Error("the second is fetched beside the first")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if read := <-got; !bytes.Equal(read, text) || a.asked != 1 || b.asked != 0 {
		t.Errorf("got %d bytes, asked %d and %d times", len(read), a.asked, b.asked)
	}
}
