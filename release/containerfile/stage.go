// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/define"
)

// stage is what the instructions since a FROM make.
type stage struct {
	t        *translator
	name     string // AS
	parent   string // a reference; "" for none
	official bool   // that is one of FreeBSD's own
	usedBy   string // what a later stage does with it
	base     *stage // an earlier stage it begins with

	args  map[string]value
	shell []string
	cwd   string

	packages     []string
	repositories []string
	own          []*entry // in the order made
	attributes   []*attributes
	edits        []*edit
	accounts     []*account
	groups       []*account // with members in groups
	archives     []*download
	remove       []string
	rcConf       pairs

	env, labels       pairs
	entrypoint, cmd   []string
	expose, volumes   []string
	user, dir, signal string

	downloads []*download // that nothing has unpacked yet
	remarks   []string    // what the reader of the definition should know
	notes     []Note
	noted     map[Note]bool
}

// pair is a key and its value.
type pair struct{ key, value string }

type pairs []pair

// set replaces the value of a key, or adds both.
func (p *pairs) set(key, value string) {
	for i := range *p {
		if (*p)[i].key == key {
			(*p)[i].value = value
			return
		}
	}
	*p = append(*p, pair{key, value})
}

func (p pairs) get(key string) (string, bool) {
	for _, each := range p {
		if each.key == key {
			return each.value, true
		}
	}
	return "", false
}

// entry is a file, folder or link that the stage makes.
type entry struct {
	kind entryKind
	path string

	local   string   // of a file or tree: in the build folder
	content string   // of a file
	from    []string // packages that have it
	source  string   // its path in them, or in image
	image   string   // of a tree
	target  string   // of a link

	owner, group, mode string
	modes              pairs // of a tree: patterns
	implied            bool  // a folder above one that was made
}

type entryKind int

const (
	isText   entryKind = iota // a file whose content stands in the definition
	isLocal                   // a file of the build folder
	isTaken                   // a file of a package
	isTree                    // a folder of the build folder or of an image
	isFolder                  // a folder of a package
	isDir                     // an empty folder
	isLink
)

// attributes are owner and mode of what others brought.
type attributes struct{ pattern, owner, group, mode string }

// edit changes a file that the stage did not make.
type edit struct {
	path    string
	replace pairs
	set     pairs
	append  []string
}

// account is a user, or a group if it has only a number and members.
type account struct {
	name, id, group, home, shell, class, gecos string
	groups                                     []string // of a user; the members of a group
}

// download is a file from the web, and how it is unpacked.
type download struct {
	line      int
	text      string
	url, file string
	to, strip string
	include   []string
	asked     bool // only to know which file to fetch next

	owner, group string
	modes        pairs
}

// clone is the beginning of a stage that starts from another.
func (s *stage) clone() *stage {
	c := *s
	c.base, c.usedBy, c.notes, c.downloads = s, "", nil, nil
	c.args, c.noted = map[string]value{}, map[Note]bool{}
	c.own = nil
	for _, e := range s.own {
		copied := *e
		copied.modes = slices.Clone(e.modes)
		c.own = append(c.own, &copied)
	}
	c.attributes, c.edits, c.accounts, c.groups = copies(s.attributes), copies(s.edits), copies(s.accounts), copies(s.groups)
	for _, list := range []*[]string{&c.packages, &c.repositories, &c.remove, &c.expose, &c.volumes, &c.remarks} {
		*list = slices.Clone(*list)
	}
	c.archives = copies(s.archives)
	for _, list := range []*pairs{&c.rcConf, &c.env, &c.labels} {
		*list = slices.Clone(*list)
	}
	return &c
}

func copies[T any](list []*T) []*T {
	var all []*T
	for _, p := range list {
		copied := *p
		all = append(all, &copied)
	}
	return all
}

// scope is that of instructions: ENV counts before ARG.
func (s *stage) scope() *scope {
	return &scope{plain: s.t.plain, lookup: func(name string) (value, bool) {
		if text, is := s.env.get(name); is {
			return value{text: text}, true
		}
		if v, is := s.args[name]; is {
			return v, true
		}
		if name == "PATH" && s.official {
			return value{text: strings.TrimPrefix(define.Path, "PATH=")}, true // FreeBSD's images all have it
		}
		if name == "PATH" {
			return value{why: "it uses PATH, whose value is the parent's"}, true
		}
		return value{}, false
	}}
}

// note keeps what is not in the definition as it is.
func (s *stage) note(line int, text, reason string, kind Kind) {
	n := Note{Line: line, Text: shown(text), Reason: shown(reason), Kind: kind}
	if !s.noted[n] {
		s.noted[n] = true
		s.notes = append(s.notes, n)
	}
}

// remark tells the reader of the definition something, once.
func (s *stage) remark(text string) {
	if !slices.Contains(s.remarks, text) {
		s.remarks = append(s.remarks, text)
	}
}

// resolve is a path of the image, which may be given relative to a folder.
func resolve(cwd, name string) string {
	if strings.HasPrefix(name, "/") {
		return path.Clean(name)
	}
	return path.Join("/", cwd, name)
}

// within reports whether a path is a folder or in it.
func within(folder, name string) bool {
	return name == folder || folder == "/" || strings.HasPrefix(name, folder+"/")
}

// find returns the last entry of a path, nil for none.
func (s *stage) find(name string) *entry {
	for _, e := range slices.Backward(s.own) {
		if e.path == name && e.kind != isTree {
			return e
		}
	}
	return nil
}

// put adds an entry in place of one that has its path. A folder does not replace
// anything.
func (s *stage) put(e *entry) *entry {
	if e.kind == isDir {
		if old := s.find(e.path); old != nil && old.kind == isDir {
			old.implied = old.implied && e.implied
			return old
		}
	} else if e.kind != isTree {
		s.own = slices.DeleteFunc(s.own, func(old *entry) bool { return old.path == e.path && old.kind != isTree })
	}
	s.own = append(s.own, e)
	return e
}

// system are folders that every image has, or that packages make.
var system = []string{"/", "/bin", "/boot", "/dev", "/etc", "/etc/pkg", "/lib", "/libexec", "/media", "/mnt", "/root", "/sbin", "/tmp",
	"/usr", "/usr/bin", "/usr/lib", "/usr/libexec", "/usr/sbin", "/usr/share", "/usr/local", "/var", "/var/cache", "/var/db", "/var/log",
	"/var/run", "/var/spool", "/var/tmp"}

// local are folders below /usr/local that packages make with their first file.
var local = []string{"/usr/local/bin", "/usr/local/etc", "/usr/local/etc/pkg", "/usr/local/etc/pkg/repos", "/usr/local/etc/rc.d",
	"/usr/local/lib", "/usr/local/libexec", "/usr/local/sbin", "/usr/local/share", "/usr/local/www"}

// mkdir makes a folder, and those above it.
func (s *stage) mkdir(name string) *entry {
	for up := path.Dir(name); !slices.Contains(system, up) && !slices.Contains(local, up); up = path.Dir(up) {
		s.put(&entry{kind: isDir, path: up, implied: true})
	}
	return s.put(&entry{kind: isDir, path: name})
}

// isDir reports whether a path of the image is a folder, as far as one can know.
func (s *stage) isDir(name string) bool {
	if slices.Contains(system, name) || slices.Contains(local, name) {
		return true
	}
	return slices.ContainsFunc(s.own, func(e *entry) bool {
		switch e.kind {
		case isDir, isTree, isFolder:
			return within(name, e.path)
		}
		return e.path != name && within(name, e.path)
	})
}
