// SPDX-License-Identifier: BSD-2-Clause

package unpack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/unpack"
)

// release looks like a release archive.
func release() []member {
	return []member{
		{name: "./", kind: tar.TypeDir, mode: 0o700},
		{name: "./x-1.0/", kind: tar.TypeDir, mode: 0o700},
		{name: "x-1.0/bin/x", text: "program", mode: 0o6711},
		{name: "x-1.0/bin/y", text: "../bin/x", kind: tar.TypeSymlink},
		{name: "x-1.0/bin//./z", text: "x-1.0/bin/x", kind: tar.TypeLink},
		{name: "x-1.0/bin/z2", text: "./x-1.0/bin/z", kind: tar.TypeLink},
		{name: "x-1.0/share/\xff" + strings.Repeat("long", 40), text: "notes", mode: 0o666},
		{name: "x-1.0/bin/", kind: tar.TypeDir},
		{name: "x-1.0/bin", kind: tar.TypeDir},
		{name: "x-1.0/empty", mode: 0o444},
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	long := "\xff" + strings.Repeat("long", 40)
	want := []string{
		"file 0755 /usr/local/bin/x program",
		"link 0755 /usr/local/bin/y ../bin/x",
		"hardlink 0000 /usr/local/bin/z /usr/local/bin/x",
		"hardlink 0000 /usr/local/bin/z2 /usr/local/bin/x",
		"file 0644 /usr/local/share/" + long + " notes",
		"dir 0755 /usr/local/bin",
		"file 0644 /usr/local/empty",
	}
	for form, data := range packed(t, makeTar(t, release()...)) {
		got, err := read(t, data, unpack.Options{Strip: 1, To: "/usr/local"})
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", form, err, d)
		}
	}
	got, err := read(t, makeZip(t,
		member{name: "x-1.0/"},
		member{name: "x-1.0/bin/x", text: "program", mode: 0o755},
		member{name: "x-1.0/bin/y", text: "x", kind: tar.TypeSymlink},
		member{name: "x-1.0/share/" + long, text: "notes"},
	), unpack.Options{Strip: 1})
	want = []string{"file 0755 /bin/x program", "link 0755 /bin/y x", "file 0644 /share/" + long + " notes"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("zip: %v (-want +got)\n%s", err, d)
	}
}

