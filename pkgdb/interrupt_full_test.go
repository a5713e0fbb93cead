// SPDX-License-Identifier: BSD-2-Clause

//go:build full && !race

package pkgdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// TestThreeMillion stops each reader of a database of three million rows soon
// after its start. TestLoops proves that every loop ends; here it is seen that
// no step is so long that a user would have to wait.
func TestThreeMillion(t *testing.T) {
	const (
		start = 200 * time.Millisecond
		wait  = 5 * time.Second // well below a second, unless the machine has other work
	)
	image := alter(t, mustWrite(t, installed(), 100), crowd(1_000_000)...)
	c := content(t, image)
	few := content(t, mustWrite(t, installed(), 100))
	db, err := Open(t.Context(), sqlitefile.NewImage(image))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, do := range map[string]func(ctx context.Context) error{
		"Open":      func(ctx context.Context) error { _, err := Open(ctx, sqlitefile.NewImage(image)); return err },
		"Content":   func(ctx context.Context) error { _, err := db.Content(ctx); return err },
		"Dump":      func(ctx context.Context) error { _, err := c.Dump(ctx); return err },
		"Check":     func(ctx context.Context) error { return last(c.Check(ctx)) },
		"Installed": func(ctx context.Context) error { _, err := c.Installed(ctx); return err },
		"Diff":      func(ctx context.Context) error { _, err := Diff(ctx, c, few); return err },
		"Encode":    func(ctx context.Context) error { _, err := c.Encode(ctx, t.TempDir(), 42); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), start)
		begin := time.Now()
		err := do(ctx)
		late := time.Since(begin) - start
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || late > wait {
			t.Errorf("%s: got %v after %v, wanted an end by the context within %v", name, err, late, wait)
		}
		t.Logf("%s: %v late", name, late)
	}
}
