// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/ucl"
)

func TestRepositoryConf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, keys, want string }{
		{"local", `url = "pkg+https://pkg.example.org/${ABI}/latest"; enabled = yes; priority = 10; mirror_type = srv`,
			"local: {\n  url: \"pkg+https://pkg.example.org/${ABI}/latest\",\n  enabled: yes,\n  priority: 10,\n  mirror_type: \"srv\"\n}\n"},
		{"FreeBSD-ports.1", `enabled: off; list = [ a, "b\"c\\", "yes", no, 1k, 1.0, null ]; env { A = "x\ny"; "k k" = []; B {} }`,
			"\"FreeBSD-ports.1\": {\n  enabled: no,\n  list: [ \"a\", \"b\\\"c\\\\\", \"yes\", no, 1000, 1.0, null ],\n  env: { A: \"x\\ny\", \"k k\": [], B: {} }\n}\n"},
		{"1", ``, "\"1\": {\n}\n"},
	} {
		keys, err := ucl.Parse("x", []byte(tt.keys), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := RepositoryConf(tt.name, keys)
		if d := cmp.Diff(tt.want, string(got)); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", tt.name, err, d)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "a b", "ä", "a\n"} {
		if _, err := RepositoryConf(name, &ucl.Object{}); err == nil || fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

// FuzzRepositoryConf reads what was written as what it was.
func FuzzRepositoryConf(f *testing.F) {
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		keys, err := ucl.ParseBytes("x", text)
		if err != nil {
			return
		}
		conf, err := RepositoryConf(name, keys)
		if err != nil {
			return
		}
		back, err := ucl.ParseBytes("conf", conf)
		if err != nil {
			t.Fatalf("%q: %v", conf, err)
		}
		if len(back.Members) != 1 || back.Members[0].Key != name || back.Members[0].Value.Kind != ucl.Map {
			t.Fatalf("%q: found %d members", conf, len(back.Members))
		}
		if d := cmp.Diff(string(keys.JSON()), string(back.Members[0].Value.Map.JSON())); d != "" {
			t.Errorf("%q (-written +read)\n%s", conf, d)
		}
		if again, err := RepositoryConf(name, back.Members[0].Value.Map); string(again) != string(conf) || err != nil {
			t.Errorf("%q, written again, is %q, %v", conf, again, err)
		}
	})
}
