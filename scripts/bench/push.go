// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// pushes compares pushing with skopeo(1), and a family with its largest image, to a
// docker-registry on this machine that is empty each time.
func (b *bench) pushes() error {
	b.costs, b.digests = map[string][]cost{}, map[string]string{}
	if err := writeRepo(b.path("repo"), b.size, none); err != nil {
		return err
	}
	if err := os.WriteFile(b.path("images.ucl"), []byte(familyImages), 0o666); err != nil {
		return err
	}
	if err := b.build("", "repo", "cache", 2, "--image-file", b.path("images.ucl"), "one", "two", "three", "four", "five"); err != nil {
		return err
	}
	archive := func(image string) string { return filepath.Join(b.path("out"), "container-image-"+image+".txz") }
	family := []string{archive("one"), archive("two"), archive("three"), archive("four"), archive("five")}
	for range b.rounds {
		for _, row := range []struct {
			name string
			args func(registry string) []string
		}{
			{skopeoRow, func(r string) []string {
				return []string{"skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", "oci-archive:" + archive("five"), "docker://" + r + "/bench/five:x"}
			}},
			{largestRow, func(r string) []string {
				return []string{b.orlop, "push", "-q", "--plain-http", archive("five"), r + "/bench/{image}"}
			}},
			{familyRow, func(r string) []string {
				return append(append([]string{b.orlop, "push", "-q", "--plain-http"}, family...), r+"/bench/{image}")
			}},
		} {
			if err := b.push(row.name, row.args); err != nil {
				return err
			}
		}
	}
	b.reportPushes()
	return os.RemoveAll(b.dir)
}

// The rows of the comparison.
const (
	skopeoRow  = "skopeo copy, largest image"
	largestRow = "orlop push, largest image"
	familyRow  = "orlop push, family of five"
	againRow   = "again"
)

// push runs a command on an empty registry, and orlop's once more on what it left.
func (b *bench) push(row string, args func(registry string) []string) error {
	address, stop, err := b.registry()
	if err != nil {
		return err
	}
	defer stop()
	command := args(address)
	c, _, err := measure(command[0], command[1:]...)
	if err != nil {
		return err
	}
	b.note(row, c)
	if row != familyRow {
		return nil
	}
	if c, _, err = measure(command[0], command[1:]...); err == nil {
		b.note(familyRow+", "+againRow, c)
	}
	return err
}

// registry starts an empty docker-registry.
func (b *bench) registry() (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = l.Addr().String()
	if err := errors.Join(l.Close(), os.RemoveAll(b.path("registry"))); err != nil {
		return "", nil, err
	}
	conf := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", b.path("registry"), address)
	if err := os.WriteFile(b.path("registry.yml"), []byte(conf), 0o666); err != nil {
		return "", nil, err
	}
	cmd := exec.Command("docker-registry", "serve", b.path("registry.yml"))
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for range 100 {
		if r, err := http.Get("http://" + address + "/v2/"); err == nil {
			return address, stop, r.Body.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, errors.New("docker-registry does not answer")
}

func (b *bench) reportPushes() {
	fmt.Fprintf(b.out, "### Pushing %d MB of packages, %d rounds\n\n| | wall s | CPU s | peak MiB |\n|---|---|---|---|\n", b.size/1e6, b.rounds)
	for _, row := range b.rows {
		fmt.Fprintf(b.out, "| %s | %.2f | %.2f | %.0f |\n", row, b.median(row, wall), b.median(row, func(c cost) float64 { return c.cpu }), b.median(row, func(c cost) float64 { return float64(c.peak) })/(1<<20))
	}
	fmt.Fprint(b.out, "\n| ratio | is | wanted |\n|---|---|---|\n")
	for _, r := range [][3]string{{largestRow, skopeoRow, "≤ 1.15"}, {familyRow, largestRow, "≤ 1.15"}} {
		fmt.Fprintf(b.out, "| %s / %s | %.2f | %s |\n", r[0], r[1], b.ratio(r[0], r[1]), r[2])
	}
}
