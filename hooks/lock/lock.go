// SPDX-License-Identifier: BSD-2-Clause

// Package lock has the documents of a build: the lock, from which an image can be
// rebuilt, and the plan, which says before a build what it will contain. Both are
// untrusted JSON; Parse refuses everything that it does not know.
package lock

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/define"
)

// Lock is a plan with every digest: enough to rebuild the same image from any copy
// of the same packages. It has no path or URL of the machine that wrote it.
type Lock struct {
	Format       int               `json:"format"`
	Bytes        int               `json:"byte_format"`
	Orlop        string            `json:"orlop"`    // version that wrote it
	Versions     map[string]string `json:"versions"` // of the libraries that decide bytes
	Image        string            `json:"image"`
	Revision     string            `json:"revision"`
	Branch       string            `json:"branch"`
	ABI          string            `json:"abi"`
	Schema       int               `json:"pkgdb_schema"`
	Compression  string            `json:"compression"`
	Squash       bool              `json:"squash"`
	Annotations  map[string]string `json:"annotations"`      // that the run gave its images
	Parent       *Parent           `json:"parent,omitempty"` // nil for none
	Layers       []Layer           `json:"layers"`           // on those of Parent, lowest first, the last is the image's own
	Repositories []Repository      `json:"repositories"`
	Packages     []Package         `json:"packages"` // in the order of installation, donors of a step after it
	// What the image may lack although something in it needs it.
	KnownMissing  []define.Exception `json:"known_missing"`
	KnownDangling []define.Exception `json:"known_dangling"`
}

// Layer is a step of the chain and what the build found out about it.
type Layer struct {
	Image      string          `json:"image"`
	Epoch      int64           `json:"epoch"`      // seconds
	Definition json.RawMessage `json:"definition"` // of the image, as release.Image
	Files      []File          `json:"files"`
	// Own are those that the definition brings: files, links and folders, by path.
	Own          []Own     `json:"own,omitempty"`
	LeftOut      []string  `json:"left_out"` // optional files that no origin had
	Missing      []Missing `json:"missing"`
	Alternatives []string  `json:"alternatives"` // "a | b: a"
	// Wanted are packages of the parent that this step is the first to request.
	Wanted []string `json:"wanted,omitempty"`
	// Unknown scripts and triggers that pkg would have run.
	SkippedScripts []Script `json:"skipped_scripts"`
	// What known scripts of ports packages did, by the names of these.
	Scripts []Done `json:"scripts,omitempty"`
	// What the accounts of the definition changed: "user web 1001".
	Accounts  []string `json:"accounts,omitempty"`
	NoAccount []string `json:"no_account"` // "PACKAGE: user NAME" that the image lacks
	// Where the image is not what its packages make of it, sorted by path.
	Departures []Departure `json:"departures,omitempty"`
	// What the build adds to the packages' files. A rebuild does not read it; a
	// check of the image does.
	Generated   []Generated `json:"generated"`
	Directories string      `json:"directories"` // sha256 of their headers, in the order of the layer
	// Parts are layers below this one that have the step's packages, lowest first. This
	// one then has no package.
	Parts []Part `json:"parts,omitempty"`
}

// Part is a layer of some packages of a step.
type Part struct {
	Packages    []string `json:"packages"` // names, sorted
	Epoch       int64    `json:"epoch"`    // seconds: that of its own packages
	Directories string   `json:"directories"`
}

// PartsOf returns the layers of a step's packages in the first of the locks that has the
// step, nil for none.
func PartsOf(locks []*Lock, step, abi string) []Part {
	for _, l := range locks {
		for i := range l.Layers {
			if l.ABI == abi && l.Layers[i].Image == step {
				return l.Layers[i].Parts
			}
		}
	}
	return nil
}

// Script is a script of a package, or a trigger file.
type Script struct {
	Package string `json:"package"` // NAME-VERSION
	Phase   string `json:"phase"`   // or the trigger's path
	SHA256  string `json:"sha256"`
	Reason  string `json:"reason,omitempty"` // as the definition gives it, which names the package or trigger
}

// Done is what the scripts of a package did, one effect a text: "user www 80".
type Done struct {
	Package string   `json:"package"` // NAME-VERSION
	Did     []string `json:"did"`
}

// Repository is a repository that packages came from.
type Repository struct {
	Name      string `json:"name"`
	URL       string `json:"url"`       // a public one, "" if none is known
	Catalogue string `json:"catalogue"` // sha256 of its payload
	Signer    string `json:"signer"`    // sha256 of the key that signed it, "" for none
	// Earlier are catalogues from before, if an update left packages as they were: first
	// the one that the definitions were resolved in, then others that list such packages.
	Earlier []Earlier `json:"earlier,omitempty"`
}

// Earlier is a catalogue that a repository once had.
type Earlier struct {
	Catalogue string `json:"catalogue"` // sha256 of its payload
	Signer    string `json:"signer"`    // sha256 of the key that signed it, "" for none
}

// All lists the catalogues that vouch for the packages, the newest first.
func (r *Repository) All() []Earlier {
	return append([]Earlier{{r.Catalogue, r.Signer}}, r.Earlier...)
}

// Equal reports whether two locks have the same repository.
func (r Repository) Equal(other Repository) bool {
	return r.Name == other.Name && r.URL == other.URL && slices.Equal(r.All(), other.All())
}

// Package is a package and the step that it belongs to.
type Package struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Sum        string `json:"sum"` // of a local one the sha256
	Size       int64  `json:"size"`
	Path       string `json:"path"`       // inside the repository; of a local one as the definition names it, without ./
	Repository string `json:"repository"` // "" for a local package, which the user gives as a file
	Layer      string `json:"layer"`
	Requested  string `json:"requested"` // the first layer whose request names it; "" for an automatic package
	Donor      bool   `json:"donor"`
}

