// SPDX-License-Identifier: BSD-2-Clause

//go:build !full

package push_test

// How often tests repeat what differs each time. With the tag full, more often.
const pushesToEnd = 5 // of TestInterrupted
