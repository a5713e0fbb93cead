// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"bytes"
	"crypto"
	"fmt"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/orlop/orlop/release/attest"
)

// list is what gpg has signed in the files named after it, without the blanks at a line's end.
const list = "SHA256 (one) = 1\n- a dash\n-----BEGIN PGP SIGNATURE-----\nFrom here on\n\ntrailing blanks\nlast\n"

func clearSigned(t testing.TB, text []byte) *attest.ClearSigned {
	t.Helper()
	c, err := attest.ParseClearSigned(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clear is list with signatures, of any kind, by a key.
func clear(t testing.TB, key *packet.PrivateKey, n int, hash crypto.Hash, kind packet.SignatureType, header string) string {
	t.Helper()
	var out strings.Builder
	out.WriteString("-----BEGIN PGP SIGNED MESSAGE-----\n" + header + "\nlist\n")
	w, err := armor.Encode(&out, "PGP SIGNATURE", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		sig := &packet.Signature{Version: 4, SigType: kind, PubKeyAlgo: key.PubKeyAlgo, Hash: hash, CreationTime: signed, IssuerKeyId: &key.KeyId}
		h := hash.New()
		h.Write([]byte("list"))
		if err := sig.Sign(h, key, nil); err != nil {
			t.Fatal(err)
		}
		if err := sig.Serialize(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}

// TestClearSignGolden pins what keys of every kind make of a text, which reads as it was.
func TestClearSignGolden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, sum string }{
		{"ed25519.asc", list, "c12b4002680d2c00c343851436b02df5a50c821646f81fe3976d4b5a304b6118"},
		{"rsa3072.asc", list, "0f565ebea72a767404f8c12557529718a8cc2a4765d248d45230b8a44ddadc9e"},
		{"passphrase.asc", list, "c9045a88a0724e1ee7acda67e0f9d3ec1bd3692f9ff3008270e1481e18535791"},
		{"subkey.asc", list, "b09b3be2bc741ae2fd120ef1dfb934697be74471e62ded870916f1a70e4c9873"},
		{"subkey.gpg", list, "b09b3be2bc741ae2fd120ef1dfb934697be74471e62ded870916f1a70e4c9873"},
		{"ed25519.asc", "", "cf23154a6e73050b45228579f1f2372953d1334fcf07abbd8f052ee79b6a018a"},
		{"ed25519.asc", "\n", "da603d13e11ca05941f9fe785a4bd6dfe03dc58eb82954c74f7e47585ab37608"},
		{"ed25519.asc", "-\n- \\\n--\n", "f635fe597eed6502419cf98ef24e67b9023823ebaff76931b39ca3b89c311471"},
	} {
		key := pgpKey(t, tt.name)
		for range 2 {
			text, err := key.ClearSign([]byte(tt.text), signed)
			if got := sum(text); err != nil || got != tt.sum {
				t.Errorf("%s %.10q: got %s, %v", tt.name, tt.text, got, err)
			}
			c := clearSigned(t, text)
			by, errs := c.Verify(key.Ring(), now)
			if string(c.Text) != tt.text || len(by) != 1 || len(errs) > 0 || by[0].Primary != key.Ring().IDs()[0] || !by[0].Time.Equal(signed) {
				t.Errorf("%s: got %q by %v, %v", tt.name, c.Text, by, errs)
			}
			if again, err := c.Bytes(); err != nil || !bytes.Equal(again, text) {
				t.Errorf("%s: is written otherwise than read, %v", tt.name, err)
			}
		}
	}
}

// TestClearSignedOfGPG believes what gpg --clear-sign writes, whatever nobody signs of it.
func TestClearSignedOfGPG(t *testing.T) {
	t.Parallel()
	ring := rings(t, "rsa3072.asc", "ed25519.asc")
	text := string(file(t, "pgp/list.asc"))
	two := string(file(t, "pgp/list-two.asc"))
	for _, tt := range []struct {
		name, text, want string
		by               int
	}{
		{"as it is", text, list, 1},
		{"two signers", two, list, 2},
		{"empty", string(file(t, "pgp/list-empty.asc")), "\n", 1},
		{"lines of Windows", strings.ReplaceAll(text, "\n", "\r\n"), list, 1},
		{"other blanks at the end", strings.Replace(text, "trailing blanks  \t", "trailing blanks \t \r", 1), list, 1},
		{"no blanks at the end", strings.Replace(text, "trailing blanks  \t", "trailing blanks", 1), list, 1},
		{"From not escaped", strings.Replace(text, "- From", "From", 1), list, 1},
		{"all escaped", strings.Replace(text, "\nSHA256", "\n- SHA256", 1), list, 1},
		{"empty lines around", "\n\n" + text + "\n\n", list, 1},
		{"no newline at the end", strings.TrimSpace(text), list, 1},
		{"blanks after the first line", strings.Replace(text, "MESSAGE-----", "MESSAGE----- \t", 1), list, 1},
		{"a line of blanks after the headers", strings.Replace(text, "SHA512\n\n", "SHA512\n \t\n", 1), list, 1},
		{"no header", strings.Replace(text, "Hash: SHA512\n", "", 1), list, 1},
		{"more hashes", strings.Replace(text, "SHA512", "SHA256, SHA512", 1), list, 1},
		{"a header each", strings.Replace(text, "SHA512", "SHA256\nHash: SHA512", 1), list, 1},
	} {
		c := clearSigned(t, []byte(tt.text))
		by, errs := c.Verify(ring, now)
		if string(c.Text) != tt.want || len(by) != tt.by || c.Len() != tt.by || len(errs) > 0 {
			t.Errorf("%s: got %q by %v, %v", tt.name, c.Text, by, errs)
		}
		if !attest.IsClearSigned([]byte(tt.text)) {
			t.Errorf("%s: is taken for no clear-signed text", tt.name)
		}
	}
	if attest.IsClearSigned(file(t, "pgp/armoured.asc")) {
		t.Error("a message is taken for a clear-signed text")
	}
}

// TestParseClearSignedFaults refuses what shows a reader something that is not signed.
func TestParseClearSignedFaults(t *testing.T) {
	t.Parallel()
	key := private(t, "ed25519.asc")
	text := string(file(t, "pgp/list.asc"))
	begin, _, _ := strings.Cut(text, "-----BEGIN PGP SIGNATURE-----\n\n")
	const (
		before = "has something before its signed text"
		after  = "has something after its signature, or no end of it"
		kind   = "has a signature of another kind, wanted one of a text, version 4"
	)
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", before},
		{"empty lines", "\n\n", before},
		{"a text before", "text\n" + text, before},
		{"a blank before", " \n" + text, before},
		{"a byte order mark", "\ufeff" + text, before},
		{"a text after", text + "text\n", "has something after its signature"},
		{"a blank after", text + " \n", "has something after its signature"},
		{"two", text + text, "has something after its signature"},
		{"one in another", begin + text, `has the line "-----BEGIN PGP SIGNED MESSAGE-----", in which a dash is not escaped`},
		{"a signature after", text + text[len(begin):], "has something after its signature"},
		{"a dash not escaped", strings.Replace(text, "- - a", "-- a", 1), `has the line "-- a dash", in which a dash is not escaped`},
		{"a lone dash", strings.Replace(text, "last", "-", 1), `has the line "-", in which a dash is not escaped`},
		{"another hash", strings.Replace(text, "SHA512", "SHA256", 1), "says that its hash is SHA256, and it is SHA512"},
		{"no hash", strings.Replace(text, "SHA512", "", 1), "has the hash \"\" in its header"},
		{"unknown header", strings.Replace(text, "\nHash", "\nComment: text\nHash", 1), `has the header "Comment: text", wanted Hash alone`},
		{"header of Hash without a blank", strings.Replace(text, "Hash: ", "Hash:", 1), `has the header "Hash:SHA512", wanted Hash alone`},
		{"no empty line", strings.Replace(text, "SHA512\n\n", "SHA512\n", 1), `has the header "SHA256 (one) = 1", wanted Hash alone`},
		{"headers alone", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n", "has no empty line after its headers"},
		{"no end", strings.Replace(text, "-----END PGP SIGNATURE-----\n", "", 1), "has a PGP SIGNATURE with a line that is no part of it, or without an end"},
		{"no signature", begin, "has no signature after its text"},
		{"empty signature", begin + "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n", "has a PGP SIGNATURE that cannot be read"},
		{"no empty line in the signature", strings.Replace(text, "SIGNATURE-----\n\niQ", "SIGNATURE-----\niQ", 1), "has a PGP SIGNATURE with a header that may say anything, or without an empty line"},
		{"bad base64", strings.Replace(text, "\n\niQ", "\n\n?Q", 1), "has a PGP SIGNATURE with a line that is no part of it, or without an end"},
		{"a cut signature", begin + "-----BEGIN PGP SIGNATURE-----\n\niQHI\n-----END PGP SIGNATURE-----\n", "has a signature that cannot be read: it is not a sequence of OpenPGP packets"},
		{"a key as signature", begin + "-----BEGIN PGP SIGNATURE-----\n\nzQF4\n-----END PGP SIGNATURE-----\n", kind},
		{"a signature of bytes", clear(t, key, 1, crypto.SHA256, packet.SigTypeBinary, "Hash: SHA256\n"), kind},
		{"17 signatures", clear(t, key, 17, crypto.SHA256, packet.SigTypeText, "Hash: SHA256\n"), "has more than 16 signatures"},
	} {
		if _, err := attest.ParseClearSigned([]byte(tt.text)); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	clearSigned(t, []byte(clear(t, key, 16, crypto.SHA256, packet.SigTypeText, "Hash: SHA256\n")))
}

// TestClearSignedVerify says why signatures of a text do not count.
func TestClearSignedVerify(t *testing.T) {
	t.Parallel()
	text := string(file(t, "pgp/list.asc"))
	const changed = "does not verify: what it signs is something else"
	for _, tt := range []struct{ name, text, want string }{
		{"a changed line", strings.Replace(text, "= 1", "= 2", 1), changed},
		{"blanks in front", strings.Replace(text, "\nSHA256", "\n SHA256", 1), changed},
		{"one more line", strings.Replace(text, "\nlast", "\nlast\n", 1), changed},
		{"one less", strings.Replace(text, "\nlast", "", 1), changed},
		{"a dash taken away", strings.Replace(text, "- - a", "- a", 1), changed},
		{"SHA-1", string(file(t, "pgp/list-sha1.asc")), "uses SHA-1, wanted SHA-256, SHA-384 or SHA-512"},
	} {
		by, errs := clearSigned(t, []byte(tt.text)).Verify(rings(t, "rsa3072.asc"), now)
		if len(by) > 0 || len(errs) != 1 || errs[0].Error() != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.name, by, errs, tt.want)
		}
	}
	by, errs := clearSigned(t, []byte(text)).Verify(rings(t, "ed25519.asc"), now)
	if len(by) > 0 || len(errs) != 1 || errs[0].Error() != "is by the key "+private(t, "rsa3072.asc").KeyIdString()+", which is not among the given ones" {
		t.Errorf("got %v, %v", by, errs)
	}
}

// TestSignersOf wants one signature that counts, and otherwise says what is wrong with each.
func TestSignersOf(t *testing.T) {
	t.Parallel()
	c := clearSigned(t, file(t, "pgp/list-two.asc"))
	rsa, ed := rings(t, "rsa3072.asc"), rings(t, "ed25519.asc")
	id := private(t, "ed25519.asc").KeyIdString()
	for _, tt := range []struct {
		name  string
		trust attest.Trust
		by    int
		want  string
	}{
		{"both", attest.Trust{Ring: rsa.Join(ed)}, 2, ""},
		{"one is unknown", attest.Trust{Ring: rsa}, 1, ""},
		{"one is revoked", attest.Trust{Ring: rsa.Join(ed), Revoked: ed.IDs()}, 1, ""},
		{"one is revoked, one unknown", attest.Trust{Ring: rsa, Revoked: rsa.IDs()}, 0, "is by the key " + id + ", which is not among the given ones; another one is by the key " + rsa.IDs()[0] + ", which is revoked"},
	} {
		tt.trust.Now = now
		by, err := tt.trust.SignersOf(c)
		if len(by) != tt.by || (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.name, by, err, tt.want)
		}
	}
}

