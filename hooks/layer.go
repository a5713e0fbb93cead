// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// writeLayers is the hook layer. It streams the packages of each member into a
// blob of the staging folder and leaves its digests. With Config.Squash the
// wanted members get one layer with everything instead.
func (r *run) writeLayers(ctx context.Context) error {
	if err := r.completeSoFar(ctx); err != nil {
		return err
	}
	for _, m := range r.family {
		d := m.delta(ctx)
		if r.Squash {
			if !m.wanted {
				continue
			}
			d = m.whole(ctx)
		}
		m.nodes = d.nodes(m)
		if err := ctx.Err(); err != nil {
			return err // the lists may have ended with it
		}
		if err := r.checkExtraction(ctx, m); err != nil {
			return fmt.Errorf("image %s: %w", m.def.Name, err)
		}
		if err := r.writeLayer(ctx, m, d); err != nil {
			return fmt.Errorf("image %s: %w", m.def.Name, err)
		}
		m.layers, m.blobs = []oci.Layer{m.layer}, []*os.File{m.blob}
		if m.parent != nil && !r.Squash {
			m.layers = append(slices.Clone(m.parent.layers), m.layer)
			m.blobs = append(slices.Clone(m.parent.blobs), m.blob)
		}
	}
	return nil
}

// delta is what goes into a layer.
type delta struct {
	dirs      []*tree.Node
	packages  []*fetched // by name
	generated map[string][]byte
}

// nodes lists the entries of the layer in their order.
func (d *delta) nodes(m *member) []*tree.Node {
	nodes := slices.Clone(d.dirs)
	for _, f := range d.packages {
		nodes = append(nodes, m.packaged(f)...)
	}
	for _, path := range slices.Sorted(maps.Keys(d.generated)) {
		nodes = append(nodes, m.tree.Lookup(path))
	}
	return nodes
}

// checkExtraction makes sure that FreeBSD can extract the image.
func (r *run) checkExtraction(ctx context.Context, m *member) error {
	layers := [][]*tree.Node{m.nodes}
	for at := m.parent; at != nil && !r.Squash; at = at.parent {
		layers = append(layers, at.nodes)
	}
	slices.Reverse(layers)
	return layer.CheckExtraction(ctx, layers)
}

// delta is the member's own step: what its packages install, generated files
// that differ from the parent's, and the directories that are new, changed or
// hold one of these.
func (m *member) delta(ctx context.Context) delta {
	d := delta{packages: m.packages, generated: map[string][]byte{}}
	need := map[string]bool{}
	for _, f := range m.packages {
		for _, dir := range f.manifest.Dirs {
			needDir(need, dir.Path)
		}
		for _, file := range f.manifest.Files {
			needDir(need, tree.Parent(file.Path))
		}
	}
	for path, text := range m.generated {
		if n := m.tree.Lookup(path); n.Origin == tree.Generated && m.changed(n) {
			d.generated[path] = text
			needDir(need, tree.Parent(path))
		}
	}
	for n := range m.tree.Until(ctx) {
		if n.Type == tree.Dir && m.changed(n) {
			needDir(need, n.Path)
		}
	}
	need["/"] = m.parent == nil // only the base layer has an entry for the root
	for dir := range need {
		if !m.changed(m.tree.Lookup(dir)) && layer.Immutable(m.tree.Lookup(dir).Flags) {
			need[dir] = false
		}
	}
	d.dirs = m.directories(ctx, need)
	return d
}

// whole is everything from the root up.
func (m *member) whole(ctx context.Context) delta {
	d := delta{generated: map[string][]byte{}}
	for _, at := range m.chain() {
		d.packages = append(d.packages, at.packages...)
		for path, text := range at.generated {
			if m.tree.Lookup(path).Origin == tree.Generated {
				d.generated[path] = text
			}
		}
	}
	slices.SortFunc(d.packages, func(a, b *fetched) int { return cmp.Compare(a.Name, b.Name) })
	need := map[string]bool{}
	for n := range m.tree.Until(ctx) {
		need[n.Path] = n.Type == tree.Dir
	}
	d.dirs = m.directories(ctx, need)
	return d
}

