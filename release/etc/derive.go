// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
)

// derivation is what a program of FreeBSD makes of a file.
type derivation struct {
	source string
	make   func(name string, text []byte, order binary.ByteOrder) ([]Output, error)
}

var derivations = []derivation{
	{"/etc/master.passwd", pwdMkdb}, {"/etc/services", servicesMkdb}, {"/etc/login.conf", capMkdb},
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
	for _, d := range derivations {
		text := content(d.source)
		if text == nil {
			continue
		}
		files, err := until.Do(ctx, func() ([]Output, error) { return d.make(d.source, text, order) })
		if err != nil {
			errs = append(errs, fault.Content(err))
			continue
		}
		all = append(all, files...)
	}
	return all, errors.Join(errs...)
}

// Read lists the files that this package reads: sources of derivations, and
// accounts.
func Read() []string {
	list := []string{"/etc/passwd", "/etc/group"}
	for _, d := range derivations {
		list = append(list, d.source)
	}
	return list
}
