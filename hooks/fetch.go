// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/store"
)

// fetched is a package whose bytes are the ones that the catalogue promised.
type fetched struct {
	*catalog.Package
	manifest *pkgfile.Manifest
	text     []byte           // of the manifest, and
	compact  []byte           // of the compact one, and
	order    []*pkgfile.Entry // entries as they come, until facts has them
	facts    *facts           // for later runs; until these have them
	// entries are the archive's members by path, where the manifest alone does
	// not tell owner, mode, time or the names of a flagged file; else nil.
	entries map[string]*pkgfile.Entry
	inodes  map[string]inode // of files in entries, by first name
	// contents are those of configuration files and of wanted files, by path.
	contents map[string][]byte
	asks     asks   // layer
	key      string // layer: of the fragment
	files    int    // number of files and links
}

// inode is what several names may share.
type inode struct {
	last  string // name that comes last in the archive
	flags uint32
}

// maxWanted bounds a file that is read into memory. Configuration files are text.
const maxWanted = 64 << 20

// fetch is the hook that looks at every package of the family, donors too, and
// opens those that no earlier run has told of. It leaves what the next hooks must
// know before the packages are streamed.
func (r *run) fetch(ctx context.Context) error {
	r.fetched = map[*catalog.Package]*fetched{}
	all := r.packages()
	wanted := r.wanted()
	known := r.knownFacts(ctx, wanted)
	var mu sync.Mutex
	missed := map[*catalog.Package]error{}
	done := 0
	var g errgroup.Group
	g.SetLimit(r.downloads())
	for _, p := range all {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			f, err := r.look(ctx, p, wanted, known)
			if err == nil && r.Keep && r.staged == nil {
				err = r.keep(ctx, p)
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			r.event(Event{Hook: "fetch", Name: p.FullName(), Done: done, Total: len(all)})
			r.fetched[p] = f
			if err != nil {
				missed[p] = err
			}
			return ctx.Err() // other packages are looked at all the same
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if len(missed) == 0 {
		r.rememberFacts(ctx, wanted, known)
	}
	return r.unheld(missed)
}

// downloads is how many packages are opened at once. Those that come over a
// network wait more than they work.
func (r *run) downloads() int {
	const connections = 6 // to a server at once, as browsers have it
	for _, src := range r.sources {
		if src.Remote() {
			return max(r.Jobs, connections)
		}
	}
	return r.Jobs
}

// packages returns each package of the family once, by name.
func (r *run) packages() []*catalog.Package {
	set := map[*catalog.Package]bool{}
	for _, m := range r.family {
		for _, p := range m.step().All() {
			set[p.Package] = true
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b *catalog.Package) int { return cmp.Compare(a.FullName(), b.FullName()) })
}

// wanted are the paths that some hook will ask for.
type wanted struct {
	files   map[string]bool
	folders []string // with a slash at the end
}

func (r *run) wanted() *wanted {
	w := &wanted{map[string]bool{"/etc/master.passwd": true, "/etc/passwd": true, "/etc/group": true,
		"/etc/services": true, "/etc/login.conf": true, nsswitch: true}, []string{certificateDir + "/", libraryLists}}
	for _, policies := range policyPath {
		if strings.HasSuffix(policies, "/") {
			w.folders = append(w.folders, policies)
		} else {
			w.files[policies] = true
		}
	}
	for _, m := range r.family {
		for _, t := range m.def.Taken() {
			if t.Folder {
				w.folders = append(w.folders, t.Path+"/")
			} else {
				w.files[t.Path] = true
			}
		}
	}
	return w
}

func (w *wanted) has(path string) bool {
	return w.files[path] || slices.ContainsFunc(w.folders, func(f string) bool { return strings.HasPrefix(path, f) })
}

// key is the same for equal ones.
func (w *wanted) key() string {
	slices.Sort(w.folders)
	return fmt.Sprintf("%q %q", slices.Sorted(maps.Keys(w.files)), slices.Compact(w.folders))
}

// opened is a package that is read, member after member. The contents of each
// file are compared with its sum.
type opened interface {
	Next() (*pkgfile.Entry, error)
	io.ReadCloser
}

// open starts to read a package, its bytes checked.
func (r *run) open(ctx context.Context, p *catalog.Package) (*pkgfile.Manifest, opened, error) {
	if r.staged != nil {
		return r.staged.open(ctx, p)
	}
	f, err := r.verified(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	pkg, err := pkgfile.NewReader(ctx, f, p.FullName()+": "+p.Path)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return pkg.Manifest, archived{pkg, f}, nil
}

// reopen starts to read a package whose manifest is known. Where that tells
// all, and so vouches for every byte that is used, the archive of a repository
// on this machine is not hashed again.
func (r *run) reopen(ctx context.Context, f *fetched) (opened, error) {
	src := r.sources[f.Repo]
	if src == nil || src.Remote() || f.entries != nil {
		_, pkg, err := r.open(ctx, f.Package)
		return pkg, err
	}
	file, err := src.Open(ctx, f.Path)
	if err != nil { // a lock's package may be in the store, else the message is that of open
		_, pkg, err := r.open(ctx, f.Package)
		return pkg, err
	}
	pkg, err := pkgfile.NewReaderOf(ctx, file, f.manifest)
	if err != nil {
		file.Close()
		return nil, err
	}
	return archived{pkg, file}, nil
}

// keep puts a package of a repository on this machine into the store.
func (r *run) keep(ctx context.Context, p *catalog.Package) error {
	f, err := r.verified(ctx, p)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.Store.Keep(ctx, f, store.Ref{Name: p.FullName(), Path: p.Path, Sum: p.Sum, Size: p.Size})
}

// verified opens a package's file at its first byte. A lock's package may be in
// the store when no repository has it any more.
func (r *run) verified(ctx context.Context, p *catalog.Package) (io.ReadCloser, error) {
	ref := store.Ref{Name: p.FullName(), Path: p.Path, Sum: p.Sum, Size: p.Size}
	src := r.sources[p.Repo]
	if src == nil {
		f, err := r.Store.Stored(ctx, ref)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &store.AbsentError{What: ref.Name, Err: errors.New(strings.TrimPrefix(r.witnesses[p.Repo].reasons[0], "it is "))} // the first is why there is no source
		}
		return f, err
	}
	f, err := src.Verified(ctx, ref)
	if _, absent := errors.AsType[*store.AbsentError](err); absent && len(r.Locks) > 0 {
		if g, stored := r.Store.Stored(ctx, ref); stored == nil {
			return g, nil
		}
	}
	return f, err
}

// unlikeError says that a package whose manifest tells all has headers that say
// otherwise. Another try reads them before anything is installed.
type unlikeError struct{ *catalog.Package }

func (e *unlikeError) Error() string {
	return e.FullName() + ": its headers do not have the owners and modes of its manifest"
}

// archived is a package in its archive.
type archived struct {
	*pkgfile.Reader
	file io.Closer
}

func (a archived) Close() error { return errors.Join(a.Reader.Close(), a.file.Close()) }

// inspect reads as much of a package as the hooks before layer need: always
// the manifest, members up to the last wanted one, all where the manifest
// leaves something to the archive's headers.
func (r *run) inspect(ctx context.Context, p *catalog.Package, w *wanted) (*fetched, error) {
	m, pkg, err := r.open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer pkg.Close()
	if m.Name != p.Name || m.Version != p.Version || m.ABI != p.ABI && p.ABI != "" { // a lock does not say the ABI
		return nil, &pkgfile.DamageError{Package: p.FullName(), Err: fmt.Errorf(
			"its manifest says %s for %s, the catalogue %s for %s", m.FullName(), m.ABI, p.FullName(), p.ABI)}
	}
	f := &fetched{Package: p, manifest: m, contents: map[string][]byte{}, files: len(m.Files)}
	if a, ok := pkg.(archived); ok {
		f.text, f.compact = a.Text, a.Compact
	}
	left := 0
	for _, file := range m.Files {
		if file.IsConfig || w.has(file.Path) {
			left++
		}
	}
	if !tellsAll(m) || r.headers {
		f.entries, f.inodes = map[string]*pkgfile.Entry{}, map[string]inode{}
	}
	for left > 0 || f.entries != nil {
		e, err := pkg.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if f.entries != nil {
			f.note(e)
			f.order = append(f.order, e)
		}
		if e.File != nil && (e.File.IsConfig || w.has(e.Path())) {
			left--
			if f.contents[e.Path()], err = f.read(pkg, e); err != nil {
				return nil, err
			}
		}
	}
	r.tellOdd(f)
	return f, nil
}

// note keeps what the archive says of an entry.
func (f *fetched) note(e *pkgfile.Entry) {
	f.entries[e.Path()] = e
	if e.File != nil {
		first := cmp.Or(e.HardLink, e.Path())
		f.inodes[first] = inode{e.Path(), f.inodes[first].flags | e.Flags}
	}
}

// tellOdd says what pkg would pass over in a manifest, and we do, too, and where
// pkg installs one thing and registers another.
func (r *run) tellOdd(f *fetched) {
	for _, text := range f.manifest.Skipped {
		r.notice("%s: its manifest is not all taken, as by pkg(8): %s", f.FullName(), text)
	}
	if f.entries == nil {
		return
	}
	for i := range f.manifest.Files {
		r.tellUnlike(f, f.entries[f.manifest.Files[i].Path])
	}
	for i := range f.manifest.Dirs {
		r.tellUnlike(f, f.entries[f.manifest.Dirs[i].Path])
	}
}

func (r *run) tellUnlike(f *fetched, e *pkgfile.Entry) {
	if e == nil || !e.Unlike {
		return
	}
	found := fmt.Sprintf("%s:%s, mode %04o", e.Attr.Uname, e.Attr.Gname, e.Attr.Perm)
	if e.Absent {
		r.notice("%s: %s: is in the manifest, but not in the archive: as with pkg(8) it becomes %s", f.FullName(), e.Path(), found)
		return
	}
	r.notice("%s: %s: is %s in the archive, and something else in the manifest: as with pkg(8) the image has the first, its pkg database the second, and verify will say so",
		f.FullName(), e.Path(), found)
}

// Examine reads a wanted file; a hard link has its first name's contents.
func (f *fetched) read(pkg io.Reader, e *pkgfile.Entry) ([]byte, error) {
	if e.HardLink != "" {
		return f.contents[e.HardLink], nil
	}
	if e.Size > maxWanted {
		return nil, &pkgfile.DamageError{Package: f.FullName(), Path: e.Path(), Err: fmt.Errorf("has %d bytes, wanted at most %d", e.Size, maxWanted)}
	}
	return io.ReadAll(pkg)
}

// tellsAll reports whether a manifest has owner, mode and time of every entry,
// no file flags, and no script that changes a file (which names share an inode,
// only the archive tells).
func tellsAll(m *pkgfile.Manifest) bool {
	for _, f := range m.Files {
		if !f.Known || f.Time == nil || f.Sum == "" || f.Flags != nil && *f.Flags != 0 {
			return false
		}
	}
	for _, d := range m.Dirs {
		if !d.Known {
			return false
		}
	}
	return !script.ChangesFiles(m)
}
