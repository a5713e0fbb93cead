// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
)

func TestReadConf(t *testing.T) {
	t.Parallel()
	const text = `#! /bin/sh

# An image of our own; \
OCI_BASE_IMAGE=runtime	# FreeBSD's

oci_image_build() {
	set_cmd ${workdir} "/bin/csh" '-l'
	install_packages ${abi} ${workdir} \
		FreeBSD-csh "FreeBSD-lib*" \
		FreeBSD-ssh
	# one more
	install_packages ${abi} ${workdir} FreeBSD-vi
}
`
	all := Images{}
	if err := all.Read("tools/oci-image-mine.conf", []byte(text), Target{Revision: "15.0"}); err != nil {
		t.Fatal(err)
	}
	want := Image{Name: "mine", Parent: "runtime", Cmd: []string{"/bin/csh", "-l"},
		Packages: []string{"FreeBSD-csh", "FreeBSD-lib*", "FreeBSD-ssh", "FreeBSD-vi"}}
	if diff := cmp.Diff(want, all["mine"]); diff != "" {
		t.Error(diff)
	}
}

// TestReadConfWords reads lines as sh(1) does.
func TestReadConfWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		base, lines string // OCI_BASE_IMAGE's and of the function
		want        Image
	}{
		{`OCI_BASE_IMAGE=`, `install_packages ${abi} ${workdir} a`, Image{Packages: []string{"a"}}},
		{`OCI_BASE_IMAGE=""`, `install_packages ${abi} ${workdir} a`, Image{Packages: []string{"a"}}},
		{`OCI_BASE_IMAGE="zones"`, `install_packages "${abi}" "${workdir}" 'a'`, Image{Parent: "zones", Packages: []string{"a"}}},
		{`OCI_BASE_IMAGE='zones' # theirs`, `install_packages ${abi} ${workdir} a`, Image{Parent: "zones", Packages: []string{"a"}}},
		{`OCI_BASE_IMAGE=zo"ne"s`, `install_packages ${abi} ${workdir} a'b'"c"d`, Image{Parent: "zones", Packages: []string{"abcd"}}},
		{"OCI_BASE_IMAGE=static # a \\\nOCI_BASE_IMAGE=zones", `install_packages ${abi} ${workdir} a`, Image{Parent: "zones", Packages: []string{"a"}}},
		{`OCI_BASE_IMAGE=`, "install_packages ${abi} ${workdir} a # all \\\ninstall_packages ${abi} ${workdir} b", Image{Packages: []string{"a", "b"}}},
		{`OCI_BASE_IMAGE=`, "install_packages ${abi} ${workdir} FreeBSD-\\\ncsh \\\n \"x\\\ny\" b#c", Image{Packages: []string{"FreeBSD-csh", "xy", "b#c"}}},
	} {
		all := Images{}
		text := tt.base + "\noci_image_build() {\n" + tt.lines + "\n}\n"
		if err := all.Read("oci-image-x.conf", []byte(text), Target{Revision: "15.0"}); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		tt.want.Name = "x"
		if diff := cmp.Diff(tt.want, all["x"]); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestReadConfErrors(t *testing.T) {
	t.Parallel()
	build := func(line string) string { return "OCI_BASE_IMAGE=static\noci_image_build() {\n" + line + "\n}\n" }
	for _, tt := range []struct{ name, text, want string }{
		{"oci-image-x.conf", build("\tinstall_packages ${abi} ${workdir} \\\n\t\t${pkg_prefix}-runtime"), `oci-image-x.conf:3: "${pkg_prefix}-runtime" is not understood`},
		{"oci-image-x.conf", build("\tinstall_packages ${abi} ${workdir} a || return 1"), `oci-image-x.conf:3: "|| return 1" is not understood`},
		{"oci-image-x.conf", build("\tset_cmd ${workdir} `id`"), "oci-image-x.conf:3: \"`id`\" is not understood"},
		{"oci-image-x.conf", build("\tset_cmd ${workdir} a\\ b"), `oci-image-x.conf:3: "\\ b" is not understood`},
		{"oci-image-x.conf", build("\tset_cmd ${workdir} \"a\\\"b\""), `oci-image-x.conf:3: "\"a\\\"b\"" is not understood`},
		{"oci-image-x.conf", build("\tset_cmd ${workdir} 'a\nb'"), `oci-image-x.conf:3: "'a" is not understood`},
		{"oci-image-x.conf", build("\tset_cmd '${workdir}' a"), `oci-image-x.conf:3: "'${workdir}' a" is not understood`},
		{"oci-image-x.conf", build("\tset_cmd ${workdir} a \\\n\t\tb \\\n\t\tc\n\tid"), `oci-image-x.conf:6: "id" is not understood`},
		{"oci-image-x.conf", "OCI_BASE_IMAGE=\"$(id)\"\n", `oci-image-x.conf:1: "OCI_BASE_IMAGE=$(id)" is not understood`},
		{"oci-image-x.conf", build("\tset_cmd ${workdir}"), `oci-image-x.conf:3: "set_cmd ${workdir}" is not understood`},
		{"oci-image-x.conf", "OCI_BASE_IMAGE=$(id)\n", `oci-image-x.conf:1: "OCI_BASE_IMAGE=$(id)" is not understood`},
		{"oci-image-x.conf", ". ./other.sh\n" + build("\tset_cmd ${workdir} a"), `oci-image-x.conf:1: ". ./other.sh" is not understood`},
		{"oci-image-x.conf", "OCI_BASE_IMAGE=static\n", "oci-image-x.conf: found no complete function oci_image_build"},
		{"oci-image-x.conf", "oci_image_build() {\n", "oci-image-x.conf: found no complete function oci_image_build"},
		{"x.conf", build(""), "x.conf: the name is not of the form oci-image-NAME.conf"},
	} {
		err := Images{}.Read(tt.name, []byte(tt.text), Target{Revision: "15.0"})
		var usage *fault.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: got %v, want %s", tt.name, tt.text, err, tt.want)
		}
	}
}
