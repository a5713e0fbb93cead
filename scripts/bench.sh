#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Compares orlop with other ways to make an image from packages; see BENCH.md.
#
#	scripts/bench.sh [-p] [-a OTHER] [-d DIR] [-n ROUNDS] [MEGABYTES ...]
#	scripts/bench.sh -e [-k PKG] [-d DIR] [-n ROUNDS] [FILES ...]
#	scripts/bench.sh -c [-a OTHER] [-k PKG] [-d DIR] [-n ROUNDS] [PACKAGES]
#	scripts/bench.sh -o [-d DIR] [-n ROUNDS] [PACKAGES]
#
# With -a it only compares the commands that people wait for with those of OTHER, an
# orlop of another version. With -p it only compares pushing with skopeo, to a
# docker-registry that it starts. With -e it measures what an entry costs in images of
# many small files, also with PKG, a real pkg(8). With -c it measures a plan from a
# catalogue as large as that of ports. With -o it measures an image of packages like
# those of ports on a parent of 100 MB.
# DIR holds repositories and results during the run: fifteen times the megabytes, on
# a file system like the one that releases are built on.
set -eu

usage() {
	echo "usage: $0 [-p] [-a OTHER] [-d DIR] [-n ROUNDS] [MEGABYTES ...]" >&2
	echo "       $0 -e [-k PKG] [-d DIR] [-n ROUNDS] [FILES ...]" >&2
	echo "       $0 -c [-a OTHER] [-k PKG] [-d DIR] [-n ROUNDS] [PACKAGES]" >&2
	echo "       $0 -o [-d DIR] [-n ROUNDS] [PACKAGES]" >&2
	exit 2
}

base=${TMPDIR:-/tmp}
rounds=5
other=
push=
entries=
plans=
own=
pkg=
while getopts a:cd:ek:n:op flag; do
	case $flag in
	c) plans=yes ;;
	p) push=yes ;;
	a) other=$OPTARG ;;
	d) base=$OPTARG ;;
	e) entries=yes ;;
	o) own=yes ;;
	k) pkg=$OPTARG ;;
	n) rounds=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
if [ "$own" ]; then
	[ $# -gt 0 ] || set -- 100
elif [ "$plans" ]; then
	[ $# -gt 0 ] || set -- 36000
elif [ "$entries" ]; then
	[ $# -gt 0 ] || set -- 100000 400000
else
	[ $# -gt 0 ] || set -- 100 600 2000
fi

for tool in ${push:+skopeo docker-registry} go pigz zstd gzip bsdtar sha256sum xz; do
	command -v "$tool" >/dev/null || {
		echo "$0: $tool is not installed" >&2
		exit 1
	}
done

cd "$(dirname "$0")/.."
work=$(mktemp -d "$base/orlop-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
go build -o "$work/orlop" ./cmd/orlop
go build -o "$work/bench" ./scripts/bench
if [ "$own" ]; then
	"$work/bench" own -n "$rounds" "$work/orlop" "$work" "$@"
	exit
fi
if [ "$plans" ]; then
	"$work/bench" plans -n "$rounds" ${other:+-a "$other"} ${pkg:+-k "$pkg"} "$work/orlop" "$work" "$@"
	exit
fi
if [ "$entries" ]; then
	"$work/bench" entries -n "$rounds" ${pkg:+-k "$pkg"} "$work/orlop" "$work" "$@"
	exit
fi
"$work/bench" compare -n "$rounds" ${other:+-a "$other"} ${push:+-p} "$work/orlop" "$work" "$@"
