// SPDX-License-Identifier: BSD-2-Clause

package sum

import (
	"errors"
	"strings"
	"testing"
)

// The values were printed by `pkg checksum -t` of pkg 2.8.99.
const helloBLAKE2b = "2$s8deqbshcsr113zutmcnuabi3g7ic7hoos365fbr649mmwrdkj7n98jgtuadhw4b7e39uucmp4tgjzm6i9a7twsbcta5jzyjhopgwxb"

func TestOf(t *testing.T) {
	t.Parallel()
	hello := []byte("hello\n")
	if got := Of(BLAKE2b, hello); got != helloBLAKE2b {
		t.Errorf("BLAKE2b: got %s, want %s", got, helloBLAKE2b)
	}
	const hex = "1$5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
	if got := Of(SHA256, hello); got != hex {
		t.Errorf("SHA256: got %s, want %s", got, hex)
	}
}

// Seen in the manifests of pkg 2.5.1 (first) and 2.8.99 (second).
func TestOfLink(t *testing.T) {
	t.Parallel()
	tests := []struct {
		target string
		want   Sum
	}{
		{"/usr/local/share/applications", "1$670e45fc926967646edb854800c15d08143c3b11ec7803c9514c567fc2b2cf5f"},
		{"one", "2$i7tz33w7faxjy9on5yuinqcu3dxqyukbz7py6hs6a7szm4i1f7ct1yutk8q9sf4rcet1ssoji9orjs8tz1w3e5seqdj9g9nhu5psgub"},
	}
	for _, tt := range tests {
		if got := OfLink(tt.want.Kind(), tt.target); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.target, got, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	bare := Sum("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
	for _, s := range []Sum{helloBLAKE2b, bare, "1$" + bare, Of(SHA256Base32, []byte("hello\n"))} {
		h := s.New()
		h.Write([]byte("hello\n"))
		if err := s.Check("hello", h); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		h.Write([]byte("!"))
		var wrong *MismatchError
		if err := s.Check("hello", h); !errors.As(err, &wrong) || wrong.Wanted != s || wrong.Found == s {
			t.Errorf("%s: other bytes: got %v, want a MismatchError", s, err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("0f", 32)
	for _, s := range []string{good, "1$" + good, helloBLAKE2b} {
		if _, err := Parse(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "abc", "1$" + good[1:], "3$" + good, "2$" + good, "12$" + good, strings.ToUpper(good), strings.Replace(helloBLAKE2b, "s", "l", 1)} {
		if _, err := Parse(s); err == nil {
			t.Errorf("%q: accepted", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(helloBLAKE2b)
	f.Add("1$")
	f.Fuzz(func(t *testing.T, s string) {
		for _, kind := range []Kind{SHA256Base32, SHA256, BLAKE2b} {
			of := Of(kind, []byte(s))
			p, err := Parse(string(of))
			if err != nil || p.Kind() != kind || p.Typed() != of {
				t.Fatalf("%s: got %q, %v", of, p, err)
			}
			h := p.New()
			h.Write([]byte(s))
			if err := p.Check("fuzz", h); err != nil {
				t.Error(err)
			}
		}
		p, err := Parse(s)
		if err != nil {
			return
		}
		if err := p.Check("fuzz", p.New()); err == nil && p != Of(p.Kind(), nil) && "1$"+p != Of(p.Kind(), nil) {
			t.Errorf("%q passes for no bytes", s)
		}
	})
}

// TestBLAKE2bDigest reads what Format writes, and nothing that it does not.
func TestBLAKE2bDigest(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "hello\n", "x"} {
		want := Of(BLAKE2b, []byte(text))
		digest, ok := BLAKE2bDigest([]byte(want))
		if !ok || BLAKE2b.Format(digest[:]) != want {
			t.Errorf("%q: got %x, %t", want, digest, ok)
		}
		for i := range len(want) {
			for _, c := range "ybn9lv2$A\x00" {
				other := []byte(want)
				other[i] = byte(c)
				if digest, ok := BLAKE2bDigest(other); ok && string(BLAKE2b.Format(digest[:])) != string(other) {
					t.Errorf("%q: got %x, which is written %s", other, digest, BLAKE2b.Format(digest[:]))
				}
			}
		}
		for _, other := range []Sum{want[:len(want)-1], want + "y", "1" + want[1:], want[2:], Of(SHA256, []byte(text)), Of(SHA256Base32, []byte(text))} {
			if digest, ok := BLAKE2bDigest([]byte(other)); ok {
				t.Errorf("%q: got %x", other, digest)
			}
		}
	}
}
