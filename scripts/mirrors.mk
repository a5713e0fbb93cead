# SPDX-License-Identifier: BSD-2-Clause
#
# Makefile.mirrors, with all files of orlop's images, in a source tree in which
# nothing is changed:
#
#	make -C /usr/src/release -f /usr/local/share/orlop/mirrors.mk ftp-stage WITH_OCIIMAGES=yes RELEASEDIR=/R

# FreeBSD's own first clears the folder that its other targets fill, and does not
# say so to a make(1) that does several things at once.
.NOTPARALLEL:

_ORLOP_NAME=		mirrors.mk
_ORLOP_MAKEFILE=	Makefile.mirrors
.include "${.PARSEDIR:tA}/release.mk"
