#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs orlop into a FreeBSD source tree, instead of the script that builds
# container images, or removes it again. scripts/release.mk does not need this: it
# is for those who want `make release` itself to use orlop.
#
#	scripts/install-into-src.sh [-u] [--save DIR] SRCDIR
#
#	-u	undo: restore the tree's own files
#	--save DIR	keep these in DIR; without it they come from git
#
# What it changes (branches 14, 15 and main):
#
#	release/Makefile.oci      becomes orlop's Makefile.inc, after the list of
#	                          images that it had
#	release/release.sh        packages base once, if `make release` does so;
#	                          with NOPKGBASE it does not, and nothing changes
#	release/scripts/make-oci-image.sh
#	                          becomes orlop's, for whoever calls it by hand
#
# Git ignores the change (update-index --skip-worktree), so newvers.sh still calls
# the tree unmodified, and kernels have the same bytes. It is safe to run this again,
# also after an upgrade of orlop. Undo it before git pull, which would refuse to touch
# these files.
set -eu

say() { echo "$*"; }

die() {
	echo "$0: $*" >&2
	exit 1
}

usage() {
	echo "usage: $0 [-u] [--save DIR] SRCDIR" >&2
	exit 2
}

# tree_git: git(1) in the tree, which somebody else may own.
tree_git() { git -c safe.directory='*' -C "$src" "$@"; }

# tracked FILE: whether git has it.
tracked() { tree_git ls-files --error-unmatch -- "release/$1" > /dev/null 2>&1; }

# wanted: the files to change in this tree.
wanted() {
	echo Makefile.oci
	[ ! -e "$release/scripts/make-oci-image.sh" ] || echo scripts/make-oci-image.sh
	# If `make release` makes no repository, release.sh's run is needed.
	if grep -q '^pkgbase-repo:' "$release/Makefile" &&
	    grep -q 'WITH_OCIIMAGES.*then' "$release/release.sh" 2> /dev/null; then
		echo release.sh
	fi
}

mark="Put here by orlop's install-into-src.sh; cksum of all other lines:"

# marked: add a line that shows a later version that nobody else has changed this
# file; after the first line, which may name the interpreter.
marked() {
	cat > "$tmp/text"
	sum=$(cksum < "$tmp/text" | cut -d' ' -f1)
	{ sed 1q "$tmp/text"; echo "# $mark $sum"; sed 1d "$tmp/text"; }
}

# made FILE: whether it is unchanged since some version of orlop wrote it.
made() {
	sum=$(sed -n "s/^# $mark //p" "$1")
	[ -n "$sum" ] && [ "$sum" = "$(sed "/^# $mark /d" "$1" | cksum | cut -d' ' -f1)" ]
}

# list: print the images of a Makefile.oci on one line. There must be one list, with
# no condition on it but WITH_OCIIMAGES.
list() {
	awk '
		{ sub(/#.*/, "") }
		/^\.[ \t]*if/ { depth++; plain[depth] = /WITH_OCIIMAGES/ }
		/^\.[ \t]*(else|elif)/ { plain[depth] = 0 }
		/^\.[ \t]*endif/ { depth-- }
		/^[ \t]*OCI_IMAGES[ \t]*[+?:!]?=/ {
			for (i = 1; i <= depth; i++)
				bad = bad || !plain[i]
			sub(/^[^=]*=/, "")
			inside = 1
			lists++
		}
		inside { more = sub(/\\$/, ""); text = text " " $0; inside = more }
		END {
			if (bad || lists != 1) exit 3
			n = split(text, word, " ")
			for (i = 1; i <= n; i++) {
				if (word[i] !~ /^[a-z0-9._-]+$/) exit 3
				printf "%s%s", (i > 1 ? " " : ""), word[i]
			}
			exit n > 0 ? 0 : 3
		}'
}

# packages_once: limit the `packages` run for container images to releases with
# NOPKGBASE, which make no repository themselves.
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

# orlops FILE: turn the tree's own version, on standard input, into orlop's.
orlops() {
	case $1 in
	Makefile.oci)
		images=$(list) || return
		{ sed 1q "$here/../Makefile.inc"; echo "OCI_TREE_IMAGES=	$images"; sed 1d "$here/../Makefile.inc"; } | marked ;;
	scripts/make-oci-image.sh) marked < "$here/make-oci-image.sh" ;;
	release.sh) packages_once ;;
	esac
}

# own FILE: print the tree's own version.
own() {
	if [ -z "$save" ]; then
		tree_git cat-file --filters ":./release/$1"
	elif [ -f "$save/$1" ]; then
		cat "$save/$1"
	elif made "$release/$1"; then
		die "release/$1: is orlop's, and its own form is not in $save; nothing is changed"
	else
		cat "$release/$1"
	fi
}

