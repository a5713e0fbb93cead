// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"bytes"
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// MaxSignature bounds a signature, in bytes: the signed message, compressed or not.
const MaxSignature = 64 << 10

// messageType is the type of an armoured message.
const messageType = "PGP MESSAGE"

// weakHash names the hash of a signature unless it is strong enough.
func weakHash(sig *packet.Signature) (name string, weak bool) {
	switch sig.Hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
		return "", false
	}
	return sig.Hash.String(), true
}

// message is a signed OpenPGP message (RFC 9580, section 10.3): a signature announced, a
// text, and the signature, perhaps compressed together. That is what gpg --sign writes,
// and all that counts here.
type message struct {
	payload []byte
	sig     *packet.Signature
}

func parseMessage(text []byte) (message, error) {
	list, err := frames(text)
	if err != nil {
		return message{}, fmt.Errorf("is no signed OpenPGP message: it %w", err)
	}
	if len(list) == 1 && list[0].tag == tagCompressed {
		if text, err = uncompressed(text); err != nil {
			return message{}, err
		}
		if list, err = frames(text); err != nil {
			return message{}, fmt.Errorf("is no signed OpenPGP message: it %w", err)
		}
	}
	if got := tags(list); !slices.Equal(got, []int{tagOnePass, tagLiteral, tagSignature}) {
		return message{}, fmt.Errorf("is no signed OpenPGP message: found packets of the types %d, wanted %d, %d and %d alone", got, tagOnePass, tagLiteral, tagSignature)
	}
	return readMessage(packet.NewReader(bytes.NewReader(text)))
}

// uncompressed returns what a compressed packet has.
func uncompressed(text []byte) ([]byte, error) {
	p, err := packet.NewReader(bytes.NewReader(text)).Next()
	c, is := p.(*packet.Compressed)
	if err != nil || !is {
		return nil, errors.New("cannot be uncompressed")
	}
	inner, err := io.ReadAll(io.LimitReader(c.Body, MaxSignature+1))
	switch {
	case err != nil:
		return nil, errors.New("cannot be uncompressed")
	case len(inner) > MaxSignature:
		return nil, fmt.Errorf("has more than %d bytes when uncompressed", MaxSignature)
	}
	return inner, nil
}

// readMessage reads the three packets.
func readMessage(packets *packet.Reader) (message, error) {
	p, err := packets.Next()
	announced, is := p.(*packet.OnePassSignature)
	if err != nil || !is || !announced.IsLast {
		return message{}, errors.New("is no OpenPGP message of one signature over one text")
	}
	p, err = packets.Next()
	literal, is := p.(*packet.LiteralData)
	if err != nil || !is {
		return message{}, errors.New("is no OpenPGP message of one signature over one text")
	}
	payload, err := io.ReadAll(io.LimitReader(literal.Body, MaxSignature+1))
	if err != nil || len(payload) > MaxSignature {
		return message{}, errors.New("has a text that cannot be read, or is too long")
	}
	p, err = packets.Next()
	sig, is := p.(*packet.Signature)
	if err != nil || !is {
		return message{}, errors.New("has no signature after its text")
	}
	if sig.SigType != packet.SigTypeBinary || sig.Hash != announced.Hash || sig.IssuerKeyId == nil || *sig.IssuerKeyId != announced.KeyId || sig.Version != 4 {
		return message{}, errors.New("has another signature than it announces, wanted one of binary data, version 4")
	}
	return message{payload, sig}, nil
}

// VerifyMessage checks a signed message, and returns its text and who signed it.
func (k Keyring) VerifyMessage(text []byte, now time.Time) (payload []byte, by PGPSignature, err error) {
	m, err := parseMessage(text)
	if err != nil {
		return nil, by, err
	}
	by, err = k.judge(m.sig, m.payload, now)
	return m.payload, by, err
}

// PGPKey is an OpenPGP secret key that signs.
type PGPKey struct {
	entity *openpgp.Entity
	key    openpgp.Key
}

