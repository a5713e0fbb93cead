#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs random repositories with the real pkg(8) and with orlop, and prints the
# first difference, reduced to a small case:
#
#	scripts/differential.sh [-d DIR] PKG [SEED [COUNT]]
#
# PKG is the program. COUNT cases (100 by default) are made from consecutive seeds,
# starting with SEED (1 by default): packages whose manifests have every form that
# libpkg reads, and packages that need each other, in one or two repositories, some
# in old formats. With -d, a case that differs is saved in DIR with the results of
# pkg, in the form of hooks/testdata/pkg. What orlop(8) lists under PACKAGES AND
# REPOSITORIES does not count. Exit status 1: there are differences.
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
	echo "$0: $1: no such program" >&2
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
