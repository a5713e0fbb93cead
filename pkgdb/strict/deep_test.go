// SPDX-License-Identifier: BSD-2-Clause

package strict_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/strict"
)

// TestDeep takes no more memory for deep values with long names than for flat ones, and
// refuses what is too deep.
func TestDeep(t *testing.T) {
	t.Parallel()
	deep := func(depth, name int) []byte {
		open := fmt.Sprintf(`{"%s":`, strings.Repeat("n", name))
		return []byte(strings.Repeat(open, depth) + "1" + strings.Repeat("}", depth))
	}
	var v any
	if err := strict.Unmarshal(deep(150, 1000), &v); err != nil {
		t.Error(err)
	}
	text := deep(9000, 50)
	result := testing.Benchmark(func(b *testing.B) {
		for range b.N {
			if err := strict.Unmarshal(text, &v); err == nil || !strings.Contains(err.Error(), "deep in one another, wanted at most 200") {
				b.Fatal(err)
			}
		}
	})
	if most := int64(40 * len(text)); result.AllocedBytesPerOp() > most {
		t.Errorf("%d bytes of text take %d bytes of memory, wanted at most %d", len(text), result.AllocedBytesPerOp(), most)
	}
}
