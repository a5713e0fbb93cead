// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"strings"
	"syscall"
	"testing"
)

// stuck is a pipe whose reader takes the first bytes and then stops, when a signal comes.
type stuck struct {
	got    bytes.Buffer
	signal func()
}

func (s *stuck) Write(b []byte) (int, error) {
	if s.got.Len() > 0 {
		s.signal()
		select {}
	}
	return s.got.Write(b)
}

// TestStreamInterrupted ends a run whose archive nobody reads to the end: the stream is
// cut short, and the status says so.
func TestStreamInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	out := &stuck{signal: func() { cancel(&signalError{syscall.SIGTERM}) }}
	var said bytes.Buffer
	status := run(ctx, []string{"orlop", "build", "-q", "--exceptions", "sample/exceptions.ucl", "--repo", "sample", "--format", "tar", "-o", "-", "static"},
		out, &said, func(string) (string, bool) { return "", false })
	if status != exitTerminated || said.String() != "orlop: terminated\n" {
		t.Errorf("got status %d, wanted %d: %s", status, exitTerminated, said.String())
	}
	if !strings.HasPrefix(out.got.String(), "blobs/") {
		t.Errorf("got a stream of %d bytes, wanted the start of an archive", out.got.Len())
	}
}
