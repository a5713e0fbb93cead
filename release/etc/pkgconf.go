// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/ucl"
)

// RepositoryConf writes the file with which pkg(8) knows a repository (pkg.conf(5),
// "REPOSITORY CONFIGURATION"): the name, and its keys in the order given, one a line.
// Strings have quotes, booleans are yes and no; a list or an object is on one line.
// Variables of pkg, such as ${ABI}, stay for pkg to expand. The form decides bytes.
//
// The name is also the file's, and may have letters, digits, "_", "-" and ".": another
// has the class usage.
func RepositoryConf(name string, keys *ucl.Object) ([]byte, error) {
	if strings.Trim(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.") != "" || strings.Trim(name, ".") == "" {
		return nil, fault.Usagef("pkg-conf: %q is no name of a repository, wanted letters, digits, _, - and .", name)
	}
	var b strings.Builder
	b.WriteString(confKey(name) + ": {\n")
	for i, m := range keys.Members {
		b.WriteString("  " + confKey(m.Key) + ": " + confValue(m.Value))
		if i+1 < len(keys.Members) {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	return []byte(b.String()), nil
}

// confKey is a key, with quotes unless it is a plain word.
func confKey(key string) string {
	if isVariable(strings.ReplaceAll(key, "-", "_")) && key[0] != '-' {
		return key
	}
	return ucl.Quote(key)
}

func confValue(v ucl.Value) string {
	switch v.Kind {
	case ucl.Null:
		return "null"
	case ucl.Bool:
		if v.Bool {
			return "yes"
		}
		return "no"
	case ucl.Int:
		return strconv.FormatInt(v.Int, 10)
	case ucl.Float:
		text := strconv.FormatFloat(v.Float, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0" // otherwise it would be an integer
		}
		return text
	case ucl.List:
		var list []string
		for _, each := range v.List {
			list = append(list, confValue(each))
		}
		return confBlock("[", list, "]")
	case ucl.Map:
		var list []string
		for _, m := range v.Map.Members {
			list = append(list, confKey(m.Key)+": "+confValue(m.Value))
		}
		return confBlock("{", list, "}")
	}
	return ucl.Quote(v.Text)
}

func confBlock(open string, list []string, end string) string {
	if len(list) == 0 {
		return open + end
	}
	return open + " " + strings.Join(list, ", ") + " " + end
}
