// SPDX-License-Identifier: BSD-2-Clause

// Package pkgfile reads one package archive of pkg(8) and its manifest.
//
// An archive is a tar file, usually in one zstd frame, whose first members are
// +COMPACT_MANIFEST and +MANIFEST; the files follow, then the directories
// (libpkg/pkg_create.c, libpkg/packing.c). The manifest is JSON, or UCL if pkg
// was asked to expand it (libpkg/pkg_manifest.c). Each file of the archive must
// be in the manifest, and each file of the manifest in the archive.
//
// Not supported: packages of pkg before 1.2 (YAML manifests, an +MTREE_DIRS
// that matters), device nodes and sockets.
package pkgfile

import "strings"

// Manifest is what a package says about itself. Lists are sorted by bytes and
// free of duplicates, as libpkg keeps them.
type Manifest struct {
	Name, Origin, Version string
	Comment, Desc         string
	Maintainer, WWW       string
	ABI                   string // "FreeBSD:15:amd64"
	Prefix                string
	FlatSize              int64  // bytes when installed, each inode once
	LicenseLogic          string // "single", "or", "and", or "" where there is none
	Vital                 bool
	DepFormula            *string // nil where there is none; nothing uses it

	Licenses, Categories, Users, Groups  []string
	ShlibsRequired, ShlibsRequiredIgnore []string
	ShlibsProvided, ShlibsProvidedIgnore []string
	Provides, Requires, Conflicts        []string

	Deps        []Dep
	Options     []Pair // value "on" or "off"
	Annotations []Pair

	Files      Files
	Dirs       []Dir // only those the packing list names with @dir
	Config     []string
	Scripts    []Script
	LuaScripts []Script
	Messages   []Message

	// Registered is the manifest digest, if the package's +COMPACT_MANIFEST,
	// from which pkg repo makes the catalogue, gives another than the whole
	// manifest.
	Registered string
	// Skipped is what pkg skips with a message, such as a script phase that it
	// does not know: "scripts: upgrade: is not a phase that pkg(8) knows".
	Skipped []string
}

// Dep is a dependency. pkg resolves it by name only.
type Dep struct{ Name, Origin, Version string }

// Pair is an option with its value or an annotation with its text.
type Pair struct{ Name, Value string }

// Script is a script and the phase it runs in, such as "post-install".
type Script struct{ Phase, Text string }

// Message is shown after an install, or always if Type is "". The versions are
// those whose upgrade shows it, nil where the manifest has none.
type Message struct {
	Text, Type             string
	MinVersion, MaxVersion *string
}

// Attr is what a manifest says about an entry besides its contents. Packages
// made before pkg 2.4 do not say it, others may say part of it: Known reports
// whether all is there.
type Attr struct {
	Known        bool
	Uname, Gname string
	Perm         uint32 // with set-id and sticky bits
}

// File is a regular file, a symbolic link or one of several hard links.
type File struct {
	Path string
	Sum  string // checked when the manifest is read; "" where it has none
	Attr
	Flags    *uint32 // st_flags; nil where the manifest has none
	Time     *int64  // seconds; nil where the manifest has none
	Link     string  // target, where IsLink
	IsLink   bool    // the manifest says that this is a symbolic link
	IsConfig bool
}

// Dir is a directory that the package owns.
type Dir struct {
	Path string
	Attr
	Flags *uint32
}

// FullName is NAME-VERSION, as pkg prints it.
func (m *Manifest) FullName() string { return m.Name + "-" + m.Version }

// Annotation returns the text of an annotation, "" where there is none.
func (m *Manifest) Annotation(tag string) string {
	for _, a := range m.Annotations {
		if a.Name == tag {
			return a.Value
		}
	}
	return ""
}

// InstallScript is a script that pkg runs when it installs a package.
type InstallScript struct {
	Script
	Lua bool // else it is one of sh(1)
}

// InstallScripts lists the scripts that pkg would run when it installs the
// package, not those of a removal.
func (m *Manifest) InstallScripts() []InstallScript {
	var run []InstallScript
	for i, list := range [][]Script{m.Scripts, m.LuaScripts} {
		for _, s := range list {
			switch s.Phase {
			case "pre-install", "install", "post-install":
				run = append(run, InstallScript{s, i == 1})
			}
		}
	}
	return run
}

// elfTypes are the older names of architectures (libpkg/private/pkg_abi.h).
var elfTypes = map[string]string{
	"amd64": "x86:64", "i386": "x86:32", "armv6": "armv6:32:el:eabi:hardfp", "armv7": "armv7:32:el:eabi:hardfp",
	"aarch64": "aarch64:64", "aarch64c": "aarch64:64:cheri", "aarch64cb": "aarch64:64:cheri:benchmark",
	"powerpc": "powerpc:32:eb", "powerpc64": "powerpc:64:eb", "powerpc64le": "powerpc:64:el",
	"riscv64": "riscv:64:hf", "riscv64c": "riscv:64:cheri:hf",
}

// AltABI is the older spelling of an ABI, "freebsd:15:x86:64" for
// "FreeBSD:15:amd64", which manifest digests cover (libpkg/pkg_abi.c:
// pkg_arch_to_legacy).
func AltABI(abi string) string {
	system, rest, _ := strings.Cut(abi, ":")
	version, arch, ok := strings.Cut(rest, ":")
	alt := strings.TrimSuffix(strings.ToLower(system)+":"+version, ":")
	if !ok {
		return alt
	}
	if elf, ok := elfTypes[arch]; ok {
		arch = elf
	}
	return alt + ":" + arch
}