# prepare FILE: write the tree's own version and orlop's to $tmp, and stop if the
# file in the tree is neither.
prepare() {
	if [ -L "$release/$1" ]; then
		die "release/$1: a symbolic link, wanted the file itself; nothing is changed"
	fi
	mkdir -p "$(dirname "$tmp/own/$1")" "$(dirname "$tmp/new/$1")"
	own "$1" > "$tmp/own/$1" || exit 1
	if grep -q "$(printf '\r')" "$tmp/own/$1"; then
		die "release/$1: its lines end in CR and LF in git (see core.autocrlf), wanted LF; nothing is changed"
	fi
	orlops "$1" < "$tmp/own/$1" > "$tmp/new/$1" ||
	    die "release/$1: unknown form; nothing is changed"
	if cmp -s "$tmp/own/$1" "$release/$1" || cmp -s "$tmp/new/$1" "$release/$1" || made "$release/$1"; then
		return
	fi
	die "release/$1: somebody has changed it, and ${save:-git} does not have the change; nothing is changed;" \
	    "commit or undo the change${save:+, or remove $save if it is of an older tree}, and do this again"
}

# writable FILE: stop if it cannot be replaced.
writable() {
	for w in "$release/$1" "$(dirname "$release/$1")"; do
		[ -w "$w" ] || die "$w: not writable; nothing is changed; make it so, and do this again"
	done
}

# choose FORM: find the files to change to that form, and check that they can be
# changed.
choose() {
	changed=
	for f in $(wanted); do
		prepare "$f"
	done
	for f in $(wanted); do
		cmp -s "$tmp/$1/$f" "$release/$f" && continue
		writable "$f"
		changed="$changed $f"
	done
}

# place FORM: write the changed files under other names, then rename all.
place() {
	for f in $changed; do
		cp -p "$release/$f" "$release/$f.orlop"
		cat "$tmp/$1/$f" > "$release/$f.orlop"
	done
	for f in $changed; do
		mv -f "$release/$f.orlop" "$release/$f"
	done
}

# overlooked: whether git ignores changes of one of these files.
overlooked() {
	for f in $(wanted); do
		! tracked "$f" || tree_git ls-files -v -- "release/$f"
	done | grep -q '^S'
}

# overlook FLAG: make git ignore changes of all these files, or not.
overlook() {
	for f in $(wanted); do
		! tracked "$f" || tree_git update-index "$1" -- "release/$f"
	done
}

install_files() {
	choose new
	for f in $(wanted); do
		if [ -z "$save" ] || [ -f "$save/$f" ]; then continue; fi
		mkdir -p "$(dirname "$save/$f")"
		cp -p "$release/$f" "$save/$f.part"
		mv "$save/$f.part" "$save/$f"
	done
	overlook --skip-worktree
	place new
	for f in $(wanted); do
		case " $changed " in
		*" $f "*) ;;
		*) say "release/$f: is in place"; continue ;;
		esac
		case $f in
		release.sh) say "release/$f: makes packages once" ;;
		*) say "release/$f: is orlop's" ;;
		esac
	done
	say "note: src.txz and the src packages of this tree will have the change; scripts/release.mk changes nothing"
	tracked Makefile.oci || say "note: this tree is not in git, so nothing else shows the change"
}

undo() {
	choose own
	[ -n "$changed" ] || overlooked || die "$release: orlop is not installed there"
	overlook --no-skip-worktree
	place own
	for f in $(wanted); do
		say "release/$f: is as before"
		[ -z "$save" ] || rm -f "$save/$f"
	done
}

# clean: remove temporary files.
clean() {
	rm -rf "$tmp"
	[ -z "$save" ] || rmdir "$save/scripts" "$save" 2> /dev/null || true
	for f in $changed; do
		rm -f "$release/$f.orlop"
	done
}

undo='' save=''
while [ $# -gt 0 ]; do
	case $1 in
	-u) undo=yes ;;
	--save) [ $# -gt 1 ] || usage; save=$2; shift ;;
	--save=?*) save=${1#--save=} ;;
	--) shift; break ;;
	-*) usage ;;
	*) break ;;
	esac
	shift
done
[ $# -eq 1 ] || usage

here=$(cd "$(dirname "$0")" && pwd)
src=$1
release=$src/release
for f in Makefile Makefile.oci; do
	[ -f "$release/$f" ] || die "$release/$f: no such file; wanted the source tree of FreeBSD 14.2 or later"
done
changed='' tmp=$(mktemp -d)
trap clean EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$save" ]; then
	mkdir -p "$save"
	save=$(cd "$save" && pwd -P)
	case $save/ in
	"$(cd "$src" && pwd -P)"/*)
		die "$save: is in the tree, and so would be in src.txz; wanted a directory elsewhere" ;;
	esac
else
	for f in $(wanted); do
		tracked "$f" || die "release/$f: git does not have it; nothing is changed; to keep the tree's own files, give --save DIR"
	done
fi
if [ -n "$undo" ]; then
	undo
else
	install_files
fi
