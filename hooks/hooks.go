// SPDX-License-Identifier: BSD-2-Clause

// Package hooks is the story of a release build: it takes a repository that
// pkg(8) made to images beside the other artifacts. Each hook is a file of
// this folder and does one thing, in this order:
//
//	catalog    reads configuration and catalogues
//	resolve    finds the release, the images and the packages of each
//	fetch      has every package checked, reads its manifest and small files
//	install    puts packages into trees
//	configure  adds directories and files that no package brings, and owners
//	register   writes pkg's database
//	layer      streams packages into layers
//	image      finds the image complete, makes configuration, manifest and index
//	publish    writes archives and locks, and puts them in their places when all are complete
//
// Below cmd/orlop it is the only place where the world of pkg(8), pkgdb, and the
// world of artifacts, release, meet. Nothing of a package is ever executed.
package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/trust"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/tree"
)

// Config is all that a build is told. What it makes depends on nothing else.
type Config struct {
	Repos []catalog.Repo // in the order of their configuration
	Store *store.Store   // nil for one without network
	// InsecureUnsigned takes a repository that comes over a network and that
	// nobody has signed.
	InsecureUnsigned bool
	Locks            []*lock.Lock // in the place of Images and all that a lock says
	// Published gives files of the images of Locks by their sha256. It is asked
	// once, for what nobody else has; nil asks nobody.
	Published func(digests map[string]bool) (map[string][]byte, error)
	KeptIn    []string     // folders in which catalogues may lie that were kept with Locks
	LockURLs  bool         // a lock's URLs are used even where they are http or not public
	Plans     []*lock.Plan // what Images must come to; nil for anything
	PublicURL string       // of the repository, for the lock; "" for its own
	Keep      bool         // puts packages of this machine's repositories into the store, too
	ABI       string       // "" for the one that the catalogues have
	Revision  string       // "" for that of FreeBSD-runtime
	Branch    string

	Images     []string      // names, at least one
	ImageFiles []string      // further definitions
	TreeFiles  []string      // a source tree's own definitions of FreeBSD's images, in the place of orlop's
	Custom     *define.Image // one more definition, made from flags
	SrcDir     string        // a FreeBSD source tree to take files from, or ""

	RootDir string // in the place of Repos: a root that pkg(8) filled, or ""
	Metalog string // the METALOG of RootDir

	SkipScripts bool              // unknown scripts are recorded in the lock and are no error
	Exceptions  define.Exceptions // in addition to those of the definitions
	// Annotations of the manifests, of what the definitions do not say. Where Locks
	// say theirs, it is what the user says they should be.
	Annotations map[string]string

	Epoch       *int64       // seconds: no time is later than this; nil for no such bound
	Schema      pkgdb.Schema // of the pkg database; 0 for the default
	Compression layer.Compression
	Format      layout.Format
	Squash      bool
	Jobs        int
	OutDir      string
	Manifests   bool              // leaves a list of what was made there, too: release.ManifestList
	Maker       string            // the program: only what the same one has made is used again; "" for nothing
	Version     string            // of orlop, for the lock
	Versions    map[string]string // of the libraries that decide bytes, for the lock

	Observe func(Event) // may be nil; is never called from two goroutines at once
}

// Event tells what a build is doing.
type Event struct {
	Hook        string
	Name        string // of a package or image
	Done, Total int
	Bytes       int64  // that have come over the network since the last event
	Notice      string // something the user should know
	Weight      Weight // of Notice
	Kind        string // of Notice: the same for all that say the same of different things; "" for unknown
}

// Weight tells who is to hear of a notice.
type Weight int

// The weights. What is of Detail stands in the lock as well, or is the long form
// of another notice.
const (
	Plain  Weight = iota
	Trust         // never silenced: who vouches for what is in an image
	Detail        // for those who ask for all
)

// Result is an image that was made.
type Result struct {
	Image    string
	Name     string // that the archive gives it
	File     string // path of the archive
	Lock     string // path of the lock
	Digest   string // of the manifest, sha256:…
	Layers   []oci.Layer
	Packages int
	Size     int64 // bytes of the archive
	// FromArtifact are the paths of files that only Config.Published had.
	FromArtifact []string
	Catalogues   []string // names of the signed catalogues that were kept beside the lock
	// Doubts are what the image has on the word of its lock alone.
	Doubts      []string
	Definitions []LayerDefinition // of an image from a lock
}

