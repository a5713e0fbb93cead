#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A backend of rebuilderd: makes a published image again, for rebuilderd-worker
# to compare; see REBUILDERS.md.
#
#	rebuilderd-backend.sh INPUT
#
# INPUT is what the worker has downloaded: the lock of an image, or its archive.
# The worker downloads archives into the same folder. The result goes into
# REBUILDERD_OUTDIR under the archive's name, whole or not at all.
#
# ORLOP names the program; ORLOP_FLAGS are flags of `orlop build` that say where
# packages come from (--repo, --repo-conf-dir, --srcdir, --cache, --offline).
# If only the archive came, its lock is fetched from where REBUILDERD_INPUT_URL
# says that the archive is. The exit status is that of orlop.
set -eu

die() {
	echo "$0: $*" >&2
	exit 2
}

# get URL FILE: download with what the host has.
get() {
	if command -v curl > /dev/null; then
		curl -fsL -o "$2" "$1"
	elif command -v fetch > /dev/null; then
		fetch -q -o "$2" "$1" 2> /dev/null
	else
		die "$1: neither curl nor fetch is installed"
	fi
}

[ $# -ge 1 ] || die "usage: $0 INPUT"
[ -n "${REBUILDERD_OUTDIR:-}" ] || die "REBUILDERD_OUTDIR is not set; rebuilderd-worker sets it"
[ -f "$1" ] || die "$1: no such file"
command -v "${ORLOP:-orlop}" > /dev/null || die "${ORLOP:-orlop} is not installed; see ORLOP"

work=$(mktemp -d "$REBUILDERD_OUTDIR/.orlop.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

case $1 in
*.lock.json)
	base=${1%.lock.json} lock=$1
	;;
*.txz)
	base=${1%.txz} lock=${1%.txz}.lock.json
	if [ ! -f "$lock" ]; then
		case ${REBUILDERD_INPUT_URL:-} in
		*.txz) ;;
		*) die "$lock: no such file, and no REBUILDERD_INPUT_URL of an archive says where it is" ;;
		esac
		lock=$work/lock.json
		get "${REBUILDERD_INPUT_URL%.txz}.lock.json" "$lock" ||
			die "${REBUILDERD_INPUT_URL%.txz}.lock.json: cannot be fetched"
	fi
	;;
*)
	die "$1: wanted the name of a lock (.lock.json) or of an archive (.txz)"
	;;
esac

# shellcheck disable=SC2086 # flags, none with a blank in it
"${ORLOP:-orlop}" build -q -o "$work/out" --lock "$lock" ${ORLOP_FLAGS:-}
for archive in "$work"/out/container-image-*.txz; do
	mv "$archive" "$REBUILDERD_OUTDIR/$(basename "$base").txz"
done
