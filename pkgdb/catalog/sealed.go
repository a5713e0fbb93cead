// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"archive/tar"
	"context"
	"encoding/hex"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb/packing"
)

// LooksSealed reports whether a file begins like the archive of a signed
// catalogue, in which the signature comes first. It reads no more than that.
func LooksSealed(r io.Reader) bool {
	plain, err := packing.NewReader(io.LimitReader(r, maxSignature))
	if err != nil {
		return false
	}
	defer plain.Close()
	h, err := tar.NewReader(io.LimitReader(plain, maxSignature)).Next()
	return err == nil && (h.Name == "signature" || strings.HasSuffix(h.Name, ".sig") || strings.HasSuffix(h.Name, ".pub"))
}

// SealedDigest returns the digest of the payload in a kept archive, as in
// Catalogue.Digest. It does not check any signature.
func SealedDigest(ctx context.Context, archive []byte) (string, error) {
	a := keptArchive(archive)
	e, err := a.unseal(ctx)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(e.payload.SHA256[:]), nil
}
