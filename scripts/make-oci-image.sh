#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds a container image with orlop, for callers of FreeBSD's script of this
# name. The arguments are the same:
#
#	make-oci-image.sh CURDIR REVISION BRANCH TARGET_ARCH IMAGE OUTPUT
#
# CURDIR is release of a source tree; the working directory is make(1)'s object
# directory. The name OUTPUT ends in .txz; the lock and the signed catalogues of the
# repository are written next to it. All have the same bytes as from
# `make oci-release`.
#
# The variables of Makefile.oci work here, too: ORLOP, ORLOP_FLAGS,
# ORLOP_BUILD_FLAGS, ORLOP_REPO_CONF_DIR and ORLOP_PUBLIC_URL. FreeBSD's images have
# orlop's own definitions, whatever release/tools says. Without a configuration the
# repository is the one from `make release`, or else the one from `make packages`.
set -eu

if [ $# -ne 6 ]; then
	echo "usage: $0 CURDIR REVISION BRANCH TARGET_ARCH IMAGE OUTPUT" >&2
	exit 2
fi
curdir=$1 revision=$2 branch=$3 arch=$4 image=$5 output=$6
abi=FreeBSD:${revision%.*}:$arch
orlop=${ORLOP:-orlop}

if [ "${ORLOP_DEFINITIONS:-builtin}" != builtin ]; then
	echo "$0: ORLOP_DEFINITIONS is $ORLOP_DEFINITIONS, wanted builtin; make(1) takes it" >&2
	exit 1
fi
epoch=${SOURCE_DATE_EPOCH:-${PKG_INSTALL_EPOCH:-${GITEPOCH:-}}}
commit=${ORLOP_COMMIT:-$(git -c safe.directory='*' -C "$curdir" log -1 --format='%H %ct' 2> /dev/null)} || commit=
[ -n "$epoch" ] || epoch=${commit#* }
if [ -z "$epoch" ] && [ -e "$curdir/../.git" ]; then
	echo "$0: git gives no commit time for $curdir/..; set SOURCE_DATE_EPOCH" >&2
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
	set -- "$@" --annotation "org.opencontainers.image.revision=${commit% *}"
fi
[ -z "${ORLOP_PUBLIC_URL:-}" ] || set -- "$@" --public-url "$ORLOP_PUBLIC_URL"
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
# The build makes static's part of termcap(5) in the object tree; no package has it.
if [ -f ../etc/termcap/termcap.small ]; then
	mkdir -p "$work/files/etc/termcap"
	cp ../etc/termcap/termcap.small "$work/files/etc/termcap"
	set -- "$@" --srcdir "$work/files"
fi
# As in Makefile.oci, the shell removes quotes in these variables.
flags=$(eval "\"\$orlop\" make flags build -- ${ORLOP_FLAGS:-} ${ORLOP_BUILD_FLAGS:-}")
eval "set -- \"\$@\" $flags"
env SOURCE_DATE_EPOCH="$epoch" "$orlop" build -q "$@" "$image"
for catalogue in "$work"/container-image-catalogue-*.pkg; do
	[ ! -f "$catalogue" ] || mv "$catalogue" "$(dirname "$output")"
done
mv "$work/container-image-$image.lock.json" "${output%.txz}.lock.json"
mv "$work/container-image-$image.txz" "$output"
