// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/etc"
)

// derivation is what a program of FreeBSD makes of a file.
type derivation struct {
	source string
	make   func(name string, text []byte, order binary.ByteOrder) ([]etc.Output, error)
}

var derivations = []derivation{
	{"/etc/master.passwd", pwdMkdb}, {"/etc/services", servicesMkdb}, {"/etc/login.conf", capMkdb},
}

// pwdMkdb does what pwd_mkdb(8) does, in a byte order of its own.
func pwdMkdb(name string, text []byte, _ binary.ByteOrder) ([]etc.Output, error) {
	files, err := etc.MakePasswords(name, text)
	if err != nil {
		return nil, err
	}
	return []etc.Output{
		{Path: "/etc/passwd", Mode: 0o644, Text: files.Passwd}, {Path: "/etc/pwd.db", Mode: 0o644, Text: files.PwdDB},
		{Path: "/etc/spwd.db", Mode: 0o600, Text: files.SpwdDB},
	}, nil
}

// servicesMkdb does what services_mkdb(8) does.
func servicesMkdb(name string, text []byte, order binary.ByteOrder) ([]etc.Output, error) {
	db, err := etc.MakeServices(name, text, order)
	return []etc.Output{{Path: "/var/db/services.db", Mode: 0o644, Text: db}}, err
}

// capMkdb does what cap_mkdb(1) does with login.conf.
func capMkdb(name string, text []byte, order binary.ByteOrder) ([]etc.Output, error) {
	db, err := etc.MakeCapabilities(name, text, order)
	return []etc.Output{{Path: "/etc/login.conf.db", Mode: 0o644, Text: db}}, err
}

// derived makes all such files of an image.
func derived(ctx context.Context, content func(path string) []byte, order binary.ByteOrder) ([]etc.Output, error) {
	var all []etc.Output
	var errs []error
	for _, d := range derivations {
		text := content(d.source)
		if text == nil {
			continue
		}
		files, err := until.Do(ctx, func() ([]etc.Output, error) { return d.make(d.source, text, order) })
		if err != nil {
			errs = append(errs, fault.Content(err))
			continue
		}
		all = append(all, files...)
	}
	return all, errors.Join(errs...)
}

// checkDerived compares what is derived from other files of the image. What a
// package has is compared with that.
func checkDerived(ctx context.Context, a *Artifact, r release.Release) []error {
	files, err := derived(ctx, a.text, r.ByteOrder())
	var errs []error
	if err != nil {
		errs = append(errs, err)
	}
	owners := a.owners()
	for _, f := range files {
		found := ""
		if n := a.Tree.Lookup(f.Path); n != nil {
			found = n.Digest
		}
		if owners[f.Path] == "" && found != f.Digest() {
			errs = append(errs, &pkgdb.Fault{Subject: f.Path, Fact: "sha256", Found: fault.Shown(found), Wanted: f.Digest() + ", which comes of other files in the image"})
		}
	}
	return errs
}
