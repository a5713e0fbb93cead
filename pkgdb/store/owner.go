// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"fmt"
	"io/fs"
	"slices"
	"syscall"
)

// The owner of a store decides how far it is trusted. This decides no byte of an
// image: what is not trusted is fetched or made again.

// TrustError is a store, or a folder in it, that must not be used.
type TrustError struct {
	Path  string
	Fault string
	Mend  string // what to do, usually a command
}

func (e *TrustError) Error() string { return fmt.Sprintf("store %s: %s: %s", e.Path, e.Fault, e.Mend) }

// Parts are what, where, found and wanted, for reports.
func (e *TrustError) Parts() (what, where, found, wanted string) {
	return e.Fault, "store " + e.Path, "", e.Mend
}

// Bits of a mode as in chmod(1).
const (
	sharedBits = 0o2770 // of the folders of a shared store
	othersMay  = 0o022  // write
)

// owned is what is known about a file besides its name and size.
type owned struct {
	uid, gid, bits uint32
	links          uint64
}

func ownedBy(info fs.FileInfo) owned {
	s := info.Sys().(*syscall.Stat_t)
	return owned{s.Uid, s.Gid, uint32(s.Mode) & 0o7777, uint64(s.Nlink)}
}

// me is the owner of the files that a run makes.
func me() uint32 { return uint32(syscall.Geteuid()) }

func myGroup() int { return syscall.Getegid() }

// mine reports whether a file is this user's alone: nobody else has made it, can
// write it, or has linked another file of the user's to its name.
func mine(info fs.FileInfo) bool {
	o := ownedBy(info)
	return o.uid == me() && o.links == 1 && o.bits&othersMay == 0
}

// steady reports whether nobody else can change a file while it is being read.
func steady(info fs.FileInfo) bool {
	o := ownedBy(info)
	return (o.uid == me() || o.uid == 0) && o.bits&othersMay == 0
}

// inGroup reports whether the user is in a group. Root counts as in those that
// it has been added to, like anyone else.
func inGroup(gid uint32) bool {
	groups, _ := syscall.Getgroups()
	return myGroup() == int(gid) || slices.Contains(groups, int(gid))
}

// judge decides whether the folder of a store may be used, and whether it is
// shared.
func judge(path string, info fs.FileInfo) (shared bool, err error) {
	if !info.IsDir() { // nothing can be written into it
		return false, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	o := ownedBy(info)
	ours := o.uid == me() || o.uid == 0
	mode := fmt.Sprintf("mode is %04o", o.bits)
	switch {
	case o.bits == sharedBits && inGroup(o.gid):
		return true, nil
	case o.bits == sharedBits && o.uid == me():
		return false, &TrustError{path, fmt.Sprintf("%s, and its group %d is not one of yours", mode, o.gid),
			fmt.Sprintf("chmod 0700 %s, or chgrp it to the group that shares it", path)}
	case o.bits == sharedBits:
		return false, &TrustError{path, fmt.Sprintf("belongs to user %d, and its group %d is not one of yours", o.uid, o.gid),
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

// judgeInner does so for a folder in a store that is not shared, or in the
// user's own part of a shared one. The store encloses it: if nobody else can
// enter that, modes of inner folders do not matter.
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
