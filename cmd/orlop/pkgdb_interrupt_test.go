// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/orlop/orlop/pkgdb"
)

// emptyDatabase is one without packages.
func emptyDatabase(t *testing.T) []byte {
	t.Helper()
	image, err := pkgdb.Write(t.Context(), t.TempDir(), nil, 100, pkgdb.DefaultSchema)
	if err != nil {
		t.Fatal(err)
	}
	text, err := image.Bytes(t.Context())
	if err := errors.Join(err, image.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}

// TestPkgdbInterrupted wants each command that reads a database to end with the
// context, and to say nothing that could be taken for the whole.
func TestPkgdbInterrupted(t *testing.T) {
	t.Parallel()
	image := emptyDatabase(t)
	file := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"dump", file}, {"check", file}, {"diff", file, file}, {"normalise", "-o", file + "2", file}} {
		var stdout, stderr bytes.Buffer
		status := run(ctx, append([]string{"orlop", "pkgdb"}, args...), &stdout, &stderr, func(string) (string, bool) { return "", false })
		if status != exitInterrupted || stdout.Len() > 0 {
			t.Errorf("%s: got status %d, %q, %q, want %d", args, status, stdout.String(), stderr.String(), exitInterrupted)
		}
	}
	if _, err := os.Stat(file + "2"); err == nil {
		t.Error("wrote a database")
	}
}
