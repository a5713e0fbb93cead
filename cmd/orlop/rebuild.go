// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"fmt"
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

// rebuild makes again what has no fault so far, in as few runs as the locks
// allow. An error is of the command line.
func (v *verifier) rebuild(list []*verdict) error {
	for len(list) > 0 {
		first := list[0]
		group, rest := []*verdict{first}, []*verdict(nil)
		for _, x := range list[1:] {
			if first.lock != nil && x.lock != nil && sameRun(first.lock.Lock, x.lock.Lock) && !slices.ContainsFunc(group, func(y *verdict) bool { return y.lock.Image == x.lock.Image }) {
				group = append(group, x)
			} else {
				rest = append(rest, x)
			}
		}
		group = slices.DeleteFunc(group, func(x *verdict) bool { return len(x.errs) > 0 })
		if len(group) > 0 {
			if err := v.rebuildGroup(group); err != nil {
				return err
			}
		}
		list = rest
	}
	return nil
}

// sameRun reports whether one run can make both.
func sameRun(a, b *lock.Lock) bool {
	return a.SameRun(b) && slices.Equal(a.Repositories, b.Repositories)
}

// rebuildGroup takes nothing from earlier runs but packages, which are verified.
// Where something is wrong each image is made alone: a run of several fails
// whole, and each fault is to be told of the images that have it.
func (v *verifier) rebuildGroup(group []*verdict) error {
	cfg, err := v.rebuildConfig(group[0].lock.Lock)
	if err != nil {
		return err
	}
	if cfg.OutDir, err = os.MkdirTemp("", "orlop-rebuild-"); err != nil {
		return err
	}
	defer os.RemoveAll(cfg.OutDir)
	var artifacts []*artifact.Artifact
	in := cfg.Input.(*input.Locks)
	for _, x := range group {
		in.Locks, artifacts = append(in.Locks, x.lock.Lock), append(artifacts, x.artifact)
		in.KeptIn = append(in.KeptIn, filepath.Dir(x.lock.file), filepath.Dir(x.path))
	}
	in.Published = func(digests map[string]bool) (map[string][]byte, error) {
		return contents(v.c.Context, artifacts, digests)
	}
	built, err := v.build(v.c, cfg)
	if err != nil {
		if v.c.Context.Err() != nil {
			return err
		}
		if len(group) == 1 {
			group[0].fail(rebuildFailure(err), err)
			return nil
		}
		for _, x := range group {
			if err := v.rebuildGroup([]*verdict{x}); err != nil {
				return err
			}
		}
		return nil
	}
	for _, x := range group {
		i := slices.IndexFunc(built, func(r hooks.Result) bool { return r.Image == x.lock.Image })
		x.fromArtifact, x.doubts, x.definitions = built[i].FromArtifact, built[i].Doubts, built[i].Definitions
		switch x.result = "reproduced"; {
		case built[i].Digest != x.artifact.Descriptor.Digest.String():
			v.explain(x, built[i])
		case len(x.doubts) > 0:
			v.unvouched(x)
		}
	}
	return nil
}

// unvouched is an image that came out byte by byte, of parts that only its lock
// calls right.
func (v *verifier) unvouched(x *verdict) {
	x.result = "unvouched"
	if v.c.Bool("trust-lock") {
		return
	}
	for _, text := range x.doubts {
		x.fail("unvouched", &resolve.UnvouchedError{What: text})
	}
}

// checkRebuild finds what keeps any image from being made again, before an archive
// is read. A configuration of repositories may need what a lock says.
func (v *verifier) checkRebuild() error {
	if !v.c.Bool("rebuild") { // but what flags name is to be there
		return hooks.Check(v.c.Context, hooks.Config{Input: &input.Repositories{Tree: srcTree(v.c)},
			Request: resolve.Request{ImageFiles: v.c.StringSlice("image-file"), TreeFiles: v.c.StringSlice("tree-file")}})
	}
	var l *lock.Lock
	switch {
	case len(v.locks) > 0:
		l = v.locks[0].Lock
	case !v.c.IsSet("repo-conf-dir"):
		l = new(lock.Lock)
	}
	cfg, err := v.rebuildConfig(l)
	if err != nil {
		return err
	}
	return hooks.Check(v.c.Context, cfg)
}

