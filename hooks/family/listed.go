// SPDX-License-Identifier: BSD-2-Clause

package family

import (
	"errors"
	"slices"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release"
)

// Listed finds images and locks whose sha256 is not in lists of digests, whatever they
// are called there.
func Listed(members []*Member, lists []release.Checksum) error {
	has := func(hex string) bool {
		return slices.ContainsFunc(lists, func(c release.Checksum) bool { return c.Hex == hex })
	}
	var errs []error
	for _, m := range members {
		if d := m.Descriptor.Digest; !has(d.Encoded()) {
			errs = append(errs, fault.Contentf("%s: its manifest %s is not in the lists of digests", m.Ref.Name, d))
		}
		if m.Lock == nil {
			continue
		}
		if hex := sum.HexSHA256(m.Lock.Text); !has(hex) {
			errs = append(errs, fault.Contentf("%s: its lock with sha256 %s is not in the lists of digests", m.Ref.Name, hex))
		}
	}
	return errors.Join(errs...)
}
