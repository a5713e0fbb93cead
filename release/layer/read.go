// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/tree"
)

// FormatError is a layer that breaks its format or is unsafe to extract.
type FormatError struct {
	Path string // of the entry, "" for the layer as a whole
	Err  error
}

func (e *FormatError) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return e.Path + ": " + e.Err.Error()
}

// Unwrap returns the fault itself.
func (e *FormatError) Unwrap() error { return e.Err }

// fault blames the layer for an error, unless a disk could not be read.
func fault(path string, err error) error {
	if _, disk := errors.AsType[*fs.PathError](err); disk {
		return err
	}
	return &FormatError{path, err}
}

// Read goes through a layer that anybody wrote, and returns what its digests
// are. It calls visit for each entry, whiteouts included; contents are those of
// a file and need not be read. An entry that no extraction should meet is passed
// over, and each is told. Where the layer cannot be read to its end, the digests
// that are returned are empty.
func Read(r io.Reader, mediaType string, visit func(n *tree.Node, contents io.Reader) error) (Layer, error) {
	l := Layer{MediaType: mediaType}
	blob, diffID := &counter{Hash: sha256.New()}, &counter{Hash: sha256.New()}
	r = io.TeeReader(r, blob)
	raw, err := unpack(r, mediaType)
	if err != nil {
		return l, fault("", err)
	}
	defer raw.Close()
	plain := &headers{plain: io.TeeReader(raw, diffID)}
	refused, err := readEntries(plain, visit)
	if err != nil {
		return l, errors.Join(append(refused, err)...)
	}
	end := diffID.n
	clean, err := OnlyZeros(plain)
	if !clean {
		refused = append(refused, &FormatError{"", errors.New("has data after the end of the archive")})
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		return l, errors.Join(append(refused, fault("", err))...)
	}
	plain.end(diffID.n > end)
	l.Foreign = plain.foreign()
	l.DiffID, l.TarSize = digest.NewDigest(digest.SHA256, diffID.Hash), diffID.n
	l.Digest, l.Size = digest.NewDigest(digest.SHA256, blob.Hash), blob.n
	return l, errors.Join(refused...)
}

// Unpack writes the tar file of a layer.
func Unpack(w io.Writer, r io.Reader, mediaType string) error {
	raw, err := unpack(r, mediaType)
	if err != nil {
		return fault("", err)
	}
	defer raw.Close()
	_, err = io.Copy(w, raw)
	return err
}

// readEntries visits the entries that are safe, and returns the faults of the
// others beside what ended it.
func readEntries(plain *headers, visit func(*tree.Node, io.Reader) error) (refused []error, err error) {
	t := tar.NewReader(plain)
	seen := map[string]tree.Type{}
	for {
		plain.next()
		h, err := t.Next()
		plain.keep = false
		if err == io.EOF {
			return refused, nil
		}
		if err != nil {
			return refused, fault("", err)
		}
		n, err := node(h)
		if err == nil {
			err = plausible(n, seen)
		}
		if err != nil {
			refused = append(refused, &FormatError{h.Name, err})
			plain.padding = -h.Size & (blockSize - 1)
		} else {
			plain.entry(h, n)
			seen[n.Path] = n.Type
			if err := visit(n, contents{n.Path, t}); err != nil {
				return refused, err
			}
		}
		if _, err := io.Copy(io.Discard, contents{h.Name, t}); err != nil {
			return refused, err
		}
	}
}

// contents are those of one entry: a fault in them is the layer's, whoever
// meets it.
type contents struct {
	path string
	r    io.Reader
}

func (c contents) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if err != nil && err != io.EOF {
		err = fault(c.path, err)
	}
	return n, err
}

// node turns a header into a node.
func node(h *tar.Header) (*tree.Node, error) {
	n := &tree.Node{Path: absolute(h.Name), Mode: uint32(h.Mode) & 0o7777, Uname: h.Uname, Gname: h.Gname,
		UID: h.Uid, GID: h.Gid, Time: h.ModTime.Unix(), Flags: h.PAXRecords["SCHILY.fflags"], Records: furtherRecords(h)}
	if strings.HasPrefix(h.Name, "/") {
		return nil, errors.New("name is absolute")
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return nil, errors.New("is a sparse entry")
		}
	}
	switch h.Typeflag {
	case tar.TypeReg:
		n.Type, n.Size = tree.File, h.Size
	case tar.TypeDir:
		n.Type = tree.Dir
	case tar.TypeSymlink:
		n.Type, n.Link = tree.Symlink, h.Linkname
	case tar.TypeLink:
		n.Type, n.Link = tree.Hardlink, absolute(h.Linkname)
		if strings.HasPrefix(h.Linkname, "/") {
			return nil, fmt.Errorf("is a hard link to %s, which is absolute", h.Linkname)
		}
	default:
		return nil, fmt.Errorf("has the tar type %q, wanted a file, a link or a directory", h.Typeflag)
	}
	if err := tree.CheckPath(n.Path); err != nil {
		return nil, err
	}
	return n, checkWhiteout(n)
}

// knownRecords are those that a node has a place for, and times that nobody
// restores.
var knownRecords = []string{"path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "atime", "ctime", "hdrcharset", "SCHILY.fflags"}

// furtherRecords are the other pax records, KEY=VALUE.
func furtherRecords(h *tar.Header) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if !slices.Contains(knownRecords, key) {
			list = append(list, key+"="+shown(h.PAXRecords[key], true))
		}
	}
	return strings.Join(list, " ")
}

// absolute turns "a/b", "./a/b" and "a/b/" into "/a/b".
func absolute(name string) string {
	name = strings.TrimPrefix(name, "./")
	if name != "/" {
		name = strings.TrimSuffix(name, "/")
	}
	if name == "." || name == "" {
		return "/"
	}
	return "/" + strings.TrimPrefix(name, "/")
}

// plausible compares an entry with those before it.
func plausible(n *tree.Node, seen map[string]tree.Type) error {
	if _, twice := seen[n.Path]; twice {
		return errors.New("is twice in the layer")
	}
	if n.Type == tree.Hardlink {
		if t, ok := seen[n.Link]; !ok || t == tree.Dir {
			return fmt.Errorf("is a hard link to %s, which is no earlier file of the layer", n.Link)
		}
	}
	for p := tree.Parent(n.Path); p != "/"; p = tree.Parent(p) {
		if t, ok := seen[p]; ok && t != tree.Dir {
			return fmt.Errorf("lies below %s, which is a %s", p, t)
		}
	}
	return nil
}

// OnlyZeros reads to the end what follows that of a tar file, and reports
// whether it is padding and nothing else.
func OnlyZeros(r io.Reader) (bool, error) {
	clean, buf := true, make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		clean = clean && strings.Trim(string(buf[:n]), "\x00") == ""
		if err == io.EOF {
			return clean, nil
		}
		if err != nil {
			return clean, err
		}
	}
}

// counter hashes and counts.
type counter struct {
	hash.Hash
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.Hash.Write(b)
}
