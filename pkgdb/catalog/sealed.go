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

// LooksSealed reports whether a file begins as the archive of a signed catalogue
// does, in which the signature stands first. It reads no more than that.
func LooksSealed(r io.Reader) bool {
	plain, err := packing.NewReader(io.LimitReader(r, maxSignature))
	if err != nil {
		return false
	}
	defer plain.Close()
	h, err := tar.NewReader(io.LimitReader(plain, maxSignature)).Next()
	return err == nil && (h.Name == "signature" || strings.HasSuffix(h.Name, ".sig") || strings.HasSuffix(h.Name, ".pub"))
}

// SealedDigest returns the digest of the payload in an archive that was kept, as
// Catalogue.Digest. Whether it is signed by anybody is not looked at.
func SealedDigest(ctx context.Context, archive []byte) (string, error) {
	a := keptArchive(archive)
	e, err := a.unseal(ctx)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(e.payload.SHA256[:]), nil
}
