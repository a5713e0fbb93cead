// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"cmp"
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

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check all that an archive says of itself; with --rebuild make it again",
		ArgsUsage: "ARCHIVE...",
		Before:    needSQLite,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "digests", Usage: "compare with `FILE`, container-image-MANIFESTS or CHECKSUM.*"},
			&cli.StringSliceFlag{Name: "lock", Usage: "compare with the lock `FILE`", DefaultText: "ARCHIVE's name with .lock.json"},
			&cli.StringSliceFlag{Name: "require", Usage: "fail unless it was compared with `WHAT`: lock, digests or signature"},
			&cli.BoolFlag{Name: "rebuild", Usage: "make the images again from their locks and compare"},
			&cli.StringSliceFlag{Name: "image-file", Usage: "`FILE` with the definitions that the images should have"},
			treeFileFlag(),
			&cli.BoolFlag{Name: "trust-lock", Usage: "end with 0 also where nobody but the lock vouches for what is in the image"},
			platformFlag(), lockURLsFlag(), scriptsFlag(), annotationFlag(),
		}, releaseFlags(), sourceFlags(), talkFlags()),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return fault.Usagef("verify: no archive is named")
			}
			v := verifier{program: p, c: c}
			if err := v.readGiven(); err != nil {
				return err
			}
			if err := v.checkRebuild(); err != nil {
				return err
			}
			var list []*verdict
			for _, path := range c.Args().Slice() {
				x := v.verify(path)
				switch list = append(list, x); {
				case x.source == nil:
				case c.Bool("rebuild"): // which compares it with what is made again
					defer x.source.Close()
				default:
					x.source.Close()
				}
				if err := c.Context.Err(); err != nil {
					return err
				}
			}
			if c.Bool("rebuild") {
				if err := v.rebuild(list); err != nil {
					return err
				}
			}
			if err := c.Context.Err(); err != nil {
				return err
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

// verifier is what all archives of a run are compared with.
type verifier struct {
	*program
	c          *cli.Context
	locks      []givenLock
	unreadable error // of a lock that cannot be used
	platform   string
	checksums  []release.Checksum
}

// judges are what --require may name.
var judges = []string{"lock", "digests", "signature"}

var judgeNames = map[string]string{"lock": "a lock", "digests": "digests", "signature": "a signature"}

// readGiven reads the files of --lock and --digests.
func (v *verifier) readGiven() error {
	for _, what := range v.c.StringSlice("require") {
		if !slices.Contains(judges, what) {
			return fault.Usagef("--require: found %q, wanted %s%s", what, strings.Join(judges, ", "), spelling.Hint(what, judges...))
		}
	}
	var err error
	if v.platform, err = platform(v.c); err != nil {
		return err
	}
	v.locks, err = readOperands(v.c.Context, "lock", v.c.StringSlice("lock"), parseLock)
	if _, unusable := errors.AsType[*lock.Error](err); unusable {
		v.unreadable, err = err, nil
	}
	if err != nil {
		return err
	}
	lists, err := readOperands(v.c.Context, "digests", v.c.StringSlice("digests"), release.ParseChecksums)
	v.checksums = slices.Concat(lists...)
	return err
}

// verify finds every fault of an archive.
func (v *verifier) verify(path string) *verdict {
	x := &verdict{path: path, result: "verified"}
	var a *artifact.Artifact
	var err error
	if x.source, err = openSource(v.c.Context, path); err == nil {
		var archive oci.Source
		if archive, err = x.source.Open(v.c.Context); err == nil {
			a, err = verify.Artifact(v.c.Context, archive, v.platform)
		}
	}
	x.artifact = a
	x.faulty(err)
	if x.source == nil || v.c.Context.Err() != nil {
		return x
	}
	if a == nil {
		x.faulty(v.compareDigests(x)...)
		return x
	}
	if x.lock, err = v.lockOf(x); err != nil {
		x.fail(rebuildFailure(err), err)
	} else if x.lock == nil {
		x.faulty(verify.Lock(v.c.Context, a, nil)...)
	} else {
		x.judges = append(x.judges, "lock")
		x.faulty(verify.Lock(v.c.Context, a, x.lock.Lock)...)
	}
	x.faulty(v.compareDigests(x)...)
	for _, what := range v.c.StringSlice("require") {
		if !slices.Contains(x.judges, what) {
			x.faulty(&fault.ContentError{Err: fmt.Errorf("was not compared with %s, which --require asks for", judgeNames[what])})
		}
	}
	return x
}

// lockOf finds the lock of an archive: of those given the one that names its
// image, else the file beside it. Without --rebuild there need be none.
func (v *verifier) lockOf(x *verdict) (*givenLock, error) {
	if v.unreadable != nil {
		return nil, v.unreadable
	}
	if len(v.locks) == 1 && v.c.NArg() == 1 {
		return &v.locks[0], nil
	}
	for _, fits := range []func(l *givenLock) bool{
		func(l *givenLock) bool { return x.name() != "" && lock.Name(l.Lock) == x.name() },
		func(l *givenLock) bool { return verify.IsOf(x.artifact, l.Lock) }, // a copy may have another name
	} {
		if i := slices.IndexFunc(v.locks, func(l givenLock) bool { return fits(&l) }); i >= 0 {
			return &v.locks[i], nil
		}
	}
	if v.locks != nil {
		var found []string
		for _, l := range v.locks {
			found = append(found, l.Image)
		}
		return nil, fault.Usagef("none of the locks given is of %s: found those of %s", cmp.Or(x.name(), x.path), strings.Join(found, ", "))
	}
	if x.source.Piped && !v.c.Bool("rebuild") {
		return nil, nil
	}
	if x.source.Piped {
		return nil, fault.Usagef("no lock: nothing lies beside a pipe; give --lock")
	}
	file := lockFile(x.path)
	text, err := readBeside(file)
	if errors.Is(err, os.ErrNotExist) {
		if v.c.Bool("rebuild") {
			v.tellOtherLocks(x.path)
			return nil, fault.Usagef("no lock: %w; give --lock", err)
		}
		return nil, nil
	}
	if err != nil {
		return nil, &fault.UsageError{Err: err}
	}
	l, err := parseLock(file, text)
	if err != nil {
		return nil, err
	}
	return &l, nil
}

// tellOtherLocks names the locks beside an archive that bear other names, since
// one of the two may have been renamed.
func (p *program) tellOtherLocks(archive string) {
	switch names := otherLocks(archive); len(names) {
	case 0:
	case 1:
		_ = p.err.line("orlop: %s: %s lies there and was not taken", archive, names[0])
	default:
		_ = p.err.line("orlop: %s: %s lie there and were not taken", archive, strings.Join(names, ", "))
	}
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
// name, its manifest by its image's name, or, since a copy may have another name,
// by its digest. One of these must be there, unless the image's name could not be
// read. A lock stands there by the image's name.
func (v *verifier) compareDigests(x *verdict) []error {
	if !v.c.IsSet("digests") {
		return nil
	}
	var errs []error
	found := false
	for _, sum := range v.checksums {
		var have string
		var err error
		switch {
		case x.artifact != nil && (sum.Name == x.name() || sum.Hex == x.artifact.Descriptor.Digest.Encoded()):
			have = x.artifact.Descriptor.Digest.Encoded()
		case sum.Name == filepath.Base(x.path) && !x.source.Piped:
			have, err = hashOf(x.source.Reader(v.c.Context), sum.Kind)
		case x.lock != nil && sum.Name == release.LockLine(x.name()):
			have, err = hashOf(bytes.NewReader(x.lock.text), sum.Kind)
		default:
			continue
		}
		if err != nil {
			return append(errs, err)
		}
		found = found || sum.Name != release.LockLine(x.name())
		if have != sum.Hex {
			errs = append(errs, &fault.ContentError{Err: fmt.Errorf("%s of %s is %s, wanted %s", sum.Kind, sum.Name, have, sum.Hex)})
		}
	}
	if found {
		x.judges = append(x.judges, "digests")
	} else if x.artifact != nil {
		errs = append(errs, &fault.ContentError{Err: fmt.Errorf("neither %s nor %s is in the lists of digests", filepath.Base(x.path), x.name())})
	}
	return errs
}

func hashOf(r io.Reader, kind string) (string, error) {
	h := map[string]func() hash.Hash{"SHA256": sha256.New, "SHA512": sha512.New}[kind]()
	_, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}
