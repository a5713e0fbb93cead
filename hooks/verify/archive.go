// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
)

// References are the independent things that an archive can be compared with, and
// their names in messages.
var References = map[string]string{"lock": "a lock", "digests": "digests", "signature": "a signature", "policy": "a policy that asks for signatures"}

// Against is what archives are compared with.
type Against struct {
	Locks     []GivenLock // nil for those next to the archives
	Unusable  error       // of a lock that cannot be used
	Checksums []release.Checksum
	Digests   bool     // Checksums are given, even if the list is empty
	Require   []string // of References
	Signing   Signing
	AtLeast   string // the oldest version of FreeBSD's packages; "" for any
	Departing bool   // an image without a lock may lack files of its packages
	NeedLock  bool   // an archive without a lock is a usage error
	OnlyOne   bool   // there is one archive: a single lock is for it, under any name
}

// Subject is an image that is checked.
type Subject struct {
	Path     string        // as the user named it
	Ref      *artifact.Ref // nil if it could not be opened
	Err      error         // why
	Platform string        // "" for the only image
	Several  bool          // there are others, for other platforms
}

// Archive finds every fault of an image: in an archive, a folder or a registry.
func Archive(ctx context.Context, by *Against, s Subject) *Report {
	r := &Report{Path: s.Path, Label: s.Path, Result: Verified}
	if s.Several {
		r.Label += " (" + s.Platform + ")"
	}
	if s.Ref == nil {
		r.faulty(s.Err)
		return r
	}
	file := s.Ref.File
	r.several = s.Several
	r.Remote, r.Piped = s.Ref.Remote, file != nil && file.Piped
	source, err := s.Ref.Open(ctx)
	if err != nil {
		r.faulty(err)
		r.faulty(by.compareDigests(ctx, r, file)...)
		return r
	}
	var f Findings
	r.Artifact, f = Artifact(ctx, source, s.Platform)
	gone := f.Gone
	f.Gone = nil
	r.take(f)
	if ctx.Err() != nil {
		return r
	}
	if r.Artifact != nil {
		by.compareLock(ctx, r)
		r.take(departures(r.Artifact, gone, r.lock(), by.Departing))
		by.findWithdrawal(ctx, r)
		by.checkSignatures(ctx, r)
		by.checkVersion(ctx, r)
	}
	r.faulty(by.compareDigests(ctx, r, file)...)
	if r.Artifact == nil {
		return r
	}
	if len(r.Errs) == 0 { // else faults would be reported twice
		r.take(Closure(ctx, r.Artifact, r.lock()))
	}
	for _, what := range by.Require {
		if !slices.Contains(r.Compared, what) {
			r.faulty(fault.Contentf("was not compared with %s, which --require asks for", References[what]))
		}
	}
	return r
}

// compareLock compares an image with its lock, if there is one.
func (by *Against) compareLock(ctx context.Context, r *Report) {
	var err error
	if r.Lock, err = by.lockOf(ctx, r); err != nil {
		r.fail(rebuildFailure(err), err)
		return
	}
	if r.Lock != nil {
		r.Compared = append(r.Compared, "lock")
	}
	r.take(Lock(ctx, r.Artifact, r.lock()))
}

// lockOf finds the lock of an archive: the given one that names its image, else the
// file next to the archive.
func (by *Against) lockOf(ctx context.Context, r *Report) (*GivenLock, error) {
	if by.Unusable != nil {
		return nil, by.Unusable
	}
	if len(by.Locks) == 1 && by.OnlyOne {
		return &by.Locks[0], nil
	}
	for _, fits := range []func(l *GivenLock) bool{
		func(l *GivenLock) bool { return r.Name() != "" && lock.Name(l.Lock) == r.Name() },
		func(l *GivenLock) bool { return IsOf(r.Artifact.Contents, l.Lock) }, // a copy may have another name
	} {
		if i := slices.IndexFunc(by.Locks, func(l GivenLock) bool { return fits(&l) }); i >= 0 {
			return &by.Locks[i], nil
		}
	}
	if by.Locks != nil {
		var found []string
		for _, l := range by.Locks {
			found = append(found, l.Image)
		}
		return nil, fault.Usagef("none of the locks given is of %s: found those of %s", cmp.Or(r.Name(), r.Path), strings.Join(found, ", "))
	}
	if r.Remote != nil {
		return by.lockAttached(ctx, r)
	}
	if r.several {
		if l := LockAmong(r.Path, r.Artifact.Contents); l != nil || !by.NeedLock {
			return l, nil
		}
		return nil, fault.Usagef("no lock in a folder %s next to it; give --lock", artifact.TargetArch(r.Artifact.Contents))
	}
	if r.Piped && !by.NeedLock {
		return nil, nil
	}
	if r.Piped {
		return nil, fault.Usagef("no lock: a pipe has none next to it; give --lock")
	}
	return by.lockBeside(r)
}

