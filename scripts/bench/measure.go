// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// cost is the time and memory that a command took.
type cost struct {
	wall, cpu float64 // seconds; cpu of all processes, user and system
	peak      int64   // bytes of memory of the largest process; 0 if unknown
}

// measure runs a command and returns its cost and what it printed.
func measure(name string, args ...string) (cost, string, error) {
	return measureStatus(0, name, args...)
}

// measureStatus is measure for a command that ends with a status.
func measureStatus(status int, name string, args ...string) (cost, string, error) {
	cmd := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, "", err
	}
	stop, peak := make(chan struct{}), make(chan int64)
	go func() { peak <- watch(cmd.Process.Pid, stop) }()
	err := cmd.Wait()
	c := cost{wall: time.Since(begun).Seconds()}
	close(stop)
	c.peak = <-peak
	if found := cmd.ProcessState.ExitCode(); found != status {
		return cost{}, "", fmt.Errorf("%s: %w\n%s", cmd, cmp.Or(err, fmt.Errorf("status %d, wanted %d", found, status)), stderr.String())
	}
	c.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return c, stdout.String(), nil
}

// watch polls the peak memory of a process. (The figure of wait4(2) includes the
// memory of the process that forked it.)
func watch(pid int, stop <-chan struct{}) (peak int64) {
	for {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, rest, ok := strings.Cut(string(text), "VmHWM:"); ok {
			var n int64
			fmt.Sscan(rest, &n)
			peak = max(peak, n<<10)
		}
		select {
		case <-stop:
			return peak
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	if n := len(list); n%2 == 0 {
		return (list[n/2-1] + list[n/2]) / 2
	}
	return list[len(list)/2]
}
