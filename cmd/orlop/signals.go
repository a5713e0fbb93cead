// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// signalError is the signal that ended a run.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string {
	if e.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// status returns the exit status that a shell gives a program that a signal ended.
func (e *signalError) status() int {
	if e.signal == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// untilSignal returns a context that SIGINT or SIGTERM cancels. A second signal
// kills the program if the first could not end it.
func untilSignal(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(&signalError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// ended returns the signal that ended a context.
func ended(ctx context.Context) error {
	if e, ok := errors.AsType[*signalError](context.Cause(ctx)); ok {
		return e
	}
	return &signalError{os.Interrupt}
}

// results is stdout. It holds results back, so that after a signal nothing is
// printed, or only the start of a long list. A reader that has stopped reading does
// not keep the signal from ending the run.
type results struct {
	ctx  context.Context
	to   io.Writer
	held []byte
}

const (
	most     = 64 << 10               // bytes to hold back
	reprieve = 200 * time.Millisecond // how long to wait for a reader after a signal
)

func (r *results) Write(b []byte) (int, error) {
	if r.held = append(r.held, b...); len(r.held) < most {
		return len(b), nil
	}
	return len(b), r.flush()
}

// end writes the rest of the results, unless a signal has come, and returns the
// error that the run ends with.
func (r *results) end(err error) error {
	unwritten := r.ctx.Err()
	if unwritten == nil {
		unwritten = r.flush()
	}
	switch {
	case unwritten == nil:
		return err
	case r.ctx.Err() != nil:
		r.held = nil
		return ended(r.ctx)
	case err == nil:
		return unwritten
	case errors.Is(err, errDiffer):
		return &troubleError{unwritten}
	}
	return err
}

// epilogue writes what follows the results: with --json, how the run ended. After a
// signal it does not wait long for a reader.
func (r *results) epilogue() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), reprieve)
	defer cancel()
	if r.ctx.Err() != nil {
		r.ctx = ctx
	}
	_ = r.flush() // the status says the same
}

// flush writes what was held back. If a signal comes during the write, flush gives
// it a moment, since a reader may still be there.
func (r *results) flush() error {
	if len(r.held) == 0 {
		return nil
	}
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	text, written := r.held, make(chan error, 1)
	r.held = nil
	go func() {
		_, err := r.to.Write(text)
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-r.ctx.Done():
	}
	select {
	case err := <-written:
		return err
	case <-time.After(reprieve):
		return r.ctx.Err()
	}
}

// settle is for a run whose files are in place: from here on a signal no longer
// keeps the results from being printed.
func (r *results) settle() { r.ctx = context.WithoutCancel(r.ctx) }
