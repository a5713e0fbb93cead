// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
)

// staticConf has the form of FreeBSD's own definition, in words of our own: %s is
// what base.conf gets.
const staticConf = `#! /bin/sh

OCI_BASE_IMAGE=

oci_image_build() {
	local top=${curdir}/..
	local m=${workdir}/rootfs
	mtree -deU -p $m/ -f ${top}/etc/mtree/BSD.root.dist > /dev/null
	mtree -deU -p $m/var -f ${top}/etc/mtree/BSD.var.dist > /dev/null
	mtree -deU -p $m/usr -f ${top}/etc/mtree/BSD.usr.dist > /dev/null
	mtree -deU -p $m/usr/include -f ${top}/etc/mtree/BSD.include.dist > /dev/null
	mtree -deU -p $m/usr/lib -f ${top}/etc/mtree/BSD.debug.dist > /dev/null
	install_packages ${abi} ${workdir} FreeBSD-zoneinfo
	cp ${top}/etc/master.passwd $m/etc
	pwd_mkdb -p -d $m/etc $m/etc/master.passwd || return $?
	cp ${top}/etc/group $m/etc || return $?
	# made in the object directory
	cp ../etc/termcap/termcap.small $m/etc/termcap.small || return $?
	cp ../etc/termcap/termcap.small $m/usr/share/misc/termcap || return $?
	env DESTDIR=$m \
	    TRUSTPATH=${top}/secure/caroot/trusted \
	    UNTRUSTPATH=${top}/secure/caroot/untrusted \
	    certctl -c rehash
	case ${branch} in
		CURRENT|STABLE|BETA*)
			which=base_latest
			;;
		*)
			which=base_release_${minor}
			;;
	esac
	mkdir -p $m/usr/local/etc/pkg/repos
	cat > $m/usr/local/etc/pkg/repos/base.conf <<EOF
FreeBSD-base: {
%s  enabled: yes
}
EOF

}
`

const urlLines = `  url: "https://pkg.FreeBSD.org/\${ABI}/${which}",
  mirror_type: "srv",
  signature_type: "fingerprints",
  fingerprints: "/usr/share/keys/pkg",
`

// TestReadConfStatic compares copies of static with the built-in definition.
func TestReadConfStatic(t *testing.T) {
	t.Parallel()
	spelled := strings.NewReplacer(
		"local top=${curdir}/..\n\tlocal m=${workdir}/rootfs", "local top=\"$curdir/../\" m=\"${workdir}/rootfs\"",
		"mtree -deU -p $m/var -f", "mtree -U -q -p \"$m\"//var -de -f", "cp ${top}/etc/group $m/etc ||", "/bin/cp -p ${top}/etc/group $m/etc/group ||",
		"env DESTDIR=$m \\\n\t   ", "DESTDIR=$m", "certctl -c", "/usr/sbin/certctl", "> /dev/null", ">/dev/null 2>&1",
		"CURRENT|STABLE|BETA*)\n\t\t\twhich=base_latest\n\t\t\t;;", "(STABLE|CURRENT|ALPHA*|BETA*) which=base_latest;;",
		"base_release_${minor}\n\t\t\t;;", "base_release_$minor", "<<EOF", "<<-EOF", "\n\n}\n", "\n\treturn 0\n}\n",
	)
	for _, revision := range []string{"13.2", "14.3", "15.0", "15.1", "16.0"} {
		all, err := Standard(revision)
		if err != nil {
			t.Fatal(err)
		}
		want := all["static"]
		want.Name, want.Title, want.FreeBSD, want.Annotations = "mine", "", false, nil
		for _, text := range []string{fmt.Sprintf(staticConf, urlLines), fmt.Sprintf(staticConf, ""), spelled.Replace(fmt.Sprintf(staticConf, urlLines))} {
			c, err := ReadConf("oci-image-mine.conf", []byte(text), revision)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if diff := cmp.Diff(want, c.Image); diff != "" || c.Removes != nil {
				t.Errorf("%s: removes %v and %s\n%s", revision, c.Removes, diff, text)
			}
		}
	}
}

