// SPDX-License-Identifier: BSD-2-Clause

package verify_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/artifact/artifacttest"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/release/oci"
)

// counted counts how often a blob is opened.
type counted struct {
	oci.Source
	blobs int
}

func (c *counted) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	c.blobs++
	return c.Source.Blob(ctx, d)
}

// linked describes an image with n PAM policies, each a link to a file whose
// contents are not kept.
func linked(n int) string {
	text := strings.Builder{}
	fmt.Fprint(&text, "layer x\ndir /libexec\nelf /libexec/ld-elf.so.1\n")
	for i := range n {
		fmt.Fprintf(&text, "file /usr/p%d content=\"auth required pam_%d.so\\n\"\nlink /etc/pam.d/p%d to=../../usr/p%d\n", i, i, i, i)
	}
	return text.String()
}

// TestClosureReadsOnce reads the layer once more for all links, not once for each.
func TestClosureReadsOnce(t *testing.T) {
	t.Parallel()
	source := &counted{Source: artifacttest.Describe(t, linked(200)).Source()}
	a, err := artifact.Examine(t.Context(), source, "")
	if err != nil {
		t.Fatal(err)
	}
	before := source.blobs
	found := verify.Closure(t.Context(), a, nil)
	if len(found.Errs) != 0 || len(found.Details) != 200 {
		t.Fatalf("found %v and %d details, wanted 200 modules that are missing", found.Errs, len(found.Details))
	}
	if again := source.blobs - before; again != 1 {
		t.Errorf("the layer was read %d times, wanted once", again)
	}
}

// BenchmarkClosure must grow with the number of links.
func BenchmarkClosure(b *testing.B) {
	for _, n := range []int{1000, 2000, 4000} {
		b.Run(fmt.Sprintf("links=%d", n), func(b *testing.B) {
			a, err := artifact.Examine(b.Context(), artifacttest.Describe(b, linked(n)).Source(), "")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				verify.Closure(b.Context(), a, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/link")
		})
	}
}