// TestClearSignedMerge keeps the signatures of both, and each once.
func TestClearSignedMerge(t *testing.T) {
	t.Parallel()
	var each []*attest.ClearSigned
	for _, name := range []string{"ed25519.asc", "rsa3072.asc"} {
		text, err := pgpKey(t, name).ClearSign([]byte(list), signed)
		if err != nil {
			t.Fatal(err)
		}
		each = append(each, clearSigned(t, text))
	}
	each[0].Merge(each[1])
	merged, err := each[0].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	each[0].Merge(each[1])
	each[0].Merge(each[0])
	each[0].Merge(clearSigned(t, merged))
	again, err := each[0].Bytes()
	if err != nil || !bytes.Equal(merged, again) || each[0].Len() != 2 {
		t.Errorf("merging again gives %d signatures, %v", each[0].Len(), err)
	}
	each[0].Merge(clearSigned(t, file(t, "pgp/list-two.asc")))
	merged, err = each[0].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	by, errs := clearSigned(t, merged).Verify(rings(t, "ed25519.asc", "rsa3072.asc"), now)
	if len(by) != 4 || len(errs) > 0 || !bytes.Contains(merged, []byte("\nHash: SHA512\n")) {
		t.Errorf("got %v, %v", by, errs)
	}
	mixed := clearSigned(t, []byte(clear(t, private(t, "ed25519.asc"), 1, crypto.SHA256, packet.SigTypeText, "Hash: SHA256\n")))
	mixed.Merge(clearSigned(t, []byte(clear(t, private(t, "ed25519.asc"), 1, crypto.SHA384, packet.SigTypeText, "Hash: SHA384\n"))))
	if text, err := mixed.Bytes(); err != nil || !bytes.Contains(text, []byte("\nHash: SHA256,SHA384\n")) {
		t.Errorf("got %s, %v", text, err)
	}
}

