// SPDX-License-Identifier: BSD-2-Clause

package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/until"
)

// Packages is what an earlier build found out about the packages of these images.
// All are in one note, which is much cheaper than a note each.
type Packages struct {
	cache *Cache
	key   string
	known map[string]*facts

	mu    sync.Mutex
	found map[string]*facts // of this build
	fresh bool              // at least one is new
}

// facts is what Inspect finds out about a package. Paths may be any bytes.
type facts struct {
	Manifest []byte      // the text of +MANIFEST
	Compact  []byte      // the text of +COMPACT_MANIFEST, if it is used
	Headers  bool        // the headers were read, too
	Entries  []factEntry // of the headers
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

// Packages recalls the packages of images, whose names and wanted files are parts.
func (c *Cache) Packages(ctx context.Context, parts ...any) *Packages {
	all := &Packages{cache: c, known: map[string]*facts{}, found: map[string]*facts{}}
	if c != nil {
		all.key = c.key("facts", parts...)
		c.recall(ctx, all.key, &all.known)
	}
	return all
}

func factKey(p *catalog.Package) string { return fmt.Sprintln(p.Sum, p.FullName(), p.ABI) }

// Look returns a package that an earlier build inspected, nil for none. With headers,
// its entries must be known.
func (all *Packages) Look(ctx context.Context, p *catalog.Package, headers bool) *input.Package {
	key := factKey(p)
	k := all.known[key]
	if k == nil || headers && !k.Headers {
		return nil
	}
	f, err := k.restore(ctx, p)
	if err != nil {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.found[key] = k
	return f
}

// Note records what this build found out about a package.
func (all *Packages) Note(f *input.Package, raw *input.Raw) {
	if all.cache == nil {
		return
	}
	k := factsOf(f, raw)
	all.mu.Lock()
	defer all.mu.Unlock()
	all.found[factKey(f.Package)], all.fresh = k, true
}

// Remember stores all for later builds, if any is new.
func (all *Packages) Remember(ctx context.Context) {
	if all.fresh {
		all.cache.remember(ctx, all.key, all.found)
	}
}

func factsOf(f *input.Package, raw *input.Raw) *facts {
	k := &facts{Manifest: raw.Text, Headers: f.Entries != nil}
	if f.Manifest.Registered != "" {
		k.Compact = raw.Compact
	}
	for _, e := range raw.Entries {
		entry := factEntry{Path: []byte(e.Path()), HardLink: []byte(e.HardLink), Dir: e.Dir != nil, Size: e.Size, Time: e.Time,
			Uname: []byte(e.Attr.Uname), Gname: []byte(e.Attr.Gname), Perm: e.Attr.Perm, Flags: e.Flags,
			IsLink: e.IsLink, Link: []byte(e.Link), Absent: e.Absent, Unlike: e.Unlike}
		k.Entries = append(k.Entries, entry)
	}
	for path, text := range f.Contents {
		k.Contents = append(k.Contents, factFile{[]byte(path), text})
	}
	return k
}

// restore is the opposite of factsOf.
func (k *facts) restore(ctx context.Context, p *catalog.Package) (*input.Package, error) {
	m, err := until.Do(ctx, func() (*pkgfile.Manifest, error) { return pkgfile.ParseManifests(k.Manifest, k.Compact) })
	if err != nil {
		return nil, err
	}
	f := input.NewPackage(p, m, k.Headers)
	for _, c := range k.Contents {
		f.Contents[string(c.Path)] = append([]byte{}, c.Text...)
	}
	if !k.Headers {
		return f, nil
	}
	files, dirs := map[string]*pkgfile.File{}, map[string]*pkgfile.Dir{}
	for _, file := range m.Files.All() {
		files[file.Path] = &file
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
		f.Note(e)
	}
	return f, nil
}
