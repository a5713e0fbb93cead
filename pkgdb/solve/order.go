// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"container/heap"
	"context"
	"maps"
	"slices"
)

// order is a topological sort over direct dependencies; of the packages that
// could come next, the one with the smallest name does.
func order(ctx context.Context, list []*Planned) ([]*Planned, error) {
	left := map[string]*Planned{}
	for _, p := range list {
		left[p.Name] = p
	}
	waits, by := map[string]int{}, map[string][]string{} // on how many packages each waits, and which wait on a package
	var ready names
	for _, p := range list {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		deps := leftDeps(p, left)
		for _, d := range deps {
			by[d] = append(by[d], p.Name)
		}
		if waits[p.Name] = len(deps); len(deps) == 0 {
			ready = append(ready, p.Name)
		}
	}
	heap.Init(&ready)
	sorted := make([]*Planned, 0, len(list))
	for len(ready) > 0 {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		next := heap.Pop(&ready).(string)
		sorted = append(sorted, left[next])
		delete(left, next)
		for _, name := range by[next] {
			if waits[name]--; waits[name] == 0 {
				heap.Push(&ready, name)
			}
		}
	}
	if len(left) > 0 {
		return nil, &UnresolvedError{Chain: circle(left), Reason: "these packages depend on each other in a circle"}
	}
	return sorted, nil
}

// leftDeps are the packages that must come before another one, sorted.
func leftDeps(p *Planned, left map[string]*Planned) []string {
	var deps []string
	for _, d := range p.Deps {
		if d != p.Name && left[d] != nil {
			deps = append(deps, d)
		}
	}
	slices.Sort(deps)
	return slices.Compact(deps)
}

// circle is a cycle among packages that each wait for another of them, by name.
func circle(left map[string]*Planned) []string {
	at := map[string]int{}
	var way []string
	for name := slices.Min(slices.Collect(maps.Keys(left))); ; name = leftDeps(left[name], left)[0] {
		if first, again := at[name]; again {
			return slices.Sorted(slices.Values(way[first:]))
		}
		at[name] = len(way)
		way = append(way, name)
	}
}

// names are a heap, the smallest on top.
type names []string

func (n names) Len() int           { return len(n) }
func (n names) Less(i, j int) bool { return n[i] < n[j] }
func (n names) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *names) Push(x any)        { *n = append(*n, x.(string)) }
func (n *names) Pop() any {
	last := len(*n) - 1
	x := (*n)[last]
	*n = (*n)[:last]
	return x
}
