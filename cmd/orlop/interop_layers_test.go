// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layersDrawn is how many images are drawn by lot, and layersOdd how many of
// them podman and umoci may extract otherwise than each other, or not at all.
const (
	layersDrawn = 400
	layersOdd   = layersDrawn / 10
)

// files are what is in a root: type, contents or target, and the names of the
// same inode, by path.
type files map[string]string

// TestInteropLayers lists images of layers that are drawn by lot, and compares
// them with what umoci and podman extract: with both, or with one that extracts
// them. What neither extracts is wrong.
func TestInteropLayers(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	for seed := range layersDrawn {
		writeLayout(t, filepath.Join(work, strconv.Itoa(seed)), drawLayers(t, int64(seed)))
	}
	podman, said := podmanFiles(t, work)
	odd := 0
	for seed := range layersDrawn {
		dir := filepath.Join(work, strconv.Itoa(seed))
		umoci := umociFiles(t, dir)
		status, out, faults := capture(t, "ls", "--files", "--json", dir)
		ours := listedFiles(t, out)
		same := [...]bool{maps.Equal(ours, umoci), maps.Equal(ours.copied(), podman[seed].copied())}
		if !same[0] || !same[1] {
			odd++
			t.Logf("image %d: umoci extracts it %t, the same %t; podman extracts it %t, the same %t", seed, umoci != nil, same[0], podman[seed] != nil, same[1])
		}
		switch neither := umoci == nil && podman[seed] == nil; {
		case neither && status != exitWrong:
			t.Errorf("image %d: neither umoci nor podman extracts it, and the status of ls is %d, wanted %d", seed, status, exitWrong)
		case !neither && !same[0] && !same[1]:
			t.Errorf("image %d: the status of ls is %d; it says %s(-umoci +ls):\n%s(-podman +ls):\n%s", seed, status, faults, cmp.Diff(umoci, ours), cmp.Diff(podman[seed], ours))
		default:
			continue
		}
		t.Logf("its entries: layer, type, name, target\n%s", drawnText(int64(seed)))
	}
	if t.Logf("umoci and podman differ in %d of %d images", odd, layersDrawn); odd > layersOdd {
		t.Errorf("umoci and podman differ in %d images, wanted at most %d; podman says %.2000s", odd, layersOdd, said)
	}
}

// copied is what is left where hard links to symbolic links become links of
// their own, as podman's driver vfs copies the layers below.
func (f files) copied() files {
	list := maps.Clone(f)
	for p, what := range f {
		if strings.HasPrefix(what, "link ") {
			list[p] = what[:strings.LastIndex(what, " names ")]
		}
	}
	return list
}

// umociFiles extracts a layout. What it returns is nil where umoci refuses.
func umociFiles(t *testing.T, dir string) files {
	t.Helper()
	err := exec.CommandContext(t.Context(), "umoci", "raw", "unpack", "--rootless", "--image", dir+":t", dir+"-root").Run()
	if _, refused := errors.AsType[*exec.ExitError](err); refused {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return extractedFiles(t, dir+"-root")
}

// podmanFiles extracts the layouts in a folder, by their names there, and tells
// what podman says. One podman takes many of them, and several run at a time.
func podmanFiles(t *testing.T, work string) (found [layersDrawn]files, said string) {
	t.Helper()
	const share = layersDrawn / 4
	texts := make([]string, layersDrawn/share)
	var all sync.WaitGroup
	for i := range texts {
		all.Go(func() { texts[i] = podmanShare(t, work, found[i*share:(i+1)*share], i*share) })
	}
	all.Wait()
	return found, strings.Join(texts, "")
}

// podmanShare extracts those from one on.
func podmanShare(t *testing.T, work string, found []files, from int) string {
	var said bytes.Buffer
	store := filepath.Join(work, fmt.Sprintf("store-%d", from))
	podman := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "podman", append([]string{"--root", store + "/root", "--runroot", store + "/run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"}, args...)...)
		cmd.Dir, cmd.Stderr = work, &said
		out, err := cmd.Output()
		if _, refused := errors.AsType[*exec.ExitError](err); err != nil && !refused {
			t.Error(err)
		}
		return out
	}
	pull := []string{"pull", "-q"}
	for i := range found {
		pull = append(pull, fmt.Sprintf("oci:%d:t", from+i))
	}
	podman(pull...)
	var mounted []struct {
		Repositories []string // localhost/NUMBER:latest
		Mountpoint   string
	}
	if err := json.Unmarshal(podman("image", "mount", "--all", "--format", "json"), &mounted); err != nil {
		t.Error(err)
	}
	for _, m := range mounted {
		i, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(m.Repositories[0]), ":latest"))
		if err != nil {
			t.Error(err)
			continue
		}
		found[i-from] = extractedFiles(t, m.Mountpoint)
	}
	return said.String()
}

// listedFiles reads what ls --files --json writes.
func listedFiles(t *testing.T, out string) files {
	t.Helper()
	type node struct{ Path, Type, Link, SHA256 string }
	nodes := map[string]node{}
	names := map[string][]string{}
	for line := range strings.Lines(out) {
		var n node
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			t.Fatal(err)
		}
		nodes[n.Path] = n
		first := n.Path
		if n.Type == "hardlink" {
			first = n.Link
		}
		names[first] = append(names[first], n.Path)
	}
	list := files{}
	for first, all := range names {
		n := nodes[first]
		list.add(all, n.Type, n.SHA256+n.Link)
	}
	return list
}

// add adds a file by all of its names.
func (f files) add(names []string, kind, of string) {
	slices.Sort(names)
	for _, p := range names {
		if f[p] = kind; kind != "dir" {
			f[p] += " " + of + " names " + strings.Join(names, ", ")
		}
	}
}

// extractedFiles reads what is in a folder.
func extractedFiles(t *testing.T, root string) files {
	t.Helper()
	list := files{}
	names := map[uint64][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		inode := info.Sys().(*syscall.Stat_t).Ino
		names[inode] = append(names[inode], "/"+strings.TrimPrefix(path[len(root):], "/"))
		kind, of := "dir", ""
		switch info.Mode().Type() {
		case 0:
			kind = "file"
			b, err := os.ReadFile(path)
			of = fmt.Sprintf("%x", sha256.Sum256(b))
			if err != nil {
				return err
			}
		case fs.ModeSymlink:
			kind = "link"
			if of, err = os.Readlink(path); err != nil {
				return err
			}
		}
		list.add(names[inode], kind, of)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return list
}

// writeLayout writes a layout of one image, by the name t.
func writeLayout(t *testing.T, dir string, layers [][]byte) {
	t.Helper()
	write := func(name string, b []byte) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o777)
		if err == nil {
			err = os.WriteFile(path, b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	blob := func(mediaType string, b []byte) string {
		sum := sha256.Sum256(b)
		write(fmt.Sprintf("blobs/sha256/%x", sum), b)
		return fmt.Sprintf(`"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%x","size":%d`, mediaType, sum, len(b))
	}
	var ids, descriptors []string
	for _, l := range layers {
		ids = append(ids, fmt.Sprintf(`"sha256:%x"`, sha256.Sum256(l)))
		descriptors = append(descriptors, "{"+blob("layer.v1.tar", l)+"}")
	}
	config := blob("config.v1+json", fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}`, strings.Join(ids, ",")))
	manifest := blob("manifest.v1+json", fmt.Appendf(nil, `{"schemaVersion":2,"config":{%s},"layers":[%s]}`, config, strings.Join(descriptors, ",")))
	write("index.json", fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{%s,"annotations":{"org.opencontainers.image.ref.name":"t"}}]}`, manifest))
	write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
}
