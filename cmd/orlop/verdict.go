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
			_ = p.err.line("orlop: %s: unvouched: %s", r.Path, text)
		}
	}
	if c.Bool("json") {
		return p.printReportJSON(r, faults)
	}
	p.printNotes(c, r.Path, r.Notes, r.Details)
	if c.Bool("v") {
		for _, d := range r.Definitions {
			_ = p.err.line("orlop: %s: layer %s: definition: %s", r.Path, d.Layer, d.Definition)
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
		_ = p.err.line("orlop: %s: there is no %s%s", r.Path, verify.LockFile(r.Path), so)
		p.printOtherLocks(r)
	}
	if _, file, named := strings.Cut(filepath.Base(r.Path), "container-image-"); named && r.Image() != "" && nameOf(file) != r.Image() {
		_ = p.err.line("orlop: %s: the file name says otherwise: this is the image %s", r.Path, r.Image())
	}
	file, digest := filepath.Base(r.Path), r.Artifact.Descriptor.Digest
	switch {
	case c.Bool("rebuild"):
		return p.out.line("%s\t%s\t%s", file, digest, r.Result)
	case len(r.Compared) == 0:
		return p.out.line("%s\t%s\t%s", file, digest, itselfOnly)
	}
	return p.out.line("%s\t%s", file, digest)
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

		Definitions []resolve.LayerDefinition `json:"definitions,omitempty"` // of an image that was rebuilt
	}{File: filepath.Base(r.Path), Result: r.Result, JudgedBy: append([]string{}, r.Compared...), Locked: r.Lock != nil,
		Faults: []string{}, Unvouched: r.Doubts, From: r.FromArtifact, Definitions: r.Definitions}
	if a := r.Artifact; a != nil {
		out.Name, out.Digest, out.Layers, out.Packages, out.Entries = r.Name(), a.Descriptor.Digest.String(), len(a.Layers), len(a.Packages), a.Tree.Len()
		out.Notes = slices.Concat(r.Notes, r.Details)
	}
	for _, err := range faults {
		out.Faults = append(out.Faults, err.Error())
	}
	return p.out.json(out)
}
