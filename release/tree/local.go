// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	_ "embed" // the table
	"path"
	"strings"
)

//go:embed local.dirs
var localDirs string

// LocalFolders returns the folders of ports as their tree lists them, /usr/local and those
// below it, by path. They have the origin Listed.
func LocalFolders() map[string]Node {
	const base = "/usr/local" // LOCALBASE
	all := map[string]Node{}
	add := func(path, owner string) {
		all[path] = Node{Path: path, Type: Dir, Mode: 0o755, Uname: owner, Gname: "wheel", Origin: Listed}
	}
	add(base, "root")
	inside := map[string][]string{} // folders, by the one that they are in
	for line := range strings.Lines(localDirs) {
		words := strings.Fields(line)
		if words[0] == "#" {
			continue
		}
		folders := []string{words[1]}
		if parent, each := strings.CutSuffix(words[1], "/*"); each {
			folders = inside[parent]
		}
		for _, folder := range folders {
			for _, name := range words[2:] {
				inside[folder] = append(inside[folder], path.Join(folder, name))
				add(path.Join(base, folder, name), words[0])
			}
		}
	}
	return all
}
