// SPDX-License-Identifier: BSD-2-Clause

// Command bench compares orlop with other ways to turn packages into a layer, on
// repositories that it makes from files of the Go distribution. bench.sh builds and
// runs it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is one of
//
//	bench repo DIR MEGABYTES            make a repository
//	bench floor REPO METHOD             time the single steps; for compare
//	bench compare [-n ROUNDS] [-a OTHER] [-p] ORLOP DIR MEGABYTES...
//	bench entries [-n ROUNDS] [-k PKG] ORLOP DIR FILES...
//	bench own [-n ROUNDS] ORLOP DIR PACKAGES
//	bench plans [-n ROUNDS] [-a OTHER] [-k PKG] ORLOP DIR PACKAGES
func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("wanted repo, floor, compare, entries, own or plans")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	rounds := flags.Int("n", 5, "rounds; the figures are medians")
	other := flags.String("a", "", "compare with this orlop only")
	pkg := flags.String("k", "", "a pkg(8) to compare with")
	push := flags.Bool("p", false, "compare pushing with skopeo only")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	rest := flags.Args()
	switch {
	case args[0] == "repo" && len(rest) == 2:
		size, err := megabytes(rest[1])
		if err != nil {
			return err
		}
		return writeRepo(rest[0], size, none)
	case args[0] == "floor" && len(rest) == 2:
		return floor(os.Stdout, rest[0], rest[1])
	case args[0] == "compare" && len(rest) >= 3:
		for _, arg := range rest[2:] {
			size, err := megabytes(arg)
			if err != nil {
				return err
			}
			b := &bench{orlop: rest[0], dir: filepath.Join(rest[1], arg), size: size, rounds: *rounds, out: os.Stdout}
			do := b.compare
			if *other != "" {
				do = func() error { return b.against(*other) }
			}
			if *push {
				do = b.pushes
			}
			if err := do(); err != nil {
				return fmt.Errorf("%s MB: %w", arg, err)
			}
		}
		return nil
	case args[0] == "entries" && len(rest) >= 3:
		var counts []int
		for _, arg := range rest[2:] {
			n, err := strconv.Atoi(arg)
			if err != nil || n <= base {
				return fmt.Errorf("%q is not a number of files above %d", arg, base)
			}
			counts = append(counts, n)
		}
		return (&bench{orlop: rest[0], dir: filepath.Join(rest[1], "entries"), rounds: *rounds, out: os.Stdout}).entries(*pkg, counts)
	case args[0] == "own" && len(rest) == 3:
		n, err := strconv.Atoi(rest[2])
		if err != nil || n < 2 {
			return fmt.Errorf("%q is not a number of packages", rest[2])
		}
		return (&bench{orlop: rest[0], dir: filepath.Join(rest[1], "own"), size: 100e6, rounds: *rounds, out: os.Stdout}).own(n)
	case args[0] == "plans" && len(rest) == 3:
		n, err := strconv.Atoi(rest[2])
		if err != nil || n < 2 {
			return fmt.Errorf("%q is not a number of packages", rest[2])
		}
		return (&bench{orlop: rest[0], dir: filepath.Join(rest[1], "plans"), rounds: *rounds, out: os.Stdout}).plans(*other, *pkg, n)
	}
	return fmt.Errorf("%s: wrong number of operands", args[0])
}

func megabytes(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number of megabytes", s)
	}
	return n * 1e6, nil
}