// run is the state that the hooks hand on. Each field says who fills it.
type run struct {
	Config
	endings []string   // of the names of what an image leaves; none where nothing is written
	headers bool       // whether those of each package are read, whatever its manifest tells
	telling sync.Mutex // Observe
	// Before the first hook.
	trusts  map[string]trust.Trust // by name of a repository; nil for nobody's signature
	staging *output.Folder         // where something is written

	catalogues []*catalog.Catalogue            // catalog
	sources    map[*catalog.Repo]*store.Source // catalog
	witnesses  map[*catalog.Repo]*witness      // catalog: of repositories of locks
	kept       []keptCatalogue                 // catalog: beside locks
	trusted    map[*catalog.Package]bool       // resolve: that a lock has, and should have
	staged     *stagedRoot                     // catalog: the root in the place of sources
	universe   *solve.Universe                 // resolve
	release    release.Release                 // resolve
	inherited  define.Exceptions               // resolve: that images have with packages
	removes    map[string][]string             // resolve: paths that must not stay as lower steps have them, by image
	family     []*member                       // resolve: the images and all ancestors, parents first
	fetched    map[*catalog.Package]*fetched   // fetch
	byName     []*fetched                      // configure: packages, for locks
	lent       map[string]lender               // configure: their files by sha256
	scratches  scratches                       // layer
	added      bool                            // layer: the store has grown
	results    []Result                        // publish
}

// member is an image of the family that one run makes.
type member struct {
	def    define.Image // resolve
	parent *member      // resolve; nil for none
	wanted bool         // resolve: an archive is to be written
	plan   *solve.Plan  // resolve: of the whole chain, this image last

	locked *lock.Lock     // resolve: what the image is made from; nil for no lock
	pinned *lock.Layer    // resolve: this step in it
	pins   []lock.Package // resolve: this step's packages in it
	doubts []string       // resolve, configure: what nobody but the lock vouches for
	whose  string         // resolve: the definition; "" for no lock
	// resolve: packages that the definition names, that are to be had, and that
	// the lock does not have
	unasked map[string]bool

	contents              // install, configure, register
	nodes    []*tree.Node // layer: this step's entries
	layer    oci.Layer    // layer: this step's
	reused   bool         // layer: it is an earlier run's
	blob     *os.File     // layer: its bytes
	layers   []oci.Layer  // layer: the image's, lowest first
	blobs    []*os.File   // layer: their bytes
	image    oci.Image    // image
	docs     oci.Documents
}

// hook does its work once for the run, or once for each member.
type hook struct {
	name string
	do   func(*run, context.Context) error
	each func(*run, context.Context, *member) error
}

// Build makes images. When it returns an error it has written none.
func Build(ctx context.Context, cfg Config) ([]Result, error) {
	const tries = 10 // more than an image has layers: each leaves one less in the store that is damaged
	for try := 1; ; try++ {
		results, err := withHeaders(func(headers bool) ([]Result, error) { return build(ctx, cfg, headers) })
		if _, damaged := errors.AsType[damagedError](err); !damaged || try == tries {
			return results, err
		}
	}
}

// withHeaders does something that goes by manifests alone, as far as they tell all,
// and does it again with the headers of all packages if one of them is unlike.
func withHeaders[T any](do func(headers bool) (T, error)) (T, error) {
	made, err := do(false)
	if _, unlike := errors.AsType[*unlikeError](err); unlike {
		return do(true)
	}
	return made, err
}

func build(ctx context.Context, cfg Config, headers bool) ([]Result, error) {
	r := newRun(cfg, lock.Ending, cfg.Format.Extension())
	r.headers = headers
	defer r.end(ctx)
	err := r.perform(ctx, []hook{
		{name: "catalog", do: (*run).readCatalogues},
		{name: "resolve", do: (*run).resolve},
		{name: "fetch", do: (*run).fetch},
		{name: "install", each: (*run).install},
		{name: "configure", each: (*run).configure},
		{name: "register", each: (*run).register},
		{name: "layer", do: (*run).writeLayers},
		{name: "image", do: (*run).describe},
		{name: "publish", do: (*run).publish},
	})
	return r.results, err
}

