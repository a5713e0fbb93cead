// SPDX-License-Identifier: BSD-2-Clause

package ucl

import "testing"

// TestForms tells strings apart by how they were written: readers expand variables of
// their own in some of them only.
func TestForms(t *testing.T) {
	t.Parallel()
	o, err := Parse("x", []byte("raw = 'a${V}'\nquoted = \"a\"\nbare = a\nlines = <<EOT\na\nEOT\nlist = [ 'a', \"a\" ]\n"), map[string]string{"V": "1"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][2]bool{"raw": {true, false}, "quoted": {false, false}, "bare": {false, false}, "lines": {false, true}} {
		if v, _ := o.Get(key); v.Raw != want[0] || v.Lines != want[1] {
			t.Errorf("%s: got raw %t, lines %t, want %v", key, v.Raw, v.Lines, want)
		}
	}
	list, _ := o.Get("list")
	if !list.List[0].Raw || list.List[1].Raw || list.Raw {
		t.Errorf("got %+v, want that the first element alone is raw", list)
	}
	for text, want := range map[string]string{"$V$W": "1$W", "$$V": "$$V", "$$ $V": "$ 1", "${V}${W}": "1${W}", "$W": "$W", "": ""} {
		if got := Expand(text, map[string]string{"V": "1"}); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