// rebuildConfig says where inputs come from: the lock's repositories unless the
// user has others. Without a lock it leaves them open.
func (v *verifier) rebuildConfig(l *lock.Lock) (hooks.Config, error) {
	cfg := hooks.Config{Jobs: v.c.Int("j"), Program: hooks.Program{Version: version, Versions: versions()}, Output: hooks.Output{Format: layout.Dir}, Observe: v.progress(v.c),
		Request: resolve.Request{ImageFiles: v.c.StringSlice("image-file"), TreeFiles: v.c.StringSlice("tree-file"), Revision: v.c.String("revision"), Branch: v.c.String("branch")}}
	in := &input.Locks{LockURLs: v.c.Bool("lock-urls"), Repositories: input.Repositories{Tree: srcTree(v.c), Store: v.store(v.c, cfg.Observe),
		InsecureUnsigned: v.c.Bool("insecure-unsigned"), Observe: cfg.Observe}}
	cfg.Input = in
	if cfg.Jobs < 1 {
		return cfg, fault.Usagef("-j: found %d, wanted at least 1", cfg.Jobs)
	}
	var err error
	if cfg.SkipScripts, err = skipScripts(v.c); err == nil {
		cfg.Annotations, err = annotations(v.c)
	}
	if err != nil {
		return cfg, err
	}
	if l != nil && (v.c.IsSet("repo") || v.c.IsSet("repo-conf-dir")) {
		in.Repos, err = repositories(v.c, l.ABI, l.Revision)
	}
	return cfg, err
}

// rebuildFailure is the word for what kept an image from being made. All that a
// definition may say stands in the lock, so that a wrong one is the lock's.
func rebuildFailure(err error) string {
	switch exitStatus(err) {
	case exitAbsent:
		return "input-absent"
	case exitWrong:
		return "input-wrong"
	case exitUsage, exitUnresolved:
		return "lock-unusable"
	}
	if _, disk := errors.AsType[syscall.Errno](err); disk {
		return "failed"
	}
	return "unsupported"
}

// explain tells in what two images differ, and whether that says something:
// another orlop may have another format, and other libraries compress and lay
// out databases otherwise.
func (v *verifier) explain(x *verdict, made hooks.Result) {
	source, err := layout.Open(v.c.Context, made.File)
	if err != nil {
		x.fail("different", err)
		return
	}
	defer source.Close()
	again, err := artifact.ReadFile(v.c.Context, source, "")
	if err != nil {
		x.fail("different", err)
		return
	}
	list, err := compare.Explain(v.c.Context, again, x.artifact, compare.Artifacts(v.c.Context, again, x.artifact), explainLines)
	if err != nil {
		x.fail("different", err)
		return
	}
	result, wrap := "different", func(err error) error { return &fault.ContentError{Err: err} }
	differ := fmt.Errorf("built %s from its lock, found %s", made.Digest, x.artifact.Descriptor.Digest)
	maker, err := v.maker(x, again)
	if err != nil {
		x.fail("different", err)
		return
	}
	if maker != "" {
		result, wrap = "unsupported", func(err error) error { return &versionError{err} }
		differ = fmt.Errorf("%w; this is orlop %s, and orlop %s made it: that one can tell", differ, version, maker)
	}
	x.fail(result, wrap(differ))
	for _, line := range differenceLines(list, explainLines) {
		x.fail(result, &detailError{wrap(errors.New(line))})
	}
}

// maker names the orlop that made an image where it explains a difference: one
// of another version may do anything, other libraries only what they decide.
func (v *verifier) maker(x *verdict, again *artifact.Artifact) (string, error) {
	other := otherVersions(x.lock.Versions)
	if x.lock.Orlop == version {
		if other == "" {
			return "", nil
		}
		if form, err := compare.OnlyForm(v.c.Context, again, x.artifact); !form {
			return "", err
		}
	}
	if other != "" {
		other = " with " + other
	}
	return x.lock.Orlop + other, nil
}

// explainLines bounds what is shown of one file or package.
const explainLines = 10

// versionError is an image that this orlop cannot judge: exit status 1.
type versionError struct{ err error }

func (e *versionError) Error() string { return e.err.Error() }

// Failed reports that this version cannot do it.
func (*versionError) Failed() bool { return true }

// otherVersions names the libraries of a lock that this program has in another
// version, "" for none.
func otherVersions(locked map[string]string) string {
	mine := versions()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(locked)) {
		if mine[name] != locked[name] {
			list = append(list, filepath.Base(name)+" "+locked[name])
		}
	}
	return strings.Join(list, ", ")
}
