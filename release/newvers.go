// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"regexp"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Newvers are the variables of sys/conf/newvers.sh that name a release.
type Newvers struct{ Type, Revision, Branch string }

var newversForm = regexp.MustCompile(`(?m)^(TYPE|REVISION|BRANCH)=(?:"([A-Za-z0-9._-]+)"|([A-Za-z0-9._-]+))[ \t]*$`)

// ReadNewvers reads sys/conf/newvers.sh. As for release/Makefile, only
// assignments of plain words at the start of a line count, and the last one
// wins.
func ReadNewvers(name string, text []byte) (Newvers, error) {
	var v Newvers
	fields := map[string]*string{"TYPE": &v.Type, "REVISION": &v.Revision, "BRANCH": &v.Branch}
	for _, m := range newversForm.FindAllSubmatch(text, -1) {
		*fields[string(m[1])] = string(m[2]) + string(m[3])
	}
	for _, key := range []string{"TYPE", "REVISION", "BRANCH"} {
		if *fields[key] == "" {
			return v, fault.Usagef("%s: has no line %s=\"…\"", name, key)
		}
	}
	return v, nil
}
