// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The shape of services.db decides its bytes (usr.sbin/services_mkdb).
const (
	servicesBucket   = 256
	servicesFFactor  = 4
	servicesElements = 32768
	maxProtocols     = 6
)

// service is all the names of a port and protocol.
type service struct {
	port, proto int
	names       []string // the first is the name, the others are aliases
}

// MakeServices does what services_mkdb(8) does with services(5): it makes the
// database /var/db/services.db, in the byte order of the target machine. Name
// begins the messages. A line that services_mkdb skips with a warning is an
// error.
func MakeServices(name string, text []byte, order binary.ByteOrder) ([]byte, error) {
	list, protocols, err := parseServices(name, text)
	if err != nil {
		return nil, err
	}
	db := newHash(order, servicesBucket, servicesFFactor, servicesElements)
	for i, s := range list {
		if err := putService(db, i, s, protocols[s.proto]); err != nil {
			return nil, fmt.Errorf("%s: service %s: %w", name, s.names[0], err)
		}
	}
	return db.bytes(), nil
}

func putService(db *hashDB, i int, s *service, proto string) error {
	id := strconv.Itoa(i) + "\x00"
	port := strconv.Itoa(s.port)
	line := s.names[0] + " " + port + "/" + proto + " "
	for _, alias := range s.names[1:] {
		line += alias + " "
	}
	pairs := [][2]string{{id, line + "\x00"}, {"\xff" + port + "/" + proto + "\x00", id}, {"\xff" + port + "\x00", id}}
	for _, n := range s.names {
		// The bare form ends at the first slash, even one of the name.
		bare, _, _ := strings.Cut(n, "/")
		pairs = append(pairs, [2]string{"\xfe" + n + "/" + proto + "\x00", id}, [2]string{"\xfe" + bare + "\x00", id})
	}
	for _, p := range pairs {
		if _, err := db.put([]byte(p[0]), []byte(p[1])); err != nil {
			return err
		}
	}
	return nil
}

// parseServices returns the services by port and protocol, and the protocols in
// the order in which they first occur.
func parseServices(name string, text []byte) ([]*service, []string, error) {
	type key struct{ port, proto int }
	all := map[key]*service{}
	var list []*service
	var protocols []string
	var errs []error
	line := 0
	for s := range strings.Lines(string(text)) {
		line++
		s, _, _ = strings.Cut(s, "#")
		words := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) })
		if len(words) == 0 {
			continue
		}
		port, proto, err := parsePort(words)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, line, err))
			continue
		}
		p := slices.Index(protocols, proto)
		if p < 0 {
			p = len(protocols)
			protocols = append(protocols, proto)
		}
		if len(protocols) > maxProtocols {
			return nil, nil, fmt.Errorf("%s:%d: protocol %q is one too many, wanted at most %d", name, line, proto, maxProtocols)
		}
		k := key{port, p}
		if all[k] == nil {
			all[k] = &service{port: port, proto: p}
			list = append(list, all[k])
		}
		for _, n := range append(words[:1:1], words[2:]...) {
			if !slices.Contains(all[k].names, n) {
				all[k].names = append(all[k].names, n)
			}
		}
	}
	slices.SortFunc(list, func(a, b *service) int { return (a.port-b.port)*maxProtocols + a.proto - b.proto })
	return list, protocols, errors.Join(errs...)
}

// parsePort reads the second word of a line. Its number is strtoul's: 0x and 0
// introduce other bases.
func parsePort(words []string) (port int, proto string, err error) {
	if len(words) < 2 {
		return 0, "", fmt.Errorf("service %q has no port", words[0])
	}
	number, proto, ok := strings.Cut(words[1], "/")
	n, err := strconv.ParseUint(number, 0, 16)
	if err != nil || !ok || proto == "" || strings.ContainsAny(number, "_bBoO") && !strings.HasPrefix(strings.ToLower(number), "0x") {
		return 0, "", fmt.Errorf("service %q: found %q, wanted PORT/PROTOCOL with a port below 65536", words[0], words[1])
	}
	return int(n), proto, nil
}
