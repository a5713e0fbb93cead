#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds images under circumstances that must have no effect, and compares every
# byte of archives and locks.
#
#	scripts/reprotest.sh [-s] [-b ORLOP] [REPOSITORY [IMAGE ...]]
#
#	-b	another build of orlop, such as another machine's, that must make the
#		same; may be repeated
#	-s	the short form: no further builds of orlop
#
# The default repository is the sample that is part of orlop. ORLOP names the
# program; without it one is built from this source. ORLOP_FLAGS are further flags of
# `orlop build`, with absolute file names. Prints a line for each circumstance: same,
# DIFFERS with the files, FAILED with the error, or "not possible here".
# Exit status 1 if anything differs or fails.
set -eu

usage() {
	echo "usage: $0 [-s] [-b ORLOP] [REPOSITORY [IMAGE ...]]" >&2
	exit 2
}

# build ORLOP FLAGS... -- PREFIX...: make all images below $dir by a command
# that begins with PREFIX.
build() {
	program=$1
	shift
	flags=
	while [ "$1" != -- ]; do
		flags="$flags $1"
		shift
	done
	shift
	mkdir -m 777 "$dir"
	# shellcheck disable=SC2086 # flags and images, none with a blank in it
	"$@" "$program" build -q --repo "$repo" -o "$dir/out" \
	    --cache "$dir/store" $ORLOP_FLAGS $flags $images > "$work/log" 2>&1 < /dev/null
}

# check NAME STATUS: compare a build with the first one, and print the result.
check() {
	if [ "$2" -ne 0 ]; then
		echo "FAILED   $1: $(tail -n 1 "$work/log")"
		bad=$((bad + 1))
	elif [ ! -d "$work/first" ]; then
		mv "$dir/out" "$work/first"
		echo "first    $1: $(find "$work/first" -type f | wc -l | tr -d ' ') files"
	elif diff -rq "$work/first" "$dir/out" > "$work/log"; then
		echo "same     $1"
		same=$((same + 1))
	else
		echo "DIFFERS  $1:"
		sed -e "s,^Files $work/first/\(.*\) and .*,\1 differs," \
		    -e "s,^Only in $work/first: ,only at first: ," \
		    -e "s,^Only in $dir/out: ,only now: ," -e 's/^/         /' "$work/log"
		bad=$((bad + 1))
	fi
	rm -rf "$dir"
}

# with PROGRAM NAME PREFIX...: one circumstance, for a build of orlop.
with() {
	program=$1 name=$2
	shift 2
	status=0
	build "$program" -- "$@" || status=$?
	check "$name" "$status"
}

# under NAME PREFIX...: one circumstance.
under() { with "$orlop" "$@"; }

# maybe NAME PREFIX...: one that may not be possible for this machine or user.
maybe() {
	name=$1
	shift
	if "$@" "$orlop" version > "$work/log" 2>&1; then
		under "$name" "$@"
	else
		cannot "$name" "$(head -n 1 "$work/log")"
	fi
}

cannot() {
	echo "not possible here  $1: $2"
	impossible=$((impossible + 1))
}

# in_order NAME DIR sort-flags...: from a copy of the repository whose files
# were created in another order, with other times and permissions.
in_order() {
	name=$1 copy=$2/orlop-reprotest.$$
	shift 2
	if ! mkdir "$copy" 2> /dev/null; then
		cannot "$name" "no $copy"
		return
	fi
	(cd "$repo" && find . -type d) | while read -r d; do mkdir -p "$copy/$d"; done
	(cd "$repo" && find . -type f) | sort "$@" | while read -r f; do
		cp "$repo/$f" "$copy/$f"
		chmod 0400 "$copy/$f"
		touch -t 199001010000 "$copy/$f"
	done
	original=$repo repo=$copy
	under "$name" env
	repo=$original
	rm -rf "$copy"
}

# from_store: with one store, cold and warm.
from_store() {
	store=$work/store
	for name in "cold store" "warm store" "warm store, no network"; do
		status=0
		set -- env
		case $name in *network) set -- unshare -n ;; esac
		if ! "$@" true 2> /dev/null; then
			cannot "$name" "$1"
			continue
		fi
		build "$orlop" --cache "$store" -- "$@" || status=$?
		check "$name" "$status"
	done
}

