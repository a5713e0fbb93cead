#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs random repositories with the real pkg(8) and with orlop, and prints the
# first difference, made small:
#
#	scripts/differential.sh [-d DIR] PKG [SEED [COUNT]]
#
# PKG is the program. COUNT cases are made, 100 by default, of the seeds from SEED
# on, 1 by default: packages whose manifests have every form that libpkg reads, and
# others that need each other, in one or two repositories, old ones among them.
# With -d, a case that differs is left in DIR with what pkg did, in the form of
# hooks/testdata/pkg. What orlop(8) lists under PACKAGES AND REPOSITORIES is no
# difference. Exit status 1: there are differences.
set -eu

usage() {
	echo "usage: $0 [-d DIR] PKG [SEED [COUNT]]" >&2
	exit 2
}

keep=
while getopts d: flag; do
	case $flag in
	d) keep=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
case $# in
1 | 2 | 3) ;;
*) usage ;;
esac
pkg=$(command -v "$1") || {
	echo "$0: $1 is no program" >&2
	exit 2
}
case $pkg in
/*) ;;
*) pkg=$PWD/$pkg ;;
esac
case $keep in
'' | /*) ;;
*) keep=$PWD/$keep ;;
esac

cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/orlop-differential.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
go build -o "$work/orlop" ./cmd/orlop
go build -o "$work/differential" ./scripts/differential
TMPDIR=$work "$work/differential" "$pkg" "$work/orlop" "${2:-1}" "${3:-100}" ${keep:+"$keep"}
