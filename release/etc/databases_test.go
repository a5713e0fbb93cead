// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const shared = "../../../shared"

func needShared(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(shared); err != nil {
		t.Skip("the folder ../shared is not there; CI has it")
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var orders = map[string]binary.ByteOrder{"le": binary.LittleEndian, "be": binary.BigEndian}

// TestGoldenSums compares with the sums of what FreeBSD's own programs made;
// testdata/README says how.
func TestGoldenSums(t *testing.T) {
	t.Parallel()
	files, err := MakePasswords("master.passwd", mustRead(t, "testdata/master.passwd"))
	if err != nil {
		t.Fatal(err)
	}
	made := map[string][]byte{"passwd": files.Passwd, "pwd.db": files.PwdDB, "spwd.db": files.SpwdDB}
	for name, order := range orders {
		if made[name+"/login.conf.db"], err = MakeCapabilities("login.conf", mustRead(t, "testdata/login.conf"), order); err != nil {
			t.Fatal(err)
		}
		services, err := MakeServices("services", mustRead(t, "testdata/services"), order)
		if err != nil {
			t.Fatal(err)
		}
		made[name+"/services.records"] = []byte(strings.Join(records(t, services), "\n") + "\n")
	}
	compareSums(t, made, "testdata/SHA256")
}

// compareSums compares files with a list of sums, which must have them all.
func compareSums(t *testing.T, made map[string][]byte, list string) {
	t.Helper()
	for line := range strings.Lines(string(mustRead(t, list))) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256(made[name])); got != want {
			t.Errorf("%s: sum is %s, want %s", name, got, want)
		}
		delete(made, name)
	}
	if len(made) > 0 {
		t.Errorf("%s: %d files were not compared", list, len(made))
	}
}

// TestHints compares with what ldconfig wrote, and reads the other byte order.
func TestHints(t *testing.T) {
	t.Parallel()
	dirs := []string{"/lib", "/usr/lib", "/usr/lib/compat", "/usr/local/lib"}
	want := mustRead(t, "testdata/ld-elf.so.hints")
	if got := MakeHints(dirs, binary.LittleEndian); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	big := MakeHints(dirs, binary.BigEndian)
	for at := 0; at < 128; at += 4 {
		if got, want := binary.BigEndian.Uint32(big[at:]), binary.LittleEndian.Uint32(want[at:]); got != want {
			t.Errorf("big endian: word at %d is %d, want %d", at, got, want)
		}
	}
	if !bytes.Equal(big[128:], want[128:]) {
		t.Error("big endian: the list differs")
	}
}

// TestGoldens compares every byte with what FreeBSD's own programs made, and has
// an independent reader list services.db.
func TestGoldens(t *testing.T) {
	t.Parallel()
	needShared(t)
	golden := shared + "/golden/etc"
	files, err := MakePasswords("master.passwd", mustRead(t, golden+"/master.passwd"))
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"passwd": files.Passwd, "pwd.db": files.PwdDB, "spwd.db": files.SpwdDB} {
		if !bytes.Equal(got, mustRead(t, filepath.Join(golden, name))) {
			t.Errorf("%s differs", name)
		}
	}
	for name, order := range orders {
		got, err := MakeCapabilities("login.conf", mustRead(t, golden+"/login.conf"), order)
		if err != nil || !bytes.Equal(got, mustRead(t, filepath.Join(golden, name, "login.conf.db"))) {
			t.Errorf("%s/login.conf.db differs: %v", name, err)
		}
		services, err := MakeServices("services", mustRead(t, shared+"/src/usr.sbin/services_mkdb/services"), order)
		if err != nil {
			t.Fatal(err)
		}
		want := mustRead(t, filepath.Join(golden, name, "services.db"))
		if g, w := records(t, services), records(t, want); !slices.Equal(g, w) {
			t.Errorf("%s/services.db: %d records, want %d", name, len(g), len(w))
		}
		if len(services) != len(want) || !bytes.Equal(services[:512], want[:512]) {
			t.Errorf("%s/services.db: size or header differ", name)
		}
		compareReaders(t, services, want)
	}
}

