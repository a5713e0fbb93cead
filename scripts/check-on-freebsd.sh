#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the checks that need FreeBSD, and prints a report.
#
#	scripts/check-on-freebsd.sh [-l] [-s STEP]... [-o STEP]... [-b ORLOP]
#	    [-r REPO] [-e FILE] [-S SRCDIR] [-n NETWORK] [-w DIR] [IMAGE]...
#
#	-l	list the steps, and do nothing
#	-s	skip this step
#	-o	only this step
#	-b	use this program, and build none
#	-r	repository of base packages, as for orlop --repo; the default is that
#		of pkg.FreeBSD.org for this machine's release
#	-e	exceptions, as for orlop --exceptions
#	-S	source tree of FreeBSD, built, in which `make release` may run
#	-n	network of containers, as for podman run --network
#	-w	where to write everything; the default is a new folder
#
# The images are FreeBSD's five if none is named. The script assumes nothing: it
# skips a step that lacks a program, an image or a tree, and says so. It prints one
# line for each step: ok, failed or skipped, and why. The output of a step is in a
# file of the folder. Images stay loaded. The exit status is 1 if a step failed.
#
# Later runs with the same -w can use the results of earlier steps.
set -eu

# The steps, in their order. README.md has the same list.
steps() {
	cat << 'END'
build	orlop builds with the Go and the C compiler of this machine
test	`go test ./...` passes
demo	the images of the sample have the digests shown above
images	the images are made from the repository and verified
load	`podman load` takes each image
run	`podman run` runs a program in each
pkg	`pkg info`, `pkg check -sa` and `pkg check -m` in `runtime`
flags	file flags after extraction
schema	the pkg of this machine opens a database of its schema, 2.2 to 2.8
passwd	pwd_mkdb, services_mkdb and cap_mkdb make the same files from the same input
certctl	certctl makes the same certificates
root	a root that pkg filled with `INSTALL_AS_USER` and file flags gives the same image
release	`make release` in a tree of each branch, with `release.mk`
again	a second run builds no image
mirrors	with `mirrors.mk`, `ftp-stage` stages locks, too
END
}

usage() {
	echo "usage: $0 [-l] [-s STEP]... [-o STEP]... [-b ORLOP] [-r REPO] [-e FILE] [-S SRCDIR] [-n NETWORK] [-w DIR] [IMAGE]..." >&2
	exit 2
}

die() {
	echo "$0: $*" >&2
	exit 2
}

# known STEP: stop if there is no such step.
known() { steps | cut -f 1 | grep -qxF -- "$1" || die "step $1 is not known; -l lists them"; }

# in_list WORD LIST
in_list() { case " $2 " in *" $1 "*) return 0 ;; esac; return 1; }

# A step runs in a shell of its own. It ends with one of these, or with the status
# of its last command.
skip() { echo "$*" > "$work/reason"; exit 77; }
fail() { echo "$*" > "$work/reason"; exit 1; }
note() { echo "$*" > "$work/reason"; }

need() {
	for program; do
		command -v "$program" > /dev/null || skip "no $program"
	done
}

need_freebsd() { [ "$(uname -s)" = FreeBSD ] || skip "this is $(uname -s), not FreeBSD"; }
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
need_orlop() { [ -x "$orlop" ] || skip "no orlop: step build makes it, or give -b"; }

archive() { echo "$work/images/container-image-$1.txz"; }

need_image() { [ -e "$(archive "$1")" ] || skip "no image $1: step images makes it"; }
need_loaded() { [ -s "$work/loaded.$1" ] || skip "image $1 is not loaded: step load does it"; }

need_tree() {
	[ -n "$srcdir" ] || skip "no source tree is given"
	[ -e "$srcdir/release/Makefile" ] || fail "$srcdir: found no release/Makefile, wanted a source tree of FreeBSD"
}

# from COMMAND ARG...: orlop with the flags that say what images are made from.
from() {
	command=$1
	shift
	if [ -n "$repo" ]; then
		set -- --repo "$repo" "$@"
	else
		need pkg freebsd-version
		version=$(freebsd-version -u)
		case $version in
		*-RELEASE*) ;; # its packages have the patch level
		*) set -- --branch "${version#*-}" "$@" ;;
		esac
		set -- --abi "$(pkg config ABI)" --revision "${version%%-*}" "$@"
	fi
	[ -z "$exceptions" ] || set -- --exceptions "$exceptions" "$@"
	[ -z "$srcdir" ] || set -- --srcdir "$srcdir" "$@"
	"$orlop" "$command" --cache "$work/store" "$@"
}

