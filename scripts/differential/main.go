// SPDX-License-Identifier: BSD-2-Clause

// Differential installs random repositories with the real pkg(8) and with orlop,
// and prints the first difference, reduced to a small case:
//
//	differential PKG ORLOP SEED COUNT [DIR]
//
// PKG and ORLOP are the programs. A case in which they differ is saved in DIR, in
// the form of the cases in testdata.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

func main() {
	args := append(os.Args[1:], "") // DIR may be absent
	if len(args) < 5 {
		usage()
	}
	seed, wrong := strconv.ParseUint(args[2], 10, 64)
	count, bad := strconv.ParseUint(args[3], 10, 64)
	if wrong != nil || bad != nil {
		usage()
	}
	pkg := reference{args[0], args[1]}
	if !pkg.compare(seed, count, args[4]) {
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: differential PKG ORLOP SEED COUNT [DIR], SEED and COUNT numbers")
	os.Exit(2)
}

// tally counts how cases ended.
type tally struct {
	sync.Mutex
	same, refused, aborted, listed, differ int
}

// compare runs the cases of seeds, two at a time, and reports whether all agree.
func (pkg reference) compare(seed, count uint64, keep string) bool {
	var t tally
	var wait sync.WaitGroup
	next := make(chan uint64)
	for range 2 {
		wait.Go(func() {
			for s := range next {
				pkg.one(s, keep, &t)
			}
		})
	}
	for s := seed; s < seed+count; s++ {
		next <- s
	}
	close(next)
	wait.Wait()
	fmt.Printf("seeds %d to %d: %d the same, %d refused by both, %d at which pkg aborts, %d as the manual lists, %d differ\n",
		seed, seed+count-1, t.same, t.refused, t.aborted, t.listed, t.differ)
	return t.differ == 0
}

func (pkg reference) one(seed uint64, keep string, t *tally) {
	c := random(rand.New(rand.NewPCG(seed, 0)))
	theirs, ours := pkg.both(c)
	diff := difference(theirs, ours)
	t.Lock()
	defer t.Unlock()
	switch {
	case theirs.status < 0:
		t.aborted++
	case diff == "" && theirs.status != 0:
		t.refused++
	case diff == "":
		t.same++
	case listed(theirs, ours):
		t.listed++
	default:
		t.differ++
		if t.differ > 1 {
			fmt.Printf("seed %d differs, too: %.200s\n", seed, diff)
			return
		}
		c = pkg.shrink(c, kind(theirs, ours))
		theirs, ours = pkg.both(c)
		fmt.Printf("seed %d:\n%s\n%s\npkg's log:\n%s\n", seed, c, difference(theirs, ours), theirs.log)
		if keep != "" {
			dir := filepath.Join(keep, fmt.Sprint("seed-", seed))
			check(c.write(dir, pkg))
			theirs.record(dir)
		}
	}
}

// both installs a case with both programs.
func (pkg reference) both(c *Case) (theirs, ours outcome) {
	work, err := os.MkdirTemp("", "differential")
	check(err)
	defer os.RemoveAll(work)
	dir := filepath.Join(work, "case")
	if err := c.write(dir, pkg); err != nil { // pkg(8) itself cannot make a repository of it
		return outcome{status: 1, log: err.Error()}, outcome{status: 1}
	}
	return pkg.install(dir, filepath.Join(work, "pkg")), pkg.build(dir, filepath.Join(work, "orlop"))
}
