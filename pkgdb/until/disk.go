// SPDX-License-Identifier: BSD-2-Clause

package until

import (
	"context"
	"os"
)

// Disk writes a file that is to last on the disk. It has the bytes go there
// while more are written, so that the wait at the end is short, and so is that
// of a run which a signal ends: the system lets no process go that syncs.
type Disk struct {
	ctx    context.Context
	file   *os.File
	ahead  int        // bytes since the last sync began
	synced chan error // of the sync that is under way; nil for none
}

// NewDisk writes to a file from where that stands. The caller closes it.
func NewDisk(ctx context.Context, f *os.File) *Disk { return &Disk{ctx: ctx, file: f} }

const (
	syncAfter = 4 << 20  // bytes, which any disk writes in a moment
	maxAhead  = 16 << 20 // bytes for which a slow disk is not waited for
)

// Write writes, and begins a sync now and then.
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

// sync begins a sync. While one is under way on a slow disk, more may be
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

// wait waits for the sync that is under way.
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
