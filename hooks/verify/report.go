// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"cmp"
	"errors"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/registry"
)

// The results of a check.
const (
	Verified     = "verified"
	Faulty       = "faulty"
	Failed       = "failed"
	Reproduced   = "reproduced"
	Unvouched    = "unvouched"
	Different    = "different"
	InputWrong   = "input-wrong"
	InputAbsent  = "input-absent"
	LockUnusable = "lock-unusable"
	Unsupported  = "unsupported"
)

// Report is the result of checking an archive.
type Report struct {
	Findings
	Path     string
	Label    string             // the path, and which image there
	Remote   *registry.Image    // in a registry; nil on disk
	Piped    bool               // there are no files next to it
	Artifact *artifact.Artifact // nil where it could not be read
	Lock     *GivenLock         // nil where none was found
	Compared []string           // independent references that it was compared with: lock, digests, signature, policy
	Result   string

	Signatures []Signature // if any were asked for

	several    bool     // images in the archive
	OtherLocks []string // names of locks next to the archive that were not used
	// Of a rebuilt image:
	Doubts       []string // what only the lock vouches for
	Definitions  []resolve.LayerDefinition
	FromArtifact []string // files that the rebuild took from it
}

// GivenLock is a lock and its file.
type GivenLock struct {
	*lock.Lock
	File string
	Text []byte

	Attached []digest.Digest // manifests by which it is attached to the image in its registry; then File is only a name
}

// ParseLock reads a lock.
func ParseLock(file string, text []byte) (GivenLock, error) {
	l, err := lock.Parse(file, text)
	return GivenLock{Lock: l, File: file, Text: text}, err
}

// lock returns the lock that was found, nil for none.
func (r *Report) lock() *lock.Lock {
	if r.Lock == nil {
		return nil
	}
	return r.Lock.Lock
}

// Name returns the name of the image in the archive, "" if it is unknown.
func (r *Report) Name() string {
	if r.Artifact == nil {
		return ""
	}
	return r.Artifact.Descriptor.Annotations[v1.AnnotationRefName]
}

// Image returns the name of an image that orlop built, or of FreeBSD's, "" for
// others.
func (r *Report) Image() string {
	if r.Artifact == nil {
		return ""
	}
	return cmp.Or(r.Artifact.OwnName(), define.OfFreeBSDs(r.Name()))
}

// faulty adds faults of the archive, or errors that prevented a check.
func (r *Report) faulty(errs ...error) {
	err := errors.Join(errs...)
	if err == nil {
		return
	}
	r.add(errs...)
	switch fault.ClassOf(r.Err()) {
	case fault.Wrong:
		r.Result = Faulty
	case fault.Absent:
		r.Result = InputAbsent
	default:
		r.Result = Failed
		_, unsupported := errors.AsType[*fault.UnsupportedError](err)
		_, schema := errors.AsType[*pkgdb.SchemaError](err)
		if unsupported || schema {
			r.Result = Unsupported
		}
	}
}

// fail sets the result and adds its cause.
func (r *Report) fail(result string, err error) {
	r.Result = result
	r.add(err)
}

// take adds findings.
func (r *Report) take(f Findings) {
	r.faulty(f.Errs...)
	r.Notes, r.Details = append(r.Notes, f.Notes...), append(r.Details, f.Details...)
}
