// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkChallenges: the cost of a byte stays the same.
func BenchmarkChallenges(b *testing.B) {
	for kind, part := range map[string]string{"params": `a="b\"c",`, "schemes": "Bearer, ", "commas": ",", "quotes": `"`, "backslashes": `x=\\`} {
		for _, size := range []int{1 << 10, 16 << 10, 64 << 10} {
			text := `Bearer realm="` + strings.Repeat("x", size/2) + `",` + strings.Repeat(part, size/2/len(part))
			b.Run(fmt.Sprint(kind, "/", size>>10, "KiB"), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					parseChallenges(text)
				}
			})
		}
	}
}

func BenchmarkManifest(b *testing.B) {
	for _, size := range []int{16 << 10, 256 << 10, 4 << 20} {
		layer := `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:` + strings.Repeat("0", 64) + `","size":1},`
		text := []byte(`{"schemaVersion":2,"layers":[` + strings.TrimSuffix(strings.Repeat(layer, size/len(layer)-1), ",") + "]}")
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(text)
		}))
		c := &Client{PlainHTTP: true}
		r := c.Repository(Reference{Registry: s.Listener.Addr().String(), Repository: "team/image"})
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Manifest(b.Context(), "latest"); err != nil {
					b.Fatal(err)
				}
			}
		})
		s.Close()
	}
}
