// SPDX-License-Identifier: BSD-2-Clause

// Command bench makes repositories of any size from the files of the Go
// distribution, for bench.sh.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: bench DIR MEGABYTES")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	return writeRepo(args[0], size<<20, none)
}
