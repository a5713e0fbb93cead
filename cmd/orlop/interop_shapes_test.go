// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"math/rand"
	"path"
	"slices"
	"strings"
	"testing"
)

// drawn are the layers of an image that is drawn by lot. So that nearly all of
// the entries have a place, it notes what extracting them would leave; paths are
// without the first slash, and the root is "".
type drawn struct {
	*rand.Rand
	nodes map[string]string // by path: "dir", "file", or the target of a symbolic link
	fresh map[string]bool   // paths that the present layer has brought
	names map[string]bool   // of its entries
	list  []tar.Header      // its entries
}

// drawLayers makes the tar files of two or three layers.
func drawLayers(t *testing.T, seed int64) [][]byte {
	t.Helper()
	var layers [][]byte
	for i, list := range drawEntries(seed) {
		layers = append(layers, tarOf(t, list, fmt.Sprintf("%d/%d", seed, i)))
	}
	return layers
}

// drawEntries draws their entries.
func drawEntries(seed int64) [][]tar.Header {
	d := &drawn{Rand: rand.New(rand.NewSource(seed)), nodes: map[string]string{}}
	layers := make([][]tar.Header, 2+d.Intn(2))
	for i := range layers {
		d.list, d.fresh, d.names = nil, map[string]bool{}, map[string]bool{}
		whiteouts := 4 * min(i, 1)
		for n := range 4 + d.Intn(14) {
			if d.Intn(n+6) < whiteouts { // most of them ahead of the others
				d.takeAway()
			} else {
				d.entry()
			}
		}
		layers[i] = d.list
	}
	return layers
}

// drawnText lists the entries of an image.
func drawnText(seed int64) string {
	var b strings.Builder
	for i, list := range drawEntries(seed) {
		for _, h := range list {
			fmt.Fprintf(&b, "%d %c %s %s\n", i+1, h.Typeflag, h.Name, h.Linkname)
		}
	}
	return b.String()
}

