// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import "github.com/orlop/orlop/pkgdb/fault"

// Comparison collects what differs at one path.
type Comparison struct {
	Subject string
	Errs    []error
}

// AsDatabase says where the wanted value comes from.
const AsDatabase = "as the pkg database has it"

func (c *Comparison) Fact(name, found, wanted string) { c.Differs(name, found, wanted, AsDatabase) }

func (c *Comparison) Differs(name, found, wanted, says string) {
	if found != wanted {
		c.Errs = append(c.Errs, &Fault{Subject: c.Subject, Fact: name, Found: fault.Shown(found), Wanted: fault.Shown(wanted) + ", " + says})
	}
}
