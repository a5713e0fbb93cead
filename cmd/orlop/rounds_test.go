// SPDX-License-Identifier: BSD-2-Clause

//go:build !full

package main

// How often tests repeat what differs each time. With the tag full, more often.
const (
	buildRounds = 4 // of TestSameBytes
	departBases = 1 // of TestDepartures: forms of the parent
)
