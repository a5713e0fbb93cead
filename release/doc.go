// SPDX-License-Identifier: BSD-2-Clause

// Package release knows what a FreeBSD release is, and with its sub-packages
// how artifacts are made: what images consist of, the tree of a root file
// system, the files that FreeBSD's programs would have made in it, layers, and
// image layouts.
//
// # Place in the build
//
// A release build runs in one direction:
//
//	world, kernel ─► make packages ─► pkgbase-repo ─► media, VM images
//	                                     │
//	                                     ├─► oci-plan     container-image-X.plan.json
//	                                     ├─► oci-release  container-image-X.txz, .lock.json, container-image-MANIFESTS
//	                                     └─► oci-install  ${DESTDIR}/ociimages, CHECKSUM.SHA256, CHECKSUM.SHA512
//
//	ociimages of each architecture ─┬─► oci-index  container-image-X.index.tar, container-image-INDEXES
//	                                └─► oci-push   a registry
//
// Makefile.inc is the right-hand side of that, for make(1). It calls the program
// (cmd/orlop), which calls the hooks:
//
//	cmd/orlop ─► hooks ─┬─► pkgdb    pkg(8): catalogue, plan, packages, database
//	                    └─► release  artifacts
//
//	release/tree     a root file system as a value: no disk, no privilege
//	release/etc      password databases, services, login classes, certificates, hints, as FreeBSD's programs make
//	                 them; what PAM's policies and nsswitch.conf ask for
//	release/elf      what a program needs at run time
//	release/shebang  what starts a script
//	release/shell    simple scripts of sh(1), split into commands
//	release/containerfile  a Containerfile, translated into a definition
//	release/layer    trees and contents to tar files, compressed, hashed, in parallel, the same bytes every time
//	release/oci      config, manifest, index, archives; and back
//
// Neither of the two knows the other; below cmd/orlop only hooks knows both.
// Nothing knows make(1), and only cmd/orlop reads flags or the environment.
//
// # Names
//
// Release is what images are made of, and what follows from it: the OCI
// platform, the name in an archive, the base repository. Names are those under
// which FreeBSD publishes: the same archive is container-image-runtime.txz in
// the object directory, FreeBSD-15.0-RELEASE-amd64-container-image-runtime.txz
// on a mirror, freebsd-runtime:15.0-RELEASE-amd64 in podman(1) and
// freebsd-runtime:15.0 in a registry. A custom image is NAME:TAG-ARCH. Only the
// digest of the manifest is the same everywhere, so container-image-MANIFESTS
// lists that.
//
// # Images
//
// An Image says what an image has on top of its parent. FreeBSD's five are in
// images/*.ucl, which Images.Read describes; it reads those of a source tree,
// too, and ReadConf reads files in the form of FreeBSD's own
// oci-image-NAME.conf. Only those of this package are FreeBSD's own, whatever
// another is called. The lock of each image contains its whole definition.
package release
