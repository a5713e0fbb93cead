// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// crowd adds rows to a database: n files of a package, n texts that stand twice
// and n rows of a lock.
func crowd(n int) []string {
	const count = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT %d) "
	var list []string
	for _, insert := range []string{
		"INSERT INTO files (path, sha256, perm, uname, gname, package_id) SELECT '/many/' || (x * 7919 %% %[1]d), '" + sha + "', 420, 'root', 'wheel', 1 FROM n",
		"INSERT INTO provides (provide) SELECT 'p' || (x / 2) FROM n",
		"INSERT INTO pkg_lock SELECT 0, 0, 0 FROM n",
	} {
		list = append(list, fmt.Sprintf(count+insert, n))
	}
	return list
}

// countdown is a context that ends when it has been asked so often.
type countdown struct {
	context.Context
	asked, left int
}

func (c *countdown) Err() error {
	if c.asked++; c.asked > c.left {
		return context.Canceled
	}
	return nil
}

// TestLoops ends the context in the middle of each loop over rows, and wants
// that nobody goes on.
func TestLoops(t *testing.T) {
	t.Parallel()
	const n = 1000
	c := content(t, alter(t, mustWrite(t, installed(), 100), crowd(n)...))
	few := content(t, mustWrite(t, installed(), 100))
	for name, do := range map[string]func(ctx context.Context) error{
		"Dump":       func(ctx context.Context) error { _, err := c.Dump(ctx); return err },
		"Check":      func(ctx context.Context) error { return last(c.Check(ctx)) },
		"Installed":  func(ctx context.Context) error { _, err := c.Installed(ctx); return err },
		"Diff":       func(ctx context.Context) error { _, err := Diff(ctx, c, few); return err },
		"Diff back":  func(ctx context.Context) error { _, err := Diff(ctx, few, c); return err },
		"Encode":     func(ctx context.Context) error { _, err := c.Encode(ctx, t.TempDir(), 42); return err },
		"Only":       func(ctx context.Context) error { _, err := c.Only(ctx, map[string]bool{"a": true}); return err },
		"Registered": func(ctx context.Context) error { _, err := few.Registered(ctx); return err },
	} {
		whole := &countdown{Context: t.Context(), left: 1 << 30}
		if err := do(whole); errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v of a context that did not end", name, err)
		}
		if name != "Registered" && whole.asked < n {
			t.Errorf("%s: asked the context %d times, wanted once a row, of %d", name, whole.asked, n)
		}
		for i := range 20 {
			ctx := &countdown{Context: t.Context(), left: whole.asked * i / 20}
			if err := do(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: after %d of %d steps: got %v, want that it was ended", name, ctx.left, whole.asked, err)
			}
			if more := ctx.asked - ctx.left; more > 20 {
				t.Errorf("%s: after %d of %d steps: asked %d times more", name, ctx.left, whole.asked, more)
			}
		}
	}
}

func last(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return errs[len(errs)-1]
}

// TestInterrupt ends the context while SQLite is at work, in the middle of one
// statement, and compares with how long that takes to its end.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	image := alter(t, mustWrite(t, installed(), 100), crowd(100_000)...)
	open := func(ctx context.Context) (time.Duration, error) {
		start := time.Now()
		db, err := Open(ctx, sqlitefile.NewImage(image))
		if err == nil {
			db.Close()
		}
		return time.Since(start), err
	}
	whole, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), whole/10)
	defer cancel()
	took, err := open(ctx)
	if err != context.DeadlineExceeded {
		t.Errorf("got %v, want that its time is over", err)
	}
	if took > whole*3/4 {
		t.Errorf("took %v though its time was over after %v; the whole takes %v", took, whole/10, whole)
	}
}

// TestEnded gives Open a context that has ended.
func TestEnded(t *testing.T) {
	t.Parallel()
	image := mustWrite(t, installed(), 100)
	db, err := Open(t.Context(), sqlitefile.NewImage(image))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, sqlitefile.NewImage(image)); err != context.Canceled {
		t.Errorf("Open: got %v, want %v", err, context.Canceled)
	}
	if _, err := db.Content(ctx); err != context.Canceled {
		t.Errorf("Content: got %v, want %v", err, context.Canceled)
	}
}

// TestBounds reads databases whose rows are few bytes in the file and any number
// in a dump, and one in which every row is wrong.
func TestBounds(t *testing.T) {
	t.Parallel()
	base := mustWrite(t, installed(), 100)
	long := []string{"UPDATE packages SET name = name || hex(zeroblob(2000000)) WHERE id = 1"}
	long = append(long, "WITH RECURSIVE n(x) AS (SELECT 2 UNION ALL SELECT x + 1 FROM n LIMIT 1200) INSERT INTO pkg_conflicts SELECT 1, x FROM n")
	rows := content(t, alter(t, base, long...)).table("pkg_conflicts")
	if name := rows.get(1100, "package_id"); rows.len() != 1200 || len(name.Text) < 4_000_000 {
		t.Errorf("names of 4 MB: got %d rows and a name of %d bytes", rows.len(), len(name.Text))
	}
	c := content(t, alter(t, base, "UPDATE pkg_lock SET exclusive = 1", fmt.Sprintf(
		"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT %d) INSERT INTO pkg_lock_pid SELECT x FROM n", maxFaults+5)))
	faults := c.Check(t.Context())
	if len(faults) != maxFaults+1 || !strings.Contains(last(faults).Error(), "more than 10000 faults") {
		t.Errorf("got %d faults, the last %v", len(faults), last(faults))
	}
}
