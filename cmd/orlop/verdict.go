// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/verify"
)

// itselfOnly marks an archive that was checked against nothing independent.
const itselfOnly = "compared with itself only"

// printReport prints the line of an archive without faults, as build does. Faults
// go to stderr, and so does what nobody vouches for. JSON has everything.
func (p *program) printReport(c *cli.Context, r *verify.Report, faults []error) error {
	if c.Bool("rebuild") && r.Lock == nil {
		p.printOtherLocks(r)
	}
	if c.Bool("trust-lock") {
		for _, text := range r.Doubts {
			_ = p.err.line("orlop: %s: unvouched: %s", r.Label, text)
		}
	}
	if c.Bool("json") {
		return p.printReportJSON(r, faults)
	}
	p.printSignatures(c, r)
	p.printNotes(c, r.Label, r.Notes, r.Details)
	if c.Bool("v") {
		for _, d := range r.Definitions {
			_ = p.err.line("orlop: %s: layer %s: definition: %s", r.Label, d.Layer, d.Definition)
		}
	}
	if len(faults) > 0 {
		return nil
	}
	if r.Lock == nil && !r.Piped && (len(r.Compared) == 0 || !c.Bool("q")) {
		so := ""
		if len(r.Compared) == 0 {
			so = ", so it was " + itselfOnly
		}
		_ = p.err.line("orlop: %s: %s%s", r.Label, noLock(r), so)
		p.printOtherLocks(r)
	}
	if _, file, named := strings.Cut(filepath.Base(r.Path), "container-image-"); named && r.Remote == nil && !names(file, r.Image()) {
		_ = p.err.line("orlop: %s: the file name says otherwise: this is the image %s", r.Label, r.Image())
	}
	file, digest := baseOf(r), r.Artifact.Descriptor.Digest
	p.printPull(r)
	switch {
	case c.Bool("rebuild"):
		return p.out.line("%s\t%s\t%s", file, digest, r.Result)
	case len(r.Compared) == 0:
		return p.out.line("%s\t%s\t%s", file, digest, itselfOnly)
	}
	return p.out.line("%s\t%s", file, digest)
}

// baseOf names an image in a result: the file's name without its folder, or the whole
// name in a registry.
func baseOf(r *verify.Report) string {
	if r.Remote != nil {
		return r.Label
	}
	return filepath.Base(r.Path) + strings.TrimPrefix(r.Label, r.Path)
}

// noLock says where no lock was found.
func noLock(r *verify.Report) string {
	if r.Remote != nil {
		return "no lock is attached"
	}
	return "there is no " + verify.LockFile(r.Path)
}

// printPull says on a terminal how to get what was verified, and nothing that was
// pushed since.
func (p *program) printPull(r *verify.Report) {
	if r.Remote != nil && p.onTerminal() {
		_ = p.err.line("orlop: podman pull %s@%s", r.Remote.Reference.Name(), r.Artifact.Descriptor.Digest)
	}
}

// names reports whether a file has the name of an image, or of its index; of one
// without a name it may have any.
func names(file, image string) bool {
	name := nameOf(file)
	return image == "" || name == image || name == image+".index"
}

// nameOf returns the name of an archive without its ending.
func nameOf(file string) string {
	return strings.TrimSuffix(filepath.Base(verify.LockFile(file)), lock.Ending)
}

func (p *program) printReportJSON(r *verify.Report, faults []error) error {
	out := struct {
		File      string   `json:"file"`
		Result    string   `json:"result"`
		JudgedBy  []string `json:"judged_by"` // lock, digests; empty if it was compared with itself only
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

		Signatures  []signatureJSON           `json:"signatures,omitempty"`
		Definitions []resolve.LayerDefinition `json:"definitions,omitempty"` // of an image that was rebuilt
	}{File: baseOf(r), Result: r.Result, JudgedBy: append([]string{}, r.Compared...), Locked: r.Lock != nil,
		Faults: []string{}, Unvouched: r.Doubts, From: r.FromArtifact, Signatures: signaturesJSON(r), Definitions: r.Definitions}
	if a := r.Artifact; a != nil {
		out.Name, out.Digest, out.Layers, out.Packages, out.Entries = r.Name(), a.Descriptor.Digest.String(), len(a.Layers), len(a.Packages), a.Tree.Len()
		out.Notes = slices.Concat(r.Notes, r.Details)
	}
	for _, err := range faults {
		out.Faults = append(out.Faults, err.Error())
	}
	return p.out.json(out)
}
