// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
)

// maxOperand bounds a document that is read into memory, in bytes. A lock of all
// base packages of FreeBSD has 300 KB.
const maxOperand = 64 << 20

// unread puts the name of an operand before the system's error.
func unread(name string, err error) error {
	if e, is := errors.AsType[*fs.PathError](err); is && e.Path == name {
		return &fault.UnreadError{Path: name, Err: e}
	}
	return err
}

// readOperand reads a document that a flag names: a file, a FIFO, or - for
// standard input. A signal ends the wait for the other end of a FIFO.
func readOperand(ctx context.Context, flag, file string) ([]byte, error) {
	in := until.Input(ctx, os.Stdin)
	if file != "-" {
		f, err := until.Open(ctx, file)
		if err != nil {
			return nil, given(ctx, flag, file, err)
		}
		defer f.Close()
		in = f
	}
	text, err := readBounded(in, file)
	if err != nil {
		return nil, given(ctx, flag, file, err)
	}
	return text, nil
}

// given returns the error of a file that a flag names, unless a signal came.
func given(ctx context.Context, flag, file string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &fault.UnreadError{Flag: flag, Path: file, Err: err}
}

// readOperands reads the documents that a flag names, and parses each.
func readOperands[T any](ctx context.Context, flag string, files []string, parse func(name string, text []byte) (T, error)) ([]T, error) {
	var list []T
	for _, file := range files {
		text, err := readOperand(ctx, flag, file)
		if err != nil {
			return nil, err
		}
		one, err := until.Do(ctx, func() (T, error) { return parse(file, text) })
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func readBounded(f io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, maxOperand+1))
	if err == nil && len(text) > maxOperand {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("has more than %d bytes", maxOperand)}
	}
	return text, err
}