// tarOf is a tar file, with other contents in each file.
func tarOf(t *testing.T, list []tar.Header, contents string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i, h := range list {
		text := ""
		if h.Typeflag == tar.TypeReg && !strings.Contains(h.Name, ".wh.") {
			text = fmt.Sprintf("%s/%d", contents, i)
		}
		h.Mode, h.Size = 0o755, int64(len(text))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// takeAway draws a whiteout, and perhaps the same path again.
func (d *drawn) takeAway() {
	if d.Intn(4) == 0 {
		d.empty(d.any("dir"))
		return
	}
	target := d.any("")
	real, ok := d.place(target)
	if !ok || target == "" || d.fresh[real] && !d.rarely() {
		return
	}
	d.remove(real, false)
	d.add(tar.Header{Typeflag: tar.TypeReg, Name: path.Join(path.Dir(target), ".wh."+path.Base(target))})
	if d.Intn(3) == 0 {
		d.put(target)
	}
}

// empty draws an opaque whiteout. Podman does not follow a link to the directory,
// and umoci may lose it.
func (d *drawn) empty(dir string) {
	real, ok := d.follow(dir, 0)
	link, _ := d.place(dir)
	if !ok || (link != real || d.fresh[real]) && !d.rarely() || link != real && strings.HasPrefix("/"+link, path.Clean("/"+real)) {
		return
	}
	d.remove(real, true)
	d.add(tar.Header{Typeflag: tar.TypeReg, Name: path.Join(dir, ".wh..wh..opq")})
}

// entry draws one: at a path that is there, in a directory or behind a link to
// one, in the root, or in directories without an entry.
func (d *drawn) entry() {
	at := d.any("dir")
	switch d.Intn(10) {
	case 0, 1:
		d.put(d.any(""))
		return
	case 2:
		at = ""
	case 3:
		for range d.Intn(8) {
			at = path.Join(at, d.name())
		}
	}
	d.put(path.Join(at, d.name()))
}

// put draws what stands at a path.
func (d *drawn) put(at string) {
	real, ok := d.place(at)
	if at == "" || !ok || d.fresh[real] && d.nodes[real] != "dir" && !d.rarely() {
		return
	}
	h := tar.Header{Typeflag: tar.TypeDir, Name: at}
	node := "dir"
	switch n := d.Intn(20); {
	case n < 6 || d.fresh[real] && !d.rarely():
	case n < 13:
		h.Typeflag, node = tar.TypeReg, "file"
	case n < 17:
		h.Typeflag, h.Linkname = tar.TypeSymlink, d.target(at)
		node = h.Linkname
	default:
		h.Typeflag, h.Linkname = tar.TypeLink, d.any("file")
		from, ok := d.place(h.Linkname)
		if node = d.nodes[from]; !ok || node == "" || node == "dir" || from == real || strings.HasPrefix(from, real+"/") {
			return
		}
		h.Linkname = d.spelled(h.Linkname)
	}
	if node != "dir" {
		d.remove(real, false)
	}
	d.nodes[real] = node
	for p := real; p != "."; p = path.Dir(p) {
		d.fresh[p] = true
		if d.nodes[p] == "" {
			d.nodes[p] = "dir"
		}
	}
	d.add(h)
}

func (d *drawn) add(h tar.Header) {
	if d.names[h.Name] && !d.rarely() {
		return
	}
	d.names[h.Name] = true
	h.Name = d.spelled(h.Name)
	d.list = append(d.list, h)
}

// remove forgets what is at a path, or below it.
func (d *drawn) remove(at string, below bool) {
	maps.DeleteFunc(d.nodes, func(p, _ string) bool {
		return strings.HasPrefix("/"+p, strings.TrimSuffix("/"+at, "/")+"/") && !d.fresh[p] || p == at && !below
	})
}

// place is where a path leads, the last part of it excepted.
func (d *drawn) place(p string) (string, bool) {
	dir, ok := d.follow(strings.TrimPrefix(path.Dir("/"+p), "/"), 0)
	return path.Join(dir, path.Base(p)), ok
}

// follow is where a path leads, unless there is a file on the way.
func (d *drawn) follow(p string, links int) (string, bool) {
	at := ""
	for name := range strings.SplitSeq(p, "/") {
		switch name {
		case "", ".":
			continue
		case "..":
			at = strings.TrimPrefix(path.Dir("/"+at), "/")
			continue
		}
		next := path.Join(at, name)
		switch node := d.nodes[next]; {
		case node == "dir" || node == "" && (links == 0 || d.rarely()):
			at = next
		case node == "" || node == "file" || links > 8:
			return "", false
		default:
			if !d.rarely() {
				d.fresh[next] = true // so that the layer leaves it as it is
			}
			if !strings.HasPrefix(node, "/") {
				node = at + "/" + node
			}
			var ok bool
			if at, ok = d.follow(node, links+1); !ok {
				return "", false
			}
		}
	}
	return at, true
}

// any draws a path: of a directory or a link that may lead to one, of something
// else, or of either.
func (d *drawn) any(kind string) string {
	var list []string
	for _, p := range slices.Sorted(maps.Keys(d.nodes)) {
		if node := d.nodes[p]; (node == "dir") == (kind == "dir") || node != "file" && node != "dir" || kind == "" {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return list[d.Intn(len(list))]
}

// rarely is true for what not everybody extracts.
func (d *drawn) rarely() bool { return d.Intn(100) == 0 }

// name draws one; some begin like others.
func (d *drawn) name() string { return []string{"a", "a-b", "ab", "b", "c", "a0", "é"}[d.Intn(7)] }

// target draws where a symbolic link leads.
func (d *drawn) target(from string) string {
	to := d.any([]string{"dir", "dir", "dir", ""}[d.Intn(4)])
	if d.Intn(8) == 0 {
		to = path.Join(to, d.name()) // perhaps nowhere
	}
	switch d.Intn(8) {
	case 0, 1, 2:
		return "/" + to
	case 3:
		return strings.Repeat("../", 1+d.Intn(4)) + to
	case 4:
		return "/" + d.any("dir") + "/../" + to
	}
	return strings.Repeat("../", strings.Count(from, "/")) + "./" + to
}

// spelled draws one of the ways to write a path.
func (d *drawn) spelled(p string) string {
	switch d.Intn(8) {
	case 0:
		return "./" + p
	case 1:
		return "/" + p
	case 2:
		return strings.ReplaceAll(p, "/", "//")
	case 3:
		return strings.ReplaceAll(p, "/", "/./")
	}
	return p
}
