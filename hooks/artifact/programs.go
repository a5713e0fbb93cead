// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"io"
	"os"

	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tree"
)

// programs finds what files need at run time, while they are streamed.
type programs struct {
	scratch elf.Scratch
	head    shebang.Head
	asks    map[string]closure.Asks // by the sha256 of the file in hex
	broken  map[string]error        // why a program could not be read, by the same
}

func newPrograms() *programs {
	return &programs{scratch: elf.Scratch{Create: unnamed}, asks: map[string]closure.Asks{}, broken: map[string]error{}}
}

// unnamed creates a file without a name, which is gone when it is closed.
func unnamed() (*os.File, error) {
	f, err := os.CreateTemp("", "orlop-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// tee returns the writer for the next file, which also writes to another. It drops
// what an error left of the previous one.
func (p *programs) tee(to io.Writer) io.Writer {
	p.scratch.Drop()
	p.head.Line()
	return io.MultiWriter(to, &p.scratch, &p.head)
}

// end records what a file needs, once its digest is known.
func (p *programs) end(n *tree.Node) {
	needs, err := p.scratch.Needs()
	if err != nil {
		p.broken[n.Digest] = err
	}
	if line := p.head.Line(); needs != nil || line != "" {
		p.asks[n.Digest] = closure.Asks{Needs: needs, Script: line}
	}
}

func (p *programs) close() { p.scratch.Close() }

// Asks returns what a file needs at run time. Only Examine finds it. The error says
// why a program could not be read.
func (a *Artifact) Asks(n *tree.Node) (closure.Asks, error) {
	if a.programs == nil {
		return closure.Asks{}, nil
	}
	return a.programs.asks[n.Digest], a.programs.broken[n.Digest]
}
