#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs orlop for release builds: the program, the makefiles that include
# FreeBSD's, examples for release.sh, and manual pages.
#
#	scripts/install.sh [-o ORLOP] PREFIX
#
#	-o ORLOP	install this program instead of building one with go(1)
#
# PREFIX is /usr/local, or ${CHROOTDIR}/usr/local for the chroot of release.sh, or
# one below a stage directory. Each file is complete or absent.
set -eu

die() {
	echo "$0: $*" >&2
	exit 1
}

usage() {
	echo "usage: $0 [-o ORLOP] PREFIX" >&2
	exit 2
}

# put MODE FILE FOLDER [NAME]: copy a file and print its name.
put() {
	name=${4:-$(basename "$2")}
	part=$prefix/$3/.$name.part
	mkdir -p "$prefix/$3"
	cp "$2" "$part"
	chmod "$1" "$part"
	mv -f "$part" "$prefix/$3/$name"
	part=
	echo "$prefix/$3/$name"
}

# clean: leave no incomplete file.
clean() {
	[ -z "$work" ] || rm -rf "$work"
	[ -z "$part" ] || rm -f "$part"
	[ -z "$list" ] || rm -f "$list"
}

program='' work='' part='' list=''
while getopts o: flag; do
	case $flag in
	o) program=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || usage
prefix=$1
here=$(cd "$(dirname "$0")" && pwd)

trap clean EXIT
trap 'exit 1' HUP INT TERM
if [ -z "$program" ]; then
	command -v go > /dev/null || die "go(1) is not installed; to install a program that is built already, give -o ORLOP"
	work=$(mktemp -d)
	(cd "$here/.." && go build -o "$work/orlop" ./cmd/orlop)
	program=$work/orlop
fi
[ -f "$program" ] || die "$program: no such file"
list=$(mktemp)

put 755 "$program" bin orlop
for f in "$here/release.mk" "$here/mirrors.mk" "$here/../Makefile.inc"; do
	put 644 "$f" share/orlop
done
(cd "$here/examples" && find . -type f ! -name '.*' ! -name 'hello-*' | sort) > "$list"
while read -r f; do
	mode=644
	[ ! -x "$here/examples/$f" ] || mode=755
	folder=$(dirname "$f")
	put $mode "$here/examples/$f" "share/examples/orlop${folder#.}"
done < "$list"
for f in "$here"/../cmd/orlop/orlop*.[1-9]; do
	put 644 "$f" "share/man/man${f##*.}"
done
