# SPDX-License-Identifier: BSD-2-Clause
#
# Makefile.mirrors, with all files of orlop's images, in an unchanged source tree:
#
#	make -C /usr/src/release -f /usr/local/share/orlop/mirrors.mk ftp-stage WITH_OCIIMAGES=yes RELEASEDIR=/R

# FreeBSD's own first clears the folder that its other targets fill, and a parallel
# make(1) does not know about that order.
.NOTPARALLEL:

_ORLOP_NAME=		mirrors.mk
_ORLOP_MAKEFILE=	Makefile.mirrors
.include "${.PARSEDIR:tA}/release.mk"
