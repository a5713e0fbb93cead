// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/jsondiff"
)

// A lock says what is in an image, but is untrusted itself. Whatever in it is not
// confirmed by something that the user trusts is a doubt: the image may be
// reproduced byte for byte, and still be an attacker's work.

// UnvouchedError is a part of an image that only its lock vouches for.
type UnvouchedError struct{ What string }

func (e *UnvouchedError) Error() string { return "unvouched: " + e.What }

// Absent reports that bytes could not be obtained.
func (*UnvouchedError) Absent() bool { return true }

// voucher finds out who vouches for what locks say.
type voucher struct {
	*resolver
	locks *input.Locks
}

// vouch compares the locks with what the user trusts: packages with catalogues,
// definitions with FreeBSD's and the user's, and both with what they resolve to.
func (r *voucher) vouch(ctx context.Context) error {
	if err := r.vouchDefinitions(ctx); err != nil {
		return err
	}
	r.vouchAnnotations()
	r.vouchBases()
	r.Trusted = map[*catalog.Package]bool{}
	listed := map[*Step]bool{}
	for _, m := range r.Steps {
		listed[m] = r.vouchPackages(m)
	}
	for _, m := range r.Steps {
		all := !slices.ContainsFunc(m.Chain(), func(at *Step) bool { return !listed[at] })
		if m.Wanted && all { // else there is no complete catalogue to resolve in
			if err := r.vouchPlan(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Step) doubt(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(m.Doubts, text) { // of several locks
		m.Doubts = append(m.Doubts, text)
	}
}

// AllDoubts lists the doubts of an image and its ancestors.
func (m *Step) AllDoubts() []string {
	var list []string
	for _, at := range m.Chain() {
		list = append(list, at.Doubts...)
	}
	return list
}

// vouchPackages looks up each package of a step in the catalogues of its repository,
// which also have what the lock does not say. It reports whether all are listed.
func (r *voucher) vouchPackages(m *Step) bool {
	unlisted := map[*catalog.Repo][]string{}
	for _, p := range m.Own().All() {
		if q := r.locks.Witness(p.Repo).Lists(p.Package); q != nil {
			p.ABI, p.Path = q.ABI, q.Path
		} else {
			unlisted[p.Repo] = append(unlisted[p.Repo], p.FullName())
		}
	}
	m.doubtUnlisted(r.locks, unlisted)
	return len(unlisted) == 0
}

// doubtUnlisted says which packages, by repository, no catalogue lists, and why.
func (m *Step) doubtUnlisted(in *input.Locks, unlisted map[*catalog.Repo][]string) {
	for _, repo := range slices.SortedFunc(maps.Keys(unlisted), func(a, b *catalog.Repo) int { return strings.Compare(a.Name, b.Name) }) {
		why := in.Witness(repo).Reasons
		if len(in.Witness(repo).Believed) > 0 {
			why = slices.Concat([]string{"its catalogue has none of this version, size and sum"}, why)
		}
		m.doubt("repository %q, %s: %s", repo.Name, fault.Some(unlisted[repo]), strings.Join(why, "; "))
	}
}

// vouchDefinitions compares the definitions of a lock with FreeBSD's and the user's.
func (r *voucher) vouchDefinitions(ctx context.Context) error {
	known, err := r.definitions(ctx, r.Release.Revision, r.Release.ABI)
	if err != nil {
		return err
	}
	r.Inherited, r.Removes = known.inherited, known.removes
	for _, m := range r.Steps {
		want, given := known.Images[m.Def.Name]
		if !given {
			m.doubt("the definition of image %s is the lock's: %s; --image-file gives your own", m.Def.Name, adds(m.Def))
			m.Whose = "the lock's"
			continue
		}
		want.Parent = define.Portable(want.Parent)
		want, _ = want.WithVersions(m.version) // a package that the image lacks makes a difference
		changes := jsondiff.Compare(inherit(want, m.Parent), m.Def)
		whose := users
		if want.FreeBSD && !r.ofTree(m.Def.Name) {
			whose = freeBSDs
		}
		for _, c := range changes[:min(len(changes), lock.MaxLockChanges)] {
			m.doubt("the definition of image %s is not %s: %s is %s, wanted %s", m.Def.Name, whose, c.Key, fault.Short(fault.Shown(c.New)), fault.Short(fault.Shown(c.Old)))
		}
		if m.Whose = whose; len(changes) > 0 {
			m.Whose = "not " + whose
		}
	}
	r.parents, r.folders = known.parents, known.folders
	return nil
}

// vouchBases finds parents that only a lock names. One counts if the user names it with
// its digest, in a definition or to this run, or gives a key that has signed it.
func (r *voucher) vouchBases() {
	for _, m := range r.Steps {
		if m.Base == nil || m.Parent != nil || m.Base.Vouched {
			continue
		}
		if m.DefinedWell() && m.Base.IsNamed(r.parents[m.Def.Name]) {
			continue
		}
		m.doubt("the parent of image %s, %s with digest %s, is the lock's; --parent with that digest, or --parent-key, confirms it", m.Def.Name, m.Base.Lock.Reference, m.Base.Lock.Digest)
	}
}

// vouchAnnotations compares the annotations of locks that are not in definitions
// with the user's. One that names a source decides nothing else in an image, and no
// rebuild could confirm it: it is only a warning.
func (r *voucher) vouchAnnotations() {
	for _, m := range r.Steps {
		if !m.Wanted {
			continue
		}
		keys := map[string]string{}
		maps.Copy(keys, r.Annotations)
		maps.Copy(keys, m.Lock.Annotations)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			found, wanted := m.Lock.Annotations[key], r.Annotations[key]
			if _, own := m.Def.Annotations[key]; own || found == wanted {
				continue // the definition has it, or the user confirms it
			}
			if wanted == "" && define.NamesSource(key) {
				r.observe.Warn("image %s: only its lock says that %s is %q; --annotation compares it with your own value", m.Def.Name, key, fault.Short(found))
				continue
			}
			if found == "" {
				m.doubt("annotation %s of image %s is absent, wanted %q", key, m.Def.Name, wanted)
			} else {
				m.doubt("annotation %s of image %s is %q, which only its lock says; --annotation gives your own value", key, m.Def.Name, fault.Short(found))
			}
		}
	}
}

// Origins of a definition that the user trusts.
const (
	freeBSDs = "FreeBSD's"
	users    = "yours"
)

// ofTree reports whether the user gives a definition of FreeBSD's image instead of
// orlop's.
func (r *voucher) ofTree(image string) bool {
	return slices.ContainsFunc(r.TreeFiles, func(file string) bool { return filepath.Base(file) == define.ConfName(image) })
}

// DefinedWell reports whether the definition is FreeBSD's or the user's.
func (m *Step) DefinedWell() bool { return m.Whose == freeBSDs || m.Whose == users }

// LayerDefinition says whose definition a layer has: "FreeBSD's", "yours", "the
// lock's", or one of the first two with "not " before it.
type LayerDefinition struct {
	Layer      string `json:"layer"`
	Definition string `json:"definition"`
}

// DefinedBy lists the definitions of an image from a lock.
func (m *Step) DefinedBy() []LayerDefinition {
	var list []LayerDefinition
	for _, at := range m.Chain() {
		if at.Whose != "" {
			list = append(list, LayerDefinition{at.Def.Name, at.Whose})
		}
	}
	return list
}

// adds shows what a definition says apart from name, title and exceptions.
func adds(img define.Image) string {
	text, err := json.Marshal(img)
	if err != nil {
		return err.Error()
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return err.Error()
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch value := keys[key]; {
		case key == "name", key == "title", key == "exceptions":
		case slices.Contains([]string{`null`, `""`, `false`, `[]`, `{}`}, string(value)):
		default:
			list = append(list, key+" "+fault.Short(string(value)))
		}
	}
	return strings.Join(list, ", ")
}
