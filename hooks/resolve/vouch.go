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

// A lock tells what is in an image, but not who says that this is right. What
// of it nobody vouches for, whom the user trusts, are doubts: the image may come
// out byte for byte, and still be what a stranger put together.

// UnvouchedError is a part of an image that stands on its lock's word alone.
type UnvouchedError struct{ What string }

func (e *UnvouchedError) Error() string { return "unvouched: " + e.What }

// Absent reports that bytes could not be had.
func (*UnvouchedError) Absent() bool { return true }

// voucher asks who vouches for what locks say.
type voucher struct {
	*resolver
	locks *input.Locks
}

// vouch compares what the locks say with what the user trusts: packages with
// catalogues, definitions with FreeBSD's and the user's, and both with what they
// come to.
func (r *voucher) vouch(ctx context.Context) error {
	if err := r.vouchDefinitions(ctx); err != nil {
		return err
	}
	r.vouchAnnotations()
	r.Trusted = map[*catalog.Package]bool{}
	certain := map[*Step]bool{}
	for _, m := range r.Steps {
		certain[m] = r.vouchPackages(m)
	}
	for _, m := range r.Steps {
		whole := !slices.ContainsFunc(m.Chain(), func(at *Step) bool { return !certain[at] })
		if m.Wanted && whole { // else there is no saying what they should come to
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

// AllDoubts are those of an image and all that it stands on.
func (m *Step) AllDoubts() []string {
	var list []string
	for _, at := range m.Chain() {
		list = append(list, at.Doubts...)
	}
	return list
}

// vouchPackages looks for each package of a step in the catalogues of its
// repository, and takes from there what the lock does not say. It reports
// whether they have all.
func (r *voucher) vouchPackages(m *Step) bool {
	unlisted := map[*catalog.Repo][]string{}
	for _, p := range m.Own().All() {
		if q := r.locks.Witness(p.Repo).Lists(p.Package); q != nil {
			p.ABI, p.Path = q.ABI, q.Path
		} else {
			unlisted[p.Repo] = append(unlisted[p.Repo], p.FullName())
		}
	}
	for _, repo := range slices.SortedFunc(maps.Keys(unlisted), func(a, b *catalog.Repo) int { return strings.Compare(a.Name, b.Name) }) {
		why := r.locks.Witness(repo).Reasons
		if len(r.locks.Witness(repo).Believed) > 0 {
			why = slices.Concat([]string{"its catalogue has none of this version, size and sum"}, why)
		}
		m.doubt("repository %q, %s: %s", repo.Name, fault.Some(unlisted[repo]), strings.Join(why, "; "))
	}
	return len(unlisted) == 0
}

// vouchDefinitions compares the definitions of a lock with FreeBSD's and with
// those that the user gives.
func (r *voucher) vouchDefinitions(ctx context.Context) error {
	known, err := r.definitions(ctx, r.Release.Revision)
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
	return nil
}

// vouchAnnotations compares what locks annotate images with, beside their
// definitions, with what the user says of it. Where a source is, nothing in an
// image follows from, and no rebuild could tell: that is only told.
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
				continue // of the definition, or the user's own word
			}
			if wanted == "" && define.NamesSource(key) {
				r.observe.Warn("image %s: its lock says that %s is %q, and nobody else does; --annotation compares it with your own word", m.Def.Name, key, fault.Short(found))
				continue
			}
			if found == "" {
				m.doubt("annotation %s of image %s is absent, wanted %q", key, m.Def.Name, wanted)
			} else {
				m.doubt("annotation %s of image %s is %q, of which only its lock tells; --annotation gives your own word", key, m.Def.Name, fault.Short(found))
			}
		}
	}
}

// Whose a definition is, that of somebody whom the user trusts.
const (
	freeBSDs = "FreeBSD's"
	users    = "yours"
)

// ofTree reports whether the user gives a definition of an image of FreeBSD's in
// the place of orlop's.
func (r *voucher) ofTree(image string) bool {
	return slices.ContainsFunc(r.TreeFiles, func(file string) bool { return filepath.Base(file) == define.ConfName(image) })
}

// DefinedWell reports whether the definition is FreeBSD's or the user's.
func (m *Step) DefinedWell() bool { return m.Whose == freeBSDs || m.Whose == users }

// LayerDefinition tells whose definition the image of a layer has: "FreeBSD's",
// "yours", "the lock's", or one of the first two with "not " before it.
type LayerDefinition struct {
	Layer      string `json:"layer"`
	Definition string `json:"definition"`
}

// DefinedBy lists the definitions of an image that is made from a lock.
func (m *Step) DefinedBy() []LayerDefinition {
	var list []LayerDefinition
	for _, at := range m.Chain() {
		if at.Whose != "" {
			list = append(list, LayerDefinition{at.Def.Name, at.Whose})
		}
	}
	return list
}

// adds says what an image of one's own has beside the names of its packages.
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