# digests FILE: print the digests of the blobs that a document names, in its order.
digests() { grep -o '"digest":"sha256:[0-9a-f]*"' "$1" | sed 's/.*sha256://; s/"//'; }

# extract IMAGE: extract its root, without owners and flags, into root.IMAGE.
extract() {
	need tar
	need_image "$1"
	rm -rf "$work/layout.$1" "$work/root.$1"
	mkdir "$work/layout.$1" "$work/root.$1"
	tar -xf "$(archive "$1")" -C "$work/layout.$1"
	blobs=$work/layout.$1/blobs/sha256
	for d in $(digests "$blobs/$(digests "$work/layout.$1/index.json")" | sed 1d); do
		tar --no-same-owner --no-same-permissions -xf "$blobs/$d" -C "$work/root.$1"
	done
	chmod -R u+rw "$work/root.$1"
}

# names_of IMAGE: print its packages, sorted.
names_of() {
	"$orlop" ls "$(archive "$1")" > "$work/packages"
	sed 's/ .*//' "$work/packages" | sort
}

# same A B: fail unless two files have the same bytes.
same() { cmp "$1" "$2" || fail "$2 is not what is in the image"; }

step_build() {
	if [ -z "$given" ]; then
		need go cc
		(cd "$clone" && CGO_ENABLED=1 go build -o "$orlop" ./cmd/orlop)
	fi
	need_orlop
	note "$("$orlop" version | sed 1q)"
}

step_test() {
	need go cc
	(cd "$clone" && go test ./...)
}

step_demo() {
	need_orlop
	sed -n '/^IMAGE /,/^toolchain /p' "$clone/README.md" > "$work/demo.wanted"
	"$orlop" demo -q > "$work/demo.found"
	diff "$work/demo.wanted" "$work/demo.found" || fail "other digests than in README.md"
}

step_images() {
	need_orlop
	# shellcheck disable=SC2086 # a list
	from build -q -o "$work/images" $images
	for i in $images; do
		"$orlop" verify -q --require lock "$(archive "$i")"
	done
	note "$images"
}

step_load() {
	need podman
	need_root
	for i in $images; do
		need_image "$i"
		podman load -i "$(archive "$i")" > "$work/said"
		sed -n 's/^Loaded image[^:]*: *//p' "$work/said" > "$work/loaded.$i"
		[ -s "$work/loaded.$i" ] || fail "podman load does not say what it loaded of $i"
	done
}

# in_image IMAGE VOLUME COMMAND...: run a command, with a volume unless it is "".
in_image() {
	name=$(cat "$work/loaded.$1")
	shift
	volume=$1
	shift
	# shellcheck disable=SC2086 # two words or none, each
	podman run --rm ${network:+--network $network} ${volume:+-v $volume} "$name" "$@"
}

# A static program of this machine runs in images that have none.
step_run() {
	need podman
	need_freebsd
	need_root
	for i in $images; do
		need_loaded "$i"
		case $i in
		static | dynamic) said=$(in_image "$i" /rescue:/rescue:ro /rescue/echo hello) ;;
		*) said=$(in_image "$i" "" /bin/sh -c 'echo hello') ;;
		esac
		[ "$said" = hello ] || fail "$i: found \"$said\", wanted hello"
	done
}

step_pkg() {
	need podman pkg-static
	need_freebsd
	need_root
	need_loaded runtime
	folder=$(dirname "$(command -v pkg-static)")
	inside() { in_image runtime "$folder:/of-host:ro" /of-host/pkg-static "$@"; }
	inside info
	inside check -sa
	if inside check -ma 2> "$work/check-m"; then
		return
	fi
	cat "$work/check-m"
	grep -q 'illegal option' "$work/check-m" || fail "pkg check -m finds something"
	note "this pkg has no check -m"
}

