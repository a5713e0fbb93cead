# SPDX-License-Identifier: BSD-2-Clause
#
# `make release` with orlop's container images, in an unchanged source tree:
#
#	make -C /usr/src/release -f /usr/local/share/orlop/release.mk release WITH_OCIIMAGES=yes
#
# Makefile.inc has the knobs; orlop-release(7) has the rest.

_ORLOP_NAME?=	release.mk

# Empty the tree's own list, and with it all loops of Makefile.oci: its script builds
# no image, and no recipe has to be changed. Keep the user's OCI_IMAGES for a make(1)
# below this one that also reads this file.
.if !defined(_ORLOP_IMAGES)
_ORLOP_IMAGES:=	${OCI_IMAGES:U}
_ORLOP_ONLY:=	${.MAKEOVERRIDES:MOCI_IMAGES}
.export _ORLOP_IMAGES _ORLOP_ONLY
.endif
.MAKEFLAGS: OCI_IMAGES=

# Makefile.inc is next to this file when installed, above it in a clone.
_ORLOP_HERE:=	${.PARSEDIR:tA}
.if exists(${_ORLOP_HERE}/Makefile.inc)
ORLOP?=		${_ORLOP_HERE:H:H}/bin/orlop
.else
_ORLOP_HERE:=	${_ORLOP_HERE:H}
.endif

.include "${.CURDIR}/${_ORLOP_MAKEFILE:UMakefile}"
.include "${_ORLOP_HERE}/Makefile.inc"
