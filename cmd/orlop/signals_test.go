// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// A run that is stopped may take so long to end, whatever else its machine does, and
// so much of a processor. The second tells whether it went on with its work.
const (
	reaction = 20 * time.Second
	effort   = 500 * time.Millisecond
)

// stopping is a command that is stopped. OUT among its arguments stands for a
// file or folder that is not there before; the store is not either, unless it is
// named.
type stopping struct {
	name string
	args []string

	folder string          // with out, tmp and a store
	result string          // of a run that is not stopped
	lines  []time.Duration // after which the last run wrote each line to stderr
}

// spent is what a run took to end, after its signal.
type spent struct {
	time      time.Duration
	processor time.Duration // of all processors together, 0 where the host does not tell
}

// processor is what a process has had of all processors together. It is not known
// where the host has no /proc as Linux has it.
func processor(pid int) (used time.Duration, known bool) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // behind the name
	if len(fields) < 13 {
		return 0, false
	}
	user, noUser := strconv.Atoi(fields[11])
	system, noSystem := strconv.Atoi(fields[12])
	return time.Duration(user+system) * (time.Second / 100), noUser == nil && noSystem == nil // USER_HZ
}

// moment is when a run is stopped: when it says that a hook begins, else after a
// time.
type moment struct {
	hook  string
	after time.Duration
}

// run runs the program, stops it at a moment unless that has no signal, and
// returns what it printed and what it took from there to its end.
func (s *stopping) run(t *testing.T, sig syscall.Signal, at moment) (status int, stdout, stderr string, took spent) {
	t.Helper()
	var args []string
	for _, arg := range s.args {
		args = append(args, strings.ReplaceAll(arg, "OUT", s.out()))
	}
	cmd := exec.Command("orlop", args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+s.tmp(), "XDG_CACHE_HOME="+s.folder)
	s.remove(t, "out", "orlop")
	var out, said bytes.Buffer
	cmd.Stdout = &out
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	begin, before, known := time.Now(), time.Duration(0), false
	stop := func() {
		if sig != 0 {
			begin = time.Now()
			before, known = processor(cmd.Process.Pid)
			_ = cmd.Process.Signal(sig) // it may have ended
		}
	}
	var timer *time.Timer
	done := make(chan struct{})
	if at.hook == "" {
		timer = time.AfterFunc(at.after, func() { stop(); close(done) })
	}
	s.lines = nil
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		s.lines = append(s.lines, time.Since(begin))
		if said.WriteString(lines.Text() + "\n"); at.hook != "" && lines.Text() == "orlop: "+at.hook {
			stop()
		}
	}
	_ = cmd.Wait()
	if timer != nil && !timer.Stop() {
		<-done
	}
	took.time = time.Since(begin)
	if known {
		took.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() - before
	}
	if state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && state.Signaled() && state.Signal() == sig && said.Len() == 0 {
		return 0, out.String(), "", took // it had not begun
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String(), took
}

func (s *stopping) out() string { return filepath.Join(s.folder, "out") }

func (s *stopping) tmp() string { return filepath.Join(s.folder, "tmp") }

