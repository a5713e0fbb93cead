// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
)

// LockFormat is the version of the lock's format.
const LockFormat = 1

// Lock is a plan with every digest: enough to make the same image again from
// any copy of the same packages. It has no path or URL of the machine it was
// made on.
type Lock struct {
	Format       int              `json:"format"`
	Orlop        string           `json:"orlop"` // version that wrote it
	Image        string           `json:"image"`
	Revision     string           `json:"revision"`
	Branch       string           `json:"branch"`
	ABI          string           `json:"abi"`
	Schema       int              `json:"pkgdb_schema"`
	Compression  string           `json:"compression"`
	Squash       bool             `json:"squash"`
	Layers       []LockLayer      `json:"layers"` // lowest first
	Repositories []LockRepository `json:"repositories"`
	Packages     []LockPackage    `json:"packages"` // in the order of installation, donors of a step after it
	Files        []LockFile       `json:"files"`
	LeftOut      []string         `json:"left_out"` // optional files that nobody had
	Missing      []LockMissing    `json:"missing"`
	Alternatives []string         `json:"alternatives"` // "a | b: a"
	// Scripts and triggers that nobody knows, and that would have run.
	SkippedScripts []LockScript `json:"skipped_scripts"`
	NoAccount      []string     `json:"no_account"` // "PACKAGE: user NAME" that the image lacks
	// What the image may lack although something in it asks for it.
	KnownMissing  []LockException `json:"known_missing"`
	KnownDangling []LockException `json:"known_dangling"`
}

// LockException is a name, path or pattern, and why it may be incomplete.
type LockException struct {
	Pattern string `json:"pattern"`
	Reason  string `json:"reason"`
}

// LockScript is a script of a package, or a trigger file.
type LockScript struct {
	Package string `json:"package"` // NAME-VERSION
	Phase   string `json:"phase"`   // or the trigger's path
	SHA256  string `json:"sha256"`
}

// LockLayer is a step of the chain.
type LockLayer struct {
	Image string `json:"image"`
	Epoch int64  `json:"epoch"` // seconds
}

// LockRepository is a repository that packages came from.
type LockRepository struct {
	Name      string `json:"name"`
	Catalogue string `json:"catalogue"` // sha256 of its payload
}

// LockPackage is a package, and which step it belongs to.
type LockPackage struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Sum        string `json:"sum"`
	Size       int64  `json:"size"`
	Path       string `json:"path"` // inside the repository
	Repository string `json:"repository"`
	Layer      string `json:"layer"`
	Automatic  bool   `json:"automatic"`
	Donor      bool   `json:"donor"`
}

// LockFile is a file that came from a donor or a source tree.
type LockFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	From   string `json:"from"` // NAME-VERSION, or "srcdir"
}

// LockMissing is a requirement that nothing provides.
type LockMissing struct {
	Kind string   `json:"kind"`
	What string   `json:"what"`
	By   []string `json:"by"`
}

// Lock returns the part of a lock that a plan knows.
func (p *Plan) Lock(catalogues []*catalog.Catalogue) Lock {
	l := Lock{Format: LockFormat, ABI: p.ABI,
		Files: []LockFile{}, LeftOut: []string{}, Missing: []LockMissing{}, Alternatives: []string{}, SkippedScripts: []LockScript{}, NoAccount: []string{},
		KnownMissing: []LockException{}, KnownDangling: []LockException{}}
	used := map[*catalog.Repo]bool{}
	for _, step := range p.Steps {
		for _, list := range [][]*Planned{step.Packages, step.Donors} {
			for _, pkg := range list {
				used[pkg.Repo] = true
				l.Packages = append(l.Packages, LockPackage{
					Name: pkg.Name, Version: pkg.Version, Sum: string(pkg.Sum), Size: pkg.Size, Path: pkg.Path,
					Repository: pkg.Repo.Name, Layer: step.Name,
					Automatic: pkg.Why.Kind != Donor && p.Automatic(pkg, len(p.Steps)-1),
					Donor:     pkg.Why.Kind == Donor,
				})
			}
		}
		for _, m := range step.Missing {
			l.Missing = append(l.Missing, LockMissing{string(m.Kind), m.What, m.By})
		}
		l.Alternatives = append(l.Alternatives, step.Chosen...)
	}
	for _, c := range catalogues {
		if used[c.Repo] {
			l.Repositories = append(l.Repositories, LockRepository{c.Repo.Name, c.Digest})
		}
	}
	slices.SortFunc(l.Repositories, func(a, b LockRepository) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Catalogue, b.Catalogue))
	})
	return l
}

// Encode writes the lock as indented JSON with a newline at its end.
func (l Lock) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(l, "", "  ")
	return append(text, '\n'), err
}