// needDir asks for a directory and all that it lies in.
func needDir(need map[string]bool, path string) {
	for !need[path] {
		need[path] = true
		path = tree.Parent(path)
	}
}

// directories are the needed ones, in path order.
func (m *member) directories(ctx context.Context, need map[string]bool) []*tree.Node {
	var dirs []*tree.Node
	for n := range m.tree.Until(ctx) {
		if need[n.Path] {
			dirs = append(dirs, n)
		}
	}
	return dirs
}

// writeLayer makes one layer, unless an earlier run did.
func (r *run) writeLayer(ctx context.Context, m *member, d delta) error {
	fragments, err := r.fragments(ctx, m, d)
	if err != nil {
		return err
	}
	made, blob := r.finished(ctx, fragments)
	if m.reused = made != nil; !m.reused {
		if made, blob, err = r.compose(ctx, m, fragments); err != nil {
			return err
		}
		m.shareAsks(d, made)
		r.keepLayer(ctx, m, fragments, made, blob)
	} else {
		m.shareAsks(d, made)
	}
	r.noteLast(ctx, m, fragments)
	m.layer = oci.Layer{Layer: made.Layer, Created: m.epoch, CreatedBy: "orlop " + m.def.Name}
	m.blob = blob
	r.noteFlags(m, d)
	return nil
}

// fragments of a layer: directories, packages in the order of their names,
// generated files, and the pkg database last.
func (r *run) fragments(ctx context.Context, m *member, d delta) ([]layer.Fragment, error) {
	var list []layer.Fragment
	var errs []error
	add := func(write func(w *tarfile.Writer) error) {
		key, err := layer.ContentKey(ctx, write)
		errs = append(errs, err)
		list = append(list, layer.Fragment{Key: key, Write: func(_ context.Context, w *tarfile.Writer) error { return write(w) }})
	}
	add(func(w *tarfile.Writer) error {
		for _, n := range d.dirs {
			if err := w.Entry(n, nil); err != nil {
				return err
			}
		}
		return nil
	})
	var mu sync.Mutex
	done := 0
	for _, f := range d.packages {
		f.key = layer.HeaderKey(ctx, string(f.Sum), m.packaged(f))
		list = append(list, layer.Fragment{Key: f.key, Write: func(ctx context.Context, w *tarfile.Writer) error {
			err := r.writePackage(ctx, w, m, f)
			mu.Lock()
			defer mu.Unlock()
			done++
			r.event(Event{Hook: "layer", Name: m.def.Name + ": " + f.FullName(), Done: done, Total: len(d.packages)})
			return err
		}})
	}
	add(generated(m, d))
	if _, ok := d.generated[pkgdb.Path]; ok {
		n := *m.tree.Lookup(pkgdb.Path)
		list = append(list, layer.Fragment{Key: layer.HeaderKey(ctx, n.Digest, []*tree.Node{&n}), Write: func(_ context.Context, w *tarfile.Writer) error {
			db, err := m.database()
			if err != nil {
				return err
			}
			n.Size = int64(len(db))
			return w.Entry(&n, bytes.NewReader(db))
		}})
	}
	return list, errors.Join(errs...)
}

// packaged are the nodes of a package's files, in the order of the manifest.
func (m *member) packaged(f *fetched) []*tree.Node {
	nodes := make([]*tree.Node, len(f.manifest.Files))
	for i := range f.manifest.Files {
		nodes[i] = m.tree.Lookup(f.manifest.Files[i].Path)
	}
	return nodes
}

// shareAsks lets a layer that was made now know what its files ask for, and
// packages that were not opened what an earlier run found.
func (m *member) shareAsks(d delta, made *madeLayer) {
	all := map[string]asks{}
	for _, f := range d.packages {
		if f.asks.Needs == nil {
			f.asks = made.Asks[f.key]
		}
		all[f.key] = f.asks
	}
	made.Asks = all
}

