// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
)

// Lock is a plan with every digest: enough to make the same image again from
// any copy of the same packages. It has no path or URL of the machine it was
// made on.
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
	Annotations  map[string]string `json:"annotations"` // that the run gave its images
	Layers       []LockLayer       `json:"layers"`      // lowest first, the last is the image's own
	Repositories []LockRepository  `json:"repositories"`
	Packages     []LockPackage     `json:"packages"` // in the order of installation, donors of a step after it
	// What the image may lack although something in it asks for it.
	KnownMissing  []LockException `json:"known_missing"`
	KnownDangling []LockException `json:"known_dangling"`
}

// LockLayer is a step of the chain and what was found out about it.
type LockLayer struct {
	Image        string          `json:"image"`
	Epoch        int64           `json:"epoch"`      // seconds
	Definition   json.RawMessage `json:"definition"` // of the image, as release.Image
	Files        []LockFile      `json:"files"`
	LeftOut      []string        `json:"left_out"` // optional files that nobody had
	Missing      []LockMissing   `json:"missing"`
	Alternatives []string        `json:"alternatives"` // "a | b: a"
	// Scripts and triggers that nobody knows, and that would have run.
	SkippedScripts []LockScript `json:"skipped_scripts"`
	NoAccount      []string     `json:"no_account"` // "PACKAGE: user NAME" that the image lacks
	// What comes of all this beside the packages' files. It is not asked for
	// when the image is made, but tells when an image is not what was made.
	Generated   []LockGenerated `json:"generated"`
	Directories string          `json:"directories"` // sha256 of their headers, in the order of the layer
}

// LockException is a name, path or pattern, and why it may be incomplete.
type LockException struct {
	Pattern string `json:"pattern"`
	Reason  string `json:"reason"`
	Package string `json:"package,omitempty"` // whose files alone may ask, "" for any
}

// LockScript is a script of a package, or a trigger file.
type LockScript struct {
	Package string `json:"package"` // NAME-VERSION
	Phase   string `json:"phase"`   // or the trigger's path
	SHA256  string `json:"sha256"`
}

// LockRepository is a repository that packages came from.
type LockRepository struct {
	Name      string `json:"name"`
	URL       string `json:"url"`       // under which anybody finds it, "" if that is not known
	Catalogue string `json:"catalogue"` // sha256 of its payload
	Signer    string `json:"signer"`    // sha256 of the key that vouched for it, "" for nobody's
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
	Requested  string `json:"requested"` // the first layer whose request names it; "" for an automatic package
	Donor      bool   `json:"donor"`
}

// LockFile is a file that came from a donor or a source tree.
type LockFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	From   string `json:"from"` // NAME-VERSION, or "srcdir"
}

// LockGenerated is a file or link that no package brings, the pkg database among
// them. Its owner is root:wheel and its time an epoch.
type LockGenerated struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`             // octal
	SHA256 string `json:"sha256,omitempty"` // of a file
	Link   string `json:"link,omitempty"`   // target of a link
}

// LockMissing is a requirement that nothing provides.
type LockMissing struct {
	Kind string   `json:"kind"`
	What string   `json:"what"`
	By   []string `json:"by"`
}

// NewLock returns the part of a lock that a plan knows.
func NewLock(p *Plan, catalogues []*catalog.Catalogue) Lock {
	l := Lock{Format: LockFormat, Bytes: ByteFormat, ABI: p.ABI, Versions: map[string]string{}, Annotations: map[string]string{},
		Repositories: []LockRepository{}, Packages: []LockPackage{}, KnownMissing: []LockException{}, KnownDangling: []LockException{}}
	used := map[*catalog.Repo]bool{}
	for i := range p.Steps {
		step := &p.Steps[i]
		for _, pkg := range step.All() {
			used[pkg.Repo] = true
			l.Packages = append(l.Packages, lockPackage(p, pkg, step.Name))
		}
		layer := LockLayer{Image: step.Name, Files: []LockFile{}, LeftOut: []string{}, Missing: []LockMissing{},
			Alternatives: append([]string{}, step.Chosen...), SkippedScripts: []LockScript{}, NoAccount: []string{}, Generated: []LockGenerated{}}
		for _, m := range step.Missing {
			layer.Missing = append(layer.Missing, LockMissing{string(m.Kind), m.What, m.By})
		}
		l.Layers = append(l.Layers, layer)
	}
	for _, c := range catalogues {
		if used[c.Repo] {
			l.Repositories = append(l.Repositories, LockRepository{Name: c.Repo.Name, Catalogue: c.Digest, Signer: c.Signer})
		}
	}
	slices.SortFunc(l.Repositories, func(a, b LockRepository) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Catalogue, b.Catalogue))
	})
	return l
}

func lockPackage(p *Plan, pkg *Planned, step string) LockPackage {
	requested := ""
	if pkg.Requested >= 0 && pkg.Requested < len(p.Steps) {
		requested = p.Steps[pkg.Requested].Name
	}
	return LockPackage{
		Name: pkg.Name, Version: pkg.Version, Sum: string(pkg.Sum), Size: pkg.Size, Path: pkg.Path,
		Repository: pkg.Repo.Name, Layer: step, Requested: requested, Donor: pkg.Why.Kind == Donor,
	}
}

// Encode writes the lock as indented JSON with a newline at its end.
func (l Lock) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(l, "", "  ")
	return append(text, '\n'), err
}
