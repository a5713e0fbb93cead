// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"strings"
	"testing"

	"github.com/orlop/orlop/release/tree"
)

// FuzzRecognise wants a script that is understood to be understood with lines that
// go on, too, and the paths that it changes to be paths of an image.
func FuzzRecognise(f *testing.F) {
	f.Add("pwd_mkdb -i -p -d ${PKG_ROOTDIR}/etc ${PKG_ROOTDIR}/etc/master.passwd\nchmod 1777 ${PKG_ROOTDIR}/tmp\n")
	f.Add("[ -x /usr/sbin/certctl ] && env DESTDIR=${PKG_ROOTDIR} \\\n /usr/sbin/certctl rehash")
	f.Add("if true; then\n\tcap_mkdb -l \"$PKG_ROOTDIR\"/etc/login.conf >/dev/null\nfi # all\n")
	f.Add("PW=pw\nif ! ${PW} groupshow a >/dev/null; then ${PW} groupadd a -g 5 || exit $?; else echo b; fi\n")
	f.Add("if [ -n \"$PKG_ROOTDIR\" -a \"$PKG_ROOTDIR\" != / ]; then a=${PKG_ROOTDIR}/b; else a=/b; fi\n/sbin/ldconfig -m /a ${PKG_ROOTDIR}/b\n")
	f.Add("case a in /*) f=a ;; *) f=/b/a;; esac\nindexinfo ${PKG_ROOTDIR}${f%/*}\ninstall -d -o a -g b ${PKG_ROOTDIR}/c")
	f.Fuzz(func(t *testing.T, script string) {
		e, ok := Recognise(script)
		checkPaths(t, script, &e)
		for _, c := range e.Chmods {
			if err := tree.CheckPath(c.Path); err != nil || c.Mode > 0o7777 {
				t.Errorf("%q: %+v: %v", script, c, err)
			}
		}
		if ok && !strings.ContainsAny(script, "#\"'") && !strings.Contains(script, ":+") && len(script) < maxScript/4 {
			if _, still := Recognise(strings.ReplaceAll(script, " ", " \\\n ")); !still {
				t.Errorf("%q: not understood with lines that go on", script)
			}
		}
	})
}
