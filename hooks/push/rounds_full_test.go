// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package push_test

const pushesToEnd = 20
