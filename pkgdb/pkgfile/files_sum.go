// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/hex"
	"hash"

	"github.com/orlop/orlop/pkgdb/sum"
)

// spelling is how the sum of a file is written. Nearly all are SHA-256 in hex or, since
// pkg 2.8, BLAKE2b in base 32, whose digests take less memory than their text.
type spelling byte

const (
	none      spelling = iota // there is no sum
	typed                     // "1$" and 64 digits
	bare                      // 64 digits
	blake                     // "2$" and 103 digits; the digest is in Files.text
	otherwise                 // a text of any other form, in Files.text
)

// spellingOf packs a sum, if it is SHA-256 in hex.
func spellingOf(text []byte, into *[32]byte) spelling {
	how, digits := bare, text
	if rest, is := bytes.CutPrefix(text, []byte("1$")); is {
		how, digits = typed, rest
	}
	switch {
	case len(text) == 0:
		return none
	case len(digits) != 2*len(into):
		if _, is := sum.BLAKE2bDigest(text); is {
			return blake
		}
		return otherwise
	}
	for i := range into {
		high, low := nibble[digits[2*i]], nibble[digits[2*i+1]]
		if high|low > 15 {
			*into = [32]byte{}
			return otherwise
		}
		into[i] = high<<4 | low
	}
	return how
}

// inText reports whether something of the sum is in Files.text, after its length.
func (s spelling) inText() bool { return s >= blake }

// nibble has the value of each digit, 255 for what is none. Upper case is none: the
// text must come back as it was.
var nibble = func() (value [256]byte) {
	for c := range value {
		value[c] = 255
	}
	for n, c := range []byte("0123456789abcdef") {
		value[c] = byte(n)
	}
	return value
}()

// text is the opposite of spellingOf.
func (s spelling) text(digest *[32]byte) string {
	var b [2 + 2*len(digest)]byte
	n := 0
	switch s {
	case none:
		return ""
	case typed:
		n = copy(b[:], "1$")
	}
	return string(b[:n+hex.Encode(b[n:], digest[:])])
}

// hash returns a hash for the contents of a file: the one at hand, if it is of the
// right kind.
func (f *Files) hash(i int, at hand) hand {
	kind := f.SumKind(i)
	if at.Hash == nil || at.kind != kind {
		return hand{Hash: sum.Sum(f.Sum(i)).New(), kind: kind}
	}
	at.Reset()
	return at
}

// sameSum compares the sums of two files.
func (f *Files) sameSum(i, j int) bool {
	a, b := &f.list[i], &f.list[j]
	how := f.traits[a.traits].sum
	return how == f.traits[b.traits].sum && a.sum == b.sum && (!how.inText() || f.sumText(i) == f.sumText(j))
}

// hand is a hash at hand.
type hand struct {
	hash.Hash
	kind   sum.Kind
	digest []byte // the last one, whose memory the next one takes
}

// check compares the contents of a file with its sum.
func (f *Files) check(i int, h *hand) error {
	p := &f.list[i]
	switch f.traits[p.traits].sum {
	case none:
		return nil
	case typed, bare:
		if h.digest = h.Sum(h.digest[:0]); bytes.Equal(h.digest, p.sum[:]) {
			return nil
		}
	case blake:
		if h.digest = h.Sum(h.digest[:0]); string(h.digest) == f.sumText(i) {
			return nil
		}
	}
	return sum.Sum(f.Sum(i)).Check("contents", h)
}
