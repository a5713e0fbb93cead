// SPDX-License-Identifier: BSD-2-Clause

package own

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/glob"
	"github.com/orlop/orlop/release/tree"
)

// Image finds the files of another image that a tree of a definition takes: they belong to
// root:wheel unless the definition says otherwise, and keep their modes but for set-id and
// sticky bits. Each name of a hard link becomes a file of its own. The digest is that of
// the image, which Examine has read.
func Image(ctx context.Context, t *define.Tree, group int, image *artifact.Artifact, digest string, create func() (*os.File, error)) (Set, error) {
	c := &copying{image: image, spool: &spool{create: create}, group: group, digest: digest}
	var err error
	if c.attributes, err = newAttributes(t.Owned, t.Modes); err == nil {
		c.exclude, err = patterns(t.Exclude)
	}
	if err == nil {
		err = c.find(ctx, t)
	}
	if err == nil {
		err = c.attributes.unused()
	}
	if err != nil {
		return Set{}, fault.Within("tree "+t.Target, err)
	}
	c.spool.fill = c.fill
	return Set{Files: c.found, closers: []io.Closer{c.spool}}, nil
}

// copying takes files out of an image.
type copying struct {
	image      *artifact.Artifact
	digest     string
	group      int
	attributes *attributes
	exclude    []glob.Pattern
	spool      *spool
	found      []File
}

// find lists the files of the folder that a tree takes.
func (c *copying) find(ctx context.Context, t *define.Tree) error {
	from := path.Join("/", t.Path)
	top := c.image.Tree.Resolve(from)
	if top == nil {
		return &UnmatchedError{"path", from}
	}
	for n := range c.image.Tree.Until(ctx) {
		name, inside := below(top.Path, n.Path)
		if !inside || name == "" && n.Type == tree.Dir && t.Target == "/" || c.excluded(name) {
			continue
		}
		if err := c.add(n, path.Join(t.Target, name), name); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// excluded reports whether a name, or a folder that it is in, is left out.
func (c *copying) excluded(name string) bool {
	for ; name != "" && name != "."; name = path.Dir(name) {
		if matchesAny(c.exclude, name) {
			return true
		}
	}
	return false
}

// add adds a file, link or folder of the image.
func (c *copying) add(n *tree.Node, to, name string) error {
	f := c.attributes.with(to, name, n.Mode&0o777, n.Type == tree.Dir)
	f.From, f.Group, f.name = c.digest, c.group, n.Path
	switch n.Type {
	case tree.Hardlink:
		f.name = n.Link
		n = c.image.Tree.Lookup(n.Link)
		if n == nil {
			return fmt.Errorf("%s is a hard link to a file that the image has not", f.Path)
		}
		fallthrough
	case tree.File:
		f.SHA256, f.Size, f.from, f.Asks = n.Digest.String(), n.Size, c.spool, c.image.Asks(n)
	case tree.Symlink:
		f.Link, f.Mode = n.Link, ""
	case tree.Dir:
	default:
		return fmt.Errorf("%s is a %s, wanted a file, folder or link", n.Path, n.Type)
	}
	if err := sayable(f.Path, f.Link); err != nil {
		return err
	}
	c.found = append(c.found, f)
	return nil
}

// fill passes on the contents of all files.
func (c *copying) fill(ctx context.Context, add func(name string, contents io.Reader) error) error {
	want := map[string]bool{}
	for i := range c.found {
		if f := &c.found[i]; f.SHA256 != "" {
			want[f.name] = true
		}
	}
	return c.image.StreamFiles(ctx, want, func(names []string, _ *tree.Node, contents io.Reader) error { return add(names[0], contents) })
}
