// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// Layered is an image whose layers are being written.
type Layered struct {
	*root.Root
	Stack
	below *Layered               // the image whose layers this one has, too; nil with Squash
	nodes []iter.Seq[*tree.Node] // entries of each own layer
}

// layerer writes layers.
type layerer struct {
	*streamer
	abi     string
	scratch func() (*os.File, error) // makes a file without a name
}

// writeLayers streams the packages of each root into a blob of its own, or reuses one
// of an earlier build, and returns what the packages' files need at run time. With
// Config.Squash each wanted image gets one layer with everything instead. With an
// error it returns the blobs so far.
func writeLayers(ctx context.Context, cfg Config, abi string, roots []*root.Root, out *output.Folder) ([]*Finished, root.Asks, error) {
	r := &layerer{newStreamer(cfg, out.Scratch), abi, out.Scratch}
	defer r.close()
	var list []*Finished
	made := map[*root.Root]*Layered{}
	for _, of := range roots {
		deltas := of.Deltas(ctx, r.Squash)
		if deltas == nil {
			continue
		}
		m := &Layered{Root: of}
		for i := range deltas {
			m.nodes = append(m.nodes, deltas[i].Nodes(of))
		}
		if err := ctx.Err(); err != nil {
			return list, nil, err // the lists may be cut short
		}
		if !r.Squash {
			m.below = made[of.Parent]
		}
		if err := checkExtraction(ctx, m); err != nil {
			return list, nil, fmt.Errorf("image %s: %w", of.Def.Name, err)
		}
		if m.below != nil {
			m.Stack = m.below.on()
		}
		var err error
		for i := 0; i < len(deltas) && err == nil; i++ {
			err = r.writeLayer(ctx, m, deltas[i], len(deltas)-1-i)
		}
		if made[of] = m; len(m.own) > 0 {
			list = append(list, &Finished{of.Built, m.Stack})
		}
		if err == nil {
			r.noteFlags(of, deltas)
			err = of.Describe(ctx, deltas)
		}
		if err != nil {
			return list, nil, fmt.Errorf("image %s: %w", of.Def.Name, err)
		}
	}
	return list, r.asks, nil
}

// lastName is the key of the last build's layer of an image, counted down to its
// uppermost, which is 0.
func lastName(cfg Config, abi string, m *resolve.Step, left int) []any {
	return []any{m.Def.Name, abi, cfg.Compression, cfg.Squash, left}
}

// writeLayer writes one layer, unless an earlier build did, and puts it on the stack.
// Above it will be that many of the step.
func (r *layerer) writeLayer(ctx context.Context, m *Layered, d root.Delta, left int) error {
	fragments, keys, err := r.fragments(ctx, m.Root, d)
	if err != nil {
		return err
	}
	made, blob := r.Cache.Layer(ctx, r.Compression, fragments)
	reused := made != nil
	if reused {
		r.share(keys, made)
	} else {
		if made, blob, err = r.compose(ctx, m, fragments, left); err != nil {
			return err
		}
		r.share(keys, made)
		r.Cache.Keep(ctx, r.Compression, fragments, made, blob)
	}
	key := r.Cache.LayerKey(r.Compression, fragments)
	r.Cache.SetLast(ctx, key, lastName(r.Config, r.abi, m.Step, left)...)
	m.add(ownLayer{oci.Layer{Layer: made.Layer, Created: d.Epoch, CreatedBy: "orlop " + m.Def.Name}, key}, blob, reused)
	return nil
}

// compose writes a layer, and reuses fragments of a prior one.
func (r *layerer) compose(ctx context.Context, m *Layered, fragments []layer.Fragment, left int) (*cache.Layer, *os.File, error) {
	old, blob := r.Cache.Last(ctx, lastName(r.Config, r.abi, m.Step, left)...)
	if old == nil {
		old = new(cache.Layer)
	} else {
		defer blob.Close()
	}
	var ahead errgroup.Group
	ahead.Go(func() error {
		if m.Database.Image != nil {
			_, _ = m.Database.Image() // ready for the last fragment, which reports the error
		}
		return nil
	})
	defer ahead.Wait()
	for prior := (&layer.Prior{Record: old.Record, Blob: blob}); ; prior = nil {
		out, err := r.Cache.Create(r.scratch)
		if err != nil {
			return nil, nil, err
		}
		if old.Fragments == nil {
			prior = nil
		}
		rec, err := layer.Write(ctx, out, r.Compression, r.Jobs, fragments, prior)
		if err == nil {
			return &cache.Layer{Record: *rec, Asks: old.Asks}, out, nil
		}
		r.Cache.Discard(out)
		if _, damaged := errors.AsType[*layer.DamageError](err); !damaged || prior == nil || ctx.Err() != nil {
			return nil, nil, err
		}
		r.Cache.Drop(old)
		old = new(cache.Layer)
	}
}

