#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes a container image with orlop, for whoever calls FreeBSD's script of
# this name. Its arguments are the same:
#
#	make-oci-image.sh CURDIR REVISION BRANCH TARGET_ARCH IMAGE OUTPUT
#
# CURDIR is release of a source tree; the working directory is make(1)'s object
# directory. Beside OUTPUT, its name ending in .txz, stands the lock, and the
# signed catalogues of the repository. All have the bytes that `make oci-release`
# gives them.
#
# ORLOP names the program, ORLOP_FLAGS and ORLOP_BUILD_FLAGS are further flags
# of `orlop build`, ORLOP_REPO_CONF_DIR the configuration of the repository.
# Without that, it is the one that `make release` makes, else the one that
# `make packages` makes. Epoch and commit come from where Makefile.oci has them from.
set -eu

if [ $# -ne 6 ]; then
	echo "usage: $0 CURDIR REVISION BRANCH TARGET_ARCH IMAGE OUTPUT" >&2
	exit 2
fi
curdir=$1 revision=$2 branch=$3 arch=$4 image=$5 output=$6
abi=FreeBSD:${revision%.*}:$arch

epoch=${SOURCE_DATE_EPOCH:-${PKG_INSTALL_EPOCH:-${GITEPOCH:-}}}
commit=$(git -c safe.directory='*' -C "$curdir" rev-parse HEAD 2> /dev/null) || commit=
if [ -z "$epoch" ]; then
	epoch=$(git -c safe.directory='*' -C "$curdir" log -1 --format=%ct 2> /dev/null) || epoch=
fi
if [ -z "$epoch" ] && [ -e "$curdir/../.git" ]; then
	echo "$0: git does not tell when $curdir/.. was committed; see SOURCE_DATE_EPOCH" >&2
	exit 1
fi

work=$(mktemp -d "$(dirname "$output")/.make-oci-image.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

set -- -o "$work" --abi "$abi" --revision "$revision" --branch "$branch"
if [ -n "${ORLOP_REPO_CONF_DIR:-}" ]; then
	set -- "$@" --repo-conf-dir "$ORLOP_REPO_CONF_DIR"
elif [ -d pkgbase-repo ]; then
	set -- "$@" --repo "pkgbase-repo/$abi/latest"
else
	set -- "$@" --repo "${MAKEOBJDIRPREFIX:-/usr/obj}$(realpath "$curdir/..")/repo/$abi/latest"
fi
if [ -n "$commit" ]; then
	set -- "$@" --annotation "org.opencontainers.image.revision=$commit"
fi
# FreeBSD's own images are part of orlop.
case $image in
static | dynamic | runtime | notoolchain | toolchain) ;;
*)
	definition=$curdir/tools/oci-image-$image
	if [ -f "$definition.ucl" ]; then
		set -- "$@" --image-file "$definition.ucl"
	else
		set -- "$@" --image-file "$definition.conf"
	fi ;;
esac
# What static has of termcap(5) is made in the object tree; no package has it.
if [ -f ../etc/termcap/termcap.small ]; then
	mkdir -p "$work/files/etc/termcap"
	cp ../etc/termcap/termcap.small "$work/files/etc/termcap"
	set -- "$@" --srcdir "$work/files"
fi
# shellcheck disable=SC2086 # flags, none with a blank in it
env SOURCE_DATE_EPOCH="$epoch" "${ORLOP:-orlop}" build -q "$@" \
    ${ORLOP_FLAGS:-} ${ORLOP_BUILD_FLAGS:-} "$image"
for catalogue in "$work"/container-image-catalogue-*.pkg; do
	[ ! -f "$catalogue" ] || mv "$catalogue" "$(dirname "$output")"
done
mv "$work/container-image-$image.lock.json" "${output%.txz}.lock.json"
mv "$work/container-image-$image.txz" "$output"
