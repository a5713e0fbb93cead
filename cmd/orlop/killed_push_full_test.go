// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestKilledPush kills pushes at random moments: no tag leads to anything incomplete or
// unsigned, and the next push ends well and sends nothing that is there.
func TestKilledPush(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	images := []string{"static", "dynamic", "runtime"}
	if status, said := orlop(t, append([]string{"build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "-o", dir}, images...)...); status != 0 {
		t.Fatal(said)
	}
	keys := newForge(t)
	push := func(s *registrytest.Server) *exec.Cmd {
		args := []string{"push", "-q", "--plain-http", "--tag", "t", "--key", keys.key("ec.pem")}
		for _, image := range images {
			args = append(args, filepath.Join(dir, "container-image-"+image+".txz"))
		}
		return exec.Command("orlop", append(args, s.Host()+"/x/{image}")...)
	}
	begin := time.Now()
	first := registrytest.New(t, registrytest.Profile{})
	out, err := push(first).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(string(out), first.Host(), "HOST")
	length := time.Since(begin)
	killed := 0
	for i := range 20 {
		s := registrytest.New(t, registrytest.Profile{NoReferrers: i%2 == 0})
		cmd := push(s)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(length))))
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if !cmd.ProcessState.Success() {
			killed++
		}
		for _, image := range images {
			whole(t, s, "x/"+image)
		}
		got, err := push(s).Output()
		if err != nil || strings.ReplaceAll(string(got), s.Host(), "HOST") != want {
			t.Fatalf("after %d kills: %v\n%s\nwant\n%s", killed, err, got, want)
		}
		for _, image := range images {
			if !slices.Contains(s.Tags("x/"+image), "t") {
				t.Errorf("%s has no tag", image)
			}
			whole(t, s, "x/"+image)
		}
	}
	if killed == 0 {
		t.Error("no push was killed")
	}
}

// whole requires everything that the tags of a repository lead to.
func whole(t *testing.T, s *registrytest.Server, repo string) {
	t.Helper()
	for _, tag := range s.Tags(repo) {
		var m v1.Manifest
		if text := s.Manifest(repo, s.Tag(repo, tag)); json.Unmarshal(text, &m) != nil {
			t.Errorf("%s:%s leads to %q", repo, tag, text)
		}
		if strings.HasPrefix(tag, "sha256-") {
			continue // a list of attachments
		}
		if list, err := attest.ParseSignatureList(s.Manifest(repo, s.Tag(repo, attest.SignatureTag(s.Tag(repo, tag))))); err != nil || len(list.Layers) != 1 {
			t.Errorf("%s:%s has the signatures %+v, %v", repo, tag, list, err)
		}
		for _, d := range append(m.Layers, m.Config) {
			if s.Blob(repo, d.Digest) == nil {
				t.Errorf("%s:%s lacks %s", repo, tag, d.Digest)
			}
		}
	}
}
