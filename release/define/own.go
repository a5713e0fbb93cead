// SPDX-License-Identifier: BSD-2-Clause

package define

import "slices"

// Own is what an image has that comes from none of its packages, in the order of the
// definition.
type Own struct {
	Trees      []Tree       `json:"trees,omitempty"`
	Archives   []Archive    `json:"archives,omitempty"`
	Dirs       []Dir        `json:"dirs,omitempty"`
	Links      []Pair       `json:"links,omitempty"` // path and target
	Groups     []Group      `json:"groups,omitempty"`
	Accounts   []Account    `json:"accounts,omitempty"`
	Edits      []Edit       `json:"edits,omitempty"`
	RCConf     []Pair       `json:"rc_conf,omitempty"`  // lines of /etc/rc.conf
	PkgConf    []PkgConf    `json:"pkg_conf,omitempty"` // repositories that pkg(8) in the image has
	Attributes []Attributes `json:"attributes,omitempty"`
	Assert     []Pair       `json:"assert,omitempty"` // a package, and a pattern of its version
}

// Pair is a key and its value.
type Pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Owned says who owns a path, and its mode. Names are those of the image's accounts.
type Owned struct {
	Owner string `json:"owner,omitempty"` // "" for root
	Group string `json:"group,omitempty"` // "" for wheel
	// Mode is 0 where none is given. Then a file has 0755 if its owner may execute it,
	// else 0644, and a folder 0755. Trees and archives have modes by pattern instead.
	Mode uint32 `json:"mode,omitempty"`
}

// Tree is a folder of the definition, or of another image, with all in it. Folders of
// packages and of the parent merge with it.
type Tree struct {
	Target   string   `json:"target"`             // path in the image
	Local    string   `json:"local,omitempty"`    // below the definition's folder
	Image    string   `json:"image,omitempty"`    // a reference, instead of Local
	Platform string   `json:"platform,omitempty"` // of Image; "" for the target's
	Path     string   `json:"path,omitempty"`     // in Image
	Exclude  []string `json:"exclude,omitempty"`  // patterns, relative to the tree
	Modes    []Pair   `json:"modes,omitempty"`    // a pattern and an octal mode; the last that matches holds
	Owned
}

// Archive is a file from the web that is unpacked.
type Archive struct {
	URL     string   `json:"url"` // https
	SHA256  string   `json:"sha256"`
	Strip   int      `json:"strip,omitempty"`   // leading components of names that are cut off
	Include []string `json:"include,omitempty"` // patterns of what is left; nil for all
	To      string   `json:"to"`                // a folder of the image
	Modes   []Pair   `json:"modes,omitempty"`
	Owned
}

// Dir is an empty folder, or the attributes of one.
type Dir struct {
	Path string `json:"path"`
	Owned
}

// Group is a group of the image, a new one or one that is there.
type Group struct {
	Name    string   `json:"name"`
	GID     string   `json:"gid,omitempty"` // "" for the lowest free one from 1001, or that of a group that is there
	Members []string `json:"members,omitempty"`
}

// Account is a user of the image, a new one or one that is there.
type Account struct {
	Name   string   `json:"name"`
	UID    string   `json:"uid,omitempty"`   // "" for the lowest free one from 1001, or that of a user who is there
	Group  string   `json:"group,omitempty"` // "" for one of the user's name
	Groups []string `json:"groups,omitempty"`
	Home   string   `json:"home,omitempty"`
	Shell  string   `json:"shell,omitempty"`
	Class  string   `json:"class,omitempty"`
	Gecos  string   `json:"gecos,omitempty"`
}

// Edit changes the text of a file: see release/edit.
type Edit struct {
	Path    string   `json:"path"`
	Replace []Pair   `json:"replace,omitempty"` // literal texts
	Comment []string `json:"comment,omitempty"` // regular expressions of lines that become comments
	Set     []Pair   `json:"set,omitempty"`
	Append  []string `json:"append,omitempty"` // lines
	Times   int      `json:"times,omitempty"`  // how often each of the first two matches; 0 for once
	Sign    string   `json:"sign,omitempty"`   // that begins a comment; "" for #
}

// PkgConf is a repository of pkg(8) in the image, which need not be one that the image
// is made from.
type PkgConf struct {
	Name string `json:"name"`
	Keys []Pair `json:"keys"`
}

// Attributes are given to all that matches a pattern, whoever has brought it.
type Attributes struct {
	Pattern string `json:"pattern"` // a path, or "/folder/**"
	Owned
}

// Matches reports whether a path is meant. A folder is not meant by what is in it.
func (a *Attributes) Matches(path string) bool { return matches(a.Pattern, path) }

// Changes reports whether the definition changes files that packages or the parent have.
func (img *Image) Changes() bool {
	return len(img.Edits)+len(img.Attributes)+len(img.Accounts)+len(img.Groups)+len(img.RCConf) > 0 || len(img.Replaces) > 0 && img.Brings()
}

// Brings reports whether the definition has files of its own.
func (img *Image) Brings() bool {
	return len(img.Trees)+len(img.Archives)+len(img.Links)+len(img.PkgConf) > 0 || slices.ContainsFunc(img.Files, func(f File) bool { return f.Given() })
}

// Locals are the files and folders that an image takes from the definition's folder.
func (img *Image) Locals() []string {
	var list []string
	for _, f := range img.Files {
		if f.Local != "" {
			list = append(list, f.Local)
		}
	}
	for _, t := range img.Trees {
		if t.Local != "" {
			list = append(list, t.Local)
		}
	}
	return list
}

// TakesFromDisk reports whether a tree is one of an image on disk, which only whoever has
// written the definition can mean.
func (img *Image) TakesFromDisk() bool {
	return slices.ContainsFunc(img.Trees, func(t Tree) bool { return t.Image != "" && !Remote(t.Image) })
}
