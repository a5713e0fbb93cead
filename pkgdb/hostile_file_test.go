// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// hot is a rollback journal of a database that names another journal, as
// SQLite leaves one of a change to several files. SQLite would open that file.
func hot(image []byte, names string) []byte {
	const pageSize = 4096
	const magic = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
	head := make([]byte, 512)
	copy(head, magic)
	binary.BigEndian.PutUint32(head[16:], uint32(len(image)/pageSize))
	binary.BigEndian.PutUint32(head[20:], 512)
	binary.BigEndian.PutUint32(head[24:], pageSize)
	sum := uint32(0)
	for _, c := range []byte(names) {
		sum += uint32(c)
	}
	head = binary.BigEndian.AppendUint32(head, 0x40000000/pageSize+1)
	head = append(head, names...)
	head = binary.BigEndian.AppendUint32(head, uint32(len(names)))
	head = binary.BigEndian.AppendUint32(head, sum)
	return append(head, magic...)
}

// TestJournalOfOthers reads and replaces a database whose journal names a file
// that is none of its business.
func TestJournalOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, victim := filepath.Join(dir, "db"), filepath.Join(dir, "db-mj0123456901")
	image := mustWrite(t, installed(), 100)
	for _, f := range []struct {
		name string
		text []byte
	}{{file, image}, {victim, []byte(file + "-journal\x00")}, {file + "-journal", hot(image, victim)}} {
		if err := os.WriteFile(f.name, f.text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := sqlitefile.Read(t.Context(), file)
	for _, err := range []error{err, sqlitefile.Write(t.Context(), file, sqlitefile.NewImage(image))} {
		if err == nil || !strings.Contains(err.Error(), "names a super-journal of several databases") {
			t.Errorf("got %v, want that the journal names another", err)
		}
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
}