// writePackage streams the files of a package. Their contents are checked
// against the manifest while they pass; it leaves what they ask for at run time.
func (r *run) writePackage(ctx context.Context, w *tarfile.Writer, m *member, f *fetched) error {
	if f.files == 0 {
		return nil
	}
	pkg, err := r.reopen(ctx, f)
	if err != nil {
		return err
	}
	defer pkg.Close()
	scratch := r.scratches.take(r.staging.Scratch)
	defer r.scratches.put(scratch)
	f.asks = asks{map[string]elf.Needs{}, map[string]string{}}
	var head shebang.Head
	for {
		e, err := pkg.Next()
		if err == io.EOF {
			r.notePassedOver(f, pkg)
			return nil
		}
		if err != nil {
			return err
		}
		if e.Unlike && f.entries == nil {
			return &unlikeError{f.Package}
		}
		if e.File == nil {
			continue
		}
		n := *m.tree.Lookup(e.Path())
		n.Size = e.Size
		var body io.Reader
		if n.Type == tree.File && e.HardLink == "" {
			body = io.TeeReader(pkg, io.MultiWriter(scratch, &head))
		}
		if e.HardLink != "" {
			n.Type, n.Link = tree.Hardlink, e.HardLink
		}
		if err := w.Entry(&n, body); err != nil {
			return err
		}
		needs, err := scratch.Needs()
		if err != nil {
			return &pkgfile.DamageError{Package: f.FullName(), Path: n.Path, Err: err}
		}
		if needs != nil {
			f.asks.Needs[n.Path] = *needs
		}
		if line := head.Line(); line != "" {
			f.asks.Scripts[n.Path] = line
		}
	}
}

// notePassedOver tells which directories of an archive are not installed.
func (r *run) notePassedOver(f *fetched, pkg opened) {
	if a, is := pkg.(archived); is {
		for _, path := range a.PassedOver {
			r.notice("%s: %s: is not in the manifest, and so not made, as by pkg(8)", f.FullName(), path)
		}
	}
}

// scratches are what packages that are streamed side by side use, one package
// after the other.
type scratches struct {
	mu   sync.Mutex
	free []*elf.Scratch
}

func (s *scratches) take(create func() (*os.File, error)) *elf.Scratch {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return &elf.Scratch{Create: create}
	}
	scratch := s.free[n-1]
	s.free = s.free[:n-1]
	return scratch
}

func (s *scratches) put(scratch *elf.Scratch) {
	scratch.Drop() // what an error has left in it
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, scratch)
}

func (s *scratches) close() {
	for _, scratch := range s.free {
		scratch.Close()
	}
}

// generated is the fragment of generated files but the database.
func generated(m *member, d delta) func(*tarfile.Writer) error {
	return func(w *tarfile.Writer) error {
		for _, path := range slices.Sorted(maps.Keys(d.generated)) {
			if path == pkgdb.Path {
				continue
			}
			n := m.tree.Lookup(path)
			var contents io.Reader
			if n.Type == tree.File {
				contents = bytes.NewReader(d.generated[path])
			}
			if err := w.Entry(n, contents); err != nil {
				return err
			}
		}
		return nil
	}
}

// noteFlags says which file flags a layer cannot carry.
func (r *run) noteFlags(m *member, d delta) {
	note := func(path string) {
		if _, dropped := tarfile.KnownFlags(m.tree.Lookup(path).Flags); dropped != "" {
			r.notice("image %s: %s: no container storage knows the file flag %s; it stands in the pkg database only", m.def.Name, path, dropped)
		}
	}
	for _, n := range d.dirs {
		note(n.Path)
	}
	for _, f := range d.packages {
		for _, file := range f.manifest.Files {
			note(file.Path)
		}
	}
}
