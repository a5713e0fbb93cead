// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Digest is the sha256 of a file's contents. The zero value stands for unknown
// contents.
type Digest [sha256.Size]byte

// Compare orders digests by their bytes.
func (d Digest) Compare(other Digest) int { return bytes.Compare(d[:], other[:]) }

// DigestOf returns the digest of a text.
func DigestOf(text []byte) Digest { return sha256.Sum256(text) }

// ParseDigest reads a digest in hex, or "" for unknown contents.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	if text == "" {
		return d, nil
	}
	if len(text) != hex.EncodedLen(len(d)) {
		return d, fmt.Errorf("sha256 %q has %d digits, wanted %d", text, len(text), hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return Digest{}, fmt.Errorf("sha256 %q: %w", text, err)
	}
	return d, nil
}

// String returns the digest in lower-case hex, "" for unknown contents.
func (d Digest) String() string {
	if d == (Digest{}) {
		return ""
	}
	return hex.EncodeToString(d[:])
}
