// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"slices"
	"strings"
)

// mostLines bounds the lines about faults of one kind, unless -v asks for all.
const mostLines = 20

// fail tells of the error that ended a run and returns the exit status. stderr
// has a line a fault; with --json, stdout has all of them as its last object.
func (p *program) fail(a *arguments, args []string, err error) int {
	status := exitStatus(err)
	list := faultsOf(err)
	for _, line := range lines(list, asks(args, "v", "verbose")) {
		_ = p.err.line("orlop: %s", tabbed(line))
	}
	for _, text := range hints(list) {
		_ = p.err.line("orlop: hint: %s", text)
	}
	if helpTells(err) {
		_ = p.err.line("orlop: hint: %s --help tells more", a)
	}
	if asks(args, "json") {
		if status >= exitInterrupted { // a signal is no fault
			list = []faultLine{}
		}
		_ = p.out.json(struct {
			Command string      `json:"command"`
			Status  int         `json:"status"`
			Faults  []faultLine `json:"faults"`
		}{strings.Join(a.path[1:], " "), status, list})
	}
	return status
}

// group is what a line tells of: a fault, or all that lack the same thing.
type group struct {
	faultLine
	others map[string]bool // who wants it beside the first
}

func (g *group) text() string {
	switch n := len(g.others); n {
	case 0:
		return g.line
	case 1:
		return fmt.Sprintf("%s: wanted by %s and 1 other", g.lack, g.by)
	default:
		return fmt.Sprintf("%s: wanted by %s and %d others", g.lack, g.by, n)
	}
}

// lines are what people read of faults: what lacks the same thing in one, and
// of each kind a few. No kind is left out whole.
func lines(list []faultLine, all bool) []string {
	groups := grouped(list, all)
	byKind := map[string][]*group{}
	for _, g := range groups {
		byKind[g.kind] = append(byKind[g.kind], g)
	}
	hidden, more := map[*group]bool{}, map[string]int{}
	for kind, of := range byKind {
		if all || kind == "" {
			continue
		}
		for _, g := range leastWanted(of) {
			hidden[g] = true
			more[kind]++
		}
	}
	var text []string
	told := map[string]int{}
	for _, g := range groups {
		if hidden[g] {
			continue
		}
		text = append(text, g.text())
		if told[g.kind]++; told[g.kind] == mostLines && more[g.kind] > 0 {
			text = append(text, andMore(more[g.kind]))
		}
	}
	return text
}

// leastWanted are the groups of a kind beyond those that are shown: where
// things are missing, those that the fewest want, else the last.
func leastWanted(of []*group) []*group {
	of = slices.Clone(of)
	slices.SortStableFunc(of, func(a, b *group) int { return len(b.others) - len(a.others) })
	return of[min(len(of), mostLines):]
}

// grouped joins faults that lack the same thing, unless each is to be told.
func grouped(list []faultLine, each bool) []*group {
	var groups []*group
	byLack := map[string]*group{}
	for _, f := range list {
		key := f.kind + "\n" + f.lack
		if g := byLack[key]; g != nil && f.lack != "" && !each {
			if f.by != g.by {
				g.others[f.by] = true
			}
			continue
		}
		g := &group{f, map[string]bool{}}
		byLack[key] = g
		groups = append(groups, g)
	}
	return groups
}

// andMore stands for lines that only -v shows.
func andMore(n int) string { return fmt.Sprintf("and %d more (-v shows all)", n) }

// hints are the ways out of faults, each once.
func hints(list []faultLine) []string {
	var texts []string
	for _, f := range list {
		if f.Hint != "" && !slices.Contains(texts, f.Hint) {
			texts = append(texts, f.Hint)
		}
	}
	return texts
}

// asks reports whether a flag without a value is on the command line, which may
// be wrong otherwise.
func asks(args []string, names ...string) bool {
	for _, arg := range args[min(1, len(args)):] {
		name := strings.TrimLeft(arg, "-")
		short := "" // flags in front of one that takes a value
		if len(name) == len(arg)-1 {
			short = name[:len(name)-len(strings.TrimLeft(name, "nqv"))]
		}
		switch {
		case arg == "--":
			return false
		case len(name) == len(arg): // an operand, or a flag's value
		case slices.Contains(names, strings.TrimSuffix(name, "=true")):
			return true
		case slices.ContainsFunc(names, func(n string) bool { return len(n) == 1 && strings.Contains(short, n) }):
			return true
		}
	}
	return false
}
