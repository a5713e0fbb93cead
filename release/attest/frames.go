// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Types of OpenPGP packets (RFC 9580, section 5).
const (
	tagSignature    = 2
	tagOnePass      = 4
	tagSecretKey    = 5
	tagPublicKey    = 6
	tagSecretSubkey = 7
	tagCompressed   = 8
	tagMarker       = 10
	tagLiteral      = 11
	tagTrust        = 12
	tagUserID       = 13
	tagPublicSubkey = 14
	tagAttribute    = 17
)

// frame is a packet before anybody has read it. Readers of OpenPGP pass over packets
// that they do not know; here, what is passed over must be known.
type frame struct {
	tag  int
	body []byte // without partial lengths
}

// errFrame is a packet that has no end, or no beginning.
var errFrame = errors.New("is not a sequence of OpenPGP packets")

// frames takes packets apart, to the last byte (RFC 9580, section 4.2).
func frames(text []byte) ([]frame, error) {
	var list []frame
	for len(text) > 0 {
		b := text[0]
		if b&0x80 == 0 {
			return nil, errFrame
		}
		f := frame{tag: int(b & 0x3f)}
		var rest []byte
		var ok bool
		if b&0x40 != 0 {
			f.body, rest, ok = newBody(text[1:])
		} else {
			f.tag = int(b >> 2 & 0x0f)
			f.body, rest, ok = oldBody(text[1:], b&3)
		}
		if !ok {
			return nil, errFrame
		}
		list, text = append(list, f), rest
	}
	return list, nil
}

// newBody reads the length of a packet in the format of today, and its body, which may
// come in parts.
func newBody(text []byte) (body, rest []byte, ok bool) {
	for len(text) > 0 {
		n, used, partial := int(text[0]), 1, false
		switch {
		case n < 192:
		case n < 224 && len(text) > 1:
			n, used = (n-192)<<8+int(text[1])+192, 2
		case n == 255 && len(text) > 4:
			n, used = int(binary.BigEndian.Uint32(text[1:])&0x7fffffff), 5
		case n >= 224 && n < 255:
			n, partial = 1<<(n&0x1f), true
		default:
			return nil, nil, false
		}
		if len(text)-used < n {
			return nil, nil, false
		}
		body, text = append(body, text[used:used+n]...), text[used+n:]
		if !partial {
			return body, text, true
		}
	}
	return nil, nil, false
}

// oldBody does so for the format before.
func oldBody(text []byte, kind byte) (body, rest []byte, ok bool) {
	if kind == 3 { // to the end
		return text, nil, true
	}
	used := 1 << kind
	if len(text) < used {
		return nil, nil, false
	}
	n := 0
	for _, b := range text[:used] {
		n = n<<8 | int(b)
	}
	if n < 0 || len(text)-used < n {
		return nil, nil, false
	}
	return text[used : used+n], text[used+n:], true
}

// tags lists the types of some packets.
func tags(list []frame) []int {
	var all []int
	for _, f := range list {
		all = append(all, f.tag)
	}
	return all
}

// gnupgHeader is the only header of armour that is taken: people read the others, and
// nobody signs them.
var gnupgHeader = regexp.MustCompile(`^Version: GnuPG v?[0-9.]+( \([A-Za-z0-9/ .-]{1,30}\))?$`)

// Forms of the lines of armour.
var (
	base64Line   = regexp.MustCompile(`^[A-Za-z0-9+/]{1,76}={0,2}$`)
	checksumLine = regexp.MustCompile(`^=[A-Za-z0-9+/]{4}$`)
)

// unarmoured reads one block of armour with nothing in it but what it is for (RFC 9580,
// section 6.2), and returns the lines behind it. Its checksum says nothing that a
// signature does not say better.
func unarmoured(lines []string, kind string) (body []byte, rest []string, err error) {
	bad := func(what string) ([]byte, []string, error) {
		return nil, nil, fmt.Errorf("has a %s %s", kind, what)
	}
	if len(lines) == 0 || strings.TrimRight(lines[0], " \t") != "-----BEGIN "+kind+"-----" {
		return nil, nil, fmt.Errorf("has no %s where one was wanted", kind)
	}
	for lines = lines[1:]; len(lines) > 0 && gnupgHeader.MatchString(lines[0]); {
		lines = lines[1:]
	}
	if len(lines) == 0 || strings.TrimRight(lines[0], " \t") != "" {
		return bad("with a header that may say anything, or without an empty line")
	}
	var digits strings.Builder
	for lines = lines[1:]; len(lines) > 0 && base64Line.MatchString(lines[0]); lines = lines[1:] {
		digits.WriteString(lines[0])
	}
	if len(lines) > 0 && checksumLine.MatchString(lines[0]) {
		lines = lines[1:]
	}
	if len(lines) == 0 || strings.TrimRight(lines[0], " \t") != "-----END "+kind+"-----" {
		return bad("with a line that is no part of it, or without an end")
	}
	body, err = base64.StdEncoding.DecodeString(digits.String())
	if err != nil || len(body) == 0 {
		return bad("that cannot be read")
	}
	return body, lines[1:], nil
}

// linesOf splits a text, whichever ends its lines have, without empty lines around it.
func linesOf(text []byte) []string {
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