func TestInclude(t *testing.T) {
	t.Parallel()
	data := makeTar(t, release()...)
	got, err := read(t, data, unpack.Options{Strip: 1, Include: []string{"bin/[xy]", "empty"}})
	want := []string{"file 0755 /bin/x program", "link 0755 /bin/y ../bin/x", "file 0644 /empty"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	got, err = read(t, data, unpack.Options{Include: []string{"**/empty"}, To: "/x"})
	if d := cmp.Diff([]string{"file 0644 /x/x-1.0/empty"}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	for want, o := range map[string]unpack.Options{
		`include: pattern "sbin/**" matches none of its 10 entries`:                                    {Strip: 1, Include: []string{"bin/**", "sbin/**"}},
		"nothing is taken of its 10 entries, of which strip = 3 leaves none":                           {Strip: 3},
		`entry "x-1.0/bin//./z" is a hard link to x-1.0/bin/x, which is no earlier file that is taken`: {Strip: 1, Include: []string{"bin/z"}},
		`include: pattern "/bin" is absolute, wanted one relative to the archive`:                      {Include: []string{"/bin"}},
		`include: pattern "[": has a [ without its ]`:                                                  {Include: []string{"["}},
		"strip: found -1, wanted 0 or more":                                                            {Strip: -1},
		`to: found "x", wanted a clean path that begins with /`:                                        {To: "x"},
		`to: found "/x/", wanted a clean path that begins with /`:                                      {To: "/x/"},
	} {
		class := fault.Usage
		switch {
		case strings.Contains(want, "entries"):
			class = fault.Unmet
		case strings.HasPrefix(want, "entry"):
			class = fault.Failed
		}
		if _, err := read(t, data, o); err == nil || err.Error() != want || fault.ClassOf(err) != class {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestRefused has what no archive may do to an image.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := member{name: "d/", kind: tar.TypeDir}
	link := func(name, target string) member { return member{name: name, text: target, kind: tar.TypeSymlink} }
	hard := func(name, target string) member { return member{name: name, text: target, kind: tar.TypeLink} }
	for name, tt := range map[string]struct {
		members []member
		want    string
	}{
		"up":                 {[]member{{name: "a/../../b"}}, `entry "a/../../b" has "..", wanted a path in the archive`},
		"absolute":           {[]member{{name: "/etc/passwd"}}, `entry "/etc/passwd" is absolute, wanted a path in the archive`},
		"device":             {[]member{{name: "null", kind: tar.TypeChar}}, `entry "null" is a device, wanted a file, a folder or a link`},
		"block device":       {[]member{{name: "da0", kind: tar.TypeBlock}}, `entry "da0" is a device, wanted a file, a folder or a link`},
		"FIFO":               {[]member{{name: "p", kind: tar.TypeFifo}}, `entry "p" is a FIFO, wanted a file, a folder or a link`},
		"unknown":            {[]member{{name: "c", kind: tar.TypeCont}}, `entry "c" is of type '7', wanted a file, a folder or a link`},
		"twice":              {[]member{{name: "a"}, {name: "./a"}}, `entry "./a" is a file at /o/a, where entry "a" is a file`},
		"twice, of two":      {[]member{dir, link("d", "x")}, `entry "d" is a link at /o/d, where entry "d" is a dir`},
		"below a file":       {[]member{{name: "a"}, {name: "a/b/c"}}, `entry "a/b/c" lies below /o/a, where entry "a" is a file`},
		"through a link":     {[]member{link("a", "d"), dir, {name: "a/b"}}, `entry "a/b" lies below /o/a, where entry "a" is a link`},
		"over a folder":      {[]member{{name: "a/b/c"}, {name: "a"}}, `entry "a" is a file at /o/a, and entries before it are below that path`},
		"link up":            {[]member{link("d/l", "../../x")}, `entry "d/l" is a link to ../../x, which leads out of /o`},
		"link up and back":   {[]member{link("l", "../o/x")}, `entry "l" is a link to ../o/x, which leads out of /o`},
		"absolute link":      {[]member{link("l", "/etc/passwd")}, `entry "l" is a link to /etc/passwd, which leads out of /o`},
		"link to a sibling":  {[]member{link("l", "/o2")}, `entry "l" is a link to /o2, which leads out of /o`},
		"link above root":    {[]member{link("l", "/../o/x")}, `entry "l" is a link to /../o/x, which leads out of /o`},
		"link behind a name": {[]member{link("l", "d/../x")}, `entry "l" is a link to d/../x, with ".." behind a name, and what that is depends on the image`},
		"link to nothing":    {[]member{link("l", "")}, `entry "l" is a link without a target`},
		"long link":          {[]member{link("l", strings.Repeat("x", 1024))}, `entry "l" is a link with a target of 1024 bytes, and FreeBSD has at most 1023`},
		"hard link up":       {[]member{hard("l", "../x")}, `entry "l" is a hard link: entry "../x" has "..", wanted a path in the archive`},
		"hard link forward":  {[]member{hard("l", "x"), {name: "x"}}, `entry "l" is a hard link to x, which is no earlier file that is taken`},
		"hard link itself":   {[]member{hard("l", "l")}, `entry "l" is a hard link to l, which is no earlier file that is taken`},
		"hard link to dir":   {[]member{dir, hard("l", "d")}, `entry "l" is a hard link to d, which is a dir, wanted a file`},
		"hard link implied":  {[]member{{name: "a/b"}, hard("l", "a")}, `entry "l" is a hard link to a, which is no earlier file that is taken`},
		"long path":          {[]member{{name: strings.Repeat("x/", 512) + "y"}}, `entry "` + strings.Repeat("x/", 100) + `…" has 1028 bytes in its path, and FreeBSD has at most 1023`},
		"long name":          {[]member{{name: strings.Repeat("x", 256)}}, `entry "` + strings.Repeat("x", 200) + `…" has a name of 256 bytes, and FreeBSD has at most 255`},
		"global path":        {[]member{{name: "g", kind: tar.TypeXGlobalHeader, records: map[string]string{"path": "x"}}}, `entry "x" is a global pax header with path, which this version does not read`},
	} {
		got, err := read(t, makeTar(t, tt.members...), unpack.Options{To: "/o"})
		if err == nil || err.Error() != tt.want || fault.ClassOf(err) != fault.Failed {
			t.Errorf("%s: got %q, %v\nwant %s", name, got, err, tt.want)
		}
	}
	for name, members := range map[string][]member{
		"git's header":        {{name: "pax_global_header", kind: tar.TypeXGlobalHeader, records: map[string]string{"comment": "0123"}}, {name: "a"}},
		"links that stay":     {link("a/l", "../x"), link("m", "."), link("a/n", ".."), link("o", "/o/x"), link("p", "/o"), link("q", "x//./y")},
		"a folder that comes": {{name: "a/b"}, {name: "a/", kind: tar.TypeDir}},
	} {
		if _, err := read(t, makeTar(t, members...), unpack.Options{To: "/o"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tt := range map[string]struct {
		m    member
		want string
	}{
		"up":        {member{name: "../a"}, `entry "../a" has "..", wanted a path in the archive`},
		"backslash": {member{name: `a\b`}, `entry "a\\b" has a \ in its name, wanted / between names (APPNOTE.TXT 4.4.17.1)`},
		"NUL":       {member{name: "a\x00b"}, `entry "a\x00b" has NUL in its name`},
		"no name":   {member{name: ""}, `has an entry without a name`},
		"FIFO":      {member{name: "a", kind: tar.TypeFifo}, `entry "a" has the mode prw-r--r--, wanted a file, a folder or a link`},
		"link":      {member{name: "a", text: "/x", kind: tar.TypeSymlink}, `entry "a" is a link to /x, which leads out of /o`},
		"NUL link":  {member{name: "a", text: "x\x00", kind: tar.TypeSymlink}, `entry "a" is a link with NUL in its target`},
	} {
		_, err := read(t, makeZip(t, tt.m), unpack.Options{To: "/o"})
		if err == nil || err.Error() != tt.want || fault.ClassOf(err) != fault.Failed {
			t.Errorf("zip, %s: got %v, want %s", name, err, tt.want)
		}
	}
}

// TestVisit hands on what visit says, and ends with the context.
func TestVisit(t *testing.T) {
	t.Parallel()
	own := errors.New("own")
	for form, data := range map[string][]byte{"tar": makeTar(t, release()...), "zip": makeZip(t, member{name: "a"})} {
		open := func(ctx context.Context, visit func(unpack.Entry, io.Reader) error) error {
			return unpack.Read(ctx, bytes.NewReader(data), int64(len(data)), unpack.Options{}, visit)
		}
		if err := open(t.Context(), func(unpack.Entry, io.Reader) error { return own }); err != own {
			t.Errorf("%s: got %v", form, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := open(ctx, func(unpack.Entry, io.Reader) error { cancel(); return nil }); form == "tar" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", form, err)
		}
		if err := open(ctx, nil); err != context.Canceled {
			t.Errorf("%s: got %v", form, err)
		}
	}
}
