// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"os"

	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// Root is a root file system with the sums of its files.
type Root struct {
	Tree *tree.Tree

	hasher   hasher
	programs *programs     // nil if what files need at run time is not wanted
	Accounts *etc.Accounts // its own
	Folder   bool          // on a disk: owners are numbers, and flags are not read
	AnyOwner bool          // owners are meaningless
	// Edited returns the text of a file that scripts of packages may have edited, nil for
	// none.
	Edited func(path string) []byte

	// blake2b has the sums of contents in pkg's other family, by digest. It is nil
	// where they are not wanted: no package has such a sum.
	blake2b blake2bSums
}

// blake2bSums are those of contents, by their digests.
type blake2bSums map[tree.Digest][blake2b.Size]byte

// SumOf returns the sum of a file's contents, "" where none of its kind was wanted.
func (r *Root) SumOf(n *tree.Node, k sum.Kind) string {
	if n.Type == tree.Hardlink {
		if n = r.Tree.Lookup(n.Link); n == nil {
			return ""
		}
	}
	raw, known := n.Digest[:], n.Digest != tree.Digest{}
	if k == sum.BLAKE2b {
		blake, has := r.blake2b[n.Digest]
		raw, known = blake[:], has
	}
	if !known {
		return ""
	}
	return string(k.Format(raw))
}

// haveBLAKE2b reports whether any file of packages has such a sum.
func haveBLAKE2b(pkgs []pkgdb.Installed) bool {
	for i := range pkgs {
		files := &pkgs[i].Files
		for j := range files.Len() {
			if files.SumKind(j) == sum.BLAKE2b {
				return true
			}
		}
	}
	return false
}

// hasher computes the sums of many files, one after the other.
type hasher struct {
	sha256, blake2b hash.Hash // the latter nil if it is not wanted
	all             io.Writer // the sums, and what finds needs
	buf             []byte
}

// newHasher returns the hasher for files of a root.
func (r *Root) newHasher() (hasher, error) {
	h := hasher{sha256: sha256.New(), buf: make([]byte, 64<<10)}
	to := []io.Writer{h.sha256}
	if r.blake2b != nil {
		var err error
		if h.blake2b, err = blake2b.New512(nil); err != nil {
			return h, err
		}
		to = append(to, h.blake2b)
	}
	if p := r.programs; p != nil {
		to = append(to, &p.scratch, &p.head)
	}
	h.all = io.MultiWriter(to...)
	return h, nil
}

// sum reads the contents of a file and keeps their sums.
func (r *Root) sum(n *tree.Node, contents io.Reader) error {
	h := &r.hasher
	if h.buf == nil {
		var err error
		if *h, err = r.newHasher(); err != nil {
			return err
		}
	}
	h.sha256.Reset()
	if h.blake2b != nil {
		h.blake2b.Reset()
	}
	if r.programs != nil {
		r.programs.begin()
	}
	_, err := io.CopyBuffer(h.all, contents, h.buf)
	if err != nil {
		h.sha256.Reset()
	}
	h.sha256.Sum(n.Digest[:0])
	if err == nil && r.programs != nil {
		r.programs.end(n)
	}
	if err == nil && h.blake2b != nil {
		var blake [blake2b.Size]byte
		h.blake2b.Sum(blake[:0])
		r.blake2b[n.Digest] = blake
	}
	return err
}

// readRoot reads a folder that is a root file system. It resolves owners in its own
// accounts. If all files belong to one ordinary user, as in a root that was filled
// with INSTALL_AS_USER, owners are not compared.
func readRoot(ctx context.Context, dir string) (*Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	nodes, err := tree.ReadDir(ctx, root)
	if err != nil {
		return nil, err
	}
	r := &Root{Tree: new(tree.Tree), Accounts: etc.Standard(), Folder: true, blake2b: blake2bSums{}}
	owners := map[int]bool{}
	for i := range nodes {
		n := &nodes[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		owners[n.UID] = true
		if n.Type == tree.File {
			f, err := root.Open(n.Path[1:])
			if err == nil {
				err = r.sum(n, until.Reader(ctx, f))
				f.Close()
			}
			if err != nil {
				return nil, err
			}
		}
		if err := r.Tree.Put(*n); err != nil {
			return nil, err
		}
	}
	r.AnyOwner = len(owners) == 1 && !owners[0]
	texts := map[string][]byte{}
	for _, path := range []string{etc.MasterFile, etc.GroupFile, etc.ShellsFile} {
		if text, err := until.Do(ctx, func() ([]byte, error) { return root.ReadFile(path[1:]) }); err == nil {
			texts[path] = text
		}
	}
	r.Edited = func(path string) []byte { return texts[path] }
	if passwd, group := texts[etc.MasterFile], texts[etc.GroupFile]; passwd != nil && group != nil {
		r.Accounts, err = etc.ParseAccounts(passwd, group)
	}
	return r, err
}
