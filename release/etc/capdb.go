// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// The prefix of a record, and the database's shape, decide bytes
// (lib/libc/gen/getcap.c, usr.bin/cap_mkdb).
const (
	capWhole  = "\x00" // the record follows
	capNoTC   = "\x01" // the record follows, but a tc= in it dangles
	capShadow = "\x02" // the name of the record follows
	capBucket = 4096
	maxTC     = 32 // depth of tc=, as in libc
)

// MakeCapabilities does what cap_mkdb(1) does with a capability database such as
// login.conf(5) or termcap(5), in the byte order of the target machine. Name
// begins the messages.
func MakeCapabilities(name string, text []byte, order binary.ByteOrder) ([]byte, error) {
	records := parseCapabilities(string(text))
	db := newHash(order, capBucket, 0, 0)
	for _, r := range records {
		r = lookupCapability(records, firstName(r.text)) // an earlier record of that name hides this one
		expanded, whole, err := expandTC(records, r.text, 0)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, r.line, err)
		}
		names, _, _ := strings.Cut(expanded, ":")
		status := capWhole
		if !whole {
			status = capNoTC
		}
		added, err := db.put([]byte(names), []byte(status+expanded+"\x00"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, r.line, err)
		}
		if !added || !strings.Contains(names, "|") {
			continue
		}
		for n := range strings.SplitSeq(names, "|") {
			if _, err := db.put([]byte(n), []byte(capShadow+names)); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, r.line, err)
			}
		}
	}
	return db.bytes(), nil
}

// capability is a record: a logical line.
type capability struct {
	text string
	line int // where it begins
}

// parseCapabilities joins lines that end in a backslash. A line that begins with
// a blank, a colon or # is not a record.
func parseCapabilities(text string) []capability {
	var list []capability
	line := 1
	for text != "" {
		start, n := line, 0
		var b strings.Builder
		for n < len(text) && text[n] != '\n' {
			if strings.HasPrefix(text[n:], "\\\n") {
				n += 2
				line++
				continue
			}
			b.WriteByte(text[n])
			n++
		}
		text = text[min(n+1, len(text)):]
		line++
		if s := b.String(); s != "" && !strings.ContainsRune("#: \t\v\f\r", rune(s[0])) {
			list = append(list, capability{s, start})
		}
	}
	return list
}

func firstName(record string) string {
	names, _, _ := strings.Cut(record, ":")
	first, _, _ := strings.Cut(names, "|")
	return first
}

// lookupCapability finds the first record that has a name.
func lookupCapability(records []capability, name string) capability {
	i := slices.IndexFunc(records, func(r capability) bool {
		names, _, _ := strings.Cut(r.text, ":")
		return slices.Contains(strings.Split(names, "|"), name)
	})
	if i < 0 {
		return capability{}
	}
	return records[i]
}

// expandTC replaces the tc= fields of a record by other records. The result is
// not whole if one of them dangles.
func expandTC(records []capability, text string, depth int) (expanded string, whole bool, err error) {
	if depth > maxTC {
		return "", false, fmt.Errorf("tc= goes deeper than %d records, or in a circle", maxTC)
	}
	whole = true
	from := 0
	for {
		at := strings.Index(text[from:], ":tc=")
		if at < 0 {
			return text, whole, nil
		}
		at += from + 1
		name, rest, _ := strings.Cut(text[at+len("tc="):], ":")
		r := lookupCapability(records, name)
		if r.text == "" {
			whole, from = false, at+len("tc=")
			continue
		}
		other, ok, err := expandTC(records, r.text, depth+1)
		if err != nil {
			return "", false, err
		}
		whole = whole && ok
		_, body, _ := strings.Cut(other, ":")
		if !strings.HasSuffix(body, ":") {
			body += ":"
		}
		if len(text)+len(body) > maxRecord {
			return "", false, fmt.Errorf("has more than %d bytes with its tc= expanded", maxRecord)
		}
		text = text[:at] + body + rest
		from = at + len(body) - 1
	}
}

// maxRecord bounds how far tc= can expand a record.
const maxRecord = 1 << 20
