// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources are the files of a folder as packages install them.
func sources(t *testing.T, dir, at string) []Source {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var list []Source
	for _, f := range files {
		list = append(list, Source{at + filepath.Base(f), mustRead(t, f)})
	}
	return list
}

// TestGoldenCertificates compares with the sums of what OpenSSL makes of three
// certificates, and with the links of FreeBSD 14; testdata/README says how.
func TestGoldenCertificates(t *testing.T) {
	t.Parallel()
	trusted := sources(t, "testdata/certs/trusted", "/usr/share/certs/trusted/")
	untrusted := sources(t, "testdata/certs/untrusted", "/usr/share/certs/untrusted/")
	files, err := MakeCertificates(trusted, untrusted)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string][]byte{}
	for _, o := range files {
		made[o.Path] = o.Text
	}
	compareSums(t, made, "testdata/certs/SHA256")
	links, err := LinkCertificates(trusted, untrusted)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range links {
		got = append(got, o.Path+" -> "+o.Link)
	}
	slices.Sort(got)
	if want := string(mustRead(t, "testdata/certs/LINKS")); strings.Join(got, "\n")+"\n" != want {
		t.Errorf("got links\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// TestCertificates does so with all certificates at hand, byte by byte.
func TestCertificates(t *testing.T) {
	t.Parallel()
	needShared(t)
	trusted := sources(t, shared+"/src/secure/caroot/trusted", "/usr/share/certs/trusted/")
	untrusted := sources(t, shared+"/src/secure/caroot/untrusted", "/usr/share/certs/untrusted/")
	got, err := MakeCertificates(trusted, untrusted)
	if err != nil {
		t.Fatal(err)
	}
	compareOutputs(t, got, shared+"/golden/etc/etc-ssl", 15)
	slices.Reverse(trusted)
	again, err := MakeCertificates(append(trusted, trusted[0], untrusted[0]), untrusted)
	if err != nil || !slices.EqualFunc(got, again, func(a, b Output) bool { return a.Path == b.Path && bytes.Equal(a.Text, b.Text) }) {
		t.Errorf("order, repetition or distrust show: %v", err)
	}
	links, err := LinkCertificates(trusted, untrusted)
	if err != nil {
		t.Fatal(err)
	}
	for i := range links {
		links[i].Text = []byte(links[i].Link) // the goldens have a link's target as text where links were lost
	}
	compareOutputs(t, links, shared+"/golden/etc/etc-ssl-14", 14)
}

func compareOutputs(t *testing.T, got []Output, dir string, want int) {
	t.Helper()
	if len(got) != want {
		t.Errorf("%s: got %d files, want %d", dir, len(got), want)
	}
	for _, o := range got {
		name := filepath.Join(dir, strings.TrimPrefix(o.Path, "/etc/ssl/"))
		if link, err := os.Readlink(name); err == nil {
			if link != o.Link {
				t.Errorf("%s: got a link to %s, want %s", o.Path, o.Link, link)
			}
			continue
		}
		text := mustRead(t, name)
		if o.Link != "" { // kept as a text, that a newline may end
			text = bytes.TrimSuffix(text, []byte("\n"))
		}
		if !bytes.Equal(text, o.Text) {
			t.Errorf("%s differs", o.Path)
		}
		if o.Link == "" && o.Mode != 0o444 {
			t.Errorf("%s: mode %o, want 444", o.Path, o.Mode)
		}
	}
}

func TestCertificateErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"nothing": "/x.pem: has no certificate in PEM form",
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0x03, 2, 1, 1}})): "/x.pem: certificate 1: asn1",
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"})):                                     "/x.pem: certificate 1: asn1",
	} {
		for _, make := range []func(a, b []Source) ([]Output, error){MakeCertificates, LinkCertificates} {
			if _, err := make([]Source{{"/x.pem", []byte(text)}}, nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.20q: got %v, want %s", text, err, want)
			}
		}
	}
	if out, err := MakeCertificates(nil, nil); err != nil || len(out) != 1 || len(out[0].Text) > 0 {
		t.Errorf("of no certificate: got %v, %v, want an empty bundle", out, err)
	}
}

// FuzzParseCertificate reads certificates, and where there is none makes one of a
// subject. What crypto/x509 takes is taken, and cut off where it ends.
func FuzzParseCertificate(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 2, 1, 1}, []byte(nil))
	f.Add([]byte(nil), []byte("\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x13\x03A b"))
	f.Fuzz(func(t *testing.T, der, subject []byte) {
		if len(der) == 0 {
			sequence := func(parts ...[]byte) []byte {
				b, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: slices.Concat(parts...)})
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			number, algorithm, none := []byte{2, 1, 1}, sequence([]byte{6, 1, 42}), sequence()
			der = sequence(sequence(number, algorithm, none, none, subject, none), algorithm, []byte{3, 1, 0})
		}
		c, err := parseCertificate(der)
		if err == nil && !bytes.HasPrefix(der, c.der) {
			t.Errorf("got %x of %x", c.der, der)
		}
		if err == nil {
			again, err := parseCertificate(slices.Concat(c.der, []byte("behind")))
			if err != nil || !bytes.Equal(again.der, c.der) || again.hash != c.hash {
				t.Errorf("%x: got %x, %v the second time", c.der, again.der, err)
			}
		}
		if theirs, refused := x509.ParseCertificate(der); refused == nil && (err != nil || !bytes.Equal(theirs.Raw, c.der)) {
			t.Errorf("%x: got %x, %v, crypto/x509 takes it", der, c.der, err)
		}
	})
}
