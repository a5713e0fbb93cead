// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"io"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// streamer reads all members of packages, several packages at once.
type streamer struct {
	Config
	scratches scratches
	mu        sync.Mutex
	asks      root.Asks
}

// newStreamer returns a streamer. Create makes files without a name.
func newStreamer(cfg Config, create func() (*os.File, error)) *streamer {
	return &streamer{Config: cfg, scratches: scratches{create: create}, asks: root.Asks{}}
}

func (r *streamer) close() { r.scratches.close() }

// note records what the files of a package need at run time.
func (r *streamer) note(f *input.Package, found cache.Asks) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asks[f] = found
}

// readAll reads the files of all packages, just to find what they need at run time.
func readAll(ctx context.Context, cfg Config, roots []*root.Root, out *output.Folder) (root.Asks, error) {
	return readEach(ctx, cfg, roots, out, func(m *root.Root, err error) error { return fault.Within("image "+m.Def.Name, err) })
}

// readOne is readAll for one root, whose caller names it in errors.
func readOne(ctx context.Context, cfg Config, m *root.Root, out *output.Folder) (root.Asks, error) {
	return readEach(ctx, cfg, []*root.Root{m}, out, func(_ *root.Root, err error) error { return err })
}

func readEach(ctx context.Context, cfg Config, roots []*root.Root, out *output.Folder, within func(*root.Root, error) error) (root.Asks, error) {
	r := newStreamer(cfg, out.Scratch)
	defer r.close()
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(max(cfg.Jobs, 1))
	for _, m := range roots {
		for _, f := range m.Packages {
			g.Go(func() error { return within(m, r.writePackage(each, tarfile.NewWriter(io.Discard), m, f)) })
		}
	}
	return r.asks, g.Wait()
}

// writePackage streams the files of a package. It checks their contents against the
// manifest on the way, and records what they need at run time.
func (r *streamer) writePackage(ctx context.Context, w *tarfile.Writer, m *root.Root, f *input.Package) error {
	if f.Manifest.Files.Len() == 0 {
		return nil
	}
	pkg, err := input.Reopen(ctx, r.Input, f)
	if err != nil {
		return err
	}
	defer pkg.Close()
	scratch := r.scratches.take()
	defer r.scratches.put(scratch)
	found := cache.Asks{Needs: map[string]elf.Needs{}, Scripts: map[string]string{}}
	var head shebang.Head
	for {
		e, err := pkg.Next()
		if err == io.EOF {
			r.notePassedOver(f, pkg)
			r.note(f, found)
			return nil
		}
		if err != nil {
			return err
		}
		if e.Unlike && f.Entries == nil {
			return &unlikeError{f.Package}
		}
		if e.IsDir {
			continue
		}
		name := m.Name(f.Name, e.Path)
		if name == "" {
			continue
		}
		n := *m.Tree.Lookup(name)
		if n.Origin == tree.Generated { // a script edits it: read only to be checked
			if _, err := io.Copy(io.Discard, pkg); err != nil {
				return err
			}
			continue
		}
		n.Size = e.Size
		var body io.Reader
		if n.Type == tree.File && e.HardLink == "" {
			body = io.TeeReader(pkg, io.MultiWriter(scratch, &head))
		}
		if e.HardLink != "" {
			n.Type, n.Link = tree.Hardlink, m.Name(f.Name, e.HardLink)
		}
		if err := w.Entry(&n, body); err != nil {
			return err
		}
		needs, err := scratch.Needs()
		if err != nil {
			return &pkgfile.DamageError{Package: f.FullName(), Path: n.Path, Err: err}
		}
		if needs != nil {
			found.Needs[n.Path] = *needs
		}
		if line := head.Line(); line != "" {
			found.Scripts[n.Path] = line
		}
	}
}

// notePassedOver reports the directories of an archive that are not installed.
func (r *streamer) notePassedOver(f *input.Package, pkg *input.Reader) {
	if pkg.PassedOver == nil {
		return
	}
	for _, path := range pkg.PassedOver() {
		r.Observe.Notice("%s: %s: is not in the manifest, so it is not installed, as by pkg(8)", f.FullName(), path)
	}
}

// scratches are shared by packages that are streamed at once: each is used by one
// package after the other.
type scratches struct {
	create func() (*os.File, error)
	mu     sync.Mutex
	free   []*elf.Scratch
}

func (s *scratches) take() *elf.Scratch {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return &elf.Scratch{Create: s.create}
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
