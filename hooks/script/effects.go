// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/etc"
)

// Effects is what a script does in addition to what the generators do anyway.
type Effects struct {
	Chmods []Chmod
	// Without is a file that the script writes and an image does not need, "" for none.
	Without string

	// What the ports framework's scripts do.
	Groups  []etc.Group
	Users   []etc.User
	Members []etc.Member
	Homes   []Home
	Samples []Sample
	Shells  []string // paths that /etc/shells gets
	Infos   []string // folders whose file dir indexinfo(1) writes
	Hints   bool     // the run-time linker's hints are written again
	Merged  []string // folders that ldconfig(8) adds to these hints
}

// Chmod is a call of chmod(1) in a script.
type Chmod struct {
	Path string
	Mode uint32
}

// Home is a directory that a script makes with install(1).
type Home struct {
	Path         string
	Mode         uint32
	Uname, Gname string
}

// Sample is a file that a script copies, unless the copy is there.
type Sample struct {
	From, To string
	Writable bool // the owner may write the copy
}

// none reports whether there are no effects.
func (e *Effects) none() bool {
	return e.Without == "" && !e.Hints && e.Chmods == nil && e.Groups == nil && e.Users == nil && e.Members == nil &&
		e.Homes == nil && e.Samples == nil && e.Shells == nil && e.Infos == nil
}

// Of returns the effects of a package's script if all of it is known.
func Of(m *pkgfile.Manifest, s pkgfile.InstallScript) (Effects, bool) {
	if s.Lua {
		return RecogniseLua(s.Text, m.Prefix)
	}
	return Recognise(s.Text)
}

// Samples are the files of a package that its scripts copy.
func Samples(m *pkgfile.Manifest) map[string]bool {
	set := map[string]bool{}
	for _, s := range m.InstallScripts() {
		e, _ := Of(m, s)
		for _, sample := range e.Samples {
			set[sample.From] = true
		}
	}
	return set
}
