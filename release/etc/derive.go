// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
)

// Derivation is what a program of FreeBSD makes of a file. It is all that there is
// to declare: which file of an image is read, which call of the program in a
// package's script asks for nothing else, and what comes of it. The hooks that
// fetch, read scripts and generate, and what reads a finished image, follow it.
type Derivation struct {
	Source  string // path of the file
	Command Command
	make    func(name string, text []byte, order binary.ByteOrder) ([]Output, error)
}

// Command is a call that a script may have. Byte orders are left out: the machine
// decides them.
type Command struct {
	Program  string            // path
	Flags    string            // letters of options that do not matter here
	Needs    string            // letters of options that must be there
	Values   map[string]string // paths in the image that options must have, by letter
	Operands []string          // paths in the image, of which the call has one
}

// Derivations are all of them.
var Derivations = []Derivation{
	{MasterFile, Command{
		Program: "/usr/sbin/pwd_mkdb", Flags: "iNBL", // ignore locks, do not wait for them, byte orders
		Needs: "p", Values: map[string]string{"d": "/etc"}, Operands: []string{MasterFile},
	}, pwdMkdb},
	{"/etc/services", Command{
		Program: "/usr/sbin/services_mkdb", Flags: "blq",
		Values: map[string]string{"o": "/var/db/services.db"}, Operands: []string{"/etc/services", "/"},
	}, servicesMkdb},
	{"/etc/login.conf", Command{
		Program: "/usr/bin/cap_mkdb", Flags: "blv", Operands: []string{"/etc/login.conf"},
	}, capMkdb},
}

// pwdMkdb does what pwd_mkdb(8) does, in a byte order of its own.
func pwdMkdb(name string, text []byte, _ binary.ByteOrder) ([]Output, error) {
	files, err := MakePasswords(name, text)
	if err != nil {
		return nil, err
	}
	return []Output{
		{Path: "/etc/passwd", Mode: 0o644, Text: files.Passwd}, {Path: "/etc/pwd.db", Mode: 0o644, Text: files.PwdDB},
		{Path: "/etc/spwd.db", Mode: 0o600, Text: files.SpwdDB},
	}, nil
}

// servicesMkdb does what services_mkdb(8) does.
func servicesMkdb(name string, text []byte, order binary.ByteOrder) ([]Output, error) {
	db, err := MakeServices(name, text, order)
	return []Output{{Path: "/var/db/services.db", Mode: 0o644, Text: db}}, err
}

// capMkdb does what cap_mkdb(1) does with login.conf.
func capMkdb(name string, text []byte, order binary.ByteOrder) ([]Output, error) {
	db, err := MakeCapabilities(name, text, order)
	return []Output{{Path: "/etc/login.conf.db", Mode: 0o644, Text: db}}, err
}

// Derive makes all such files of an image.
func Derive(ctx context.Context, content func(path string) []byte, order binary.ByteOrder) ([]Output, error) {
	var all []Output
	var errs []error
	for _, d := range Derivations {
		text := content(d.Source)
		if text == nil {
			continue
		}
		files, err := until.Do(ctx, func() ([]Output, error) { return d.make(d.Source, text, order) })
		if err != nil {
			errs = append(errs, fault.Content(err))
			continue
		}
		for i := range files {
			files[i].Source = d.Source
		}
		all = append(all, files...)
	}
	return all, errors.Join(errs...)
}

// The files that scripts edit.
const (
	GroupFile  = "/etc/group"
	MasterFile = "/etc/master.passwd"
	ShellsFile = "/etc/shells"
)

// Read lists the files that this package reads: sources of derivations, accounts, and
// what scripts edit.
func Read() []string {
	list := []string{"/etc/passwd", GroupFile, ShellsFile}
	for _, d := range Derivations {
		list = append(list, d.Source)
	}
	return list
}
