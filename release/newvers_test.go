// SPDX-License-Identifier: BSD-2-Clause

package release

import (
	"os"
	"strings"
	"testing"
)

func TestReadNewvers(t *testing.T) {
	t.Parallel()
	const text = "#!/bin/sh\nTYPE=\"FreeBSD\"\nREVISION=\"15.0\"\nBRANCH=\"RELEASE-p3\"\n" +
		"if [ -n \"${BRANCH_OVERRIDE}\" ]; then\n\tBRANCH=${BRANCH_OVERRIDE}\nfi\nRELEASE=\"${REVISION}-${BRANCH}\"\n"
	v, err := ReadNewvers("newvers.sh", []byte(text))
	if want := (Newvers{"FreeBSD", "15.0", "RELEASE-p3"}); err != nil || v != want {
		t.Errorf("got %+v, %v, want %+v", v, err, want)
	}
	if _, err := ReadNewvers("newvers.sh", []byte("TYPE=FreeBSD\nREVISION=15.0\n")); err == nil || !strings.Contains(err.Error(), `newvers.sh: has no line BRANCH=`) {
		t.Errorf("without a branch: got %v", err)
	}
	own, err := os.ReadFile("testdata/newvers.sh") // of FreeBSD 15.0
	if err != nil {
		t.Fatal(err)
	}
	if v, err := ReadNewvers("newvers.sh", own); err != nil || v != (Newvers{"FreeBSD", "15.0", "RELEASE"}) {
		t.Errorf("FreeBSD's own: got %+v, %v", v, err)
	}
}
