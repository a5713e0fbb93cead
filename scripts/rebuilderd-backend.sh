#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A backend of rebuilderd: rebuilds a published image, for rebuilderd-worker to
# compare; see REBUILDERS.md.
#
#	rebuilderd-backend.sh INPUT
#
# INPUT is what the worker has downloaded: the lock of an image, or its archive
# with the lock next to it. The worker downloads artifacts into the same folder.
# The result goes into REBUILDERD_OUTDIR under the archive's name, complete or not
# at all. Files that the build took from a source tree come from the archive next to
# the lock, unless --srcdir has them.
#
# ORLOP names the program; ORLOP_FLAGS are flags of `orlop build` that say where
# packages come from (--repo, --repo-conf-dir, --srcdir, --cache, --offline).
# The exit status is that of orlop.
set -eu

die() {
	echo "$0: $*" >&2
	exit 2
}

[ $# -ge 1 ] || die "usage: $0 INPUT"
[ -n "${REBUILDERD_OUTDIR:-}" ] || die "REBUILDERD_OUTDIR is not set; rebuilderd-worker sets it"
[ -f "$1" ] || die "$1: no such file"
command -v "${ORLOP:-orlop}" > /dev/null || die "${ORLOP:-orlop} is not installed; see ORLOP"

work=$(mktemp -d "$REBUILDERD_OUTDIR/.orlop.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

case $1 in
*.lock.json) base=${1%.lock.json} ;;
*.txz) base=${1%.txz} ;;
*) die "$1: wanted the name of a lock (.lock.json) or of an archive (.txz)" ;;
esac
[ -f "$base.lock.json" ] || die "$base.lock.json: no such file; have the lock be the input, or one of the artifacts"

# shellcheck disable=SC2086 # flags, none with a blank in it
"${ORLOP:-orlop}" build -q -o "$work/out" --lock "$base.lock.json" ${ORLOP_FLAGS:-}
for archive in "$work"/out/container-image-*.txz; do
	mv "$archive" "$REBUILDERD_OUTDIR/$(basename "$base").txz"
done
