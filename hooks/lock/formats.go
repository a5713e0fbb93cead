// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"encoding/json"
	"fmt"

	"github.com/orlop/orlop/pkgdb/strict"
)

// The formats that this version writes. Either number changes once a release at
// most; until 0.1.0 is released, all changes share one.
const (
	Format     = 2 // of locks
	ByteFormat = 1 // of images: equal inputs give equal bytes within one
)

// version says which orlop knows a format.
type version struct {
	number int
	orlop  string // the last version that reads it, or makes these bytes; "" for this one
}

// formats lists every lock format. Those of a release stay readable; a field that
// a format lacks is the zero value.
//
//	1  development of 0.1.0: without the sums of generated files
//	2  0.1.0
var formats = []version{{1, ""}, {2, ""}}

// byteFormats lists every byte format of images. A release writes its own and those
// of the two releases before it; an older one names the version that still can.
//
//	1  0.1.0
var byteFormats = []version{{1, ""}}

// checkFormat refuses a format that this version does not know. The error names
// writer, the orlop that wrote the lock, as one that can read it.
func checkFormat(what string, known []version, number int, writer string) error {
	for _, v := range known {
		if v.number != number {
			continue
		}
		if v.orlop == "" {
			return nil
		}
		writer = v.orlop
	}
	wanted := fmt.Sprint(known[0].number)
	if n := len(known); n > 1 {
		wanted += fmt.Sprintf(" to %d", known[n-1].number)
	}
	return &VersionError{fmt.Errorf("its %s is %d, wanted %s", what, number, wanted), writer}
}

// readFormat checks the format numbers before anything else is decoded.
func readFormat(text []byte) error {
	var head struct {
		Format int    `json:"format"`
		Bytes  int    `json:"byte_format"`
		Orlop  string `json:"orlop"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return strict.Explain(text, err)
	}
	if err := checkFormat("format", formats, head.Format, head.Orlop); err != nil {
		return err
	}
	return checkFormat("byte format", byteFormats, max(head.Bytes, 1), head.Orlop)
}

// HasGenerated reports whether the lock has the sums of generated files.
func (l *Lock) HasGenerated() bool { return l.Format >= 2 }