// Local reports whether a package is a file that the user gives.
func (p Package) Local() bool { return p.Repository == "" }

// File is a file that came from a donor or a source tree.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	From   string `json:"from"` // NAME-VERSION, or "srcdir"
}

// Own is a file, link or folder that a definition brings. It has a sum, a target or
// neither.
type Own struct {
	Path   string `json:"path"`
	From   string `json:"from"`           // FromDefinition, the URL of an archive, or the digest of an image
	Mode   string `json:"mode,omitempty"` // octal; "" of a link
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size,omitempty"` // bytes
	Link   string `json:"link,omitempty"`
	Uname  string `json:"uname,omitempty"` // owners other than root:wheel
	Gname  string `json:"gname,omitempty"`
	// Group is what it belongs to, whose files are together in the layer: a tree or an
	// archive, by its number, or 0 for all single files. It decides bytes.
	Group int `json:"group,omitempty"`
}

// FromDefinition says that a file came from the folder of its definition.
const FromDefinition = "definition"

// Generated is a file or link that no package has, such as the pkg database, or one of a
// package that scripts edit. Its time is an epoch.
type Generated struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`             // octal
	SHA256 string `json:"sha256,omitempty"` // of a file
	Link   string `json:"link,omitempty"`   // target of a link
	Uname  string `json:"uname,omitempty"`  // owners other than root:wheel
	Gname  string `json:"gname,omitempty"`
}

// Departure is something that the image has not, or not as a package has it.
type Departure struct {
	Kind    string `json:"kind"`
	Path    string `json:"path"`              // or the name of a package, or a pattern
	Package string `json:"package,omitempty"` // that has the path; "" for none
	Row     string `json:"row,omitempty"`     // the sum in its row
	There   *There `json:"there,omitempty"`   // what the image has instead
	Reason  string `json:"reason,omitempty"`
}

// There is what an image has at a path where a package has something else.
type There struct {
	SHA256 string `json:"sha256,omitempty"` // "" for the package's contents, or of no file
	Link   string `json:"link,omitempty"`   // target of a symbolic link
	Mode   string `json:"mode,omitempty"`   // octal; "" of a link
	Uname  string `json:"uname"`
	Gname  string `json:"gname"`
}

// Kinds of departure.
const (
	FileGone    = "file"    // a file, link or directory is not there
	FileChanged = "changed" // it has other contents, owners or another mode
	PackageGone = "package" // a package that others depend on is not installed
)

// Missing is a requirement that nothing provides.
type Missing struct {
	Kind string   `json:"kind"`
	What string   `json:"what"`
	By   []string `json:"by"`
}

// New returns the part of a lock that a plan knows.
func New(ctx context.Context, p *solve.Plan, catalogues []*catalog.Catalogue) (Lock, error) {
	l := Lock{Format: Format, Bytes: ByteFormat, ABI: p.ABI, Versions: map[string]string{}, Annotations: map[string]string{},
		Repositories: []Repository{}, Packages: []Package{}, KnownMissing: []define.Exception{}, KnownDangling: []define.Exception{}}
	used := map[*catalog.Repo]bool{}
	for i := range p.Steps {
		step := &p.Steps[i]
		for _, pkg := range step.All() {
			if err := ctx.Err(); err != nil {
				return l, err
			}
			used[pkg.Repo] = true
			l.Packages = append(l.Packages, packageOf(p, pkg, step.Name))
		}
		layer := Layer{Image: step.Name, Files: []File{}, LeftOut: []string{}, Missing: []Missing{},
			Alternatives: append([]string{}, step.Chosen...), SkippedScripts: []Script{}, NoAccount: []string{}, Generated: []Generated{}, Wanted: step.Wanted}
		for _, m := range step.Missing {
			layer.Missing = append(layer.Missing, Missing{string(m.Kind), m.What, m.By})
		}
		l.Layers = append(l.Layers, layer)
	}
	for _, c := range catalogues {
		if used[c.Repo] && !c.Repo.Local {
			repo := Repository{Name: c.Repo.Name, URL: c.PublicURL, Catalogue: c.Digest, Signer: c.Signer}
			for _, e := range c.Earlier {
				repo.Earlier = append(repo.Earlier, Earlier{e.Digest, e.Signer})
			}
			l.Repositories = append(l.Repositories, repo)
		}
	}
	slices.SortFunc(l.Repositories, func(a, b Repository) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Catalogue, b.Catalogue))
	})
	return l, nil
}

func packageOf(p *solve.Plan, pkg *solve.Planned, step string) Package {
	requested := ""
	if pkg.Requested >= 0 && pkg.Requested < len(p.Steps) {
		requested = p.Steps[pkg.Requested].Name
	}
	return Package{
		Name: pkg.Name, Version: pkg.Version, Sum: string(pkg.Sum), Size: pkg.Size, Path: pkg.Path,
		Repository: pkg.Repo.Name, Layer: step, Requested: requested, Donor: pkg.Why.Kind == solve.Donor,
	}
}

// Encode writes the lock as indented JSON with a newline at its end.
func (l Lock) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(l, "", "  ")
	return append(text, '\n'), err
}

// Exceptions returns what the image may lack.
func (l *Lock) Exceptions() define.Exceptions {
	return define.Exceptions{Missing: l.KnownMissing, Dangling: l.KnownDangling}
}

// Except adds to what the image may lack.
func (l *Lock) Except(e define.Exceptions) {
	l.KnownMissing, l.KnownDangling = append(l.KnownMissing, e.Missing...), append(l.KnownDangling, e.Dangling...)
}
