#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes a container image with orlop, for whoever calls FreeBSD's script of
# this name. Its arguments are the same:
#
#	make-oci-image.sh CURDIR REVISION BRANCH TARGET_ARCH IMAGE OUTPUT
#
# CURDIR is release of a source tree; the working directory is make(1)'s object
# directory. Beside OUTPUT, its name ending in .txz, stands the lock.
# ORLOP names the program, ORLOP_REPO_CONF_DIR the configuration of the
# repository. Without that, it is the one that `make release` makes, else the
# one that `make packages` makes.
set -eu

if [ $# -ne 6 ]; then
	echo "usage: $0 CURDIR REVISION BRANCH TARGET_ARCH IMAGE OUTPUT" >&2
	exit 2
fi
curdir=$1 revision=$2 branch=$3 arch=$4 image=$5 output=$6
abi=FreeBSD:${revision%.*}:$arch

# definitions IMAGE: print flags for those that the tree has of an image and of
# its ancestors. FreeBSD's own images are part of orlop.
definitions() {
	case $1 in
	'' | static | dynamic | runtime | notoolchain | toolchain) return ;;
	esac
	file=$curdir/tools/oci-image-$1
	if [ -f "$file.ucl" ]; then
		echo "--image-file $file.ucl"
		definitions "$(sed -n 's/^[[:space:]]*parent[[:space:]]*=[[:space:]]*"\{0,1\}\([a-z0-9._-]*\).*/\1/p' "$file.ucl")"
	else
		echo "--image-file $file.conf"
		definitions "$(sed -n 's/^OCI_BASE_IMAGE=//p' "$file.conf")"
	fi
}

if [ -n "${ORLOP_REPO_CONF_DIR:-}" ]; then
	repo="--repo-conf-dir $ORLOP_REPO_CONF_DIR"
elif [ -d pkgbase-repo-dir ]; then
	repo="--repo-conf-dir pkgbase-repo-dir"
else
	repo="--repo ${MAKEOBJDIRPREFIX:-/usr/obj}$(realpath "$curdir/..")/repo/$abi/latest"
fi

work=$(mktemp -d "$(dirname "$output")/.make-oci-image.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck disable=SC2046,SC2086 # flags, none with a blank in it
${ORLOP:-orlop} build -q -o "$work" $repo --abi "$abi" --revision "$revision" \
    --branch "$branch" $(definitions "$image") "$image"
mv "$work/container-image-$image.lock.json" "${output%.txz}.lock.json"
mv "$work/container-image-$image.txz" "$output"
