// SPDX-License-Identifier: BSD-2-Clause

package signature

import (
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
)

// Judge says what a signature claims, and why it does not count for these bytes; "" if
// it does. It must name the repository, "" for any: only a bundle names none.
func (f Found) Judge(keys attest.Trust, d digest.Digest, repository string) (claim attest.Claim, why string) {
	claim, err := keys.Verify(f.Signature)
	switch {
	case err != nil:
		return claim, err.Error()
	case !slices.Contains(claim.Digests, d):
		return claim, fmt.Sprintf("is of %s", claim.Digests[0])
	case f.Form != attest.FormBundle && repository != "" && RepositoryOf(claim.Identity) != repository:
		return claim, "is for another repository, wanted " + repository
	}
	return claim, ""
}

// RepositoryOf is the repository of a name, without its tag; "" if it is none.
func RepositoryOf(name string) string {
	ref, err := registry.ParseReference(name)
	if err != nil {
		return ""
	}
	return ref.Name()
}
