// SPDX-License-Identifier: BSD-2-Clause

package closure

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// Libraries that are loaded by name, with dlopen(3), are in no ELF header: a
// text names them.

// PolicyPath is where OpenPAM looks for the policy of a service
// (openpam_policy_path in openpam_constants.c): folders with one file per
// service, and files for several services.
var PolicyPath = []string{"/etc/pam.d/", "/etc/pam.conf", "/usr/local/etc/pam.d/", "/usr/local/etc/pam.conf"}

// NameSources tells libc where to look up names.
const NameSources = "/etc/nsswitch.conf"

// policy is a PAM policy file.
type policy struct {
	node  *tree.Node
	lines []etc.PAMLine
}

// policies finds modules and services that PAM policies name but the image
// lacks. OpenPAM accepts no part of such a policy: pam_start fails.
func (c *check) policies() {
	files, services := c.policyFiles()
	if len(files) == 0 {
		return
	}
	versions := c.libpam()
	for _, p := range files {
		told := map[string]bool{}
		for _, l := range p.lines {
			if l.Optional || told[l.Module+l.Include] {
				continue
			}
			told[l.Module+l.Include] = true
			if what := l.Include; what != "" && !services[what] && !c.isService(what) && !c.excused("pam", p.node, what) {
				c.fault(p.node, "includes the PAM service "+what+", which has no policy in the image", what)
			}
			if what := l.Module; what != "" && !slices.ContainsFunc(etc.PAMModule(what, versions), c.loads) && !c.excused("pam", p.node, what) {
				c.fault(p.node, "asks for the PAM module "+what+", which is "+notIn(what, etc.PAMFolders), what)
			}
		}
	}
}

// policyFiles reads all policies, and lists the services that have one.
func (c *check) policyFiles() (files []policy, services map[string]bool) {
	var nodes []*tree.Node
	several := map[*tree.Node]bool{} // the file has policies of several services
	for _, place := range PolicyPath {
		if n := c.Tree.Lookup(place); n != nil && c.isFile(place) {
			nodes, several[n] = append(nodes, n), true
			continue
		}
		for _, n := range c.in(place) {
			if !strings.HasSuffix(n.Path, ".sample") { // from a port: no service has such a name
				nodes = append(nodes, n)
			}
		}
	}
	services = map[string]bool{}
	for i, text := range c.texts(nodes...) {
		n := nodes[i]
		p := policy{n, etc.ReadPAM(text, several[n])}
		files = append(files, p)
		for _, l := range p.lines {
			services[l.Service] = true
		}
		if !several[n] {
			services[path.Base(n.Path)] = true
		}
	}
	return files, services
}

// isService reports whether a service is named by the path of its policy.
func (c *check) isService(name string) bool {
	return strings.Contains(name, "/") && c.isFile(name)
}

// libpam lists the versions of libpam in the image, which are those of modules
// (LIB_MAJ in openpam_dynamic.c).
func (c *check) libpam() []string {
	var versions []string
	for _, n := range c.in("/usr/lib", "/lib") {
		if version, is := strings.CutPrefix(path.Base(n.Path), "libpam.so."); is {
			versions = append(versions, version)
		}
	}
	if versions == nil {
		return []string{"6"} // since FreeBSD 12
	}
	return versions
}

// nameSources finds missing sources of nsswitch.conf. libc skips them silently,
// and knows none of their users, groups and hosts.
func (c *check) nameSources() {
	n := c.Tree.Lookup(NameSources)
	if n == nil || !c.isFile(NameSources) {
		return
	}
	dirs := c.foundBy()
	for _, source := range etc.ReadNsswitch(c.texts(n)[0]) {
		module := etc.NSModule(source)
		found := module == "" || slices.ContainsFunc(dirs, func(dir string) bool { return c.loads(dir + "/" + module) })
		if !found && !c.excused("nss", n, source, module) {
			c.fault(n, "asks "+source+" for names, whose module "+module+" is "+notIn(module, dirs), module)
		}
	}
}

// loads reports whether dlopen(3) finds a library at a path: one for another
// machine does not count.
func (c *check) loads(path string) bool {
	n, main := c.Tree.Resolve(path), c.needs(c.Tree.Resolve(RunTimeLinker))
	if n == nil || n.Type != tree.File {
		return false
	}
	needs := c.needs(n)
	return main == nil || needs == nil || needs.Class == main.Class && needs.Machine == main.Machine
}

// notIn says where something should be.
func notIn(name string, dirs []string) string {
	if strings.Contains(name, "/") {
		return "not in the image"
	}
	text := "in none of"
	for _, dir := range dirs {
		text += " " + cmp.Or(dir, ".")
	}
	return text
}
