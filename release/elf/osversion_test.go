// SPDX-License-Identifier: BSD-2-Clause

package elf_test

import (
	"bytes"
	debug "debug/elf"
	"encoding/binary"
	"testing"

	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/elf/elftest"
)

func TestOSVersion(t *testing.T) {
	t.Parallel()
	for _, f := range []elftest.File{
		{OSVersion: 1500068, Interpreter: "/libexec/ld-elf.so.1", Needed: []string{"libc.so.7"}},
		{OSVersion: 1403000, Static: true},
		{OSVersion: 1500068, Class: debug.ELFCLASS32, Order: binary.BigEndian},
		{Needed: []string{"libc.so.7"}},
	} {
		got, err := elf.OSVersion(bytes.NewReader(f.Bytes()))
		if err != nil || got != f.OSVersion {
			t.Errorf("%+v: got %d, %v", f, got, err)
		}
	}
	if _, err := elf.OSVersion(bytes.NewReader([]byte("#!/bin/sh"))); err == nil {
		t.Error("a script has a version")
	}
}

// FuzzOSVersion wants any bytes to be read without a crash, and no version below 0.
func FuzzOSVersion(f *testing.F) {
	f.Add(elftest.File{OSVersion: 1500068}.Bytes())
	f.Add(elftest.File{OSVersion: 1, Class: debug.ELFCLASS32}.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, err := elf.OSVersion(bytes.NewReader(text)); err != nil && n != 0 || n < 0 {
			t.Errorf("got %d, %v", n, err)
		}
	})
}