func newRun(cfg Config, endings ...string) *run {
	r := &run{Config: cfg, endings: endings, trusts: map[string]trust.Trust{}, removes: map[string][]string{}}
	if len(r.Locks) > 0 {
		r.ABI = r.Locks[0].ABI // whose keys are FreeBSD's for it
	}
	r.Schema = cmp.Or(cfg.Schema, pkgdb.DefaultSchema)
	if r.Store == nil {
		r.Store = new(store.Store)
	}
	r.Store.Notice = func(text string) { r.event(Event{Notice: text}) }
	r.Store.Came = func(bytes int64) { r.event(Event{Bytes: bytes}) }
	return r
}

// end gives back what a run has taken.
func (r *run) end(ctx context.Context) {
	for _, m := range r.family {
		if m.blob != nil {
			m.blob.Close()
		}
	}
	r.scratches.close()
	if r.staging != nil {
		r.staging.Remove()
	}
	if r.staged != nil {
		r.staged.root.Close()
	}
	if r.added {
		r.Store.CutBack(ctx)
	}
}

// perform runs hooks in order and tells the observer of each. Neighbours that
// work member by member all do so for a parent before they do for its child,
// which stands on what they leave. A loop of such a hook just stops when the
// context ends: nobody asks for what it leaves.
func (r *run) perform(ctx context.Context, story []hook) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	for len(story) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := 1
		for story[0].each != nil && n < len(story) && story[n].each != nil {
			n++
		}
		var err error
		if h := story[0]; h.do != nil {
			r.event(Event{Hook: h.name})
			err = h.do(r, ctx)
		} else {
			err = r.performEach(ctx, story[:n])
		}
		if err != nil {
			return err
		}
		story = story[n:]
	}
	return nil
}

// performEach goes through the family. The faults of all members are reported
// but those of children of a faulty one, which would only repeat them.
func (r *run) performEach(ctx context.Context, story []hook) error {
	for _, h := range story {
		r.event(Event{Hook: h.name})
	}
	var errs []error
	failed := map[*member]bool{}
	for i, m := range r.family {
		for _, h := range story {
			if failed[m] = failed[m] || failed[m.parent]; failed[m] {
				break
			}
			r.event(Event{Hook: h.name, Name: m.def.Name, Done: i + 1, Total: len(r.family)})
			err := h.each(r, ctx, m)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				errs = append(errs, fault.Within("image "+m.def.Name, err))
				failed[m] = true
			}
		}
	}
	return errors.Join(errs...)
}

func (r *run) event(e Event) {
	if r.Observe != nil {
		r.telling.Lock()
		defer r.telling.Unlock()
		r.Observe(e)
	}
}

func (r *run) notice(format string, args ...any) { r.tell(Plain, format, args) }

// warn is a notice about trust.
func (r *run) warn(format string, args ...any) { r.tell(Trust, format, args) }

// detail is a notice about what stands in the lock, too.
func (r *run) detail(format string, args ...any) { r.tell(Detail, format, args) }

func (r *run) tell(w Weight, format string, args []any) {
	r.event(Event{Notice: fmt.Sprintf(format, args...), Weight: w, Kind: format})
}

// chain returns the member and its ancestors, the lowest first.
func (m *member) chain() []*member {
	if m.parent == nil {
		return []*member{m}
	}
	return append(m.parent.chain(), m)
}

// step is what this member adds to its parent.
func (m *member) step() *solve.StepPlan { return &m.plan.Steps[len(m.plan.Steps)-1] }

// Fetch gets every package of the images into the store, and lists them by name.
func Fetch(ctx context.Context, cfg Config) ([]*catalog.Package, error) {
	r := newRun(cfg)
	r.Keep = true
	err := r.perform(ctx, []hook{
		{name: "catalog", do: (*run).readCatalogues}, {name: "resolve", do: (*run).resolve}, {name: "fetch", do: (*run).fetch}})
	for _, m := range r.family {
		for _, text := range m.doubts {
			r.warn("image %s: unvouched: %s", m.def.Name, text)
		}
	}
	if err != nil {
		return nil, err
	}
	return r.packages(), nil
}