// share records in a new layer what its files need at run time, and takes for
// packages that were not opened what an earlier build found.
func (r *layerer) share(keys map[*input.Package]string, made *cache.Layer) {
	all := map[string]cache.Asks{}
	for f, key := range keys {
		if r.asks[f].Needs == nil {
			r.asks[f] = made.Asks[key]
		}
		all[key] = r.asks[f]
	}
	made.Asks = all
}

// fragments returns the fragments of a layer: directories, packages in the order of
// their names, generated files, and the pkg database last.
func (r *layerer) fragments(ctx context.Context, m *root.Root, d root.Delta) ([]layer.Fragment, map[*input.Package]string, error) {
	var list []layer.Fragment
	keys := map[*input.Package]string{}
	var errs []error
	add := func(write func(w *tarfile.Writer) error) {
		key, err := layer.ContentKey(ctx, write)
		errs = append(errs, err)
		list = append(list, layer.Fragment{Key: key, Write: func(_ context.Context, w *tarfile.Writer) error { return write(w) }})
	}
	add(func(w *tarfile.Writer) error {
		for _, n := range d.Dirs {
			if err := w.Entry(n, nil); err != nil {
				return err
			}
		}
		for _, n := range d.Whiteouts {
			if err := w.Entry(n, strings.NewReader("")); err != nil {
				return err
			}
		}
		return nil
	})
	var mu sync.Mutex
	done := 0
	for _, f := range d.Packages {
		keys[f] = layer.HeaderKey(ctx, string(f.Sum), m.Packaged(f))
		list = append(list, layer.Fragment{Key: keys[f], Write: func(ctx context.Context, w *tarfile.Writer) error {
			err := r.writePackage(ctx, w, m, f)
			mu.Lock()
			defer mu.Unlock()
			done++
			r.Observe.Send(event.Event{Hook: "layer", Name: m.Def.Name + ": " + f.FullName(), Done: done, Total: len(d.Packages)})
			return err
		}})
	}
	if d.Generated != nil {
		add(generated(m, d))
	}
	list = append(list, ownFragments(ctx, m, d.Own)...)
	if _, ok := d.Generated[pkgdb.Path]; ok {
		n := *m.Tree.Lookup(pkgdb.Path)
		list = append(list, layer.Fragment{Key: layer.HeaderKey(ctx, n.Digest.String(), slices.Values([]*tree.Node{&n})), Write: func(_ context.Context, w *tarfile.Writer) error {
			db, err := m.Database.Image()
			if err != nil {
				return err
			}
			n.Size = db.Size()
			return w.Entry(&n, db.Reader())
		}})
	}
	return list, keys, errors.Join(errs...)
}

// generated returns the fragment of generated files except the database.
func generated(m *root.Root, d root.Delta) func(*tarfile.Writer) error {
	return func(w *tarfile.Writer) error {
		for _, path := range slices.Sorted(maps.Keys(d.Generated)) {
			if path == pkgdb.Path {
				continue
			}
			n := m.Tree.Lookup(path)
			var contents io.Reader
			if n.Type == tree.File {
				contents = bytes.NewReader(d.Generated[path])
			}
			if err := w.Entry(n, contents); err != nil {
				return err
			}
		}
		return nil
	}
}

// noteFlags reports the file flags that layers cannot carry.
func (r *layerer) noteFlags(m *root.Root, deltas []root.Delta) {
	noted := map[string]bool{} // directories may be in several
	note := func(path string) {
		n := m.Tree.Lookup(path)
		if n == nil { // it is left out
			return
		}
		if _, dropped := tarfile.KnownFlags(n.Flags); dropped != "" {
			r.Observe.Notice("image %s: %s: no container storage knows the file flag %s; only the pkg database has it", m.Def.Name, path, dropped)
		}
	}
	for _, d := range deltas {
		for _, n := range d.Dirs {
			if !noted[n.Path] {
				noted[n.Path] = true
				note(n.Path)
			}
		}
		for _, f := range d.Packages {
			for i := range f.Manifest.Files.Len() {
				note(f.Manifest.Files.Path(i))
			}
		}
	}
}
