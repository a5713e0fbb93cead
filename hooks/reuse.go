// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
)

// A run leaves in the store what it has made, under keys of all that decides
// it: facts of a package, databases, layers. A later run of the same program
// takes it from there, verified, and so unpacks no package that it knows: it reads
// it, and checks its sum.

// reuses reports whether this run looks for what earlier ones made.
func (r *run) reuses() bool { return r.Maker != "" && r.Store.Reuses() && r.staged == nil }

// key begins with the program, since what another one makes may differ.
func (r *run) key(kind string, parts ...any) string {
	return r.Maker + "\n" + kind + "\n" + fmt.Sprintln(parts...)
}

// recall decodes what was kept under a key.
func (r *run) recall(ctx context.Context, key string, into any) bool {
	text, err := until.Do(ctx, func() ([]byte, error) { return r.Store.Recall(key), nil })
	return err == nil && text != nil && gob.NewDecoder(until.Reader(ctx, bytes.NewReader(text))).Decode(into) == nil
}

// remember keeps something for later runs. A store that cannot be written only
// makes them slower.
func (r *run) remember(ctx context.Context, key string, what any) {
	text, err := until.Do(ctx, func() ([]byte, error) {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(what); err != nil {
			panic(err) // of a type that gob does not know
		}
		return b.Bytes(), nil
	})
	if err == nil {
		_ = r.Store.Remember(ctx, key, text)
	}
}

// facts are what fetch finds out about a package. Paths are bytes of any kind.
type facts struct {
	Manifest []byte      // the text of +MANIFEST
	Compact  []byte      // the text of +COMPACT_MANIFEST, where something comes of it
	Whole    bool        // the manifest leaves something to the entries
	Entries  []factEntry // in that case
	Contents []factFile
}

type factEntry struct {
	Path, Link, HardLink []byte
	Dir, IsLink          bool
	Absent, Unlike       bool
	Size, Time           int64
	Uname, Gname         []byte
	Perm, Flags          uint32
}

type factFile struct{ Path, Text []byte }

// factsKey names the facts that the last run for these images had: of all its
// packages in one note, which is much cheaper than a note each.
func (r *run) factsKey(w *wanted) string {
	names := []any{r.release.ABI, w.key()}
	for _, m := range r.family {
		names = append(names, m.def.Name)
	}
	return r.key("facts", names...)
}

// knownFacts are those of an earlier run, by what decides them.
func (r *run) knownFacts(ctx context.Context, w *wanted) map[string]*facts {
	known := map[string]*facts{}
	if r.reuses() && !r.Keep {
		r.recall(ctx, r.factsKey(w), &known)
	}
	return known
}

// look finds out about a package, from its archive if no earlier run did.
func (r *run) look(ctx context.Context, p *catalog.Package, w *wanted, known map[string]*facts) (*fetched, error) {
	if k := known[factKey(p)]; k != nil {
		if f, err := k.restore(ctx, p); err == nil && (k.Whole || !r.headers) {
			r.tellOdd(f)
			f.facts = k
			return f, nil
		}
	}
	f, err := r.inspect(ctx, p, w)
	if err == nil && r.reuses() && !r.Keep {
		f.facts = f.toFacts()
	}
	return f, err
}

func factKey(p *catalog.Package) string { return fmt.Sprintln(p.Sum, p.FullName(), p.ABI) }

// rememberFacts leaves those of this run to later ones, if any is new.
func (r *run) rememberFacts(ctx context.Context, w *wanted, known map[string]*facts) {
	all, fresh := map[string]*facts{}, false
	for p, f := range r.fetched {
		if f.facts == nil {
			return // nothing is kept
		}
		key := factKey(p)
		all[key], fresh = f.facts, fresh || known[key] != f.facts
		f.facts = nil
	}
	if fresh {
		r.remember(ctx, r.factsKey(w), all)
	}
}

func (f *fetched) toFacts() *facts {
	k := &facts{Manifest: f.text, Whole: f.entries != nil}
	if f.manifest.Registered != "" {
		k.Compact = f.compact
	}
	for _, e := range f.order {
		entry := factEntry{Path: []byte(e.Path()), HardLink: []byte(e.HardLink), Dir: e.Dir != nil, Size: e.Size, Time: e.Time,
			Uname: []byte(e.Attr.Uname), Gname: []byte(e.Attr.Gname), Perm: e.Attr.Perm, Flags: e.Flags,
			IsLink: e.IsLink, Link: []byte(e.Link), Absent: e.Absent, Unlike: e.Unlike}
		k.Entries = append(k.Entries, entry)
	}
	for path, text := range f.contents {
		k.Contents = append(k.Contents, factFile{[]byte(path), text})
	}
	f.text, f.compact, f.order = nil, nil, nil
	return k
}

