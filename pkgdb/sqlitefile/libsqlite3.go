// SPDX-License-Identifier: BSD-2-Clause

//go:build libsqlite3

package sqlitefile

// The tag libsqlite3 would link the host's SQLite, whose version would decide
// the bytes of every database. So this build stops here.
const _ int = "build orlop without the tag libsqlite3: its SQLite is pinned in go.mod"
