// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/compare"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci/layout"
)

// Rebuilder rebuilds images from their locks, and compares.
type Rebuilder struct {
	hooks.Program // the running one
	// Config returns the configuration for a lock's run. Its Input is an input.Locks,
	// to which Rebuild adds the locks.
	Config func(l *lock.Lock) (hooks.Config, error)
	// Build builds images.
	Build     func(ctx context.Context, cfg hooks.Config) ([]hooks.Result, error)
	TrustLock bool     // what only the lock vouches for is no fault
	Signing   *Signing // whose signature of the lock vouches for it
	Lines     int      // to show of one file or package

	made []string // references to images that came out the same: they count as parents
}

// Rebuild rebuilds the images that have no fault so far, in as few runs as the locks
// allow. An error is one of the command line or the context.
func (b *Rebuilder) Rebuild(ctx context.Context, list []*Report) error {
	for len(list) > 0 {
		first := list[0]
		group, rest := []*Report{first}, []*Report(nil)
		if standsOn(first, list[1:]) { // that one first: made again, it counts as the parent
			list = append(list[1:], first)
			continue
		}
		for _, r := range list[1:] {
			if first.Lock != nil && r.Lock != nil && oneRun(first.Lock.Lock, r.Lock.Lock) && !standsOn(r, list) &&
				!slices.ContainsFunc(group, func(y *Report) bool { return y.Lock.Image == r.Lock.Image }) {
				group = append(group, r)
			} else {
				rest = append(rest, r)
			}
		}
		group = slices.DeleteFunc(group, func(r *Report) bool { return len(r.Errs) > 0 })
		if len(group) > 0 {
			if err := b.group(ctx, group); err != nil {
				return err
			}
		}
		list = rest
	}
	return nil
}

// standsOn reports whether an image stands on another of the list.
func standsOn(r *Report, list []*Report) bool {
	return r.Lock != nil && r.Lock.Parent != nil && slices.ContainsFunc(list, func(other *Report) bool {
		return other.Artifact != nil && other.Artifact.Descriptor.Digest.String() == r.Lock.Parent.Digest
	})
}

// oneRun reports whether one run can build both.
func oneRun(a, b *lock.Lock) bool {
	return a.SameRun(b) && slices.EqualFunc(a.Repositories, b.Repositories, lock.Repository.Equal)
}

// group rebuilds images in one run. It reuses nothing of earlier builds but verified
// packages. If the run fails, each image is rebuilt alone, so that faults are
// reported for the images that have them.
func (b *Rebuilder) group(ctx context.Context, group []*Report) error {
	cfg, err := b.Config(group[0].Lock.Lock)
	if err != nil {
		return err
	}
	if cfg.OutDir, err = os.MkdirTemp("", "orlop-rebuild-"); err != nil {
		return err
	}
	defer os.RemoveAll(cfg.OutDir)
	kept, err := keepCatalogues(ctx, group)
	defer os.RemoveAll(kept)
	if err != nil {
		return err
	}
	cfg.Parents.Given = append(cfg.Parents.Given, b.made...)
	addLocks(ctx, cfg.Input.(*input.Locks), group, kept)
	built, err := b.Build(ctx, cfg)
	if err == nil {
		return b.compare(ctx, group, built)
	}
	if ctx.Err() != nil {
		return err
	}
	if len(group) == 1 {
		group[0].fail(rebuildFailure(err), err)
		return nil
	}
	for _, r := range group {
		if err := b.group(ctx, []*Report{r}); err != nil {
			return err
		}
	}
	return nil
}

// addLocks adds the locks of a group, and other places that may have their files.
func addLocks(ctx context.Context, in *input.Locks, group []*Report, kept string) {
	var artifacts []*artifact.Artifact
	for _, r := range group {
		in.Locks, artifacts = append(in.Locks, r.Lock.Lock), append(artifacts, r.Artifact)
		if r.Lock.Attached == nil {
			in.KeptIn = append(in.KeptIn, filepath.Dir(r.Lock.File))
		}
		if r.Remote == nil {
			in.KeptIn = append(in.KeptIn, filepath.Dir(r.Path))
		}
	}
	if kept != "" {
		in.KeptIn = append(in.KeptIn, kept)
	}
	in.Published = func(digests map[string]bool) (map[string][]byte, error) {
		return artifact.FindIn(ctx, artifacts, digests)
	}
	in.Streamed = func(digests map[string]bool, visit func(string, io.Reader) error) error {
		return artifact.StreamIn(ctx, artifacts, digests, visit)
	}
}

