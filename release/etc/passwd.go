// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PasswordFiles are what pwd_mkdb -p makes from master.passwd.
type PasswordFiles struct {
	Passwd []byte // /etc/passwd
	PwdDB  []byte // /etc/pwd.db
	SpwdDB []byte // /etc/spwd.db, with the passwords: mode 0600
}

// account is a line of master.passwd(5). Missing numbers are "".
type account struct {
	name, passwd, uid, gid, class, change, expire, gecos, dir, shell string
}

// The bits of pw_fields say which fields a line has (pwd.h). They and the keys
// below decide bytes (usr.sbin/pwd_mkdb/pwd_mkdb.c).
const (
	keyName    = 'A' // _PW_VERSIONED(_PW_KEYBYNAME, 4)
	keyNumber  = 'B'
	keyUID     = 'C'
	keyYPOn    = 'D'
	keyYP      = 'E'
	pwVersion  = 4
	pwBucket   = 4096 // bytes of a page
	pwFFactor  = 32
	pwElements = 256
	maxLine    = 2047 // bytes of a line, the buffer of libc's readers
)

// MakePasswords does what pwd_mkdb(8) does with -p. Name begins the messages.
// Both databases are big-endian on every machine.
func MakePasswords(name string, master []byte) (*PasswordFiles, error) {
	accounts, err := parseMaster(name, master)
	if err != nil {
		return nil, err
	}
	var files PasswordFiles
	for _, a := range accounts {
		files.Passwd = append(files.Passwd, strings.Join([]string{a.name, "*", a.uid, a.gid, a.gecos, a.dir, a.shell}, ":")+"\n"...)
	}
	open, secret := newHash(binary.BigEndian, pwBucket, pwFFactor, pwElements), newHash(binary.BigEndian, pwBucket, pwFFactor, pwElements)
	for _, db := range []*hashDB{open, secret} {
		if err := putAccounts(db, accounts, db == secret); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	files.PwdDB, files.SpwdDB = open.bytes(), secret.bytes()
	return &files, nil
}

func putAccounts(db *hashDB, accounts []account, secret bool) error {
	if _, err := db.put([]byte("\xffVERSION"), []byte{pwVersion}); err != nil {
		return err
	}
	var yp uint32
	for i, a := range accounts {
		data := a.record(secret)
		keys := [][]byte{append([]byte{keyName}, a.name...), numbered(keyNumber, uint32(i+1)), numbered(keyUID, number(a.uid))}
		if a.nis() {
			yp++
			keys = append(keys, numbered(keyYP, yp))
		}
		for _, key := range keys {
			if _, err := db.put(key, data); err != nil {
				return fmt.Errorf("user %q: %w", a.name, err)
			}
		}
	}
	if yp > 0 {
		_, err := db.put([]byte{keyYPOn}, []byte{3})
		return err
	}
	return nil
}

func numbered(key byte, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{key}, n) }

// nis reports an entry that stands for those of an NIS server.
func (a *account) nis() bool { return strings.HasPrefix(a.name, "+") || strings.HasPrefix(a.name, "-") }

// record is struct passwd as stored in the databases.
func (a *account) record(secret bool) []byte {
	var fields uint32
	for _, f := range []struct {
		bit uint32
		has bool
	}{
		{0x001, a.name != "" && (a.name[0] != '+' || a.name == "+")}, {0x002, a.passwd != ""}, {0x004, a.uid != ""}, {0x008, a.gid != ""},
		{0x010, a.change != ""}, {0x020, a.class != ""}, {0x040, a.gecos != ""}, {0x080, a.dir != ""}, {0x100, a.shell != ""}, {0x200, a.expire != ""},
	} {
		if f.has {
			fields |= f.bit
		}
	}
	passwd := "*"
	if secret {
		passwd = a.passwd
	}
	b := []byte(a.name + "\x00" + passwd + "\x00")
	b = binary.BigEndian.AppendUint32(b, number(a.uid))
	b = binary.BigEndian.AppendUint32(b, number(a.gid))
	b = binary.BigEndian.AppendUint32(b, seconds(a.change))
	b = append(b, a.class+"\x00"+a.gecos+"\x00"+a.dir+"\x00"+a.shell+"\x00"...)
	b = binary.BigEndian.AppendUint32(b, seconds(a.expire))
	return binary.BigEndian.AppendUint32(b, fields)
}

// number is a checked id, 0 if there is none.
func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}

// seconds is a time as atol(3) reads it: leading digits, 32 bits.
func seconds(s string) uint32 {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[end] == '-' || s[end] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64)
	return uint32(n)
}

// parseMaster reads master.passwd as pw_scan does (lib/libc/gen/pw_scan.c). All
// faults are reported.
func parseMaster(name string, text []byte) ([]account, error) {
	var list []account
	var errs []error
	line := 0
	for s := range strings.Lines(string(text)) {
		line++
		s = strings.TrimSuffix(s, "\n")
		if trimmed := strings.TrimLeft(s, " \t"); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		a, err := parseAccount(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, line, err))
			continue
		}
		list = append(list, a)
	}
	return list, errors.Join(errs...)
}

func parseAccount(s string) (account, error) {
	if len(s)+1 >= maxLine {
		return account{}, fmt.Errorf("has %d bytes, wanted less than %d", len(s), maxLine-1)
	}
	if strings.ContainsRune(s, 0) {
		return account{}, errors.New("has a NUL byte")
	}
	f := strings.Split(s, ":")
	if len(f) != 10 {
		return account{}, fmt.Errorf("found %d fields, wanted 10", len(f))
	}
	a := account{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9]}
	for _, id := range []struct{ what, text string }{{"uid", a.uid}, {"gid", a.gid}} {
		if id.text == "" && a.nis() {
			continue
		}
		if _, err := strconv.ParseUint(id.text, 10, 32); err != nil {
			return account{}, fmt.Errorf("user %q: %s %q is not a number below 2^32", a.name, id.what, id.text)
		}
	}
	if a.name == "root" && number(a.uid) != 0 {
		return account{}, fmt.Errorf("user root: uid is %s, wanted 0", a.uid)
	}
	return a, nil
}
