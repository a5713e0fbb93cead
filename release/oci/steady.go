// SPDX-License-Identifier: BSD-2-Clause

package oci

import "os"

// steady writes a file that is to last on the disk. It has the bytes go there
// while more are written, so that the wait at the end is short.
type steady struct {
	file   *os.File
	ahead  int        // bytes since the last sync began
	synced chan error // of the sync that is under way; nil for none
}

// syncAfter is a number of bytes that any disk writes in a moment.
const syncAfter = 4 << 20

// Write writes, and begins a sync now and then.
func (s *steady) Write(b []byte) (int, error) {
	n, err := s.file.Write(b)
	if s.ahead += n; err != nil || s.ahead < syncAfter {
		return n, err
	}
	if s.synced == nil {
		s.begin()
		return n, nil
	}
	select {
	case err = <-s.synced:
		s.begin()
	default: // the disk is slower
	}
	return n, err
}

func (s *steady) begin() {
	s.ahead, s.synced = 0, make(chan error, 1)
	go func(done chan<- error) { done <- s.file.Sync() }(s.synced)
}

// finish waits until all bytes are on the disk.
func (s *steady) finish() error {
	if s.synced != nil {
		if err := <-s.synced; err != nil {
			return err
		}
	}
	return s.file.Sync()
}
