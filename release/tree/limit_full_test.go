// SPDX-License-Identifier: BSD-2-Clause

//go:build full && !race

package tree

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestLimit reads files with as many entries as are taken, and with three more.
// What is too many is counted.
func TestLimit(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2_000_000, 2_000_003} {
		var mtree, log strings.Builder
		mtree.WriteString("# a listing\n/set type=file uname=root gname=wheel mode=0644\n")
		log.WriteString("# a log\n")
		for i := range n {
			fmt.Fprintf(&mtree, "./%07d\n", i)
			fmt.Fprintf(&log, "./%07d type=file uname=root gname=wheel mode=644\n", i)
		}
		_, mtreeErr := ReadMtree(strings.NewReader(mtree.String()), "x.mtree", "/")
		_, logErr := ReadMetalog(strings.NewReader(log.String()), "x.METALOG", func(string) bool { return true })
		for name, err := range map[string]error{"x.mtree": mtreeErr, "x.METALOG": logErr} {
			want := name + ": has 2000003 entries, wanted at most 2000000"
			if n == 2_000_000 && err != nil || n > 2_000_000 && (err == nil || err.Error() != want) {
				t.Errorf("%d entries: got %v, want %s", n, err, want)
			}
			if _, limit := errors.AsType[*LimitError](err); limit != (n > 2_000_000) {
				t.Errorf("%d entries: got %T", n, err)
			}
		}
	}
}
