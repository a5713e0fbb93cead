// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"slices"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/release/closure"
)

// Closure finds what an image needs and does not have, as the build does before it
// writes an image. The lock says what may be missing. Without a lock what is missing
// is only a detail. It skips an image that need not be complete and has no run-time
// linker.
func Closure(ctx context.Context, a *artifact.Artifact, l *lock.Lock) Findings {
	if !a.Complete() || a.OwnName() == "" {
		return Findings{}
	}
	var f Findings
	known, complete := l != nil && l.HasGenerated(), false
	if known {
		def, err := lock.Definition(l, len(l.Layers)-1)
		f.add(err)
		complete = def.Complete
	}
	if !complete && a.Tree.Lookup(closure.RunTimeLinker) == nil {
		return f
	}
	img := &closure.Image{Tree: a.Tree, Cmd: slices.Concat(a.Config.Config.Entrypoint, a.Config.Config.Cmd), Env: a.Config.Config.Env,
		Requires: a.Unprovided(), Files: a.Files()}
	if known {
		img.Known = l.Exceptions()
	}
	for _, gap := range closure.Check(ctx, img).Gaps {
		if known {
			f.add(gap)
		} else {
			f.Details = append(f.Details, gap.Error())
		}
	}
	return f
}
