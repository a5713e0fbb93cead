// SPDX-License-Identifier: BSD-2-Clause

package family_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
)

// save writes an image of one layer, and returns its path.
func save(t testing.TB, f layout.Format, name, arch, text string, change func(*oci.Image)) string {
	t.Helper()
	im := &oci.Image{Name: name + ":1-" + arch, Architecture: arch, Created: 1_700_000_000 + int64(len(arch)),
		Annotations: map[string]string{v1.AnnotationTitle: name, v1.AnnotationVersion: "1", v1.AnnotationSource: "https://example.org", v1.AnnotationRevision: arch},
		Layers:      []oci.Layer{{Layer: layer.Layer{MediaType: v1.MediaTypeImageLayerGzip, DiffID: digest.FromString(text + "plain"), Digest: digest.FromString(text), Size: int64(len(text))}, CreatedBy: "orlop " + name}}}
	if change != nil {
		change(im)
	}
	path := filepath.Join(t.TempDir(), "image"+f.Extension())
	if err := layout.Write(t.Context(), path, f, im, im.Documents(), func(int) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }); err != nil {
		t.Fatal(err)
	}
	return path
}

// check reads images.
func check(t testing.TB, paths ...string) ([]*family.Member, error) {
	t.Helper()
	var refs []*artifact.Ref
	for _, path := range paths {
		ref, err := artifact.Find(t.Context(), nil, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ref.Close() })
		refs = append(refs, ref)
	}
	return family.Check(t.Context(), refs, "", 2)
}

func joined(t testing.TB, paths ...string) ([]*family.Family, error) {
	t.Helper()
	members, err := check(t, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return family.Join(members)
}

// TestJoin makes the same archive in any order and from any form, and from an archive of
// that kind itself.
func TestJoin(t *testing.T) {
	t.Parallel()
	arm := save(t, layout.TXZ, "x", "arm64", "one", nil)
	amd := save(t, layout.Dir, "x", "amd64", "two", nil)
	v7 := save(t, layout.Tar, "x", "arm", "three", func(im *oci.Image) { im.Variant = "v7" })
	var want []byte
	dir := t.TempDir()
	for i, order := range [][]string{{arm, amd, v7}, {v7, amd, arm}, {amd, arm, v7, amd}} {
		all, err := joined(t, order...)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		var platforms []string
		for _, m := range all[0].Members {
			platforms = append(platforms, m.Platform())
		}
		if got := strings.Join(platforms, " "); got != "freebsd/amd64 freebsd/arm/v7 freebsd/arm64" {
			t.Errorf("the platforms are %s", got)
		}
		if text := string(all[0].IndexText); strings.Contains(text, v1.AnnotationRevision) || !strings.Contains(text, `"org.opencontainers.image.source":"https://example.org"`) {
			t.Errorf("the index has other annotations than those in which its images agree: %s", text)
		}
		path := filepath.Join(dir, fmt.Sprint(i, ".tar"))
		if err := all[0].Write(t.Context(), path, layout.Tar); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("in order %d it has other bytes", i)
		}
		again, err := joined(t, path)
		if err != nil || again[0].Index.Digest != all[0].Index.Digest {
			t.Errorf("read again: %v, %v", again, err)
		}
	}
}

// TestContradictions refuses images that are not one.
func TestContradictions(t *testing.T) {
	t.Parallel()
	first := save(t, layout.Dir, "x", "amd64", "one", nil)
	for want, other := range map[string]string{
		`version is "1" and "2"`:                save(t, layout.Dir, "x", "arm64", "one", func(im *oci.Image) { im.Annotations[v1.AnnotationVersion] = "2" }),
		`title is "x" and "y"`:                  save(t, layout.Dir, "x", "arm64", "one", func(im *oci.Image) { im.Annotations[v1.AnnotationTitle] = "y" }),
		"both are for freebsd/amd64; the manif": save(t, layout.Dir, "x", "amd64", "two", nil),
	} {
		_, err := joined(t, first, other)
		if _, is := errors.AsType[*family.ContradictionError](err); !is || fault.ClassOf(err) != fault.Unmet || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	two, err := joined(t, first, save(t, layout.Dir, "y", "amd64", "one", nil))
	if err != nil || len(two) != 2 {
		t.Fatal(two, err)
	}
	if _, err := family.Only(two); fault.ClassOf(err) != fault.Unmet || !strings.HasSuffix(err.Error(), `the image is "x" and "y"`) {
		t.Errorf("two images: got %v", err)
	}
}

// TestCheckFinds finds what is wrong with any byte of a blob, and names the image.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	path := save(t, layout.Dir, "x", "amd64", "the layer", nil)
	blob := filepath.Join(path, oci.BlobName(digest.FromString("the layer")))
	if err := os.WriteFile(blob, []byte("the_layer"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := check(t, path); fault.ClassOf(err) != fault.Wrong || !strings.HasPrefix(err.Error(), path+": blob sha256:") {
		t.Errorf("another byte: got %v", err)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	if _, err := check(t, path); fault.ClassOf(err) != fault.Wrong || !strings.Contains(err.Error(), "is not in the archive") {
		t.Errorf("no blob: got %v", err)
	}
}

// TestBlobs lists a blob once, however many have it.
func TestBlobs(t *testing.T) {
	t.Parallel()
	a, b := save(t, layout.Dir, "x", "amd64", "same", nil), save(t, layout.Dir, "y", "amd64", "same", nil)
	members, err := check(t, a, b)
	if err != nil {
		t.Fatal(err)
	}
	layers := slices.DeleteFunc(family.Blobs(members), func(b family.Blob) bool { return b.MediaType == v1.MediaTypeImageConfig })
	if len(layers) != 1 || layers[0].From != members[0] {
		t.Errorf("got %v, want the layer of the first", layers)
	}
	listed := []release.Checksum{{Hex: members[0].Descriptor.Digest.Encoded()}}
	if err := family.Listed(members[:1], listed); err != nil {
		t.Error(err)
	}
	if err := family.Listed(members, listed); fault.ClassOf(err) != fault.Wrong || !strings.HasPrefix(err.Error(), b+": its manifest sha256:") {
		t.Errorf("not listed: got %v", err)
	}
}

// TestVersions takes the newest version that tells.
func TestVersions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"15.0-RELEASE": "15.0", "15.0-RELEASE-p3": "15.0p3", "15.0-STABLE": "", "16.0-CURRENT": "", "1.27": "", "15.0-RELEASE-px": ""} {
		if got := lock.VersionOf(map[string]string{v1.AnnotationVersion: text}); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	packages := []lock.Package{{Name: "FreeBSD-a", Version: "15.0"}, {Name: "FreeBSD-runtime", Version: "15.0p10", Donor: true}, {Name: "FreeBSD-b", Version: "15.0p9"}, {Name: "nginx", Version: "99"}}
	if got := lock.LockedVersion(packages); got != "15.0p10" {
		t.Errorf("of packages: got %q", got)
	}
	if got := lock.Newer("", ""); got != "" {
		t.Errorf("of none: got %q", got)
	}
}
