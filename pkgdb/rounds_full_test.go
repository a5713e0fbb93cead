// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package pkgdb

const histories = 12