func (s *stopping) remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(s.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// whole runs the command to its end, and returns all that comes of it and when
// each of its hooks begins.
func (s *stopping) whole(t *testing.T) (result string, hooks []moment, length time.Duration) {
	t.Helper()
	status, stdout, stderr, took := s.run(t, 0, moment{})
	if status != 0 {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	for i, line := range strings.Split(strings.TrimSuffix(stderr, "\n"), "\n") {
		hook := strings.TrimPrefix(line, "orlop: ")
		if hook != "" && !strings.Contains(hook, " ") && !slices.ContainsFunc(hooks, func(m moment) bool { return m.hook == hook }) {
			hooks = append(hooks, moment{hook, s.lines[i]})
		}
	}
	result = stdout
	for _, file := range filesIn(t, s.out()) {
		result += fmt.Sprintln(file, fileSum(t, file))
	}
	return result, hooks, took.time
}

// filesIn are the files in a folder, none where it is not there.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// left are the files that a run should not have left: any but what its store
// has, unfinished packages included, with which the next one goes on.
func (s *stopping) left(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(filesIn(t, s.folder), func(file string) bool {
		return strings.HasPrefix(file, filepath.Join(s.folder, "orlop")) && !temporary.MatchString(file)
	})
}

// temporary are the names of files that only the run knows which made them.
var temporary = regexp.MustCompile(`/parts/.*-[0-9]+-[0-9]+$`)

// stop stops the command once, and wants nothing of it but one line.
func (s *stopping) stop(t *testing.T, sig syscall.Signal, at moment) (took spent, stopped bool) {
	t.Helper()
	want, line := exitInterrupted, "orlop: interrupted\n"
	if sig == syscall.SIGTERM {
		want, line = exitTerminated, "orlop: terminated\n"
	}
	status, stdout, stderr, took := s.run(t, sig, at)
	if status == 0 { // it had come to its end, or not begun
		return took, false
	}
	if len(stdout) >= most && strings.HasPrefix(s.result, stdout) && strings.HasSuffix(stdout, "\n") { // the beginning of a long list
		stdout = ""
	}
	if status != want || stdout != "" || !strings.HasSuffix("\n"+stderr, "\n"+line) {
		t.Errorf("%v at %v: status %d, stdout %.200q, stderr %.500q, wanted %d, nothing and %q", sig, at, status, stdout, stderr, want, line)
	}
	if files := s.left(t); len(files) > 0 {
		t.Errorf("%v at %v: left %v", sig, at, files)
	}
	if took.time > reaction || took.processor > effort {
		t.Errorf("%v at %v: took %v and %v of a processor, wanted at most %v and %v", sig, at, took.time, took.processor, reaction, effort)
	}
	return took, true
}

// stopEverywhere stops the command at the beginning of each hook and in between,
// so often in the middle of the longest time in which it was not stopped yet, and
// wants that it comes to the same as before in the end.
func (s *stopping) stopEverywhere(t *testing.T, rounds int) {
	s.folder = t.TempDir()
	if err := os.Mkdir(s.tmp(), 0o777); err != nil {
		t.Fatal(err)
	}
	want, hooks, length := s.whole(t)
	s.result = want
	moments, times := hooks, []time.Duration{0, length}
	for _, hook := range hooks {
		times = append(times, hook.after)
	}
	for range rounds {
		slices.Sort(times)
		longest := 1
		for i := range times[1:] {
			if times[i+1]-times[i] > times[longest]-times[longest-1] {
				longest = i + 1
			}
		}
		middle := (times[longest-1] + times[longest]) / 2
		moments, times = append(moments, moment{after: middle}), append(times, middle)
	}
	var worst spent
	stops := 0
	for i, at := range moments {
		sig := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[i%2]
		if took, stopped := s.stop(t, sig, at); stopped {
			stops++
			worst = spent{max(worst.time, took.time), max(worst.processor, took.processor)}
		}
	}
	if got, _, _ := s.whole(t); got != want {
		t.Errorf("got %s, wanted as without signals %s", got, want)
	}
	if stops == 0 {
		t.Error("it was never stopped")
	}
	t.Logf("%s: takes %.1f s, stopped %d times, took at most %.3f s to end, and %.3f s of a processor", s.name, length.Seconds(), stops, worst.time.Seconds(), worst.processor.Seconds())
}

// busyRepository has packages that keep a run busy: many files, and a large one.
func busyRepository(t *testing.T, dir string, files, megabytes int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	many := pkgtest.Package{Name: "many"}
	for i := range files {
		many.Files = append(many.Files, pkgtest.File{Path: fmt.Sprintf("/usr/share/many/%d/%06d", i%100, i), Body: fmt.Sprintln("file", i)})
	}
	large := make([]byte, megabytes<<20)
	random := rand.NewChaCha8([32]byte{})
	if _, err := io.ReadFull(random, large); err != nil {
		t.Fatal(err)
	}
	pkgtest.WriteRepo(dir, many, pkgtest.Package{Name: "large", Files: []pkgtest.File{{Path: "/usr/large", Body: string(large)}, {Path: "/usr/zeros", Body: string(make([]byte, len(large)))}}})
}

var image = []string{"--revision", "15.0", "--branch", "RELEASE", "--name", "x", "--package", "*"}

// TestSignalWhileWaiting ends runs that wait for somebody else: for what a FIFO
// brings, and for who reads their results.
func TestSignalWhileWaiting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo, repo := filepath.Join(dir, "fifo"), t.TempDir()
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	pkgtest.WriteRepo(repo, pkgtest.Package{Name: "p"})
	database := filepath.Join(dir, "db")
	writeManyFiles(t, database, 2000)
	reader, writer := io.Pipe() // nobody reads
	defer reader.Close()
	for _, tt := range []struct {
		args   []string
		stdout io.Writer
	}{
		{slices.Concat([]string{"build", "--repo", repo, "--exceptions", fifo}, image), new(bytes.Buffer)},
		{slices.Concat([]string{"plan", "--repo", repo, "--image-file", fifo}, image), new(bytes.Buffer)},
		{[]string{"build", "--lock", fifo}, new(bytes.Buffer)},
		{[]string{"pkgdb", "dump", fifo}, new(bytes.Buffer)},
		{[]string{"pkgdb", "dump", database}, writer},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() { cancel(&signalError{syscall.SIGTERM}) })
		var stderr bytes.Buffer
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, append([]string{"orlop"}, tt.args...), tt.stdout, &stderr, func(string) (string, bool) { return "", false })
		}()
		select {
		case status := <-ended:
			if status != exitTerminated || !strings.HasSuffix("\n"+stderr.String(), "\norlop: terminated\n") {
				t.Errorf("%s: status %d, %q, wanted %d", tt.args, status, stderr.String(), exitTerminated)
			}
		case <-time.After(300*time.Millisecond + reaction):
			t.Errorf("%s: does not end", tt.args)
		}
		if b, ok := tt.stdout.(*bytes.Buffer); ok && b.Len() > 0 {
			t.Errorf("%s: printed %q", tt.args, b)
		}
	}
}

// writeManyFiles writes a pkg database of a package with so many files.
func writeManyFiles(t *testing.T, file string, n int) {
	t.Helper()
	attr, seconds := pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o644}, int64(1_700_000_000)
	m := &pkgfile.Manifest{Name: "many", Version: "1", Origin: "base/many", ABI: "FreeBSD:15:amd64", Prefix: "/"}
	for i := range n {
		m.Files.Append(pkgfile.File{Path: fmt.Sprintf("/many/%07d", i), Sum: "1$" + strings.Repeat("0", 64), Attr: attr, Time: &seconds})
	}
	text, err := pkgdb.Write(t.Context(), t.TempDir(), []pkgdb.Installed{{Manifest: m, Repository: "FreeBSD-base"}}, seconds, pkgdb.DefaultSchema)
	if err == nil {
		err = sqlitefile.Write(t.Context(), file, text)
	}
	if err != nil {
		t.Fatal(err)
	}
}
