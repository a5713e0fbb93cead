// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb"
)

// StepsOf names the step of each package, which is that of its first file.
func (a *Artifact) StepsOf(packages []pkgdb.Installed) map[string]string {
	first, steps := map[string]string{}, map[string]string{}
	for _, p := range packages {
		if len(p.Files) > 0 {
			first[p.Files[0].Path] = p.Name
		}
	}
	for i, nodes := range a.Layers {
		for _, n := range nodes {
			if name, is := first[n.Path]; is && steps[name] == "" {
				steps[name] = a.LayerName(i)
			}
		}
	}
	return steps
}

// LayerName returns the name of a layer in the history, else its number.
func (a *Artifact) LayerName(i int) string {
	if a.Contents != nil {
		n := 0
		for _, h := range a.Config.History {
			if h.EmptyLayer {
				continue
			}
			if n == i {
				if name, ours := strings.CutPrefix(h.CreatedBy, "orlop "); ours {
					return name
				}
			}
			n++
		}
	}
	return fmt.Sprint(i + 1)
}
