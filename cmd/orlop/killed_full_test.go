// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// slowly serves a folder so that a run has something to be killed in.
func slowly(t testing.TB, dir string) string {
	t.Helper()
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files.ServeHTTP(&slowWriter{w}, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

type slowWriter struct{ http.ResponseWriter }

func (s *slowWriter) Write(b []byte) (int, error) {
	time.Sleep(3 * time.Millisecond)
	return s.ResponseWriter.Write(b)
}

// TestKilledFetch kills runs at random moments while they fetch into one store,
// several at a time: the next one completes and makes the same image.
func TestKilledFetch(t *testing.T) {
	t.Parallel()
	url := slowly(t, "sample")
	cache := filepath.Join(t.TempDir(), "store")
	build := func(cache string) *exec.Cmd {
		return exec.Command("orlop", "build", "-q", "--exceptions", "sample/exceptions.ucl", "--insecure-unsigned", "--repo", url, "--cache", cache, "-o", t.TempDir(), "dynamic", "runtime")
	}
	begin := time.Now()
	want, err := build(t.TempDir() + "/store").Output()
	if err != nil {
		t.Fatal(err)
	}
	length := time.Since(begin)
	killed := 0
	for range 20 {
		cmd := build(cache)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(length))))
		_ = cmd.Process.Kill() // it may have ended
		cmd.Wait()
		if !cmd.ProcessState.Success() {
			killed++
		}
		got, err := build(cache).Output()
		if err != nil || string(got) != string(want) {
			t.Fatalf("after %d kills: %v\n%s\nwant\n%s", killed, err, got, want)
		}
		if err := os.RemoveAll(filepath.Join(cache, "packages")); err != nil { // the parts stay
			t.Fatal(err)
		}
	}
	if killed == 0 {
		t.Error("no run was killed")
	}
}
