// SPDX-License-Identifier: BSD-2-Clause

package tree

import "fmt"

// Type says what a node is.
type Type uint8

// The kinds of node in FreeBSD's packages and mtree files, and those found only
// in other layers.
const (
	File     Type = iota
	Dir           // a directory
	Symlink       // Link is the target, verbatim
	Hardlink      // another name of the file whose path is Link

	CharDevice  // Link is its numbers, MAJOR,MINOR
	BlockDevice // likewise
	FIFO
)

// String returns the word that mtree(5) uses, and "hardlink" for a hard link.
func (t Type) String() string {
	switch t {
	case File:
		return "file"
	case Dir:
		return "dir"
	case Symlink:
		return "link"
	case Hardlink:
		return "hardlink"
	case CharDevice:
		return "char"
	case BlockDevice:
		return "block"
	case FIFO:
		return "fifo"
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Origin says where a node comes from. The greater one wins where two describe
// the same directory.
type Origin uint8

// Origins in increasing order of authority over a directory.
const (
	Implicit  Origin = iota // the parent of something; not described anywhere
	Listed                  // an mtree(5) file
	Generated               // a hook of orlop, or a file taken from elsewhere
	Packaged                // a package; Node.Package names it
)

// Node is one entry of a root file system. Its contents are elsewhere.
type Node struct {
	Path    string // absolute and clean; "/" is the root
	Type    Type
	Mode    uint32 // permission bits, set-id and sticky: 0 to 07777
	Uname   string // owner's name as FreeBSD knows it, "root"
	Gname   string // group's name
	UID     int
	GID     int
	Flags   string // chflags(1) names joined by commas, as in SCHILY.fflags
	Time    int64  // modification time, seconds since 1970
	Link    string // target of a Symlink; path of the first name of a Hardlink; numbers of a device
	Size    int64  // bytes, of a File
	Digest  Digest // of a File's contents, where known
	Records string // further pax records of a foreign tar entry, as text: xattrs, ACLs
	Origin  Origin
	Package string // name of the package, for Origin Packaged
}

// Owner names what brought the node, for messages.
func (n *Node) Owner() string {
	switch n.Origin {
	case Packaged:
		return n.Package
	case Generated:
		return "a generated file"
	case Listed:
		return "an mtree file"
	}
	return "no package"
}

// sameAttributes reports whether two descriptions of a directory agree.
func (n *Node) sameAttributes(o *Node) bool {
	return n.Mode == o.Mode && n.Uname == o.Uname && n.Gname == o.Gname && n.Flags == o.Flags
}
