// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"fmt"
	"io/fs"
	"slices"
	"syscall"
)

// Whom a store belongs to decides what is believed of it. It decides no byte
// of an image: what is not believed is fetched or made again.

// TrustError says that a store, or a folder in it, is none to be used.
type TrustError struct {
	Path  string
	Fault string
	Mend  string // what to do, a command as a rule
}

func (e *TrustError) Error() string { return fmt.Sprintf("store %s: %s: %s", e.Path, e.Fault, e.Mend) }

// Parts are what, where, found and wanted, for reports.
func (e *TrustError) Parts() (what, where, found, wanted string) {
	return e.Fault, "store " + e.Path, "", e.Mend
}

// Bits of a mode as chmod(1) has them.
const (
	sharedBits = 0o2770 // of the folders of a shared store
	othersMay  = 0o022  // write
)

// owned is what is known of a file besides its name and size.
type owned struct {
	uid, gid, bits uint32
	links          uint64
}

func ownedBy(info fs.FileInfo) owned {
	s := info.Sys().(*syscall.Stat_t)
	return owned{s.Uid, s.Gid, uint32(s.Mode) & 0o7777, uint64(s.Nlink)}
}

// me is whom the files belong to that a run makes.
func me() uint32 { return uint32(syscall.Geteuid()) }

func myGroup() int { return syscall.Getegid() }

// mine reports whether a file is this user's alone: nobody else has made it,
// may write it, or has given another file of the user's its name.
func mine(info fs.FileInfo) bool {
	o := ownedBy(info)
	return o.uid == me() && o.links == 1 && o.bits&othersMay == 0
}

// steady reports whether nobody else can change a file while it is read.
func steady(info fs.FileInfo) bool {
	o := ownedBy(info)
	return (o.uid == me() || o.uid == 0) && o.bits&othersMay == 0
}

// inGroup reports whether the user is in a group. Root is in those that it has
// been put in, like anybody.
func inGroup(gid uint32) bool {
	groups, _ := syscall.Getgroups()
	return myGroup() == int(gid) || slices.Contains(groups, int(gid))
}

// judge finds out whether the folder of a store may be used, and is shared.
func judge(path string, info fs.FileInfo) (shared bool, err error) {
	if !info.IsDir() { // nothing can be put into it
		return false, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	o := ownedBy(info)
	ours := o.uid == me() || o.uid == 0
	mode := fmt.Sprintf("mode is %04o", o.bits)
	switch {
	case o.bits == sharedBits && inGroup(o.gid):
		return true, nil
	case o.bits == sharedBits && o.uid == me():
		return false, &TrustError{path, fmt.Sprintf("%s, and its group %d is none of yours", mode, o.gid),
			fmt.Sprintf("chmod 0700 %s, or chgrp it to the group that shares it", path)}
	case o.bits == sharedBits:
		return false, &TrustError{path, fmt.Sprintf("belongs to user %d, and its group %d is none of yours", o.uid, o.gid),
			fmt.Sprintf("use another (--cache), or as its owner \"chgrp GROUP %s\" with a group both are in", path)}
	case !ours:
		return false, &TrustError{path, fmt.Sprintf("belongs to user %d, wanted yours or root's", o.uid),
			fmt.Sprintf("use another (--cache), or as its owner \"chmod 2770 %s\" with a group both are in", path)}
	case o.bits&othersMay != 0 && o.uid == me():
		return false, &TrustError{path, mode + ", group or others may write", "chmod 0700 " + path}
	case o.bits&othersMay != 0:
		return false, &TrustError{path, mode + ", group or others may write", fmt.Sprintf("use another (--cache), or as root \"chmod go-w %s\"", path)}
	}
	return false, nil
}

// judgeInner does so for a folder in a store that is not shared, or in the part
// of a shared one that is the user's own. Around it is the store: where nobody
// else can pass that, modes of inner folders are of no matter.
func judgeInner(path string, info, around fs.FileInfo) error {
	o := ownedBy(info)
	switch {
	case o.uid != me() && o.uid != 0:
		return &TrustError{path, fmt.Sprintf("belongs to user %d, wanted yours or root's", o.uid), "rm -r " + path + ", as root if need be"}
	case o.bits&othersMay != 0 && ownedBy(around).bits&0o011 != 0:
		return &TrustError{path, fmt.Sprintf("mode is %04o, group or others may write", o.bits), "chmod 0700 " + path}
	}
	return nil
}