// FuzzClearSigned believes no other text than the one that is signed, and writes what it reads.
func FuzzClearSigned(f *testing.F) {
	ring := rings(f, "rsa3072.asc", "ed25519.asc")
	for _, name := range []string{"list.asc", "list-two.asc", "list-sha1.asc"} {
		f.Add(file(f, "pgp/"+name))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := attest.ParseClearSigned(text)
		if err != nil {
			return
		}
		if by, _ := c.Verify(ring, now); len(by) > 0 && string(c.Text) != list {
			t.Errorf("%v have signed %q", by, c.Text)
		}
		written, err := c.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := attest.ParseClearSigned(written)
		if err != nil || again.Len() != c.Len() || !bytes.Equal(again.Text, c.Text) {
			t.Errorf("reads otherwise when written: %v", err)
		}
	})
}

// BenchmarkClearSigned reads and verifies lists of two lengths.
func BenchmarkClearSigned(b *testing.B) {
	key := pgpKey(b, "ed25519.asc")
	for _, lines := range []int{1000, 10000} {
		text, err := key.ClearSign([]byte(strings.Repeat("SHA256 (file) = 0123456789abcdef\n", lines)), signed)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if by, _ := clearSigned(b, text).Verify(key.Ring(), now); len(by) != 1 {
					b.Fatal("does not verify")
				}
			}
		})
	}
}
