// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

const (
	buildRounds = 20
	departBases = 2
)