// lockBeside reads the lock next to an archive, or lists other locks there, since
// one of the two may have been renamed.
func (by *Against) lockBeside(r *Report) (*GivenLock, error) {
	l, err := ReadLock(LockFile(r.Path))
	if !errors.Is(err, fs.ErrNotExist) {
		return l, err
	}
	r.OtherLocks = otherLocks(r.Path)
	if by.NeedLock {
		return nil, fault.Usagef("no lock: %w; give --lock", err)
	}
	return nil, nil
}

// LockAmong reads the lock of one of several images in an archive, from where a build for
// several platforms writes it: a folder with the name of the machine. It returns nil for
// none, and one that does not fit is another image's.
func LockAmong(archive string, c *oci.Contents) *GivenLock {
	name := release.ArtifactName(artifact.Name(c)) + lock.Ending
	l, err := ReadLock(filepath.Join(filepath.Dir(archive), artifact.TargetArch(c), name))
	if err != nil || len(Documents(c, l.Lock).Errs) > 0 {
		return nil
	}
	return l
}

// ReadLock reads a lock that nobody has named. If there is no file, the error is
// fs.ErrNotExist.
func ReadLock(file string) (*GivenLock, error) {
	text, err := store.ReadRegularFile(file, maxBeside)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, &fault.UsageError{Err: err}
	}
	l, err := ParseLock(file, text)
	if err != nil {
		return nil, err
	}
	return &l, nil
}

// maxBeside bounds, in bytes, a file that the user has not named.
const maxBeside = 64 << 20

// otherLocks lists the names of the locks next to an archive.
func otherLocks(archive string) []string {
	entries, _ := os.ReadDir(filepath.Dir(archive))
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), lock.Ending) {
			names = append(names, e.Name())
		}
	}
	return names
}

// LockFile returns the name of the lock next to an archive or image layout.
func LockFile(path string) string { return artifact.Base(path) + lock.Ending }

// compareDigests looks up the archive in the lists: its file by file name, its
// manifest by the image's name or, since a copy may have another name, by digest.
// One of these must be listed, unless the image's name could not be read. A lock is
// listed by the image's name.
func (by *Against) compareDigests(ctx context.Context, r *Report, file *layout.File) []error {
	if !by.Digests {
		return nil
	}
	var errs []error
	found := false
	for _, sum := range by.Checksums {
		var have string
		var err error
		switch {
		case r.Artifact != nil && (sum.Name == r.Name() || sum.Hex == r.Artifact.Descriptor.Digest.Encoded()):
			have = r.digestOf(sum.Name)
		case file != nil && sum.Name == filepath.Base(r.Path) && !r.Piped:
			have, err = hashOf(file.Reader(ctx), sum.Kind)
		case r.Lock != nil && sum.Name == release.LockLine(r.Name()):
			have, err = hashOf(bytes.NewReader(r.Lock.Text), sum.Kind)
		default:
			continue
		}
		if err != nil {
			return append(errs, err)
		}
		found = found || sum.Name != release.LockLine(r.Name())
		if have != sum.Hex {
			errs = append(errs, fault.Contentf("%s of %s is %s, wanted %s", sum.Kind, sum.Name, have, sum.Hex))
		}
	}
	if found {
		r.Compared = append(r.Compared, "digests")
	} else if r.Artifact != nil {
		errs = append(errs, fault.Contentf("%s is in the lists of digests", r.unlisted()))
	}
	return errs
}

// digestOf returns the digest of what a list calls by a name: the image, or, if the
// layout names only an index that leads to it, the index.
func (r *Report) digestOf(name string) string {
	found := r.Artifact.Descriptor.Digest
	for _, d := range r.Artifact.Index.Manifests {
		if d.Digest == r.Artifact.Descriptor.Digest {
			return d.Digest.Encoded()
		}
		if d.Annotations[v1.AnnotationRefName] == name {
			found = d.Digest
		}
	}
	return found.Encoded()
}

// unlisted names an image that no list names.
func (r *Report) unlisted() string {
	if r.Remote != nil {
		return "no manifest " + r.Artifact.Descriptor.Digest.String()
	}
	return "neither " + filepath.Base(r.Path) + " nor " + r.Name()
}

func hashOf(r io.Reader, kind string) (string, error) {
	h := map[string]func() hash.Hash{"SHA256": sha256.New, "SHA512": sha512.New}[kind]()
	_, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}