// records are the pairs of a database, sorted.
func records(t *testing.T, file []byte) []string {
	t.Helper()
	var list []string
	err := readHash(file, func(key, data []byte) error {
		list = append(list, hex.EncodeToString(key)+" "+hex.EncodeToString(data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// compareReaders has an independent reader list both.
func compareReaders(t *testing.T, got, want []byte) {
	t.Helper()
	var out [2][]string
	for i, file := range [][]byte{got, want} {
		name := filepath.Join(t.TempDir(), "db")
		if err := os.WriteFile(name, file, 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := exec.Command("python3", shared+"/tools/hashdump.py", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "wrong bucket 0 ") {
			t.Error("hashdump.py finds pairs in a wrong bucket")
		}
		out[i] = slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool {
			return strings.Contains(line, "nonzero free area") // what libc left in free space
		})
		slices.Sort(out[i])
	}
	if len(out[0]) < 1000 || !slices.Equal(out[0], out[1]) {
		t.Errorf("hashdump.py lists %d lines, want the %d of the golden", len(out[0]), len(out[1]))
	}
}

// TestGrowth fills databases past pages and buckets and reads everything back.
func TestGrowth(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct{ bsize, ffactor, nelem, pairs int }{{4096, 32, 256, 5000}, {256, 4, 2, 3000}, {4096, 0, 0, 2000}, {512, 0, 0, 1500}, {4096, 32, 256, 1}} {
		for _, order := range orders {
			db := newHash(order, tt.bsize, tt.ffactor, tt.nelem)
			want := map[string]string{}
			for i := range tt.pairs {
				key, data := fmt.Sprint("key", random.IntN(tt.pairs*2)), strings.Repeat("d", random.IntN(60))
				added, err := db.put([]byte(key), []byte(data))
				if err != nil {
					t.Fatalf("%+v: pair %d: %v", tt, i, err)
				}
				if _, known := want[key]; known == added {
					t.Fatalf("%q: added %v, known %v", key, added, known)
				} else if !known {
					want[key] = data
				}
			}
			file := db.bytes()
			err := readHash(file, func(key, data []byte) error {
				if d, ok := want[string(key)]; !ok || d != string(data) {
					return fmt.Errorf("%q: got %q, want %q", key, data, d)
				}
				delete(want, string(key))
				return nil
			})
			if err != nil || len(want) > 0 {
				t.Errorf("%+v: %v, %d not found", tt, err, len(want))
			}
		}
	}
	db := newHash(binary.BigEndian, 256, 4, 1)
	if _, err := db.put([]byte("k"), make([]byte, 242)); err == nil || !strings.Contains(err.Error(), "243 bytes, wanted at most 242") {
		t.Errorf("got %v, want that it is too large", err)
	}
}

func TestPasswordErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"root:*:0:0::0:0:Charlie:/root":             "m:2: found 9 fields, wanted 10",
		"root:*:1:0::0:0::/root:/bin/sh":            "m:2: user root: uid is 1, wanted 0",
		"u:*:x:0::0:0::/:/bin/sh":                   `m:2: user "u": uid "x" is not a number below 2^32`,
		"u:*:::::::/:":                              `m:2: user "u": uid "" is not a number`,
		"u:*:1:4294967296::0:0::/:/bin/sh":          `m:2: user "u": gid "4294967296"`,
		"u:*:1:1::0:0:" + strings.Repeat("x", 2047): "m:2: has 2060 bytes, wanted less than 2046",
		"u\x00:*:1:1::0:0::/:/bin/sh":               "m:2: has a NUL byte",
	} {
		_, err := MakePasswords("m", []byte("# comment\n"+line+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", line, err, want)
		}
	}
}

// TestNIS has the records that only entries of NIS bring.
func TestNIS(t *testing.T) {
	t.Parallel()
	files, err := MakePasswords("m", []byte("root::0:0::0:0::/root:/bin/sh\ntoor:*:0:0::0:0::/root:\n+:::::::::\n-games:::::::::\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "root:*:0:0::/root:/bin/sh\ntoor:*:0:0::/root:\n+:*:::::\n-games:*:::::\n"; string(files.Passwd) != want {
		t.Errorf("passwd: got %q, want %q", files.Passwd, want)
	}
	var keys []string
	if err := readHash(files.PwdDB, func(key, _ []byte) error { keys = append(keys, fmt.Sprintf("%q", key)); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	want := `"A+" "A-games" "Aroot" "Atoor" "B\x00\x00\x00\x01" "B\x00\x00\x00\x02" "B\x00\x00\x00\x03" "B\x00\x00\x00\x04" "C\x00\x00\x00\x00" "D" "E\x00\x00\x00\x01" "E\x00\x00\x00\x02" "\xffVERSION"`
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if bytes.Equal(files.PwdDB, files.SpwdDB) {
		t.Error("spwd.db has no password")
	}
}

func TestServiceErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"echo":                                   `s:1: service "echo" has no port`,
		"echo 7":                                 `s:1: service "echo": found "7", wanted PORT/PROTOCOL with a port below 65536`,
		"echo 65536/x":                           `found "65536/x"`,
		"echo 0b1/x":                             `found "0b1/x"`,
		"echo 7/":                                `found "7/"`,
		"echo 7/tcp " + strings.Repeat("x", 250): "service echo: has a record of",
	} {
		_, err := MakeServices("s", []byte(line), binary.LittleEndian)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: got %v, want %s", line, err, want)
		}
	}
	db, err := MakeServices("s", []byte("a 0x10/tcp b # c\nb 16/tcp d\n"), binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	if want := hex.EncodeToString([]byte("0\x00")) + " " + hex.EncodeToString([]byte("a 16/tcp b d \x00")); !slices.Contains(records(t, db), want) {
		t.Errorf("names of one port are not one record: %v", records(t, db))
	}
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	db, err := MakeCapabilities("c", []byte("# x\na|b:one:\\\n\t:tc=d:\\\n\t:two:\nd:deep:tc=e:\ne:end\nlost:tc=nowhere:x:\na:hidden:\n"), binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records(t, db) {
		key, data, _ := strings.Cut(r, " ")
		k, _ := hex.DecodeString(key)
		d, _ := hex.DecodeString(data)
		got = append(got, fmt.Sprintf("%s=%q", k, d))
	}
	want := []string{`a=` + `"\x02a|b"`, `a|b="\x00a|b:one:\t:deep:end:\t:two:\x00"`, `b="\x02a|b"`, `d="\x00d:deep:end:\x00"`, `e="\x00e:end\x00"`, `lost="\x01lost:tc=nowhere:x:\x00"`}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if _, err := MakeCapabilities("c", []byte("\na:tc=b:\nb:tc=a:\n"), binary.LittleEndian); err == nil || !strings.Contains(err.Error(), "c:2: tc= goes deeper than 32 records, or in a circle") {
		t.Errorf("got %v, want that it goes in a circle", err)
	}
}

// FuzzReadHash makes databases of pairs, "KEY DATA" a line, and puts other bytes
// into them, "OFFSET HEX" a line. All that was put is read if nothing was changed,
// and no more than the file has room for if something was.
func FuzzReadHash(f *testing.F) {
	f.Add(uint8(0), uint8(1), "a 1\nb 2\nc 3\n", "", uint16(0))
	f.Add(uint8(9), uint8(4), strings.Repeat("key data of some length\n", 9), "560 0001", uint16(0))
	f.Fuzz(func(t *testing.T, form, ffactor uint8, pairs, changes string, cut uint16) {
		order := binary.ByteOrder(binary.LittleEndian)
		if form&8 != 0 {
			order = binary.BigEndian
		}
		db := newHash(order, 64<<(form&7), int(ffactor), int(form>>4))
		want := map[string]string{}
		for line := range strings.Lines(pairs) {
			key, data, _ := strings.Cut(line, " ")
			added, err := db.put([]byte(key), []byte(data))
			if err != nil {
				return
			}
			if _, known := want[key]; known == added {
				t.Fatalf("%q: was added: %t", key, added)
			}
			if added {
				want[key] = data
			}
		}
		file := db.bytes()
		whole := changes == "" && int(cut)%len(file) == 0
		file = file[:len(file)-int(cut)%len(file)]
		for line := range strings.Lines(changes) {
			var at uint16
			var with []byte
			if n, _ := fmt.Sscanf(line, "%d %x", &at, &with); n == 2 {
				copy(file[int(at)%len(file):], with)
			}
		}
		got, found := map[string]string{}, 0
		err := readHash(file, func(key, data []byte) error {
			got[string(key)] = string(data)
			found++
			return nil
		})
		if whole && (err != nil || found != len(want) || !maps.Equal(got, want)) {
			t.Errorf("got %d pairs, %v, of %d", found, err, len(want))
		}
		if pages := len(file)/64 + 1; found > len(file)*pages {
			t.Errorf("got %d pairs of %d bytes", found, len(file))
		}
	})
}

// pairsOf are those of a database, in their order.
func pairsOf(t *testing.T, file []byte) (list []string) {
	t.Helper()
	if err := readHash(file, func(key, data []byte) error {
		list = append(list, fmt.Sprintf("%q %q", key, data))
		return nil
	}); err != nil {
		t.Error(err)
	}
	return list
}

// FuzzMakePasswords wants databases that can be read, and no password in the one
// for everybody.
func FuzzMakePasswords(f *testing.F) {
	f.Add([]byte("root::0:0::0:0::/root:/bin/sh\n+:::::::::\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		files, err := MakePasswords("m", text)
		if err != nil {
			return
		}
		if open, secret := pairsOf(t, files.PwdDB), pairsOf(t, files.SpwdDB); len(open) != len(secret) {
			t.Errorf("%d pairs are open, %d secret", len(open), len(secret))
		}
		var without strings.Builder
		lines := 0
		for line := range strings.Lines(string(text)) {
			if fields := strings.Split(line, ":"); len(fields) == 10 && strings.TrimLeft(line, " \t")[0] != '#' {
				fields[1] = "x"
				line = strings.Join(fields, ":")
				lines++
			}
			without.WriteString(line)
		}
		other, err := MakePasswords("m", []byte(without.String()))
		if err == nil && (!bytes.Equal(files.Passwd, other.Passwd) || len(pairsOf(t, other.PwdDB)) != len(pairsOf(t, files.PwdDB))) {
			t.Errorf("passwords show: %q and %q", files.Passwd, other.Passwd)
		}
		if n := bytes.Count(files.Passwd, []byte("\n")); n != lines {
			t.Errorf("%d lines of %d", n, lines)
		}
	})
}

// FuzzMakeServices wants databases that can be read, and of the same pairs in
// either order of bytes.
func FuzzMakeServices(f *testing.F) {
	f.Add([]byte("echo 7/tcp a b # c\necho 0x7/udp\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		little, err := MakeServices("s", text, binary.LittleEndian)
		big, other := MakeServices("s", text, binary.BigEndian)
		if fmt.Sprint(err) != fmt.Sprint(other) {
			t.Errorf("got %v and %v", err, other)
		}
		if err == nil && !slices.Equal(pairsOf(t, little), pairsOf(t, big)) {
			t.Error("the pairs depend on the order of bytes")
		}
	})
}

// FuzzMakeCapabilities wants databases that can be read, and of the same pairs in
// either order of bytes; a record that is whole names no other.
func FuzzMakeCapabilities(f *testing.F) {
	f.Add([]byte("a|b:x:\\\n\t:tc=c:\nc:tc=a:y\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		little, err := MakeCapabilities("c", text, binary.LittleEndian)
		big, other := MakeCapabilities("c", text, binary.BigEndian)
		if fmt.Sprint(err) != fmt.Sprint(other) {
			t.Errorf("got %v and %v", err, other)
		}
		if err != nil {
			return
		}
		if !slices.Equal(pairsOf(t, little), pairsOf(t, big)) {
			t.Error("the pairs depend on the order of bytes")
		}
		for _, pair := range pairsOf(t, little) {
			if _, data, _ := strings.Cut(pair, `" "`); strings.HasPrefix(data, `\x00`) && strings.Contains(data, ":tc=") {
				t.Errorf("%s: is whole, and names another", pair)
			}
		}
	})
}