// compare compares the rebuilt images with the archives.
func (b *Rebuilder) compare(ctx context.Context, group []*Report, built []hooks.Result) error {
	for _, r := range group {
		i := slices.IndexFunc(built, func(made hooks.Result) bool { return made.Image == r.Lock.Image })
		r.FromArtifact, r.Doubts, r.Definitions = built[i].FromArtifact, built[i].Doubts, built[i].Definitions
		switch r.Result = Reproduced; {
		case built[i].Digest != r.Artifact.Descriptor.Digest.String():
			if err := b.explain(ctx, r, built[i]); err != nil {
				r.fail(Different, err)
			}
		case len(r.Doubts) > 0:
			b.doubt(ctx, r)
		}
		if r.Result == Reproduced {
			b.made = append(b.made, r.Path)
		}
	}
	return ctx.Err()
}

// doubt sets the result of an image that was reproduced byte for byte, but from
// parts that only its lock vouches for.
func (b *Rebuilder) doubt(ctx context.Context, r *Report) {
	by, err := b.Signing.lockSigner(ctx, r)
	if by != "" {
		r.Notes = append(r.Notes, fmt.Sprintf("%s, who signed the lock, vouches for what no signed catalogue does", by))
		r.Doubts = nil
		return
	}
	r.add(err)
	r.Result = Unvouched
	if b.TrustLock {
		return
	}
	for _, text := range r.Doubts {
		r.fail(Unvouched, &resolve.UnvouchedError{What: text})
	}
}

// rebuildFailure returns the result for a failed rebuild. The lock has the whole
// definition, so a wrong one is the lock's fault.
func rebuildFailure(err error) string {
	switch fault.ClassOf(err) {
	case fault.Absent:
		return InputAbsent
	case fault.Wrong:
		return InputWrong
	case fault.Usage, fault.Unmet:
		return LockUnusable
	}
	if _, disk := errors.AsType[syscall.Errno](err); disk {
		return Failed
	}
	return Unsupported
}

// explain finds how two images differ, and whether that matters: another orlop may
// write another format, and other libraries compress and lay out databases
// differently.
func (b *Rebuilder) explain(ctx context.Context, r *Report, made hooks.Result) error {
	file, err := layout.Open(ctx, made.File)
	if err != nil {
		return err
	}
	defer file.Close()
	again, err := artifact.ReadRef(ctx, &artifact.Ref{Name: made.File, File: file}, "")
	if err != nil {
		return err
	}
	list, err := compare.Explain(ctx, again, r.Artifact, compare.Artifacts(ctx, again, r.Artifact), b.Lines)
	if err != nil {
		return err
	}
	differ := fmt.Errorf("built %s from its lock, found %s", made.Digest, r.Artifact.Descriptor.Digest)
	maker, err := b.maker(ctx, r, again)
	if err != nil {
		return err
	}
	result, wrap := Different, func(err error) error { return &fault.ContentError{Err: err} }
	if maker != "" {
		result, wrap = Unsupported, func(err error) error { return &VersionError{err} }
		differ = fmt.Errorf("%w; this is orlop %s, and orlop %s made the image: rebuild it with that one", differ, b.Version, maker)
	}
	r.fail(result, wrap(differ))
	for _, line := range compare.Lines(list, b.Lines) {
		r.fail(result, &DetailError{wrap(errors.New(line))})
	}
	return nil
}

// maker names the orlop that built an image if that explains a difference: another
// version may change anything, other libraries only what they decide.
func (b *Rebuilder) maker(ctx context.Context, r *Report, again *artifact.Artifact) (string, error) {
	other := b.otherVersions(r.Lock.Versions)
	if r.Lock.Orlop == b.Version {
		if other == "" {
			return "", nil
		}
		if form, err := compare.OnlyForm(ctx, again, r.Artifact); !form {
			return "", err
		}
	}
	if other != "" {
		other = " with " + other
	}
	return r.Lock.Orlop + other, nil
}

// otherVersions lists the libraries of a lock whose version differs in this program,
// "" for none.
func (b *Rebuilder) otherVersions(locked map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(locked)) {
		if b.Versions[name] != locked[name] {
			list = append(list, filepath.Base(name)+" "+locked[name])
		}
	}
	return strings.Join(list, ", ")
}

// VersionError is an image that this version cannot reproduce.
type VersionError struct{ Err error }

func (e *VersionError) Error() string { return e.Err.Error() }

// Failed reports that this version cannot do it.
func (*VersionError) Failed() bool { return true }

// DetailError is a line that explains the fault before it. It is kept even if it
// repeats an earlier line.
type DetailError struct{ Err error }

func (e *DetailError) Error() string { return e.Err.Error() }

// Unwrap returns the line as a fault of the kind that it explains.
func (e *DetailError) Unwrap() error { return e.Err }
