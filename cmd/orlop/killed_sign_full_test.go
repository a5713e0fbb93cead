// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/release/attest"
)

// TestKilledSign kills runs that sign, here and in a prepared folder: each file is whole
// or absent, and the next run makes all of them and leaves nothing else.
func TestKilledSign(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	keys := []string{"--key", f.key("ec.pem"), "--pgp-key", f.key("good.sec")}
	prepared := filepath.Join(f.dir, "tosign")
	f.does(0, "sign", "-q", "--prepare", prepared, "--identity", identity, f.archive)
	begin := time.Now()
	f.signs(keys...)
	length := time.Since(begin)
	want := f.files(f.dir)
	killed := 0
	for i := range 20 {
		g := newForge(t)
		folder := filepath.Join(g.dir, "tosign")
		f.must(os.CopyFS(folder, os.DirFS(prepared)))
		args := append([]string{"sign", "-q", "--identity", identity, g.archive}, keys...)
		if i%2 == 0 {
			args = append([]string{"sign", "-q", "--prepared", folder}, keys...)
		}
		cmd := exec.Command("orlop", args...)
		f.must(cmd.Start())
		time.Sleep(time.Duration(rand.Int64N(int64(2 * length))))
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if !cmd.ProcessState.Success() {
			killed++
		}
		if found, err := signature.Beside(strings.TrimSuffix(g.archive, ".txz")); err != nil {
			t.Errorf("found %v, %v", found, err)
		}
		for name, text := range g.files(g.dir) {
			if text != want[name] {
				t.Errorf("%s is half there", name)
			}
		}
		g.does(0, append([]string{"sign", "-q", "--prepared", folder}, keys...)...)
		g.signs("--attach", folder, "--key", g.key("ec.pub"), "--pgp-key", g.key("good.asc"))
		for name, text := range want {
			if got := g.files(g.dir)[name]; got != text {
				t.Errorf("%s differs after a kill", name)
			}
		}
		if left, err := filepath.Glob(filepath.Join(g.dir, ".orlop-part-*")); len(left) > 0 || err != nil {
			t.Errorf("left %v, %v", left, err)
		}
	}
	if killed == 0 {
		t.Error("no run was killed")
	}
}

// TestKilledLookaside kills pushes that add to a lookaside tree: what is there is whole.
func TestKilledLookaside(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	ring, err := attest.ParseKeyring(f.read("good.asc"))
	f.must(err)
	killed, seen := 0, 0
	for range 10 {
		ref := f.publish(false)
		name := strings.TrimSuffix(strings.TrimPrefix(ref, "docker://"), ":t")
		look := t.TempDir()
		push := exec.Command("orlop", "push", "-q", "--plain-http", "--tag", "t", "--pgp-key", f.key("good.sec"), "--lookaside", look, f.archive, name)
		f.must(push.Start())
		time.Sleep(time.Duration(rand.Int64N(int64(200 * time.Millisecond))))
		_ = push.Process.Kill()
		_ = push.Wait()
		if !push.ProcessState.Success() {
			killed++
		}
		files, err := filepath.Glob(look + "/freebsd/*/signature-*")
		f.must(err)
		seen += len(files)
		for _, file := range files {
			text, err := os.ReadFile(file)
			f.must(err)
			if _, _, err := ring.VerifyMessage(text, time.Now()); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
		f.does(0, "push", "-q", "--plain-http", "--tag", "t", "--pgp-key", f.key("good.sec"), "--lookaside", look, f.archive, name)
		f.does(0, "verify", "-q", "--plain-http", "--keyring", f.key("good.asc"), "--require-form", "pgp", "--lookaside", look, ref)
	}
	if killed == 0 || seen == 0 {
		t.Errorf("%d pushes were killed, and they left %d files", killed, seen)
	}
}
