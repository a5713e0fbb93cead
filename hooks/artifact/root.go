// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"

	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// Root is a root file system with the sums of its files.
type Root struct {
	Tree *tree.Tree

	blake2b  map[string]string // of contents, by their sha256 in hex, which nodes have
	hasher   hasher
	programs *programs     // nil if what files need at run time is not wanted
	Accounts *etc.Accounts // its own
	Folder   bool          // on a disk: owners are numbers, and flags are not read
	AnyOwner bool          // owners are meaningless
}

func newRoot() Root { return Root{Tree: new(tree.Tree), blake2b: map[string]string{}} }

// SumOf returns the sum of a file's contents.
func (r *Root) SumOf(n *tree.Node, k sum.Kind) string {
	if n.Type == tree.Hardlink {
		if n = r.Tree.Lookup(n.Link); n == nil {
			return ""
		}
	}
	raw, err := hex.DecodeString(n.Digest)
	if k == sum.BLAKE2b {
		raw = []byte(r.blake2b[n.Digest])
	}
	if err != nil || len(raw) == 0 {
		return ""
	}
	return string(k.Format(raw))
}

// hasher computes the sums of many files, one after the other, in both of pkg's
// families.
type hasher struct {
	sha256, blake2b hash.Hash
	all             io.Writer // the sums, and what finds needs
	buf             []byte
	empty           string // sha256 of no bytes, in hex
}

// sum reads the contents of a file and keeps their sums.
func (r *Root) sum(n *tree.Node, contents io.Reader) error {
	h := &r.hasher
	if h.buf == nil {
		blake, err := blake2b.New512(nil)
		if err != nil {
			return err
		}
		sha := sha256.New()
		to := []io.Writer{sha, blake}
		if p := r.programs; p != nil {
			to = append(to, &p.scratch, &p.head)
		}
		*h = hasher{sha, blake, io.MultiWriter(to...), make([]byte, 64<<10), sum.HexSHA256(nil)}
		r.blake2b[h.empty] = string(blake.Sum(nil))
	}
	h.sha256.Reset()
	h.blake2b.Reset()
	if r.programs != nil {
		r.programs.begin()
	}
	size, err := io.CopyBuffer(h.all, contents, h.buf)
	if size == 0 || err != nil {
		n.Digest = h.empty
		return err
	}
	n.Digest = hex.EncodeToString(h.sha256.Sum(h.buf[:0]))
	if r.programs != nil {
		r.programs.end(n)
	}
	if _, known := r.blake2b[n.Digest]; !known {
		r.blake2b[n.Digest] = string(h.blake2b.Sum(nil))
	}
	return nil
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
	r := newRoot()
	r.Accounts, r.Folder = etc.Standard(), true
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
	passwd, noPasswd := until.Do(ctx, func() ([]byte, error) { return root.ReadFile("etc/master.passwd") })
	group, noGroup := until.Do(ctx, func() ([]byte, error) { return root.ReadFile("etc/group") })
	if noPasswd == nil && noGroup == nil {
		r.Accounts, err = etc.ParseAccounts(passwd, group)
	}
	return &r, err
}
