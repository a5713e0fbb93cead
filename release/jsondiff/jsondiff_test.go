// SPDX-License-Identifier: BSD-2-Clause

package jsondiff

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/sum"
)

func TestJSONChanges(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"d":`, 40) + "%s" + strings.Repeat("}", 40)
	long := strings.Repeat("k", 200)
	for _, tt := range []struct{ old, now, want string }{
		{`{"a":1,"b":[true,null]}`, `{ "b": [true, null], "a": 1 }`, ""},
		{`{"a":1}`, `{"a":2,"b":"x"}`, `a: 1 -> 2, b:  -> "x"`},
		{`{"a":9007199254740993}`, `{"a":9007199254740992}`, "a: 9007199254740993 -> 9007199254740992"},
		{`{}`, `{"a":{}}`, "a:  -> {}"},
		{`{"a":[]}`, `{"a":["x"]}`, `a.0:  -> "x"`},
		{`{"a":["x"],"a-b":1}`, `{"a":[],"a-b":1}`, `a.0: "x" -> `},
		{`{"a":"x"}`, `{"a":{"b":1}}`, `a: "x" -> , a.b:  -> 1`},
		{`{"a":1}`, `{"a":2,"a":1}`, "a: 1 -> 2, a again:  -> 1"},
		{`{"a.b":1}`, `{"a":{"b":1}}`, "a.b:  -> 1, a.b: 1 -> "},
		{`{"a":["x"]}`, `{"a":{"0":"x"}}`, `a.0:  -> "x", a.0: "x" -> `},
		{`{"":{"a":1}}`, `{"a":1}`, "a: 1 -> , a:  -> 1"},
		{`{"a":1,"a":2,"a":3}`, `{"a":1,"a":2,"a":4}`, "a again: 3 -> 4"},
		{`{"a":1,"a":{}}`, `{"a":{}}`, "a: 1 -> {}, a again: {} -> "},
		{`{"a":"<&>"}`, `{"a":"<&"}`, `a: "\u003c\u0026\u003e" -> "\u003c\u0026"`},
		{fmt.Sprintf(deep, "1"), fmt.Sprintf(deep, "2"), strings.Repeat("d.", 15) + "d: " + fmt.Sprintf(deep[5*16:len(deep)-16], "1") + " -> " + fmt.Sprintf(deep[5*16:len(deep)-16], "2")},
		{`{"` + long + `":1}`, `{"` + long + `":2}`, long[:100] + "… " + sum.HexSHA256([]byte(long)) + ": 1 -> 2"},
	} {
		var list []string
		for _, c := range Compare(json.RawMessage(tt.old), json.RawMessage(tt.now)) {
			list = append(list, c.Key+": "+c.Old+" -> "+c.New)
		}
		if got := strings.Join(list, ", "); got != tt.want {
			t.Errorf("%s, %s:\ngot  %s\nwant %s", tt.old, tt.now, got, tt.want)
		}
	}
}
