#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Puts orlop into a FreeBSD source tree, in the place of the script that makes
# container images, or takes it out again.
#
#	scripts/install-into-src.sh [-u] SRCDIR
#
#	-u	undo: leave the tree as it was before
#
# What it changes (branches 14, 15 and main):
#
#	release/Makefile.oci      becomes orlop's Makefile.inc
#	release/Makefile.mirrors  stages locks and the list of manifests, too
#	release/release.sh        packages base once, where `make release` does so;
#	                          with NOPKGBASE it does not, and all stays
#	release/scripts/make-oci-image.sh
#	                          becomes orlop's, for whoever calls it by hand
#
# To do it again does no harm, nor does it after an upgrade of the tree or of
# orlop. Lines are taken out of files as they were put in; the files that
# orlop's stand in the place of are kept in release/.orlop.
set -eu

say() { echo "$*"; }

die() {
	echo "$0: $*" >&2
	exit 1
}

usage() {
	echo "usage: $0 [-u] SRCDIR" >&2
	exit 2
}

# wanted: the files to change in this tree.
wanted() {
	echo Makefile.oci
	for f in scripts/make-oci-image.sh Makefile.mirrors; do
		[ ! -e "$release/$f" ] || echo "$f"
	done
	# Where `make release` makes no repository, that of release.sh is the one.
	if grep -q '^pkgbase-repo:' "$release/Makefile" &&
	    grep -q 'WITH_OCIIMAGES.*then' "$release/release.sh" 2> /dev/null; then
		echo release.sh
	fi
}

# source_of FILE: what of orlop stands in its place, if it is replaced.
source_of() {
	case $1 in
	Makefile.oci) echo "$here/../Makefile.inc" ;;
	scripts/make-oci-image.sh) echo "$here/make-oci-image.sh" ;;
	esac
}

# plain FILE: print it without what orlop puts into it.
# shellcheck disable=SC2016 # make(1) and release.sh are to expand it
plain() {
	case $1 in
	Makefile.mirrors) sed '/^[[:space:]]*${OCI_STAGE_MORE}$/d' "$release/$1" ;;
	release.sh) sed '/WITH_OCIIMAGES/s/ && \[ -n "${NOPKGBASE}" ]; then$/; then/' "$release/$1" ;;
	esac
}

# mirrors: stage locks and manifests before the checksums of images, for
# snapshots and for releases.
mirrors() {
	awk '
		/^[a-z-]+-stage:/ { inside = /^oci-images-stage:/ }
		/^[a-z-]+-stage:/ || /^\.else/ { staged = 0 }
		inside && !staged && (/rm -f CHECKSUM/ || /for CHECKSUM in/) {
			print "\t${OCI_STAGE_MORE}"
			staged = 1
			n++
		}
		{ print }
		END { exit n == 2 ? 0 : 3 }'
}

# packages_once: leave the `packages` run that container images needed to
# releases with NOPKGBASE, which make no repository themselves.
packages_once() {
	awk '
		{ line[NR] = $0 }
		/^\tif \[ .*WITH_OCIIMAGES.*\]; then$/ { start = NR }
		start && / packages$/ { found = start; n++ }
		/^\tfi$/ { start = 0 }
		END {
			sub(/; then$/, " \\&\\& [ -n \"${NOPKGBASE}\" ]; then", line[found])
			for (i = 1; i <= NR; i++)
				print line[i]
			exit n == 1 && !start ? 0 : 3
		}'
}

# replaced FILE: whether the tree has orlop's now, of this or of another version.
# One that somebody has changed since is not to be lost.
replaced() {
	if cmp -s "$(source_of "$1")" "$release/$1" || cmp -s "$saved/orlop/$1" "$release/$1"; then
		return 0
	fi
	grep -q ORLOP "$release/$1" || return 1
	die "release/$1: orlop's, but somebody has changed it; nothing is changed;" \
	    "save the change, check the file out (or take release/.orlop/own/$1), and do this again"
}

# to_install FILE: leave in $new what it is to become.
to_install() {
	case $1 in
	Makefile.mirrors) plain "$1" | mirrors ;;
	release.sh) plain "$1" | packages_once ;;
	*) cat "$(source_of "$1")" ;;
	esac > "$new/$1" || die "release/$1: not of a form that is known; nothing is changed"
}

# to_undo FILE: likewise.
to_undo() {
	from=$release/$1
	if [ -z "$(source_of "$1")" ]; then
		plain "$1" > "$new/$1"
		return
	elif replaced "$1"; then
		from=$saved/own/$1
	fi
	cat "$from" > "$new/$1" 2> /dev/null ||
	    die "release/$1: $from, its own form, is lost; nothing is changed; check the file out, and do this again"
}

# change PREPARE: find what all files are to become, which of them are others
# now, and that these can be written.
change() {
	changed=
	mkdir "$new/scripts"
	for f in $(wanted); do
		if [ -L "$release/$f" ]; then
			die "release/$f: a symbolic link, wanted the file itself; nothing is changed"
		fi
		"$1" "$f"
		cmp -s "$new/$f" "$release/$f" && continue
		for w in "$release/$f" "$(dirname "$release/$f")"; do
			[ -w "$w" ] || die "$w: not writable; nothing is changed; make it so, and do this again"
		done
		changed="$changed $f"
	done
}

# place: write what changes aside, then rename all.
place() {
	for f in $changed; do
		cp -p "$release/$f" "$release/$f.orlop"
		cat "$new/$f" > "$release/$f.orlop"
	done
	for f in $changed; do
		mv -f "$release/$f.orlop" "$release/$f"
	done
}

install_files() {
	change to_install
	for f in $changed; do
		[ -n "$(source_of "$f")" ] || continue
		mkdir -p "$(dirname "$saved/own/$f")" "$(dirname "$saved/orlop/$f")"
		replaced "$f" || cp -p "$release/$f" "$saved/own/$f"
	done
	place
	for f in $(wanted); do
		case " $changed " in
		*" $f "*) ;;
		*) say "release/$f: is in place"; continue ;;
		esac
		case $f in
		Makefile.mirrors) say "release/$f: stages locks and manifests of container images" ;;
		release.sh) say "release/$f: makes packages once" ;;
		*)
			say "release/$f: is orlop's"
			cp "$new/$f" "$saved/orlop/$f" ;;
		esac
	done
	for f in static dynamic runtime notoolchain toolchain; do
		[ ! -f "$release/tools/oci-image-$f.conf" ] ||
		    say "release/tools/oci-image-$f.conf: is not read, orlop has this image itself"
	done
}

undo() {
	change to_undo
	[ -n "$changed" ] || [ -d "$saved" ] || die "$release has nothing of orlop"
	place
	for f in $(wanted); do
		say "release/$f: is as before"
	done
	rm -rf "$saved"
}

# clean: leave nothing behind but what is done.
clean() {
	rm -rf "$new"
	for f in $changed; do
		rm -f "$release/$f.orlop"
	done
}

undo=
while getopts u flag; do
	case $flag in
	u) undo=yes ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || usage

here=$(cd "$(dirname "$0")" && pwd)
release=$1/release
saved=$release/.orlop
for f in Makefile Makefile.oci; do
	[ -f "$release/$f" ] || die "$release/$f: no such file; wanted the source tree of FreeBSD 14.2 or later"
done
changed='' new=$(mktemp -d)
trap clean EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$undo" ]; then
	undo
else
	install_files
fi
