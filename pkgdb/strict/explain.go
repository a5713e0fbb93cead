// SPDX-License-Identifier: BSD-2-Clause

package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Explain says where a JSON document is wrong and what is wanted there, in
// JSON's terms.
func Explain(text []byte, err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%w, in line %d", err, line(text, syntax.Offset))
	}
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	wanted := "a number"
	switch wrong.Type.Kind().String() {
	case "string", "bool":
		wanted = "a " + wrong.Type.Kind().String()
	case "slice":
		wanted = "an array"
	case "struct", "map":
		wanted = "an object"
	}
	what := ""
	if wrong.Field != "" {
		what = wrong.Field + ": "
	}
	return fmt.Errorf("%sfound %s, wanted %s, in line %d", what, wrong.Value, wanted, line(text, wrong.Offset))
}

func line(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
}
