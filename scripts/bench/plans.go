// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// plans measures the plan of two packages from a catalogue as large as that of ports,
// cold and warm, also with another orlop and a pkg(8), "" for none.
func (b *bench) plans(other, pkg string, packages int) error {
	b.costs, b.digests = map[string][]cost{}, map[string]string{}
	repo := b.path("repo")
	asked, size, err := writeCatalogue(repo, packages)
	if err != nil {
		return err
	}
	for range b.rounds {
		if err := b.planRound("orlop", b.orlop, repo, asked); err != nil {
			return err
		}
		if other != "" {
			if err := b.planRound("other orlop", other, repo, asked); err != nil {
				return err
			}
		}
		if pkg == "" {
			continue
		}
		if err := b.pkgRound(pkg, repo, asked); err != nil {
			return err
		}
	}
	fmt.Fprintf(b.out, "### A plan from %d packages, %.0f MB of JSON, %d processors, %d rounds\n\n", packages, float64(size)/1e6, runtime.NumCPU(), b.rounds)
	fmt.Fprint(b.out, "| | wall s | CPU s | peak MiB |\n|---|---|---|---|\n")
	for _, row := range b.rows {
		b.reportRow(row)
	}
	fmt.Fprint(b.out, "\n| ratio | is | wanted |\n|---|---|---|\n")
	for _, r := range [][3]string{{"orlop, warm", "pkg, warm", "≤ 1.5"}, {"orlop, cold", "pkg, cold", "≤ 1"}, {"orlop, warm", "orlop, cold", "≤ 0.15"},
		{"orlop, cold", "other orlop, cold", "≤ 1.03"}, {"orlop, warm", "other orlop, warm", ""}} {
		if b.costs[r[0]] != nil && b.costs[r[1]] != nil {
			fmt.Fprintf(b.out, "| %s / %s | %.2f | %s |\n", r[0], r[1], b.ratio(r[0], r[1]), r[2])
		}
	}
	return os.RemoveAll(b.dir)
}

// planRound plans with a fresh store, and again.
func (b *bench) planRound(name, orlop, repo string, asked []string) error {
	store := b.path("store")
	if err := os.RemoveAll(store); err != nil {
		return err
	}
	args := []string{"plan", "-q", "--repo", repo, "--cache", store, "--name", "plan"}
	for _, p := range asked {
		args = append(args, "--package", p)
	}
	for _, state := range []string{"cold", "warm"} {
		c, plan, err := measure(orlop, args...)
		if err != nil {
			return err
		}
		if first := b.digests["plan"]; first != "" && first != plan {
			return fmt.Errorf("%s, %s: the plan is another than before", name, state)
		}
		b.digests["plan"] = plan
		b.note(name+", "+state, c)
	}
	return nil
}

// pkgRound does the same with pkg(8), which installs nothing.
func (b *bench) pkgRound(pkg, repo string, asked []string) error {
	conf, root := b.path("conf"), b.path("root")
	for _, dir := range []string{conf, root} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	stanza := fmt.Sprintf("bench: { url: \"file://%s\" }\n", repo)
	if err := os.WriteFile(filepath.Join(conf, "bench.conf"), []byte(stanza), 0o666); err != nil {
		return err
	}
	args := append([]string{"HOME=/no-home", "INSTALL_AS_USER=yes", "IGNORE_OSVERSION=yes", pkg, "-o", "ABI=FreeBSD:15:amd64", "-o", "OSVERSION=1500068",
		"-r", root, "-C", "/dev/null", "-R", conf, "install", "-n", "-y", "-q"}, asked...)
	for _, state := range []string{"cold", "warm"} {
		c, _, err := measure("env", args...)
		if err != nil {
			return err
		}
		c.peak = 0 // a process that it waits for does the work
		b.note("pkg, "+state, c)
	}
	return nil
}

// writeCatalogue makes a repository that has only a catalogue, and returns two names
// of packages in it with few dependencies, and the size of its JSON.
func writeCatalogue(dir string, packages int) (asked []string, size int, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, 0, err
	}
	var lines [][]byte
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 4000)
	for i := range words {
		words[i] = fmt.Sprintf("%x", random.Uint64())[:3+random.IntN(7)]
	}
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(words[random.IntN(len(words))] + " ")
		}
		return b.String()
	}
	name := func(i int) string { return fmt.Sprintf("%s-%05d", words[i%len(words)], i) }
	for i := range packages {
		deps := map[string]any{}
		for range min(i, random.IntN(7)) {
			d := i / (2 + random.IntN(9))
			deps[name(d)] = map[string]string{"origin": "devel/" + name(d), "version": fmt.Sprint("1.", d%30)}
		}
		one := map[string]any{"name": name(i), "origin": "devel/" + name(i), "version": fmt.Sprint("1.", i%30), "comment": text(7), "desc": text(20 + random.IntN(200)),
			"maintainer": "ports@example.org", "www": "https://example.org/" + name(i), "abi": "FreeBSD:15:amd64", "arch": "freebsd:15:x86:64", "prefix": "/usr/local",
			"sum": fmt.Sprintf("%x", sha256.Sum256([]byte(name(i)))), "flatsize": random.IntN(1e8), "pkgsize": random.IntN(1e7), "path": "All/" + name(i) + ".pkg",
			"repopath": "All/" + name(i) + ".pkg", "licenselogic": "single", "licenses": []string{"MIT"}, "categories": []string{"devel"}, "deps": deps,
			"options":     map[string]string{"DOCS": "on", "NLS": "on"},
			"annotations": map[string]string{"FreeBSD_version": "1500068", "built_by": "poudriere", "port_git_hash": fmt.Sprintf("%012x", i)}}
		if i%5 == 0 {
			one["shlibs_provided"] = []string{fmt.Sprintf("lib%s.so.%d", name(i), i%9)}
		}
		line, err := json.Marshal(one)
		if err != nil {
			return nil, 0, err
		}
		lines = append(lines, line)
	}
	for file, member := range map[string][]byte{"packagesite.yaml": append(bytes.Join(lines, []byte("\n")), '\n'),
		"data": bytes.Join([][]byte{[]byte(`{"groups":[],"packages":[`), bytes.Join(lines, []byte(",")), []byte("]}")}, nil)} {
		if err := writeArchive(filepath.Join(dir, strings.TrimSuffix(file, ".yaml")+".pkg"), file, member); err != nil {
			return nil, 0, err
		}
		size = len(member)
	}
	meta := "version = 2;\npacking_format = \"tzst\";\nmanifests = \"packagesite.yaml\";\ndata = \"data\";\nfilesite = \"files\";\nmanifests_archive = \"packagesite\";\nfilesite_archive = \"files\";\n"
	return []string{name(packages * 5 / 6), name(packages * 35 / 36)}, size, os.WriteFile(filepath.Join(dir, "meta.conf"), []byte(meta), 0o666)
}

// writeArchive writes a file of a catalogue with its member.
func writeArchive(file, member string, text []byte) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	enc, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return err
	}
	t := tar.NewWriter(enc)
	if err := t.WriteHeader(&tar.Header{Name: member, Mode: 0o644, Size: int64(len(text)), Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	if _, err := t.Write(text); err != nil {
		return err
	}
	if err := t.Close(); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	return out.Close()
}
