// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// Ending is the suffix of a lock's file name.
const Ending = ".lock.json"

var notInFileNames = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// CatalogueName returns the name under which the catalogue of a repository is
// published.
func CatalogueName(repository string) string {
	return release.ArtifactName("catalogue-"+notInFileNames.ReplaceAllString(repository, "_")) + ".pkg"
}

// EarlierName returns the name under which a catalogue is published that is not the
// only one of its name. Its digest is that of Parse.
func EarlierName(repository, digest string) string {
	return CatalogueName(repository + "-" + digest[:12])
}

// DirectoriesDigest returns the sha256 of the headers of a layer's directories.
func DirectoriesDigest(ctx context.Context, dirs []*tree.Node) (string, error) {
	h := sha256.New()
	w := tarfile.NewWriter(until.Writer(ctx, h))
	for _, n := range dirs {
		if err := w.Entry(n, nil); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// The types of what is attached to a published image: its lock, and the signed
// catalogues that vouch for it.
const (
	MediaType          = "application/vnd.orlop.lock.v1+json"
	CatalogueMediaType = "application/vnd.orlop.catalogue.v1"
)
