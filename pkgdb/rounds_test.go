// SPDX-License-Identifier: BSD-2-Clause

//go:build !full

package pkgdb

// How often tests repeat what differs each time. With the tag full, more often.
const histories = 3 // of TestHistory