// ParsePGPKey reads one OpenPGP secret key, binary or armoured. The passphrase is asked
// for only if the key is encrypted.
func ParsePGPKey(text []byte, passphrase func() ([]byte, error), now time.Time) (*PGPKey, error) {
	ring, err := ParseKeyring(text)
	if err != nil {
		return nil, err
	}
	if n := len(ring.list); n != 1 {
		return nil, fmt.Errorf("has %d OpenPGP keys, wanted 1", n)
	}
	e := ring.list[0]
	key, ok := e.SigningKey(now)
	switch {
	case !ok:
		return nil, errors.New("has no key that may sign now: it has expired, is revoked, or is for something else")
	case key.PrivateKey == nil || key.PrivateKey.Dummy():
		return nil, errors.New("has only the public part of the key that signs")
	}
	if err := cmp.Or(strong(key.PublicKey), strong(e.PrimaryKey)); err != nil {
		return nil, fmt.Errorf("makes signatures of which each %w", err)
	}
	if key.PrivateKey.Encrypted {
		word, err := passphrase()
		if err != nil {
			return nil, err
		}
		if err := key.PrivateKey.Decrypt(word); err != nil {
			return nil, errors.New("cannot be decrypted with this passphrase")
		}
	}
	return &PGPKey{e, key}, nil
}

// IsSecretPGP reports whether a text has an OpenPGP secret key.
func IsSecretPGP(text []byte) bool {
	ring, err := ParseKeyring(text)
	return err == nil && ring.list[0].PrivateKey != nil
}

// Ring is the public key.
func (k *PGPKey) Ring() Keyring { return Keyring{openpgp.EntityList{k.entity}} }

// Deterministic reports whether signing twice gives the same bytes.
func (k *PGPKey) Deterministic() bool {
	switch k.key.PublicKey.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly, packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoEd25519:
		return true
	}
	return false
}

// config makes signatures of which each byte depends on the key, the text and the time
// alone. No signature is older than the key and what binds it: others refuse that.
func (k *PGPKey) config(at time.Time) *packet.Config {
	if t := k.key.PublicKey.CreationTime; t.After(at) {
		at = t
	}
	if t := k.key.SelfSignature.CreationTime; t.After(at) {
		at = t
	}
	random := false
	return &packet.Config{DefaultHash: crypto.SHA512, Time: func() time.Time { return at }, NonDeterministicSignaturesViaNotation: &random,
		SigningKeyId: k.key.PublicKey.KeyId}
}

// Message signs bytes as a message.
func (k *PGPKey) Message(payload []byte, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	cfg := k.config(at)
	announced := &packet.OnePassSignature{Version: 3, SigType: packet.SigTypeBinary, Hash: cfg.DefaultHash,
		PubKeyAlgo: k.key.PublicKey.PubKeyAlgo, KeyId: k.key.PublicKey.KeyId, IsLast: true}
	if err := announced.Serialize(&out); err != nil {
		return nil, err
	}
	literal, err := packet.SerializeLiteral(nopCloser{&out}, true, "", 0)
	if err != nil {
		return nil, err
	}
	if _, err := literal.Write(payload); err != nil {
		return nil, err
	}
	if err := literal.Close(); err != nil {
		return nil, err
	}
	sig := k.signature(packet.SigTypeBinary, cfg)
	h := cfg.DefaultHash.New()
	h.Write(payload)
	if err := sig.Sign(h, k.key.PrivateKey, cfg); err != nil {
		return nil, err
	}
	err = sig.Serialize(&out)
	return out.Bytes(), err
}

// signature begins a signature of a kind.
func (k *PGPKey) signature(kind packet.SignatureType, cfg *packet.Config) *packet.Signature {
	public := k.key.PublicKey
	return &packet.Signature{Version: public.Version, SigType: kind, PubKeyAlgo: public.PubKeyAlgo, Hash: cfg.DefaultHash,
		CreationTime: cfg.Now(), IssuerKeyId: &public.KeyId, IssuerFingerprint: public.Fingerprint}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Armour writes messages as text, one block each.
func Armour(messages [][]byte) ([]byte, error) {
	var out bytes.Buffer
	for _, m := range messages {
		w, err := armor.Encode(&out, messageType, nil)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(m); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// ParseArmour reads messages from text, or the one in a binary file; none from an empty
// one.
func ParseArmour(text []byte) ([][]byte, error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && !bytes.HasPrefix(trimmed, []byte("-----BEGIN")) {
		return [][]byte{text}, nil
	}
	var list [][]byte
	for lines := linesOf(text); len(lines) > 0; {
		body, rest, err := unarmoured(lines, messageType)
		if err != nil {
			return nil, err
		}
		if list = append(list, body); len(list) > maxBlocks {
			return nil, fmt.Errorf("has more than %d armoured blocks", maxBlocks)
		}
		for lines = rest; len(lines) > 0 && lines[0] == ""; {
			lines = lines[1:]
		}
	}
	return list, nil
}
