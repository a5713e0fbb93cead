// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

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

// vouch compares what the locks say with what the user trusts: packages with
// catalogues, definitions with FreeBSD's and the user's, and both with what they
// come to.
func (r *run) vouch(ctx context.Context) error {
	if err := r.vouchDefinitions(ctx); err != nil {
		return err
	}
	r.vouchAnnotations()
	r.trusted = map[*catalog.Package]bool{}
	certain := map[*member]bool{}
	for _, m := range r.family {
		certain[m] = r.vouchPackages(m)
	}
	for _, m := range r.family {
		whole := !slices.ContainsFunc(m.chain(), func(at *member) bool { return !certain[at] })
		if m.wanted && whole { // else there is no saying what they should come to
			if err := r.vouchPlan(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *member) doubt(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(m.doubts, text) { // of several locks
		m.doubts = append(m.doubts, text)
	}
}

// allDoubts are those of an image and all that it stands on.
func (m *member) allDoubts() []string {
	var list []string
	for _, at := range m.chain() {
		list = append(list, at.doubts...)
	}
	return list
}

// vouchPackages looks for each package of a step in the catalogues of its
// repository, and takes from there what the lock does not say. It reports
// whether they have all.
func (r *run) vouchPackages(m *member) bool {
	unlisted := map[*catalog.Repo][]string{}
	for _, p := range m.step().All() {
		if q := r.witnesses[p.Repo].lists(p.Package); q != nil {
			p.ABI, p.Path = q.ABI, q.Path
		} else {
			unlisted[p.Repo] = append(unlisted[p.Repo], p.FullName())
		}
	}
	for _, repo := range slices.SortedFunc(maps.Keys(unlisted), func(a, b *catalog.Repo) int { return strings.Compare(a.Name, b.Name) }) {
		why := r.witnesses[repo].reasons
		if len(r.witnesses[repo].believed) > 0 {
			why = slices.Concat([]string{"its catalogue has none of this version, size and sum"}, why)
		}
		m.doubt("repository %q, %s: %s", repo.Name, fault.Some(unlisted[repo]), strings.Join(why, "; "))
	}
	return len(unlisted) == 0
}

// vouchDefinitions compares the definitions of a lock with FreeBSD's and with
// those that the user gives.
func (r *run) vouchDefinitions(ctx context.Context) error {
	known, err := r.definitions(ctx, r.release.Revision)
	if err != nil {
		return err
	}
	for _, m := range r.family {
		want, given := known[m.def.Name]
		if !given {
			m.doubt("the definition of image %s is the lock's: %s; --image-file gives your own", m.def.Name, adds(m.def))
			m.whose = "the lock's"
			continue
		}
		changes := jsondiff.Compare(inherit(want, m.parent), m.def)
		whose := users
		if want.FreeBSD && !r.ofTree(m.def.Name) {
			whose = freeBSDs
		}
		for _, c := range changes[:min(len(changes), lock.MaxLockChanges)] {
			m.doubt("the definition of image %s is not %s: %s is %s, wanted %s", m.def.Name, whose, c.Key, fault.Short(fault.Shown(c.New)), fault.Short(fault.Shown(c.Old)))
		}
		if m.whose = whose; len(changes) > 0 {
			m.whose = "not " + whose
		}
	}
	return nil
}

// vouchAnnotations compares what locks annotate images with, beside their
// definitions, with what the user says of it. Where a source is, nothing in an
// image follows from, and no rebuild could tell: that is only told.
func (r *run) vouchAnnotations() {
	for _, m := range r.family {
		if !m.wanted {
			continue
		}
		keys := map[string]string{}
		maps.Copy(keys, r.Annotations)
		maps.Copy(keys, m.locked.Annotations)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			found, wanted := m.locked.Annotations[key], r.Annotations[key]
			if _, own := m.def.Annotations[key]; own || found == wanted {
				continue // of the definition, or the user's own word
			}
			if wanted == "" && define.NamesSource(key) {
				r.warn("image %s: its lock says that %s is %q, and nobody else does; --annotation compares it with your own word", m.def.Name, key, fault.Short(found))
				continue
			}
			if found == "" {
				m.doubt("annotation %s of image %s is absent, wanted %q", key, m.def.Name, wanted)
			} else {
				m.doubt("annotation %s of image %s is %q, of which only its lock tells; --annotation gives your own word", key, m.def.Name, fault.Short(found))
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
func (r *run) ofTree(image string) bool {
	return slices.ContainsFunc(r.TreeFiles, func(file string) bool { return filepath.Base(file) == define.ConfName(image) })
}

// definedWell reports whether the definition is FreeBSD's or the user's.
func (m *member) definedWell() bool { return m.whose == freeBSDs || m.whose == users }

// LayerDefinition tells whose definition the image of a layer has: "FreeBSD's",
// "yours", "the lock's", or one of the first two with "not " before it.
type LayerDefinition struct {
	Layer      string `json:"layer"`
	Definition string `json:"definition"`
}

// definedBy lists the definitions of an image that is made from a lock.
func (m *member) definedBy() []LayerDefinition {
	var list []LayerDefinition
	for _, at := range m.chain() {
		if at.whose != "" {
			list = append(list, LayerDefinition{at.def.Name, at.whose})
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
