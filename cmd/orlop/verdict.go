// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci/layout"
)

// verdict is what came out about an archive. Result is one word: verified,
// faulty, failed, reproduced, unvouched, different, input-wrong, input-absent,
// lock-unusable or unsupported.
type verdict struct {
	path     string
	source   *layout.File       // nil where it could not be opened
	artifact *artifact.Artifact // nil where it could not be read
	lock     *givenLock         // nil where none was found
	judges   []string           // what independent of the archive it was compared with: lock, digests
	result   string
	errs     []error

	doubts       []string // what a rebuild has on the lock's word alone
	definitions  []resolve.LayerDefinition
	fromArtifact []string // files that the rebuild took from it
}

// faulty notes what is wrong with the archive, or kept it from being looked at.
func (x *verdict) faulty(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		x.fail("", err)
		switch exitStatus(errors.Join(x.errs...)) {
		case exitWrong:
			x.result = "faulty"
		case exitAbsent:
			x.result = "input-absent"
		default:
			x.result = "failed"
			_, layer := errors.AsType[*fault.UnsupportedError](err)
			_, schema := errors.AsType[*pkgdb.SchemaError](err)
			if layer || schema {
				x.result = "unsupported"
			}
		}
	}
}

func (x *verdict) fail(result string, errs ...error) {
	if len(errs) > 0 {
		x.result = result
	}
	for _, err := range errs {
		x.errs = append(x.errs, about(x.path, err)...)
	}
}

// itselfOnly is said of an archive with which nothing independent agrees.
const itselfOnly = "compared with itself only"

// printVerdict writes the line of an archive without faults, as build does;
// faults are told on stderr, and so is what nobody vouches for. JSON has all.
func (p *program) printVerdict(c *cli.Context, x *verdict) error {
	if c.Bool("trust-lock") {
		for _, text := range x.doubts {
			_ = p.err.line("orlop: %s: unvouched: %s", x.path, text)
		}
	}
	if c.Bool("json") {
		return p.printVerdictJSON(x)
	}
	if x.artifact != nil {
		p.printNotes(c, x.path, x.artifact)
	}
	if c.Bool("v") {
		for _, d := range x.definitions {
			_ = p.err.line("orlop: %s: layer %s: definition: %s", x.path, d.Layer, d.Definition)
		}
	}
	if len(x.errs) > 0 {
		return nil
	}
	if x.lock == nil && !x.source.Piped && (len(x.judges) == 0 || !c.Bool("q")) {
		so := ""
		if len(x.judges) == 0 {
			so = ", so it was " + itselfOnly
		}
		_ = p.err.line("orlop: %s: there is no %s%s", x.path, lockFile(x.path), so)
		p.tellOtherLocks(x.path)
	}
	if _, file, named := strings.Cut(filepath.Base(x.path), "container-image-"); named && x.image() != "" && nameOf(file) != x.image() {
		_ = p.err.line("orlop: %s: whatever its name says, it is the image %s", x.path, x.image())
	}
	file, digest := filepath.Base(x.path), x.artifact.Descriptor.Digest
	switch {
	case c.Bool("rebuild"):
		return p.out.line("%s\t%s\t%s", file, digest, x.result)
	case len(x.judges) == 0:
		return p.out.line("%s\t%s\t%s", file, digest, itselfOnly)
	}
	return p.out.line("%s\t%s", file, digest)
}

// image is the name of an image that orlop made, or of FreeBSD's, "" for others.
func (x *verdict) image() string {
	if x.artifact == nil {
		return ""
	}
	return cmp.Or(x.artifact.OwnName(), define.OfFreeBSDs(x.name()))
}

// nameOf is the name of an archive without its ending.
func nameOf(file string) string {
	return strings.TrimSuffix(filepath.Base(lockFile(file)), ".lock.json")
}

func (p *program) printVerdictJSON(x *verdict) error {
	out := struct {
		File      string   `json:"file"`
		Result    string   `json:"result"`
		JudgedBy  []string `json:"judged_by"` // lock, digests; nothing where it was compared with itself only
		Name      string   `json:"name"`
		Digest    string   `json:"digest"`
		Layers    int      `json:"layers"`
		Packages  int      `json:"packages"`
		Entries   int      `json:"entries"`
		Locked    bool     `json:"locked"` // compared with a lock
		Faults    []string `json:"faults"`
		Unvouched []string `json:"unvouched,omitempty"`
		Notes     []string `json:"notes,omitempty"`
		From      []string `json:"from_artifact,omitempty"`

		Definitions []resolve.LayerDefinition `json:"definitions,omitempty"` // whose, of an image that was made again
	}{File: filepath.Base(x.path), Result: x.result, JudgedBy: append([]string{}, x.judges...), Locked: x.lock != nil,
		Faults: []string{}, Unvouched: x.doubts, From: x.fromArtifact, Definitions: x.definitions}
	if a := x.artifact; a != nil {
		out.Name, out.Digest, out.Layers, out.Packages, out.Entries = x.name(), a.Descriptor.Digest.String(), len(a.Layers), len(a.Packages), a.Tree.Len()
		out.Notes = slices.Concat(a.Notes, a.Details)
	}
	for _, err := range x.errs {
		out.Faults = append(out.Faults, err.Error())
	}
	return p.out.json(out)
}
