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
# The tree's own files are kept in release/.orlop. To do it again does no harm.
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

# mirrors FILE: stage locks and manifests before the checksums of images, for
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
		END { exit n == 2 ? 0 : 3 }' "$1"
}

# packages_once FILE: leave the `packages` run that container images needed to
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
		}' "$1"
}

# prepare FILE: leave in $new what the file is to become, from what it is.
prepare() {
	mkdir -p "$(dirname "$new/$1")"
	case $1 in
	Makefile.oci)
		cat "$here/../Makefile.inc" ;;
	scripts/make-oci-image.sh)
		cat "$here/make-oci-image.sh" ;;
	Makefile.mirrors)
		mirrors "$2" ;;
	release.sh)
		packages_once "$2" ;;
	esac > "$new/$1" || die "release/$1: not of a form that is known; nothing is changed"
}

# wanted: the files to change in this tree.
wanted() {
	echo Makefile.oci
	for f in scripts/make-oci-image.sh Makefile.mirrors; do
		[ ! -f "$release/$f" ] || echo "$f"
	done
	# Where `make release` makes no repository, that of release.sh is the one.
	if grep -q '^pkgbase-repo:' "$release/Makefile" &&
	    grep -q 'WITH_OCIIMAGES.*then' "$(original release.sh)" 2> /dev/null; then
		echo release.sh
	fi
}

# original FILE: where the tree's own is.
original() {
	if [ -f "$saved/own/$1" ]; then
		echo "$saved/own/$1"
	else
		echo "$release/$1"
	fi
}

# check FILE: one that somebody has changed since is not to be lost.
check() {
	if [ -f "$saved/orlop/$1" ] && ! cmp -s "$saved/orlop/$1" "$release/$1"; then
		die "release/$1 was changed since orlop was installed; its own form is release/.orlop/own/$1; nothing is changed"
	fi
}

install_files() {
	for f in $(wanted); do
		check "$f"
		prepare "$f" "$(original "$f")"
	done
	for f in $(wanted); do
		if cmp -s "$new/$f" "$release/$f"; then
			say "release/$f: is in place"
			continue
		fi
		mkdir -p "$(dirname "$saved/own/$f")" "$(dirname "$saved/orlop/$f")"
		[ -f "$saved/own/$f" ] || cp -p "$release/$f" "$saved/own/$f"
		cp "$new/$f" "$saved/orlop/$f"
		cat "$new/$f" > "$release/$f"
		case $f in
		Makefile.oci | scripts/*) say "release/$f: is orlop's" ;;
		Makefile.mirrors) say "release/$f: stages locks and manifests of container images" ;;
		release.sh) say "release/$f: makes packages once" ;;
		esac
	done
}

undo() {
	[ -d "$saved/own" ] || die "$release has nothing of orlop"
	files=$(cd "$saved/own" && find . -type f | sed 's,^\./,,' | sort)
	for f in $files; do
		check "$f"
	done
	for f in $files; do
		rm "$release/$f"
		mv "$saved/own/$f" "$release/$f"
		say "release/$f: is as before"
	done
	rm -r "$saved"
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
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$undo" ]; then
	undo
else
	install_files
fi