# circumstances: those that need no other build of orlop.
circumstances() {
	under "plain" env
	sleep 1
	under "a second later" env
	under "time zone" env TZ=Asia/Kathmandu
	under "time zone of somewhere else" env TZ=America/St_Johns
	under "locale" env LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8
	under "locale in bytes" env LANG=de_DE.ISO8859-1 LC_ALL=de_DE.ISO8859-1
	under "umask 077" sh -c 'umask 077; exec "$@"' -
	under "umask 000" sh -c 'umask 000; exec "$@"' -
	under "user's name and home" env USER=stranger LOGNAME=stranger HOME=/nonexistent
	under "nearly no environment" env -i PATH=/usr/bin:/bin
	# shellcheck disable=SC2016 # for the inner shell
	under "long path" sh -c 'd=$1; shift; mkdir -p "$d"; cd "$d"; exec "$@"' - "$work/$(printf '%0200d/%0200d' 1 2)"
	# shellcheck disable=SC2016
	under "path with blanks and umlauts" sh -c 'd=$1; shift; mkdir -p "$d"; cd "$d"; TMPDIR=$d exec "$@"' - "$work/ein schöner Ort"
	under "GOMAXPROCS=1" env GOMAXPROCS=1
	under "GOMAXPROCS=17" env GOMAXPROCS=17
	under "little memory" env GOGC=5 GOMEMLIMIT=20MiB
	under "much memory" env GOGC=off
	under "few files" sh -c 'ulimit -n 64; exec "$@"' -
	for jobs in 1 2 7 32; do
		dir=$work/$jobs status=0
		build "$orlop" -j "$jobs" -- env || status=$?
		check "-j $jobs" "$status"
	done
	dir=$work/dir
	maybe "one processor" taskset -c 0
	maybe "another user" setpriv --reuid 65534 --regid 65534 --clear-groups
	maybe "root of a user namespace" unshare -r
	maybe "host name" unshare -u sh -c 'hostname elsewhere && exec "$@"' -
	maybe "no network" unshare -n
	maybe "kernel version" setarch --uname-2.6
	maybe "no address randomization" setarch -R
	maybe "large stack" sh -c 'ulimit -s unlimited && exec "$@"' -
	in_order "files in order" "$work"
	in_order "files in reverse" "$work" -r
	in_order "on tmpfs, files in order" /dev/shm
	in_order "on tmpfs, files in reverse" /dev/shm -r
	from_store
}

# built NAME ENVIRONMENT... -- FLAGS...: with a program that was built differently.
built() {
	name=$1
	shift
	vars=
	while [ "$1" != -- ]; do
		vars="$vars $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # variables, none with a blank in it
	if env $vars go build "$@" -o "$work/other" ./cmd/orlop > "$work/log" 2>&1; then
		with "$work/other" "$name" env
	else
		cannot "$name" "$(head -n 1 "$work/log")"
	fi
}

# programs: other builds of orlop from this source.
programs() {
	built "orlop without its paths" -- -trimpath -ldflags=-s
	built "orlop built in an empty build cache" "GOCACHE=$work/gocache" -- -trimpath
	built "orlop without optimization" "CGO_CFLAGS=-O0" -- "-gcflags=all=-N -l"
	built "orlop of the race detector" -- -race
	built "orlop without assembly" -- -tags=noasm,nounsafe
	case $(go env GOARCH) in
	amd64) built "orlop for newer processors" GOAMD64=v3 -- ;;
	esac
	if command -v clang > /dev/null; then
		built "orlop by clang" CC=clang --
	else
		cannot "orlop by clang" "no clang"
	fi
	# The clock of such a program starts at 2009-11-10 23:00.
	built "clock of the year 2009" -- -tags=faketime
}

short='' others=''
while getopts b:s flag; do
	case $flag in
	b) others="$others $(realpath "$OPTARG")" ;;
	s) short=yes ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
repo=$work/repo dir=$work/dir ORLOP_FLAGS=${ORLOP_FLAGS:-}
if [ $# -gt 0 ]; then
	cp -R "$1" "$repo"
	shift
	images=${*:-static dynamic runtime}
else
	cp -R "$here/cmd/orlop/sample" "$repo"
	images="static dynamic runtime notoolchain toolchain"
	ORLOP_FLAGS="--exceptions $repo/exceptions.ucl $ORLOP_FLAGS"
fi
chmod -R a+rX "$repo"
if [ -n "${ORLOP:-}" ]; then
	orlop=$(realpath "$(command -v "$ORLOP")")
else
	orlop=$work/orlop
	(cd "$here" && go build -o "$orlop" ./cmd/orlop)
fi
same=0 bad=0 impossible=0
circumstances
for other in $others; do
	with "$other" "$other" env
done
if [ -n "$short" ]; then
	cannot "other builds of orlop" "left out by -s"
else
	cd "$here"
	programs
fi
echo "$same same, $bad other, $impossible not possible here"
[ "$bad" -eq 0 ]
