// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tree"
)

// programs finds what files need at run time, while they are streamed.
type programs struct {
	scratch elf.Scratch
	head    shebang.Head
	asks    map[tree.Digest]closure.Asks // by the digest of the file
}

func newPrograms() *programs {
	return &programs{scratch: elf.Scratch{Create: layout.Unnamed}, asks: map[tree.Digest]closure.Asks{}}
}

// begin drops what an error left of the previous file.
func (p *programs) begin() {
	p.scratch.Drop()
	p.head.Line()
}

// end records what a file needs, once its digest is known. It ignores what cannot be
// read of a program: that would have failed the build, or orlop did not build the image.
func (p *programs) end(n *tree.Node) {
	needs, _ := p.scratch.Needs()
	if line := p.head.Line(); needs != nil || line != "" {
		p.asks[n.Digest] = closure.Asks{Needs: needs, Script: line}
	}
}

func (p *programs) close() { p.scratch.Close() }

// Asks returns what a file needs at run time. Only Examine finds it.
func (a *Artifact) Asks(n *tree.Node) closure.Asks {
	if a.programs == nil {
		return closure.Asks{}
	}
	return a.programs.asks[n.Digest]
}