func TestReadConfRuntime(t *testing.T) {
	t.Parallel()
	all, err := Standard("15.0")
	if err != nil {
		t.Fatal(err)
	}
	for lines, removes := range map[string][]string{
		"": nil, "\trm ${workdir}/rootfs/usr/share/misc/termcap\n": {"/usr/share/misc/termcap"},
		"\tlocal root\n\troot=$workdir/rootfs\n\t/bin/rm -f \"$root/usr/share/misc/termcap\" || return $?\n": {"/usr/share/misc/termcap"},
	} {
		c, err := ReadConf("oci-image-mine.conf", []byte("OCI_BASE_IMAGE=dynamic\noci_image_build() {\n\tset_cmd ${workdir} /bin/sh\n"+lines+
			"\tinstall_packages ${abi} ${workdir} $m \\\n\t\tFreeBSD-runtime \\\n\t\tFreeBSD-krb5-lib \\\n\t\tFreeBSD-pkg-bootstrap\n}\n"), "15.0")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"FreeBSD-runtime", "FreeBSD-krb5-lib", "FreeBSD-pkg-bootstrap"}, c.Image.Packages); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(removes, c.Removes); diff != "" {
			t.Error(diff)
		}
		for _, name := range all["runtime"].Replaces {
			if !c.Image.Replacing(strings.TrimSuffix(name, "**")) {
				t.Errorf("%s is not replaced", name)
			}
		}
	}
}

// TestReadConfOther has files that FreeBSD's own definitions do not take.
func TestReadConfOther(t *testing.T) {
	t.Parallel()
	c, err := ReadConf("oci-image-x.conf", []byte(`OCI_BASE_IMAGE=
oci_image_build() {
	local m=${workdir}/rootfs prefix=FreeBSD
	mkdir -p $m/opt/etc
	cp ${curdir}/../etc/motd $m/opt/etc
	cp ${curdir}/tools/x.conf $m/etc/y.conf
	mtree -deU -p $m/opt -f ${curdir}/tools/opt.mtree
	install_packages ${abi} ${workdir} ${prefix}-zoneinfo
}
`), "15.0")
	if err != nil {
		t.Fatal(err)
	}
	want := Image{Name: "x", Packages: []string{"FreeBSD-zoneinfo"},
		Mtree: []Mtree{{Taken: Taken{Path: "/release/tools/opt.mtree", Source: "release/tools/opt.mtree"}, Prefix: "/opt"}},
		Files: []File{{Taken: Taken{Path: "/opt/etc/motd", Source: "etc/motd"}, Target: "/opt/etc/motd", Mode: 0o644},
			{Taken: Taken{Path: "/etc/y.conf", Source: "release/tools/x.conf"}, Target: "/etc/y.conf", Mode: 0o644}}}
	if diff := cmp.Diff(want, c.Image); diff != "" {
		t.Error(diff)
	}
}

// base is a line that writes a text into base.conf.
func base(text string) string {
	return "cat > ${workdir}/rootfs/usr/local/etc/pkg/repos/base.conf <<EOF\n" + text + "\nEOF"
}

