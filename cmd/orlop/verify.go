// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check all that an archive says of itself; with --rebuild make it again",
		ArgsUsage: "ARCHIVE...",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "digests", Usage: "compare with `FILE`, container-image-MANIFESTS or CHECKSUM.* (repeatable)"},
			&cli.StringSliceFlag{Name: "lock", Usage: "compare with the lock `FILE` (repeatable; default: ARCHIVE's name with .lock.json)"},
			&cli.BoolFlag{Name: "rebuild", Usage: "make the images again from their locks and compare"},
		}, sourceFlags(), talkFlags()),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usagef("verify: no archive is named")
			}
			v := verifier{program: p, c: c}
			if err := v.readGiven(); err != nil {
				return err
			}
			var list []*verdict
			for _, path := range c.Args().Slice() {
				list = append(list, v.verify(path))
			}
			if c.Bool("rebuild") {
				if err := v.rebuild(list); err != nil {
					return err
				}
			}
			var errs []error
			for _, x := range list {
				errs = append(errs, x.errs...)
				if err := p.printVerdict(c, x); err != nil {
					return err
				}
			}
			return errors.Join(errs...)
		},
	}
}

// verdict is what came out about an archive. Result is one word: verified,
// faulty, failed, reproduced, different, input-wrong, input-absent,
// lock-unusable or unsupported.
type verdict struct {
	path     string
	artifact *hooks.Artifact // nil where it could not be read
	lock     *solve.Lock     // nil where none was found
	result   string
	errs     []error

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

// verifier is what all archives of a run are compared with.
type verifier struct {
	*program
	c          *cli.Context
	locks      []*solve.Lock
	unreadable error // of a lock that cannot be used
	checksums  []release.Checksum
}

// readGiven reads the files of --lock and --digests.
func (v *verifier) readGiven() error {
	var err error
	v.locks, err = readLocks(v.c.StringSlice("lock"))
	if _, unusable := errors.AsType[*solve.LockError](err); unusable {
		v.unreadable, err = err, nil
	}
	if err != nil {
		return err
	}
	for _, file := range v.c.StringSlice("digests") {
		text, err := os.ReadFile(file)
		if err != nil {
			return &usageError{err}
		}
		list, err := release.ParseChecksums(file, text)
		if err != nil {
			return err
		}
		v.checksums = append(v.checksums, list...)
	}
	return nil
}

// verify finds every fault of an archive.
func (v *verifier) verify(path string) *verdict {
	x := &verdict{path: path, result: "verified"}
	a, err := hooks.Verify(v.c.Context, path)
	x.artifact = a
	x.faulty(err)
	if x.result == "input-absent" {
		return x
	}
	if v.c.IsSet("digests") {
		x.faulty(v.compareDigests(x)...)
	}
	if a == nil {
		return x
	}
	if x.lock, err = v.lockOf(x); err != nil {
		x.fail(rebuildFailure(err), err)
	} else {
		x.faulty(a.CheckLock(x.lock)...)
	}
	return x
}

// lockOf finds the lock of an archive: of those given the one that names its
// image, else the file beside it. Without --rebuild there need be none.
func (v *verifier) lockOf(x *verdict) (*solve.Lock, error) {
	if v.unreadable != nil {
		return nil, v.unreadable
	}
	for _, l := range v.locks {
		if (release.Release{Revision: l.Revision, Branch: l.Branch, ABI: l.ABI}).RefName(l.Image) == x.name() || len(v.locks) == 1 && v.c.NArg() == 1 {
			return l, nil
		}
	}
	if v.locks != nil {
		return nil, usagef("none of the locks given is of %s", x.name())
	}
	file := lockFile(x.path)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		if v.c.Bool("rebuild") {
			return nil, usagef("no lock: %w; give --lock", err)
		}
		return nil, nil
	}
	if err != nil {
		return nil, &usageError{err}
	}
	return solve.ParseLock(file, text)
}

// archiveEnds are those of an archive's name; a layout in a folder has none.
var archiveEnds = []string{".txz", ".tar.zst", ".tar.xz", ".tar.gz", ".tar"}

// lockFile is the name of the lock beside an archive or image layout.
func lockFile(path string) string {
	for _, ext := range archiveEnds {
		if base, ok := strings.CutSuffix(path, ext); ok {
			return base + ".lock.json"
		}
	}
	return strings.TrimRight(path, "/") + ".lock.json"
}

// name is the one that the archive gives its image, "" where that is not known.
func (x *verdict) name() string {
	if x.artifact == nil {
		return ""
	}
	return x.artifact.Descriptor.Annotations["org.opencontainers.image.ref.name"]
}

// compareDigests looks the archive up in the lists: its file by its file's
// name, its manifest by its image's name. One of the two must be there, unless
// the image's name could not be read.
func (v *verifier) compareDigests(x *verdict) []error {
	var errs []error
	found := false
	for _, sum := range v.checksums {
		var have string
		switch sum.Name {
		case x.name():
			have = x.artifact.Descriptor.Digest.Encoded()
		case filepath.Base(x.path):
			var err error
			if have, err = hashFile(x.path, sum.Kind); err != nil {
				return append(errs, err)
			}
		default:
			continue
		}
		found = true
		if have != sum.Hex {
			errs = append(errs, &hooks.ContentError{Err: fmt.Errorf("%s of %s is %s, wanted %s", sum.Kind, sum.Name, have, sum.Hex)})
		}
	}
	if !found && x.artifact != nil {
		errs = append(errs, &hooks.ContentError{Err: fmt.Errorf("neither %s nor %s is in the lists of digests", filepath.Base(x.path), x.name())})
	}
	return errs
}

func hashFile(path, kind string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := map[string]func() hash.Hash{"SHA256": sha256.New, "SHA512": sha512.New}[kind]()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// printVerdict writes the line of an archive without faults, as build does;
// faults are told on stderr, and what was left out for want of a lock. JSON has
// all.
func (p *program) printVerdict(c *cli.Context, x *verdict) error {
	if !c.Bool("json") {
		if x.artifact != nil && x.lock == nil && len(x.errs) == 0 {
			fmt.Fprintf(p.stderr, "orlop: %s: there is no %s, so it was compared with itself only\n", x.path, lockFile(x.path))
		}
		if len(x.errs) > 0 {
			return nil
		}
		text := fmt.Sprintf("%s\t%s", printable(filepath.Base(x.path)), x.artifact.Descriptor.Digest)
		if c.Bool("rebuild") {
			text += "\t" + x.result
		}
		_, err := fmt.Fprintln(p.stdout, text)
		return err
	}
	out := struct {
		File     string   `json:"file"`
		Result   string   `json:"result"`
		Name     string   `json:"name"`
		Digest   string   `json:"digest"`
		Layers   int      `json:"layers"`
		Packages int      `json:"packages"`
		Entries  int      `json:"entries"`
		Locked   bool     `json:"locked"` // compared with a lock
		Faults   []string `json:"faults"`
		From     []string `json:"from_artifact,omitempty"`
	}{File: filepath.Base(x.path), Result: x.result, Locked: x.lock != nil, Faults: []string{}, From: x.fromArtifact}
	if a := x.artifact; a != nil {
		out.Name, out.Digest, out.Layers, out.Packages, out.Entries = x.name(), a.Descriptor.Digest.String(), len(a.Layers), len(a.Packages), a.Tree.Len()
	}
	for _, err := range x.errs {
		out.Faults = append(out.Faults, err.Error())
	}
	return p.printJSON(out)
}
