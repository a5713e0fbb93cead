// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/until"
)

// maxOperand bounds a document that is read whole, in bytes. A lock of all of
// FreeBSD's base packages has 300 KB.
const maxOperand = 64 << 20

// readOperand reads a document that the user names: a file, a FIFO, or - for
// standard input. A signal ends the wait for the other end of a FIFO.
func readOperand(ctx context.Context, file string) ([]byte, error) {
	in := until.Input(ctx, os.Stdin)
	if file != "-" {
		f, err := until.Open(ctx, file)
		if err != nil {
			return nil, &usageError{err}
		}
		defer f.Close()
		in = f
	}
	text, err := readBounded(in, file)
	if err != nil {
		return nil, &usageError{err}
	}
	return text, nil
}

// readOperands reads documents that the user names, and parses each.
func readOperands[T any](ctx context.Context, files []string, parse func(name string, text []byte) (T, error)) ([]T, error) {
	var list []T
	for _, file := range files {
		text, err := readOperand(ctx, file)
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

// readBeside reads a document that the user has not named, which lies beside
// what was: only a regular file, since nobody knows who put it there.
func readBeside(file string) ([]byte, error) {
	f, err := store.OpenRegularFile(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f, file)
}

func readBounded(f io.Reader, file string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, maxOperand+1))
	if err == nil && len(text) > maxOperand {
		err = fmt.Errorf("%s: has more than %d bytes", file, maxOperand)
	}
	return text, err
}

// otherLocks are the files beside an archive that look like locks.
func otherLocks(archive string) []string {
	entries, _ := os.ReadDir(filepath.Dir(archive))
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".lock.json") {
			names = append(names, e.Name())
		}
	}
	return names
}
