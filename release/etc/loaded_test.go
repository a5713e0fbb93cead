// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadPAM(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text     string
		services bool
		want     []PAMLine
	}{
		"fields":              {text: "auth\t\tsufficient\tpam_rootok.so\tno_warn\naccount include system\n", want: []PAMLine{{Module: "pam_rootok.so"}, {Include: "system"}}},
		"no newline":          {text: "session required pam_permit.so", want: []PAMLine{{Module: "pam_permit.so"}}},
		"comments":            {text: "#auth required a.so\n  # auth required b.so\nauth required c.so # d\nauth # x\n", want: []PAMLine{{Module: "c.so"}}},
		"comment in a word":   {text: "auth required a#b.so\n", want: []PAMLine{{Module: "a#b.so"}}},
		"no continued remark": {text: "# a \\\nauth required a.so\n", want: []PAMLine{{Module: "a.so"}}},
		"continued":           {text: "auth \\\n  required \\\n\tpam_\\\nunix.so \\\n nullok\n", want: []PAMLine{{Module: "pam_unix.so"}}},
		"quotes":              {text: "auth 'required' \"pam_\"u'ni'x.so\n", want: []PAMLine{{Module: "pam_unix.so"}}},
		"escapes":             {text: "a\\uth required \"a\\b\\\"\" \nauth required \\a\\ b\n", want: []PAMLine{{Module: `a\b"`}, {Module: "a b"}}},
		"a newline in quotes": {text: "auth required 'a\nb'\n", want: []PAMLine{{Module: "a\nb"}}},
		"an open quote":       {text: "auth required a.so\nauth required 'b.so\nauth required c.so\n", want: []PAMLine{{Module: "a.so"}}},
		"optional":            {text: "auth optional a.so\n-auth required b.so\n-session include x\n", want: []PAMLine{{Module: "a.so", Optional: true}, {Module: "b.so", Optional: true}, {Include: "x", Optional: true}}},
		"all controls":        {text: "auth binding a\nauth required b\nauth requisite c\nauth sufficient d\n", want: []PAMLine{{Module: "a"}, {Module: "b"}, {Module: "c"}, {Module: "d"}}},
		"made-up words":       {text: "plan lever required a.so\nsession has device a.so\nAUTH required a.so\nauth\nauth required\n\n'' x y\n"},
		"pam.conf":            {text: "su auth required a.so\nauth required b.so\nlogin -auth include system\nother plan required c.so\n", services: true, want: []PAMLine{{Service: "su", Module: "a.so"}, {Service: "login", Include: "system", Optional: true}}},
		"DOS":                 {text: "auth required a.so\r\n", want: []PAMLine{{Module: "a.so"}}},
	} {
		if diff := cmp.Diff(test.want, ReadPAM([]byte(test.text), test.services)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPAMModule(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"pam_unix.so":        "/usr/lib/pam_unix.so.6 /usr/lib/pam_unix.so /usr/local/lib/pam_unix.so.6 /usr/local/lib/pam_unix.so",
		"pam_unix":           "/usr/lib/pam_unix.so.6 /usr/lib/pam_unix.so /usr/local/lib/pam_unix.so.6 /usr/local/lib/pam_unix.so",
		"pam_unix.so.5":      "/usr/lib/pam_unix.so.5.6 /usr/lib/pam_unix.so.5 /usr/local/lib/pam_unix.so.5.6 /usr/local/lib/pam_unix.so.5",
		"/opt/pam_unix.so":   "/opt/pam_unix.so",
		"security/pam_unix":  "",
		"../lib/pam_unix.so": "",
	} {
		if got := strings.Join(PAMModule(name, []string{"6"}), " "); got != want {
			t.Errorf("%s: found %q, wanted %q", name, got, want)
		}
	}
}

func TestReadNsswitch(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"hosts: files dns\n":                                  "dns files",
		"hosts: files dns":                                    "dns files",
		"Hosts :\tFILES ldap # mdns\n#group: x\n":             "files ldap",
		"hosts: files \\\n mdns\n":                            "files mdns",
		"hosts: files [notfound=return] mdns\n":               "files",
		"hosts: files [NOTFOUND = return unavail=return] m\n": "files",
		"hosts: dns [unavail=return] mdns\n":                  "dns mdns",
		"hosts: a [success=continue notfound=return] b\n":     "a b",
		"hosts: a [notfound=return success=return] b\n":       "a",
		"hosts: a [notfound=return notfound=continue] b\n":    "a b",
		"hosts: a [tryagain=continue] b [notfound=return] c":  "a b",
		"hosts: a\nhosts: b\nhosts:\nhosts: c [\n":            "b",
		"hosts: a a2 a\n":                                     "a a2",
		"hosts: a = b\n":                                      "",
		"hosts: a [] b\n":                                     "",
		"hosts: a [return=success] b\n":                       "",
		"hosts: a-b\nreturn: x\n: y\nhosts z\n":               "",
		"passwd: compat ldap\n":                               "compat",
		"passwd: files compat ldap\n":                         "files ldap",
		"passwd: cache compat\n":                              "cache compat",
		"passwd: files\npasswd_compat: ldap\n":                "files",
		"passwd: compat\npasswd_compat: ldap\n":               "compat ldap",
		"passwd_compat: ldap\n":                               "ldap",
	} {
		if got := strings.Join(ReadNsswitch([]byte(text)), " "); got != want {
			t.Errorf("%q: found %q, wanted %q", text, got, want)
		}
	}
	if got := NSModule("dns") + NSModule("ldap"); got != "nss_ldap.so.1" {
		t.Errorf("found %q", got)
	}
}

// FuzzReadPAM checks that what is read is some of the text's words.
func FuzzReadPAM(f *testing.F) {
	f.Add([]byte("auth \\\n required 'a b' # c\n"), false)
	f.Add([]byte("su\t-auth include \"a\\b\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, services bool) {
		for _, l := range ReadPAM(text, services) {
			if len(l.Module)+len(l.Include)+len(l.Service) > len(text) || l.Service != "" && !services {
				t.Errorf("found %+v in %q", l, text)
			}
			PAMModule(l.Module, []string{"6"})
		}
	})
}

// FuzzReadNsswitch checks that each source is a word of the text, and told once.
func FuzzReadNsswitch(f *testing.F) {
	f.Add([]byte("hosts: files [notfound=return] dns\\\n mdns # x\n"))
	f.Add([]byte("passwd: compat\npasswd_compat: nis"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := ReadNsswitch(text)
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("found %q", got)
		}
		for _, s := range got {
			if !strings.Contains(strings.ToLower(string(text)), s) {
				t.Errorf("found %q in %q", s, text)
			}
		}
	})
}
