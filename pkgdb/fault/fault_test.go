// SPDX-License-Identifier: BSD-2-Clause

package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
)

// TestStatus tells which exit status each error stands for, also where another
// wraps it, and that what it wraps is still found.
func TestStatus(t *testing.T) {
	t.Parallel()
	const usage, wrong, absent, failed = "usage", "wrong", "absent", "failed"
	for name, tt := range map[string]struct {
		err  error
		text string
		want string
	}{
		"Usagef":             {fault.Usagef("no %w", fs.ErrExist), "no file already exists", usage},
		"UsageError":         {&fault.UsageError{Err: fs.ErrExist}, "file already exists", usage},
		"Content":            {fault.Content(fs.ErrExist), "file already exists", wrong},
		"Contentf":           {fault.Contentf("no %w", fs.ErrExist), "no file already exists", wrong},
		"Unsupportedf":       {fault.Unsupportedf("no %w", fs.ErrExist), "no file already exists", failed},
		"within":             {fault.Within("place", fault.Contentf("no %w", fs.ErrExist)), "place: no file already exists", wrong},
		"a flag's":           {&fault.UnreadError{Flag: "lock", Path: "/l", Err: fs.ErrExist}, "--lock: /l: file already exists", usage},
		"an operand's":       {&fault.UnreadError{Path: "/l", Err: fs.ErrExist}, "/l: file already exists", ""},
		"an absent operand":  {&fault.UnreadError{Path: "/l", Err: errors.Join(fs.ErrNotExist, fs.ErrExist)}, "/l: file does not exist\nfile already exists", absent},
		"below a file":       {&fault.UnreadError{Path: "/l", Err: errors.Join(syscall.ENOTDIR, fs.ErrExist)}, "/l: not a directory\nfile already exists", absent},
		"a flag's absent":    {&fault.UnreadError{Flag: "lock", Path: "/l", Err: errors.Join(fs.ErrNotExist, fs.ErrExist)}, "--lock: /l: file does not exist\nfile already exists", usage},
		"without the path":   {&fault.UnreadError{Path: "/l", Err: &fs.PathError{Op: "open", Path: "/l", Err: fs.ErrExist}}, "/l: file already exists", ""},
		"an error of others": {fmt.Errorf("x: %w", fs.ErrExist), "x: file already exists", ""},
	} {
		if tt.err.Error() != tt.text {
			t.Errorf("%s: got %v, want %s", name, tt.err, tt.text)
		}
		if !errors.Is(tt.err, fs.ErrExist) {
			t.Errorf("%s: got nothing of what it wraps", name)
		}
		status := map[string]bool{}
		if e, is := errors.AsType[interface {
			error
			Usage() bool
		}](tt.err); is {
			status[usage] = e.Usage()
		}
		if e, is := errors.AsType[interface {
			error
			Wrong() bool
		}](tt.err); is {
			status[wrong] = e.Wrong()
		}
		if e, is := errors.AsType[interface {
			error
			Absent() bool
		}](tt.err); is {
			status[absent] = e.Absent()
		}
		if e, is := errors.AsType[interface {
			error
			Failed() bool
		}](tt.err); is {
			status[failed] = e.Failed()
		}
		for _, of := range []string{usage, wrong, absent, failed} {
			if status[of] != (of == tt.want) {
				t.Errorf("%s: got %s %v, want %v", name, of, status[of], of == tt.want)
			}
		}
	}
}

// TestWithin names the place before each of joined faults, however deep, and makes
// none of nothing.
func TestWithin(t *testing.T) {
	t.Parallel()
	if err := fault.Within("x", nil); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if err := fault.Within("x", errors.Join()); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	err := fault.Within("x", errors.Join(a, nil, errors.Join(b, c)))
	if want := "x: a\nx: b\nx: c"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, e := range []error{a, b, c} {
		if !errors.Is(err, e) {
			t.Errorf("got nothing of %v", e)
		}
	}
}

// TestReason is what the system says, without the path that a message has.
func TestReason(t *testing.T) {
	t.Parallel()
	path := &fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}
	link := &os.LinkError{Op: "rename", Old: "/x", New: "/y", Err: syscall.EACCES}
	for _, err := range []error{path, link, fmt.Errorf("x: %w", path), syscall.EACCES} {
		if got := fault.Reason(err); got != syscall.EACCES {
			t.Errorf("%v: got %v, want %v", err, got, syscall.EACCES)
		}
	}
	if got := fault.Reason(nil); got != nil {
		t.Errorf("got %v, want nil", got)
	}
}

// TestUnreadParts tells reports where something could not be read, and why.
func TestUnreadParts(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{"": "/l", "lock": "--lock: /l"} {
		what, where, found, wanted := (&fault.UnreadError{Flag: flag, Path: "/l", Err: &fs.PathError{Op: "open", Path: "/l", Err: syscall.EACCES}}).Parts()
		if diff := cmp.Diff([]string{"permission denied", want, "", ""}, []string{what, where, found, wanted}); diff != "" {
			t.Errorf("%q (-want +got):\n%s", flag, diff)
		}
	}
}

// TestWords are those of messages.
func TestWords(t *testing.T) {
	t.Parallel()
	names := strings.Split("a b c d e f g h i j k l", " ")
	for _, tt := range []struct{ got, want string }{
		{fault.Shown(""), "absent"}, {fault.Shown("x"), "x"},
		{fault.Counted(0, "file"), "0 files"}, {fault.Counted(1, "file"), "1 file"}, {fault.Counted(2, "file"), "2 files"},
		{fault.Some(nil), ""}, {fault.Some(names[:1]), "a"}, {fault.Some(names[:10]), "a, b, c, d, e, f, g, h, i, j"},
		{fault.Some(names[:11]), "a, b, c, d, e, f, g, h, i, j and 1 more"}, {fault.Some(names), "a, b, c, d, e, f, g, h, i, j and 2 more"},
		{fault.Short(strings.Repeat("x", 200)), strings.Repeat("x", 200)}, {fault.Short(strings.Repeat("x", 201)), strings.Repeat("x", 200) + "…"},
		{fault.OneLine(errors.Join(errors.New("a"), errors.New("b")).Error()), "a; b"}, {fault.OneLine("a"), "a"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}
