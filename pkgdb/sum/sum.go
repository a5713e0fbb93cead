// SPDX-License-Identifier: BSD-2-Clause

// Package sum reads and computes the typed sums that pkg(8) puts on files,
// packages and manifests (libpkg/pkg_checksum.c).
//
// A sum is written TYPE$VALUE. Type 1 is SHA-256 in hex; types 0 and 2 are
// SHA-256 and BLAKE2b-512 in pkg's base32. A value without a type is SHA-256 in
// hex, as in catalogues of pkg 2.7 and earlier. The raw types (3, 4, 6) never
// occur in files, and no release of pkg wrote type 5, BLAKE2s, by default: they
// are not supported.
package sum

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"golang.org/x/crypto/blake2b"
)

func HexSHA256(text []byte) string {
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:])
}

// Kind is the type number of a sum.
type Kind byte

// The kinds that occur in packages and catalogues.
const (
	SHA256Base32 Kind = '0'
	SHA256       Kind = '1'
	BLAKE2b      Kind = '2'
)

// length is that of a sum's value: SHA-256 in base32 and hex, BLAKE2b in base32.
var length = map[Kind]int{SHA256Base32: 52, SHA256: 64, BLAKE2b: 103}

// Sum is a sum as pkg writes it, such as "2$s8deq…" or 64 hex digits. The zero
// value is no sum. Sums of one kind and spelling are equal when the bytes are.
type Sum string

// MismatchError reports that bytes are not the promised ones.
type MismatchError struct {
	Subject string // what was hashed, for messages
	Found   Sum
	Wanted  Sum
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s: sum is %s, wanted %s", e.Subject, e.Found, e.Wanted)
}

// Wrong reports that the bytes exist and are wrong.
func (*MismatchError) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *MismatchError) Parts() (what, where, found, wanted string) {
	return "sum", e.Subject, string(e.Found), string(e.Wanted)
}

// Parse checks that s is a sum of a supported kind and of the right length.
func Parse(s string) (Sum, error) {
	kind, value := Sum(s).split()
	if kind == 0 {
		return "", fmt.Errorf("sum %q: type is not one of 0, 1 and 2", s)
	}
	if n := length[kind]; len(value) != n {
		return "", fmt.Errorf("sum %q: value has %d characters, wanted %d", s, len(value), n)
	}
	digits := &base32Digits
	if kind == SHA256 {
		digits = &hexDigits
	}
	for i := range len(value) {
		if !digits[value[i]] {
			return "", fmt.Errorf("sum %q: %q is not a digit of it, wanted %s", s, value[i], map[Kind]string{SHA256: "hexadecimal ones", BLAKE2b: "those of pkg's base 32"}[kind])
		}
	}
	return Sum(s), nil
}

// Of returns the sum of data.
func Of(kind Kind, data []byte) Sum {
	h := newHash(kind)
	h.Write(data)
	return kind.Format(h.Sum(nil))
}

// OfLink returns the sum of a symbolic link. pkg hashes the target; for an
// absolute one it hashes what follows the first slash, and a NUL byte.
func OfLink(kind Kind, target string) Sum {
	if strings.HasPrefix(target, "/") {
		target = target[1:] + "\x00"
	}
	return Of(kind, []byte(target))
}

// Kind returns the kind of a parsed sum.
func (s Sum) Kind() Kind {
	k, _ := s.split()
	return k
}

// Typed returns the sum with its type, which 64 bare hex digits lack.
func (s Sum) Typed() Sum {
	if k, value := s.split(); value == string(s) {
		return k.Format(nil) + s
	}
	return s
}

// Format writes a digest as a sum of the kind.
func (k Kind) Format(digest []byte) Sum {
	return Sum(string(k) + "$" + encode(k, digest))
}

// New returns a hash that computes sums of the kind of s.
func (s Sum) New() hash.Hash { return newHash(s.Kind()) }

// Check compares what was written to h, which came from s.New, with s.
func (s Sum) Check(subject string, h hash.Hash) error {
	kind, value := s.split()
	got := encode(kind, h.Sum(nil))
	if got == value {
		return nil
	}
	return &MismatchError{Subject: subject, Found: s[:len(s)-len(value)] + Sum(got), Wanted: s}
}

// split returns kind 0 for a sum that Parse refuses.
func (s Sum) split() (Kind, string) {
	kind, value, typed := strings.Cut(string(s), "$")
	if !typed {
		return SHA256, string(s)
	}
	switch kind {
	case "0", "1", "2":
		return Kind(kind[0]), value
	}
	return 0, ""
}

func newHash(k Kind) hash.Hash {
	if k != BLAKE2b {
		return sha256.New()
	}
	h, err := blake2b.New512(nil)
	if err != nil { // only a key can be wrong; there is none
		panic(err)
	}
	return h
}

func encode(k Kind, digest []byte) string {
	if k == SHA256 {
		return hex.EncodeToString(digest)
	}
	return base32(digest)
}

// alphabet is that of z-base-32.
const alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"

// A repository has thousands of sums, hence tables.
var base32Digits, hexDigits = table(alphabet), table("0123456789abcdef")

// base32Values are those of the digits.
var base32Values = func() (value [256]byte) {
	for i := range len(alphabet) {
		value[alphabet[i]] = byte(i)
	}
	return value
}()

func table(digits string) (is [256]bool) {
	for i := range len(digits) {
		is[digits[i]] = true
	}
	return is
}

// BLAKE2bSize is how many bytes a BLAKE2b digest has.
const BLAKE2bSize = blake2b.Size

// BLAKE2bDigest reads the digest of a typed BLAKE2b sum. It is false for any text that
// Format does not write.
func BLAKE2bDigest(text []byte) (digest [BLAKE2bSize]byte, ok bool) {
	digits, typed := bytes.CutPrefix(text, []byte("2$"))
	if !typed || len(digits) != length[BLAKE2b] {
		return digest, false
	}
	var acc, bits uint
	n := 0
	for _, c := range digits {
		if !base32Digits[c] {
			return digest, false
		}
		acc |= uint(base32Values[c]) << bits
		if bits += 5; bits >= 8 {
			digest[n] = byte(acc)
			n, acc, bits = n+1, acc>>8, bits-8
		}
	}
	return digest, acc == 0 // the last digit has fewer bits
}

// base32 takes five bits at a time, the least significant of each byte first,
// without padding (libpkg/pkg_checksum.c).
func base32(data []byte) string {
	out := make([]byte, 0, (len(data)*8+4)/5)
	var acc, bits uint
	for _, b := range data {
		acc |= uint(b) << bits
		for bits += 8; bits >= 5; bits -= 5 {
			out = append(out, alphabet[acc&31])
			acc >>= 5
		}
	}
	if bits > 0 {
		out = append(out, alphabet[acc&31])
	}
	return string(out)
}
