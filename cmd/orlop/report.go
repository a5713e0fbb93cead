// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"slices"
	"strings"
)

// mostLines bounds the lines about faults of one kind, unless -v asks for all.
const mostLines = 20

// fail reports the error that ended a run and returns the exit status. stderr
// gets one line per fault; with --json, the last object on stdout lists them all.
func (p *program) fail(a *arguments, args []string, err error) int {
	status := exitStatus(err)
	list := faultsOf(err)
	for _, line := range lines(list, asks(args, "v", "verbose")) {
		_ = p.err.line("orlop: %s", tabbed(line))
	}
	for _, text := range hints(list) {
		_ = p.err.line("orlop: hint: %s", text)
	}
	if helpApplies(err) {
		_ = p.err.line("orlop: hint: see %s --help", a)
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

// group is what one line reports: a fault, or all that lack the same thing.
type group struct {
	faultLine
	others map[string]bool // who else wants it
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

// lines formats faults for people: one line for all that lack the same thing, and
// a few lines of each kind, so that no kind is hidden altogether.
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
	shown := map[string]int{}
	for _, g := range groups {
		if hidden[g] {
			continue
		}
		text = append(text, g.text())
		if shown[g.kind]++; shown[g.kind] == mostLines && more[g.kind] > 0 {
			text = append(text, andMore(more[g.kind]))
		}
	}
	return text
}

// leastWanted returns the groups of a kind that are not shown: where things are
// missing, the ones that the fewest want, otherwise the last ones.
func leastWanted(of []*group) []*group {
	of = slices.Clone(of)
	slices.SortStableFunc(of, func(a, b *group) int { return len(b.others) - len(a.others) })
	return of[min(len(of), mostLines):]
}

// grouped joins faults that lack the same thing, unless each is to be reported.
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

// andMore replaces lines that only -v shows.
func andMore(n int) string { return fmt.Sprintf("and %d more (-v shows all)", n) }

// hints returns the next steps for faults, each once.
func hints(list []faultLine) []string {
	var texts []string
	for _, f := range list {
		if f.Hint != "" && !slices.Contains(texts, f.Hint) {
			texts = append(texts, f.Hint)
		}
	}
	return texts
}

// asks reports whether a flag without a value is on the command line, even if the
// rest of it is wrong.
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