// restore is the opposite of toFacts.
func (k *facts) restore(ctx context.Context, p *catalog.Package) (*fetched, error) {
	m, err := until.Do(ctx, func() (*pkgfile.Manifest, error) { return pkgfile.ParseManifests(k.Manifest, k.Compact) })
	if err != nil {
		return nil, err
	}
	f := &fetched{Package: p, manifest: m, contents: map[string][]byte{}, files: len(m.Files)}
	for _, c := range k.Contents {
		f.contents[string(c.Path)] = append([]byte{}, c.Text...)
	}
	if !k.Whole {
		return f, nil
	}
	f.entries, f.inodes = map[string]*pkgfile.Entry{}, map[string]inode{}
	files, dirs := map[string]*pkgfile.File{}, map[string]*pkgfile.Dir{}
	for i := range m.Files {
		files[m.Files[i].Path] = &m.Files[i]
	}
	for i := range m.Dirs {
		dirs[m.Dirs[i].Path] = &m.Dirs[i]
	}
	for _, entry := range k.Entries {
		e := &pkgfile.Entry{HardLink: string(entry.HardLink), Size: entry.Size, Time: entry.Time, Flags: entry.Flags,
			IsLink: entry.IsLink, Link: string(entry.Link), Absent: entry.Absent, Unlike: entry.Unlike,
			Attr: pkgfile.Attr{Known: true, Uname: string(entry.Uname), Gname: string(entry.Gname), Perm: entry.Perm}}
		if entry.Dir {
			e.Dir = dirs[string(entry.Path)]
		} else {
			e.File = files[string(entry.Path)]
		}
		if e.Dir == nil && e.File == nil {
			return nil, errors.New("an entry is not in the manifest")
		}
		f.note(e)
	}
	return f, nil
}

// madeLayer is a layer in the store, and what the files in it ask for.
type madeLayer struct {
	layer.Record
	Asks map[string]asks // by key of the fragment
}

// layerKey names a layer by its fragments.
func (r *run) layerKey(fragments []layer.Fragment) string {
	return r.key("layer", layer.Key(r.Compression, fragments))
}

// lastKey names the last layer of an image, whatever is in it.
func (r *run) lastKey(m *member) string {
	return r.key("last", m.def.Name, r.release.ABI, r.Compression, r.Squash)
}

// finished returns the layer if an earlier run has made it. Its blob is not
// checked before publish copies it.
func (r *run) finished(ctx context.Context, fragments []layer.Fragment) (*madeLayer, *os.File) {
	made := new(madeLayer)
	if !r.reuses() || !r.recall(ctx, r.layerKey(fragments), made) {
		return nil, nil
	}
	blob, err := r.Store.OpenBlob(made.Digest.Encoded())
	if err != nil {
		return nil, nil
	}
	return made, blob
}

// damagedError says that a layer of the store was damaged. It has been dropped,
// so that another try makes it anew.
type damagedError struct{ error }

// blame takes the error of copying an image's layers, and finds out whether one
// that this run has not made is damaged or cannot be read.
func (r *run) blame(ctx context.Context, m *member, err error) error {
	for _, at := range m.chain() {
		if at.reused && r.Store.CheckBlob(ctx, at.layer.Digest.Encoded()) {
			err = damagedError{err}
		}
	}
	return err
}

// prior returns the last layer of an image, nil where there is none.
func (r *run) prior(ctx context.Context, m *member) (*madeLayer, *os.File) {
	if !r.reuses() {
		return nil, nil
	}
	var key string
	made := new(madeLayer)
	if !r.recall(ctx, r.lastKey(m), &key) || !r.recall(ctx, key, made) {
		return nil, nil
	}
	blob, err := r.Store.OpenBlob(made.Digest.Encoded())
	if err != nil {
		return nil, nil
	}
	return made, blob
}

// compose writes a layer, with what a prior one has of it.
func (r *run) compose(ctx context.Context, m *member, fragments []layer.Fragment) (*madeLayer, *os.File, error) {
	old, blob := r.prior(ctx, m)
	if old == nil {
		old = new(madeLayer)
	} else {
		defer blob.Close()
	}
	made := make(chan struct{})
	go func() {
		defer close(made)
		_, _ = m.database() // ready for the last fragment, which says what is wrong
	}()
	defer func() { <-made }()
	for prior := (&layer.Prior{Record: old.Record, Blob: blob}); ; prior = nil {
		out, err := r.newBlob(m)
		if err != nil {
			return nil, nil, err
		}
		if old.Fragments == nil {
			prior = nil
		}
		rec, err := layer.Write(ctx, out, r.Compression, r.Jobs, fragments, prior)
		if err == nil {
			return &madeLayer{*rec, old.Asks}, out, nil
		}
		r.dropBlob(out)
		if _, damaged := errors.AsType[*layer.DamageError](err); !damaged || prior == nil || ctx.Err() != nil {
			return nil, nil, err
		}
		r.Store.DropBlob(old.Digest.Encoded())
		old = new(madeLayer)
	}
}

// newBlob makes the file of a layer, in the store where that can be written.
func (r *run) newBlob(m *member) (*os.File, error) {
	if r.reuses() {
		if f, err := r.Store.Create(); err == nil {
			return f, nil
		}
	}
	return r.staging.Scratch()
}

func (r *run) dropBlob(f *os.File) {
	r.Store.Discard(f) // one of the staging folder has no name any more
	f.Close()
}

// keepLayer leaves a layer to later runs.
func (r *run) keepLayer(ctx context.Context, m *member, fragments []layer.Fragment, made *madeLayer, blob *os.File) {
	if !r.reuses() {
		return
	}
	if r.Store.KeepBlob(blob, made.Digest.Encoded()) != nil { // it may be one of the staging folder
		r.Store.Discard(blob)
		return
	}
	r.remember(ctx, r.layerKey(fragments), made)
	r.added = true
}

// noteLast says which layer the next run may take parts of.
func (r *run) noteLast(ctx context.Context, m *member, fragments []layer.Fragment) {
	var last string
	if key := r.layerKey(fragments); r.reuses() && (!r.recall(ctx, r.lastKey(m), &last) || last != key) {
		r.remember(ctx, r.lastKey(m), key)
	}
}

// section reads an open blob from its start, whoever else reads it.
func section(f *os.File) (io.ReadCloser, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.NewSectionReader(f, 0, info.Size())), nil
}
