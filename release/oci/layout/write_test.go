// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/oci"
)

// TestGolden pins the bytes of archives. That of .tar.zst changes with the
// compressor in go.mod, and no other: a change of any is one of orlop's format.
func TestGolden(t *testing.T) {
	t.Parallel()
	for f, want := range map[Format]digest.Digest{
		Tar:     "sha256:bfa8579d55d979fdc414172bf6733953e9dc2a5b0f20f6f7e97a20ae0654870d",
		TXZ:     "sha256:509533ee74e971b6667726c757a758cc162bcf1ace556909954234cc621165d1",
		TarZstd: "sha256:b2ddc23c5d50cc5a5f637a52c7d539bc940cb95278f1a47fc2189bd242708671",
	} {
		b, err := os.ReadFile(save(t, f))
		if err != nil {
			t.Fatal(err)
		}
		if got := digest.FromBytes(b); got != want {
			t.Errorf("%s: digest is %s, wanted %s", f, got, want)
		}
	}
}

func TestArchiveEntries(t *testing.T) {
	t.Parallel()
	im, _ := sample()
	d := im.Documents()
	want := []string{oci.BlobName(d.ConfigDigest), oci.BlobName(d.Digest), oci.BlobName(im.Layers[0].Digest), oci.BlobName(im.Layers[1].Digest)}
	slices.Sort(want)
	want = append(append([]string{"blobs/", "blobs/sha256/"}, want...), "index.json", "oci-layout")
	f, err := os.Open(save(t, Tar))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got []string
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.Name)
		mode := map[byte]int64{tar.TypeDir: 0o755, tar.TypeReg: 0o644}[h.Typeflag]
		if h.Mode != mode || h.Uid != 0 || h.Gid != 0 || h.Uname != "root" || h.Gname != "wheel" || h.ModTime.Unix() != im.Created || h.Format != tar.FormatUSTAR {
			t.Errorf("%s: header is %+v", h.Name, h)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// TestWriteOnce writes a layer that stands twice in an image as one blob.
func TestWriteOnce(t *testing.T) {
	t.Parallel()
	im, blobs := sample()
	im.Layers[1] = im.Layers[0]
	path := filepath.Join(t.TempDir(), "x")
	if err := Write(t.Context(), path, Tar, im, im.Documents(), func(int) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blobs[0])), nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := check(path); err != nil {
		t.Error(err)
	}
}

// TestWriteChecks gives blobs that are not the described ones.
func TestWriteChecks(t *testing.T) {
	t.Parallel()
	im, blobs := sample()
	first := im.Layers[0].Digest.String()
	absent := errors.New("blob is lost")
	for _, tt := range []struct{ name, body, want string }{
		{"other bytes", "eno", "blob " + first + " is sha256:"},
		{"too few", "on", "size of blob " + first + " is 2, wanted 3"},
		{"none", "", "size of blob " + first + " is 0, wanted 3"},
		{"too many", "oneone", "size of blob " + first + " is at least 4, wanted 3"},
		{"absent", "absent", absent.Error()},
	} {
		for _, f := range []Format{TXZ, Tar, TarZstd, Dir} {
			err := Write(t.Context(), filepath.Join(t.TempDir(), "x"), f, im, im.Documents(), func(i int) (io.ReadCloser, error) {
				if i > 0 {
					return io.NopCloser(bytes.NewReader(blobs[i])), nil
				}
				if tt.body == "absent" {
					return nil, absent
				}
				return io.NopCloser(iotest.OneByteReader(strings.NewReader(tt.body))), nil
			})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s, %s: got %v, want %q", f, tt.name, err, tt.want)
			}
			if _, wrong := errors.AsType[*oci.MismatchError](err); wrong != (tt.body != "absent") {
				t.Errorf("%s, %s: got a %T", f, tt.name, err)
			}
		}
	}
}

// TestWriteExisting never writes over something.
func TestWriteExisting(t *testing.T) {
	t.Parallel()
	im, _ := sample()
	for _, f := range []Format{TXZ, Dir} {
		if err := Write(t.Context(), save(t, f), f, im, im.Documents(), nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: got %v", f, err)
		}
	}
}

func TestParseFormat(t *testing.T) {
	t.Parallel()
	for s, extension := range map[string]string{"txz": ".txz", "tar": ".tar", "tar.zst": ".tar.zst", "dir": ""} {
		if f, err := ParseFormat(s); err != nil || f.Extension() != extension {
			t.Errorf("%s: got %q, %v", s, f.Extension(), err)
		}
	}
	if _, err := ParseFormat("zip"); err == nil || err.Error() != `format "zip" is not known, wanted txz, tar, tar.zst or dir` {
		t.Errorf("zip: got %v", err)
	}
}
