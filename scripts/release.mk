# SPDX-License-Identifier: BSD-2-Clause
#
# `make release` with orlop's container images, in a source tree in which nothing
# is changed:
#
#	make -C /usr/src/release -f /usr/local/share/orlop/release.mk release WITH_OCIIMAGES=yes
#
# Makefile.inc has the knobs; orlop-release(7) tells the rest.

_ORLOP_NAME?=	release.mk

# The tree's own list becomes empty, and with it all loops of Makefile.oci: no
# image is made by its script, and no recipe has to be made another. What the user
# says of images is kept, for a make(1) below this one that reads this file, too.
.if !defined(_ORLOP_IMAGES)
_ORLOP_IMAGES:=	${OCI_IMAGES:U}
_ORLOP_ONLY:=	${.MAKEOVERRIDES:MOCI_IMAGES}
.export _ORLOP_IMAGES _ORLOP_ONLY
.endif
.MAKEFLAGS: OCI_IMAGES=

# Makefile.inc is beside this file when it is installed, above it in a clone.
_ORLOP_HERE:=	${.PARSEDIR:tA}
.if exists(${_ORLOP_HERE}/Makefile.inc)
ORLOP?=		${_ORLOP_HERE:H:H}/bin/orlop
.else
_ORLOP_HERE:=	${_ORLOP_HERE:H}
.endif

.include "${.CURDIR}/${_ORLOP_MAKEFILE:UMakefile}"
.include "${_ORLOP_HERE}/Makefile.inc"
