// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/jsondiff"
)

// Plan is a plan in a file, with which a later run compares its own. It has all
// that is known before a package is opened.
type Plan struct {
	Format       int               `json:"format"`
	Orlop        string            `json:"orlop"` // version that wrote it
	Maker        string            `json:"maker"` // sum of the program; a build by another may still be as planned
	Image        string            `json:"image"`
	Revision     string            `json:"revision"`
	Branch       string            `json:"branch"`
	ABI          string            `json:"abi"`
	Epoch        *int64            `json:"epoch"` // seconds: no time is later; null for no such bound
	Annotations  map[string]string `json:"annotations"`
	Repositories []Repository      `json:"repositories"`
	Definitions  []define.Image    `json:"definitions"` // lowest layer first
	Exceptions   define.Exceptions `json:"exceptions"`  // in addition to theirs
	Files        []File            `json:"files"`       // of the source tree, by their paths there
	Packages     []Package         `json:"packages"`    // in the order of installation
}

// PlanFormat is the format of plans. Only the orlop that wrote a plan reads it: make
// keeps it between two commands.
const PlanFormat = 2

// PlanEnding is the suffix of a plan's file name.
const PlanEnding = ".plan.json"

// Encode writes the plan as indented JSON with a newline at its end.
func (f Plan) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	return append(text, '\n'), err
}

// ParsePlan reads what Encode wrote. The name is for error messages.
func ParsePlan(name string, text []byte) (*Plan, error) {
	f := new(Plan)
	err := json.Unmarshal(text, f)
	if err == nil && f.Format != PlanFormat {
		return nil, &VersionError{Err: fmt.Errorf("%s: its format is %d, wanted %d", name, f.Format, PlanFormat), Orlop: f.Orlop}
	}
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		err = dec.Decode(f)
	}
	if err == nil {
		err = strict.Check(text, f)
	}
	switch {
	case err != nil:
		return nil, &fault.UsageError{Err: fmt.Errorf("%s: not a plan: %w", name, strict.Explain(text, err))}
	case f.Image == "":
		return nil, &fault.UsageError{Err: fmt.Errorf("%s: it names no image", name)}
	}
	return f, nil
}

// maxShown bounds, in bytes, two parts of plans that are shown in full.
const maxShown = 400

// Compare reports where a plan differs from the wanted one.
func (f Plan) Compare(want *Plan) []error {
	var errs []error
	for _, part := range []struct {
		what      string
		got, want any
	}{
		{"orlop", f.Orlop, want.Orlop},
		{"the release", f.Revision + "-" + f.Branch + " " + f.ABI, want.Revision + "-" + want.Branch + " " + want.ABI},
		{"the epoch", f.Epoch, want.Epoch},
		{"the annotations", f.Annotations, want.Annotations},
		{"the repositories", f.Repositories, want.Repositories},
		{"the definitions", f.Definitions, want.Definitions},
		{"the exceptions", f.Exceptions, want.Exceptions},
		{"the files", f.Files, want.Files},
		{"the packages", f.Packages, want.Packages},
	} {
		changes := jsondiff.Compare(part.want, part.got)
		if found, planned := asJSON(part.got), asJSON(part.want); len(changes) > 0 && len(found)+len(planned) < maxShown {
			errs = append(errs, fault.Contentf("it is not as planned: %s: found %s, planned %s", part.what, found, planned))
			continue
		}
		for _, c := range changes[:min(len(changes), MaxLockChanges)] {
			found := strings.TrimPrefix(c.Key+" "+fault.Shown(c.New), " ")
			errs = append(errs, fault.Contentf("it is not as planned: %s: found %s, planned %s", part.what, found, fault.Shown(c.Old)))
		}
		if n := len(changes) - MaxLockChanges; n > 0 {
			errs = append(errs, fault.Contentf("it is not as planned: %s: %s", part.what, fault.Counted(n, "more difference")))
		}
	}
	return errs
}

// asJSON returns a part of a plan as its file has it.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type that JSON cannot encode
	}
	return string(text)
}