# The file system may add flags of its own, as ZFS adds uarch.
step_flags() {
	need podman
	need_freebsd
	need_root
	need_orlop
	need_image runtime
	need_loaded runtime
	"$orlop" ls --files --json "$(archive runtime)" > "$work/files"
	sed -n 's/^{"path":"\([^"\\]*\)".*"flags":"\([^"]*\)".*/\2 \1/p' "$work/files" > "$work/flags"
	[ -s "$work/flags" ] || skip "no file of the image has flags"
	root=$(podman image mount "$(cat "$work/loaded.runtime")")
	while read -r flags path; do
		found=$(stat -f %Sf "$root$path")
		for flag in $(echo "$flags" | tr , ' '); do
			in_list "$flag" "$(echo "$found" | tr , ' ')" || echo "$path: found $found, wanted $flag"
		done
	done < "$work/flags" > "$work/flags.wrong"
	podman image unmount "$(cat "$work/loaded.runtime")"
	cat "$work/flags.wrong"
	[ ! -s "$work/flags.wrong" ] || fail "$(sed 1q "$work/flags.wrong")"
	note "$(wc -l < "$work/flags" | tr -d ' ') files"
}

step_schema() {
	need pkg
	need_orlop
	version=$(pkg -v)
	case $version in
	2.[23] | 2.[23].*) schema=36 ;;
	2.[45] | 2.[45].*) schema=37 ;;
	2.6 | 2.6.*) schema=38 ;;
	2.7 | 2.7.*) schema=39 ;;
	2.8 | 2.8.*) schema=42 ;;
	*) skip "pkg $version has a schema that orlop does not write" ;;
	esac
	extract runtime
	mkdir -p "$work/pkgdb"
	"$orlop" pkgdb normalise --pkgdb-schema "$schema" -o "$work/pkgdb/local.sqlite" "$work/root.runtime/var/db/pkg/local.sqlite"
	names_of runtime > "$work/packages.wanted"
	pkg -o PKG_DBDIR="$work/pkgdb" query %n > "$work/said"
	sort "$work/said" > "$work/packages.found"
	diff "$work/packages.wanted" "$work/packages.found" || fail "pkg $version finds other packages in a database of schema $schema"
	note "pkg $version, schema $schema"
}

# The free space in pages of services.db has whatever libc had in its buffers, so only
# the size is compared.
step_passwd() {
	need_freebsd
	need pwd_mkdb services_mkdb cap_mkdb
	top=$(echo "$images" | sed 's/.* //')
	extract "$top"
	root=$work/root.$top native=$work/native
	rm -rf "$native"
	mkdir -p "$native"
	cp "$root/etc/master.passwd" "$native/master.passwd"
	pwd_mkdb -i -p -d "$native" "$native/master.passwd"
	for f in passwd pwd.db spwd.db; do
		same "$root/etc/$f" "$native/$f"
	done
	if [ -e "$root/var/db/services.db" ]; then
		services_mkdb -q -o "$native/services.db" "$root/"
		[ "$(wc -c < "$root/var/db/services.db")" -eq "$(wc -c < "$native/services.db")" ] ||
		    fail "services.db has another size than services_mkdb makes it"
	fi
	if [ -e "$root/etc/login.conf.db" ]; then
		cp "$root/etc/login.conf" "$native/login.conf"
		cap_mkdb "$native/login.conf"
		same "$root/etc/login.conf.db" "$native/login.conf.db"
	fi
	note "of $top"
}

step_certctl() {
	need_freebsd
	need certctl
	top=$(echo "$images" | sed 's/.* //')
	extract "$top"
	root=$work/root.$top native=$work/certs
	[ -d "$root/usr/share/certs/trusted" ] || skip "image $top has no FreeBSD-caroot"
	rm -rf "$native"
	mkdir -p "$native/usr/share" "$native/etc/ssl"
	cp -R "$root/usr/share/certs" "$native/usr/share/certs"
	env DESTDIR="$native" certctl rehash
	for f in certs untrusted cert.pem; do
		if [ -e "$root/etc/ssl/$f" ] || [ -e "$native/etc/ssl/$f" ]; then
			diff -r "$root/etc/ssl/$f" "$native/etc/ssl/$f" || fail "etc/ssl/$f is not what certctl makes"
		fi
	done
}

