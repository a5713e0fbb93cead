// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// operandFiles makes an image layout of static and its pkg database, and what is
// neither, in a folder: layout, db and so on.
func operandFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--format", "dir", "-o", dir, "static"); status != 0 {
		t.Fatal(said)
	}
	l := openLayout(t, filepath.Join(dir, "container-image-static"))
	l.open(0)
	db := l.find(0, "var/db/pkg/local.sqlite").body
	for name, text := range map[string][]byte{
		"db": db, "half-db": db[:len(db)/2], "new-db": alteredSchema(db, 43),
		"text": []byte(strings.Repeat("neither an archive nor a database\n", 30)), "empty": nil,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []string{"", ".lock.json"} {
		if err := os.Rename(filepath.Join(dir, "container-image-static"+end), filepath.Join(dir, "layout"+end)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// alteredSchema is a database whose header says another schema.
func alteredSchema(db []byte, schema byte) []byte {
	db = bytes.Clone(db)
	db[63] = schema // of user_version
	return db
}

const (
	noFile     = "DIR/NAME: no such file or directory"
	noArchive  = "DIR/NAME: is not an archive, wanted an OCI image layout: a folder, or a tar file, plain or packed with gzip, xz or zstd"
	noDatabase = "DIR/NAME: is not an SQLite database, wanted pkg's local.sqlite"
	noSchema   = "DIR/NAME: pkg database: schema 43 is not known, wanted one of 36, 37, 38, 39, 42"
)

// TestOperands gives every command operands that are not there, that are nothing
// of what is wanted, and that are damaged. The fault is the same in all, and so
// are its words.
func TestOperands(t *testing.T) {
	t.Parallel()
	dir := operandFiles(t)
	fill := func(text, name string) string { return strings.NewReplacer("DIR", dir, "NAME", name).Replace(text) }
	for _, tt := range []struct {
		commands string // one a line, with the operand as DIR/NAME; those that compare end with 2
		name     string
		status   int
		want     string
	}{
		{archiveCommands, "absent", exitAbsent, noFile},
		{archiveCommands, "text/absent", exitAbsent, "DIR/NAME: not a directory"},
		{archiveCommands, "text", exitFailed, noArchive},
		{archiveCommands, "empty", exitFailed, noArchive},
		{archiveCommands, "db", exitFailed, noArchive},
		{databaseCommands, "absent", exitAbsent, noFile},
		{databaseCommands, "text/absent", exitAbsent, "DIR/NAME: not a directory"},
		{databaseCommands, "layout", exitFailed, "DIR/NAME: is a directory"},
		{databaseCommands, "text", exitFailed, noDatabase},
		{databaseCommands, "empty", exitFailed, noDatabase},
		{databaseCommands, "new-db", exitFailed, noSchema},
		{databaseCommands, "half-db", exitWrong, "DIR/NAME: pkg database: "},
	} {
		for line := range strings.Lines(tt.commands) {
			args := strings.Fields(fill(line, tt.name))
			want := tt.status
			if strings.Contains(line, "diff ") {
				want = exitUsage
			}
			status, said := orlop(t, args...)
			whole := !strings.HasSuffix(tt.want, " ")
			if words := fill("orlop: "+tt.want, tt.name); status != want || whole && said != words+"\n" || !strings.HasPrefix(said, words) {
				t.Errorf("%q: status %d, wanted %d; said %swanted %s", line, status, want, said, words)
			}
		}
	}
	status, said := orlop(t, "pkgdb", "check", dir+"/absent", dir+"/none")
	if want := fill("orlop: DIR/absent: no such file or directory\norlop: DIR/none: no such file or directory\n", ""); status != exitAbsent || said != want {
		t.Errorf("two that are absent: status %d, said %s", status, said)
	}
}

const (
	archiveCommands = `ls DIR/NAME
ls --files DIR/NAME
verify DIR/NAME
diff DIR/layout DIR/NAME
diff DIR/NAME DIR/layout
pkgdb check DIR/db DIR/NAME`
	databaseCommands = `pkgdb dump DIR/NAME
pkgdb normalise -o DIR/out DIR/NAME
pkgdb diff DIR/db DIR/NAME
pkgdb diff DIR/NAME DIR/db
pkgdb check DIR/NAME
pkgdb check DIR/NAME DIR/layout`
)

// TestFlagFiles gives every flag that names a file or folder one that is not
// there: a fault of the command line, in the same words, before anything else.
func TestFlagFiles(t *testing.T) {
	t.Parallel()
	dir := operandFiles(t)
	fill := strings.NewReplacer("DIR", dir).Replace
	for _, line := range []string{
		"verify --lock FILE DIR/layout", "verify --rebuild --lock FILE DIR/layout", "build -o DIR/out --lock FILE", "fetch --cache DIR/store --lock FILE",
		"verify --digests FILE DIR/layout",
		"verify --image-file FILE DIR/layout", "verify --rebuild --image-file FILE DIR/layout",
		"build --repo sample --image-file FILE -o DIR/out x", "plan --repo sample --image-file FILE x", "lock --repo sample --image-file FILE -o DIR/out x",
		"plan --repo sample --revision 15.0 --branch RELEASE --image-file FILE x", "fetch --repo sample --cache DIR/store --image-file FILE x",
		"build --repo sample --exceptions FILE -o DIR/out static", "plan --repo sample --exceptions FILE static", "lock --repo sample --exceptions FILE -o DIR/out static",
		"build --repo sample --plan FILE -o DIR/out static",
		"build --root DIR/layout --metalog FILE -o DIR/out static", "lock --root DIR/layout --metalog FILE -o DIR/out static",
		"build --metalog DIR/text --root FILE -o DIR/out static", "lock --metalog DIR/text --root FILE -o DIR/out static",
		"build --repo sample --srcdir FILE -o DIR/out static", "plan --repo sample --srcdir FILE static", "verify --srcdir FILE DIR/layout", "verify --rebuild --srcdir FILE DIR/layout",
		"build --repo-conf-dir FILE -o DIR/out static", "plan --repo-conf-dir FILE static",
	} {
		before, _, _ := strings.Cut(line, " FILE")
		flag := before[strings.LastIndex(before, " ")+1:]
		for name, words := range map[string]string{"absent": "no such file or directory", "text/absent": "not a directory"} {
			file := filepath.Join(dir, name)
			status, said := orlop(t, strings.Fields(fill(strings.ReplaceAll(line, "FILE", file)))...)
			if want := "orlop: " + flag + ": " + file + ": " + words + "\n"; status != exitUsage || !strings.Contains("\n"+said, "\n"+want) || strings.Contains(said, "orlop: catalog") {
				t.Errorf("%q: status %d, said %swanted %s", line, status, said, want)
			}
		}
	}
	for line, want := range map[string]string{
		"verify --lock DIR DIR/layout":                                           "--lock: DIR: is a directory",
		"verify --digests DIR DIR/layout":                                        "--digests: DIR: is a directory",
		"build --repo sample --exceptions DIR -o DIR/out static":                 "--exceptions: DIR: is a directory",
		"build --repo sample --plan DIR -o DIR/out static":                       "--plan: DIR: is a directory",
		"build --repo sample --image-file DIR -o DIR/out x":                      "--image-file: DIR: is a directory",
		"build --root DIR/layout --metalog DIR -o DIR/out static":                "--metalog: DIR: is a directory",
		"build --root DIR/layout --metalog DIR/text -o DIR/out static":           "--root: DIR/layout: found no var/db/pkg/local.sqlite, wanted a root that pkg(8) filled",
		"build --root DIR/text --metalog DIR/text -o DIR/out static":             "--root: DIR/text: found a regular file, wanted the folder of a root",
		"build --repo sample --srcdir DIR/text -o DIR/out static":                "--srcdir: DIR/text: found a regular file, wanted the folder of a source tree",
		"build --repo-conf-dir DIR/text -o DIR/out static":                       "--repo-conf-dir: DIR/text: not a directory",
		"build --repo-conf-dir DIR/gone --repo-conf-dir DIR -o DIR/out static":   "DIR: holds no *.conf file",
		"plan --repo sample --image-file DIR/gone --image-file DIR/lost x":       "--image-file: DIR/lost: no such file or directory",
		"plan --repo-conf-dir DIR/gone --repo-conf-dir DIR/lost --name x static": "--repo-conf-dir: DIR/lost: no such file or directory",
	} {
		status, said := orlop(t, strings.Fields(fill(line))...)
		if want := fill("orlop: " + want + "\n"); status != exitUsage || !strings.Contains("\n"+said, "\n"+want) || strings.Contains(said, "orlop: catalog") {
			t.Errorf("%q: status %d, said %swanted %s", line, status, said, want)
		}
	}
	if _, err := os.Stat(dir + "/out"); err == nil {
		t.Error("something was written")
	}
}

// TestCheckRoot compares a database with an image in all its forms: a layout, a
// pipe, and one of several images.
func TestCheckRoot(t *testing.T) {
	t.Parallel()
	dir := operandFiles(t)
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--format", "tar", "-o", dir, "static"); status != 0 {
		t.Fatal(said)
	}
	archive, fifo := filepath.Join(dir, "container-image-static.tar"), filepath.Join(dir, "fifo")
	text, err := os.ReadFile(archive)
	if err == nil {
		err = syscall.Mkfifo(fifo, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	status, want, said := capture(t, "pkgdb", "check", dir+"/db", archive)
	if status != 0 || !strings.HasPrefix(want, "unowned\t/etc/") || said != "" {
		t.Fatalf("status %d: %s%s", status, want, said)
	}
	go os.WriteFile(fifo, text, 0)
	for _, root := range []string{dir + "/layout", fifo} {
		if status, got, said := capture(t, "pkgdb", "check", dir+"/db", root); status != 0 || got != want || said != "" {
			t.Errorf("%s: status %d, said %s, got %s, wanted %s", root, status, said, got, want)
		}
	}
	piped := exec.Command("orlop", "pkgdb", "check", dir+"/db", "-")
	piped.Stdin = bytes.NewReader(text)
	if got, err := piped.CombinedOutput(); err != nil || string(got) != want {
		t.Errorf("standard input: %v, got %s, wanted %s", err, got, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second/10)
	defer cancel()
	if status, said := orlopIn(ctx, "pkgdb", "check", dir+"/db", fifo); status != exitInterrupted {
		t.Errorf("with nobody at the other end: status %d: %s", status, said)
	}
	l := openLayout(t, dir+"/layout")
	// A second image, of another architecture.
	config, manifest := maps.Clone(l.config), maps.Clone(l.manifest)
	of, in := maps.Clone(at[object](l.manifest, "config")), maps.Clone(at[[]any](l.index, "manifests")[0].(object))
	config["architecture"] = "arm64"
	l.replace(of, l.encode(config))
	manifest["config"] = of
	l.replace(in, l.encode(manifest))
	l.index["manifests"] = append(at[[]any](l.index, "manifests"), in)
	l.saveDocuments()
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, exitFailed, "has 2 images, wanted one; --platform chooses: freebsd/amd64, freebsd/arm64"},
		{[]string{"--platform", "freebsd/amd64"}, 0, ""},
		{[]string{"--platform", "freebsd/riscv64"}, exitUnresolved, "freebsd/riscv64"},
		{[]string{"--platform", "amd64"}, exitUsage, `--platform: found "amd64", `},
	} {
		if status, said := orlop(t, append([]string{"pkgdb", "check", dir + "/db", l.dir}, tt.args...)...); status != tt.status || !strings.Contains(said, tt.want) {
			t.Errorf("%v: status %d, wanted %d: %s", tt.args, status, tt.status, said)
		}
	}
}

// TestNewSchema reads an image that a newer pkg has worked on. That is no fault
// of the image: this version cannot tell.
func TestNewSchema(t *testing.T) {
	t.Parallel()
	l := openLayout(t, filepath.Join(operandFiles(t), "layout"))
	l.open(0)
	db := l.find(0, "var/db/pkg/local.sqlite")
	db.set(alteredSchema(db.body, 43))
	l.save()
	if err := os.Remove(l.dir + ".lock.json"); err != nil {
		t.Fatal(err)
	}
	words := "orlop: " + strings.ReplaceAll(noSchema, "DIR/NAME", l.dir) + "\n"
	for command, want := range map[string]int{"ls": exitFailed, "verify": exitFailed, "diff": exitUsage} {
		args := []string{command, l.dir}
		if command == "diff" {
			args = append(args, l.dir)
		}
		if status, said := orlop(t, args...); status != want || !strings.Contains(said, words) {
			t.Errorf("%s: status %d, wanted %d; said %s", command, status, want, said)
		}
	}
	if _, out, _ := capture(t, "verify", "--json", l.dir); !strings.Contains(out, `"result":"unsupported"`) {
		t.Errorf("verify --json: got %s", out)
	}
}
