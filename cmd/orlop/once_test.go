// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestReadOnce gives definitions in a FIFO, which holds them for one reader.
func TestReadOnce(t *testing.T) {
	t.Parallel()
	const definition = "OCI_BASE_IMAGE=\noci_image_build() {\n\tinstall_packages ${abi} ${workdir} FreeBSD-zoneinfo\n}\n"
	for _, flag := range []string{"--tree-file", "--image-file"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			fifo := filepath.Join(t.TempDir(), "oci-image-mine.conf")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			written := make(chan error, 1)
			go func() { written <- os.WriteFile(fifo, []byte(definition), 0) }()
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second) // a second read would wait for ever
			defer stop()
			var out, said bytes.Buffer
			status := run(ctx, []string{"orlop", "plan", "-q", "--repo", "sample", flag, fifo, "mine"}, &out, &said,
				func(string) (string, bool) { return "", false })
			if status != 0 || !bytes.Contains(out.Bytes(), []byte("FreeBSD-zoneinfo")) {
				t.Fatalf("status %d, stdout %q, stderr %q, wanted a plan with FreeBSD-zoneinfo", status, &out, &said)
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		})
	}
}