// almost are lines that mean something else than what is understood, if only a
// little.
var almost = []string{
	"rm ${workdir}/config.json", "rm /etc/passwd", "rm -r ${workdir}/rootfs/etc", "rm", "rm ${workdir}/rootfs/etc/*", "rm ${workdir}/rootfs/../x", "rm ${m}/etc/x",
	"rm ${workdir}/rootfs2/x", "rm ${workdir}/rootfs/x > ${workdir}/y", "rm ${workdir}/rootfs/x | cat", "rm ${workdir}/rootfs/x ;;",
	"rm ${workdir}/rootfs/x || return 1", "rm ${workdir}/rootfs/x ||", "rm ${workdir}/rootfs",
	"mtree -deU -p ${workdir}/rootfs", "mtree -dU -p ${workdir}/rootfs -f ${curdir}/x", "mtree -deUx -p ${workdir}/rootfs -f ${curdir}/x", "mtree -deU -p /var -f ${curdir}/x",
	"mtree -deU -p ${workdir}/rootfs -f ${workdir}/x", "mtree -deU -p ${workdir}/rootfs -f ${curdir}/x y", "mtree -deU -p ${workdir}/rootfs -f ${curdir}/../../x", "mtree -deU -f ${curdir}/x -p",
	"cp ${curdir}/x", "cp -R ${curdir}/x ${workdir}/rootfs/x", "cp /etc/group ${workdir}/rootfs/etc", "cp ${curdir}/a ${curdir}/b ${workdir}/rootfs/etc", "cp ${curdir}/a ${curdir}/b",
	"mkdir ${workdir}/rootfs/opt", "mkdir -p ${workdir}/rootfs/opt", "mkdir -p", "pwd_mkdb -p -d ${workdir}/rootfs/etc", "pwd_mkdb -d ${workdir}/rootfs/etc ${workdir}/rootfs/etc/master.passwd",
	"pwd_mkdb -p ${workdir}/rootfs/etc/master.passwd", "pwd_mkdb -p -d", "pwd_mkdb -p -d /etc ${workdir}/rootfs/etc/master.passwd", "pwd_mkdb",
	"env certctl rehash", "env DESTDIR=${workdir}/rootfs certctl rehash", "env DESTDIR=${workdir}/rootfs TRUSTPATH=${curdir}/a UNTRUSTPATH=${curdir}/b certctl rehash",
	"env DESTDIR=${workdir} TRUSTPATH=${curdir}/../secure/caroot/trusted UNTRUSTPATH=${curdir}/../secure/caroot/untrusted certctl rehash",
	"env DESTDIR=${workdir}/rootfs TRUSTPATH=${curdir}/../mine/trusted UNTRUSTPATH=${curdir}/../mine/untrusted certctl rehash",
	"env DESTDIR=${workdir}/rootfs TRUSTPATH=${curdir}/../secure/caroot/trusted UNTRUSTPATH=${curdir}/../secure/caroot/untrusted certctl -n rehash", "env", "env A=b id",
	"local a=${unknown}", "local branch=RELEASE", "local a=`id`", "local a-b=c", "abi=x", "return 1", "return 0; id", "echo a",
	"install_packages ${abi} ${workdir} ${none}", "install_packages ${abi} ${workdir} ${abi}", "set_cmd ${workdir} ${abi}",
	"if true; then", "for i in a b; do", "cat ${curdir}/x", "cat > ${workdir}/rootfs/etc/motd <<EOF\nhello\nEOF", "cat > ${workdir}/rootfs/usr/local/etc/pkg/repos/base.conf <<EOF",
	base("FreeBSD-base: { enabled: no }"), base("Other-base: { enabled: yes }"), base("FreeBSD-base: { enabled: yes, priority: 1 }"), base("FreeBSD-base: { enabled: yes }\nx: { enabled: yes }"),
	base("FreeBSD-base: { enabled: yes, enabled: yes }"), base("FreeBSD-base: ${unknown}"), base("FreeBSD-base: { `id` }"),
	base("FreeBSD-base: { url: \"https://pkg.example.org/\\${ABI}/x\", mirror_type: srv, signature_type: fingerprints, fingerprints: \"/usr/share/keys/pkg\", enabled: yes }"),
	"case ${branch} in\n*) repo=base_latest ;;\nesac", "case ${branch} in\nCURRENT) repo=base_latest ;;\n*) repo=base_release_${minor} ;;\nesac", "case ${abi} in\n*) a=b ;;\nesac", "case ${branch} in",
	"case ${branch} in\nCURRENT|STABLE|BETA*) repo=base_latest; id ;;\n*) repo=base_release_${minor} ;;\nesac", "case ${branch} in\nesac",
	"case ${branch} in\nCURRENT|STABLE|BETA*) a=base_latest ;;\n*) b=base_release_${minor} ;;\nesac",
}

func TestReadConfAlmost(t *testing.T) {
	t.Parallel()
	for _, line := range almost {
		_, err := ReadConf("oci-image-x.conf", []byte("OCI_BASE_IMAGE=static\noci_image_build() {\n\tset_cmd ${workdir} a\n\t"+line+"\n}\n"), "15.0")
		var usage *fault.UsageError
		if !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), "oci-image-x.conf:") {
			t.Errorf("%s: got %v, want a usage error with a line", line, err)
		} else if !strings.HasPrefix(err.Error(), "oci-image-x.conf:4: ") && !strings.Contains(line, "\n") {
			t.Errorf("%s: got %v, want line 4", line, err)
		}
	}
}

// FuzzReadConf wants what is understood to stay in the source tree and in the
// image, and faults to be errors of usage.
func FuzzReadConf(f *testing.F) {
	f.Add(fmt.Sprintf(staticConf, urlLines))
	f.Add("OCI_BASE_IMAGE=dynamic\noci_image_build() {\n\trm ${workdir}/rootfs/x\n\tinstall_packages ${abi} ${workdir} a b\n\tset_cmd ${workdir} c\n}\n")
	f.Add("oci_image_build() {\nlocal a=b\nmkdir -p ${workdir}/rootfs/$a\ncp ${curdir}/x ${workdir}/rootfs/$a\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadConf("oci-image-x.conf", []byte(text), "15.0")
		var usage *fault.UsageError
		if err != nil && !errors.As(err, &usage) {
			t.Fatal(err)
		}
		for _, file := range c.Image.Files {
			if strings.Contains(file.Source, "\x00") || strings.HasPrefix(file.Source, "/") || strings.Contains("/"+file.Source+"/", "/../") || !strings.HasPrefix(file.Target, "/") {
				t.Errorf("%q: %+v", text, file)
			}
		}
		for _, name := range append(c.Image.Packages, c.Image.Replaces...) {
			if strings.ContainsAny(name, "\x00$`") {
				t.Errorf("%q: %q", text, name)
			}
		}
	})
}