# Fills a root as release/Makefile.vm does. Uses dynamic, since its shlibs have flags.
step_root() {
	need pkg
	need_freebsd
	need_orlop
	need_tree
	need_image dynamic
	[ -d "$repo" ] || skip "no repository in a folder is given"
	root=$work/filled conf=$work/conf abi=$(pkg config ABI)
	rm -rf "$root" "$conf" "$work/METALOG"
	mkdir -p "$root" "$conf" "$work/filled.images"
	echo "FreeBSD-base: { url: \"file://$(cd "$repo" && pwd)\", signature_type: none, enabled: yes }" > "$conf/base.conf"
	names_of dynamic > "$work/packages.wanted"
	# shellcheck disable=SC2046 # a list
	pkg --rootdir "$root" --repo-conf-dir "$conf" -o ASSUME_ALWAYS_YES=yes -o IGNORE_OSVERSION=yes \
	    -o ABI="$abi" -o INSTALL_AS_USER=yes -o METALOG="$work/METALOG" \
	    install -r FreeBSD-base $(cat "$work/packages.wanted")
	"$orlop" build -q --root "$root" --metalog "$work/METALOG" --srcdir "$srcdir" -o "$work/filled.images" dynamic
	"$orlop" diff "$(archive dynamic)" "$work/filled.images/container-image-dynamic.txz" || fail "another image than from the repository"
}

# in_tree MAKEFILE TARGET...: run make in the tree, which stays unchanged.
in_tree() {
	makefile=$clone/scripts/$1
	shift
	need_tree
	need_freebsd
	need make
	need_orlop
	[ -e "$makefile" ] || skip "no $makefile"
	make -C "$srcdir/release" -f "$makefile" "$@" WITH_OCIIMAGES=yes ORLOP="$orlop"
}

step_release() { in_tree release.mk release; }

step_again() {
	need_tree
	need make
	obj=$(make -C "$srcdir/release" -V .OBJDIR)
	[ -e "$obj/container-image-MANIFESTS" ] || skip "no images in $obj: step release makes them"
	touch "$work/before"
	sleep 1
	in_tree release.mk oci-release
	find "$obj" '(' -name 'container-image-*.txz' -o -name 'container-image-*.lock.json' ')' -newer "$work/before" > "$work/newer"
	cat "$work/newer"
	[ ! -s "$work/newer" ] || fail "made again: $(sed 1q "$work/newer")"
}

step_mirrors() {
	need_tree
	rm -rf "$work/R"
	in_tree release.mk install DESTDIR="$work/R"
	in_tree mirrors.mk ftp-stage RELEASEDIR="$work/R"
	[ -n "$(find "$work/R/ftp-stage" -name '*container-image-*.lock.json')" ] || fail "no lock is staged"
}

# perform STEP: run it and print its line.
perform() {
	log=$work/log.$1
	rm -f "$work/reason"
	set +e
	(set -e; "step_$1") > "$log" 2>&1 < /dev/null
	status=$?
	set -e
	reason=
	[ ! -e "$work/reason" ] || reason=$(cat "$work/reason")
	case $status in
	0) word=ok ok=$((ok + 1)) ;;
	77) word=skipped skipped=$((skipped + 1)) ;;
	*) word=failed failed=$((failed + 1)) reason=${reason:-$(grep -v '^$' "$log" | tail -n 1)} ;;
	esac
	line "$word" "$1" "$reason"
}

line() {
	if [ -n "$3" ]; then
		printf '%-8s %s: %s\n' "$1" "$2" "$3"
	else
		printf '%-8s %s\n' "$1" "$2"
	fi
}

given='' repo='' exceptions='' srcdir='' network='' work='' left_out='' only='' list=''
while getopts ls:o:b:r:e:S:n:w: flag; do
	case $flag in
	l) list=yes ;;
	s) known "$OPTARG" && left_out="$left_out $OPTARG" ;;
	o) known "$OPTARG" && only="$only $OPTARG" ;;
	b) given=$OPTARG ;;
	r) repo=$OPTARG ;;
	e) exceptions=$OPTARG ;;
	S) srcdir=$OPTARG ;;
	n) network=$OPTARG ;;
	w) work=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
if [ -n "$list" ]; then
	steps
	exit 0
fi
images=${*:-static dynamic runtime notoolchain toolchain}
clone=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "$work" ]; then
	work=$(mktemp -d)
else
	mkdir -p "$work"
	work=$(cd "$work" && pwd)
fi
orlop=${given:-$work/orlop}
case $orlop in
/*) ;;
*/*) orlop=$PWD/$orlop ;;
*) orlop=$(command -v "$orlop") || die "no $given" ;;
esac

ok=0 failed=0 skipped=0
for step in $(steps | cut -f 1); do
	if in_list "$step" "$left_out" || { [ -n "$only" ] && ! in_list "$step" "$only"; }; then
		line skipped "$step" "not asked for"
		skipped=$((skipped + 1))
	else
		perform "$step"
	fi
done
echo "$(uname -srm): $ok ok, $failed failed, $skipped skipped; more in $work"
[ "$failed" -eq 0 ]
