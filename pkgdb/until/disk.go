// SPDX-License-Identifier: BSD-2-Clause

package until

import (
	"context"
	"os"
)

// Disk writes a file that must survive a crash. It syncs while more bytes are
// written, so that the wait at the end is short, also for a run ended by a
// signal: no process can exit while it syncs.
type Disk struct {
	ctx    context.Context
	file   *os.File
	ahead  int        // bytes since the last sync began
	synced chan error // of the sync in progress; nil for none
}

// NewDisk writes to a file from its current offset. The caller closes it.
func NewDisk(ctx context.Context, f *os.File) *Disk { return &Disk{ctx: ctx, file: f} }

const (
	syncAfter = 4 << 20  // bytes, quick to write on any disk
	maxAhead  = 16 << 20 // bytes written ahead of a slow disk
)

// Write writes, and starts a sync now and then.
func (d *Disk) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		if err := d.ctx.Err(); err != nil {
			return written, err
		}
		n, err := d.file.Write(b[:min(len(b), syncAfter)])
		written += n
		b = b[n:]
		if d.ahead += n; err == nil && d.ahead >= syncAfter {
			err = d.sync()
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// sync starts a sync. While one is in progress on a slow disk, more may be
// written.
func (d *Disk) sync() error {
	if d.synced != nil && len(d.synced) == 0 && d.ahead < maxAhead {
		return nil
	}
	if err := d.wait(); err != nil {
		return err
	}
	d.ahead, d.synced = 0, make(chan error, 1)
	go func(done chan<- error) { done <- d.file.Sync() }(d.synced)
	return nil
}

// wait waits for the sync in progress.
func (d *Disk) wait() error {
	if d.synced == nil {
		return nil
	}
	select {
	case err := <-d.synced:
		d.synced = nil
		return err
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

// Finish waits until all bytes are on the disk.
func (d *Disk) Finish() error {
	if err := d.wait(); err != nil {
		return err
	}
	return Try(d.ctx, d.file.Sync)
}
