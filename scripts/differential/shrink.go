// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// excused are the messages of orlop for differences that the manual page lists.
var excused = regexp.MustCompile(strings.Join([]string{
	"which several packages provide", // pkg's solver chooses, orlop asks
	"with different bytes and equal priority",
	"depend on each other in a circle",
	"path is not absolute",               // pkg takes it relative to where it runs
	"it conflicts with",                  // pkg does not keep conflicts of a catalogue
	"which .* provides, and .* does not", // pkg leaves out a request
}, "|"))

// listed reports whether the manual page lists the difference. Pkg also needs more
// from a catalogue than orlop does.
func listed(theirs, ours outcome) bool {
	return excused.MatchString(ours.log) || strings.Contains(theirs.log, "NOT NULL constraint failed: packages.")
}

// kind is how two outcomes differ, to the extent that a smaller case must, too.
func kind(theirs, ours outcome) string {
	switch {
	case difference(theirs, ours) == "" || listed(theirs, ours):
		return ""
	case theirs.status == 0 && ours.status == 0:
		return "installed"
	}
	return fmt.Sprint(theirs.status == 0)
}

// shrink removes from a case whatever the difference does not need.
func (pkg reference) shrink(c *Case, want string) *Case {
	for again := true; again; {
		again = false
		for _, smaller := range c.smaller() {
			if theirs, ours := pkg.both(smaller); kind(theirs, ours) == want {
				c, again = smaller, true
				break
			}
		}
	}
	return c
}

// clone copies the parts of a case that smaller changes.
func (c *Case) clone() *Case {
	out := *c
	out.Repos = slices.Clone(c.Repos)
	for i := range out.Repos {
		out.Repos[i].Packages = slices.Clone(out.Repos[i].Packages)
	}
	return &out
}

// smaller lists the cases with one thing less, the largest thing first.
func (c *Case) smaller() []*Case {
	var list []*Case
	try := func(change func(*Case)) {
		out := c.clone()
		change(out)
		list = append(list, out)
	}
	for i := range c.Request {
		if len(c.Request) > 1 {
			try(func(c *Case) { c.Request = slices.Delete(slices.Clone(c.Request), i, i+1) })
		}
	}
	for i, r := range c.Repos {
		if r.Form != Data {
			try(func(c *Case) { c.Repos[i].Form = Data })
		}
		for j := range r.Packages {
			try(func(c *Case) { c.Repos[i].Packages = slices.Delete(c.Repos[i].Packages, j, j+1) })
		}
	}
	for i, r := range c.Repos {
		for j, p := range r.Packages {
			p.smaller(func(q Package) { try(func(c *Case) { c.Repos[i].Packages[j] = q }) })
		}
	}
	return list
}

// needed are the keys that every package must have.
var needed = []string{"name", "version", "origin", "comment", "desc", "maintainer", "www", "prefix", "abi", "arch"}

func (p Package) smaller(try func(Package)) {
	with := func(change func(*Package)) {
		q := p
		q.Keys, q.Files, q.Members = slices.Clone(p.Keys), slices.Clone(p.Files), slices.Clone(p.Members)
		change(&q)
		try(q)
	}
	if p.UCL {
		with(func(q *Package) { q.UCL = false })
	}
	if p.Compression != "" {
		with(func(q *Package) { q.Compression = "" })
	}
	if p.Relative != "/" {
		with(func(q *Package) { q.Relative = "/" })
	}
	if p.NoCompact {
		with(func(q *Package) { q.NoCompact = false })
	}
	if p.Members != nil {
		with(func(q *Package) { q.Members = nil })
	}
	if p.Files != nil {
		with(func(q *Package) {
			q.Files = nil
			q.drop("files")
			q.drop("directories")
		})
	}
	for i, k := range p.Keys {
		if !slices.Contains(needed, k.Name) {
			with(func(q *Package) { q.Keys = slices.Delete(q.Keys, i, i+1) })
		}
	}
}

// String formats a case.
func (c *Case) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "request %q, conf %q\n", c.Request, c.Conf)
	for i, r := range c.Repos {
		fmt.Fprintf(&b, "%s (%s)\n", repoNames[i], r.Form)
		for _, p := range r.Packages {
			fmt.Fprintf(&b, "\t%s", p.manifest(true, p.UCL))
			fmt.Fprintf(&b, " %v %s %t %q %+v\n", p.Members, p.Compression, p.NoCompact, p.Relative, p.Files)
		}
	}
	return b.String()
}
