// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Keyring is a set of OpenPGP keys whose signatures the user believes.
type Keyring struct{ list openpgp.EntityList }

// maxKeyring bounds the keys in a file.
const maxKeyring = 1000

// ParseKeyring reads OpenPGP public keys (RFC 9580), binary or armoured, in one block or
// several. A key that cannot be used is an error: nobody should find out later that it
// counts for nothing.
func ParseKeyring(text []byte) (Keyring, error) {
	var k Keyring
	blocks, err := keyBlocks(text)
	if err != nil {
		return k, err
	}
	for _, block := range blocks {
		if err := checkKeyFrames(block); err != nil {
			return Keyring{}, err
		}
		packets := packet.NewReader(bytes.NewReader(block))
		for {
			e, err := openpgp.ReadEntity(packets)
			if err == io.EOF {
				break
			}
			if err != nil && len(k.list) == 0 {
				return Keyring{}, fmt.Errorf("has no OpenPGP key that can be used (%w)", err)
			}
			if err != nil {
				return Keyring{}, fmt.Errorf("has an OpenPGP key that cannot be used: %w", err)
			}
			if k.list = append(k.list, e); len(k.list) > maxKeyring {
				return Keyring{}, fmt.Errorf("has more than %d OpenPGP keys", maxKeyring)
			}
		}
	}
	if len(k.list) == 0 {
		return k, errors.New("has no OpenPGP key")
	}
	return k, nil
}

// checkKeyFrames finds what the reader of keys would pass over: a key that it cannot read
// after one that it can, or a revocation.
func checkKeyFrames(text []byte) error {
	list, err := frames(text)
	if err != nil {
		return fmt.Errorf("has no OpenPGP key that can be used: it %w", err)
	}
	for _, f := range list {
		switch f.tag {
		case tagPublicKey, tagSecretKey:
			if len(f.body) == 0 || f.body[0] != 4 || !canRead(f) {
				return errors.New("has an OpenPGP key of another version than 4, or of a kind that this version does not know")
			}
		case tagSignature:
			if isRevocation(f.body) && !canRead(f) {
				return errors.New("has an OpenPGP key with a revocation that cannot be read")
			}
		case tagSecretSubkey, tagPublicSubkey, tagUserID, tagAttribute, tagTrust, tagMarker:
		default:
			return fmt.Errorf("has an OpenPGP packet of type %d among its keys", f.tag)
		}
	}
	return nil
}

// isRevocation reports whether a signature, of whatever kind, revokes a key, a subkey or
// an identity.
func isRevocation(body []byte) bool {
	at := 1 // of version 4 and later
	if len(body) > 0 && body[0] < 4 {
		at = 2
	}
	return len(body) <= at || body[at] == byte(packet.SigTypeKeyRevocation) || body[at] == byte(packet.SigTypeSubkeyRevocation) ||
		body[at] == byte(packet.SigTypeCertificationRevocation)
}

// canRead reports whether the library knows what a packet has.
func canRead(f frame) bool {
	whole := append([]byte{0xc0 | byte(f.tag), 0xff}, binary.BigEndian.AppendUint32(nil, uint32(len(f.body)))...)
	_, err := packet.Read(bytes.NewReader(append(whole, f.body...)))
	return err == nil
}

// keyBlocks returns the binary keys in a file. Armoured ones may have a text in front, as
// keys that projects publish do.
func keyBlocks(text []byte) ([][]byte, error) {
	at := bytes.Index(text, []byte("-----BEGIN PGP "))
	if at < 0 {
		return [][]byte{text}, nil
	}
	return keysInArmour(text[at:], openpgp.PublicKeyType, openpgp.PrivateKeyType)
}

// maxBlocks bounds the armoured blocks of a file.
const maxBlocks = 1000

// keysInArmour reads armoured blocks of some types, with any headers: what a key says is
// signed by itself.
func keysInArmour(text []byte, types ...string) ([][]byte, error) {
	var list [][]byte
	for rest := bytes.TrimSpace(text); len(rest) > 0; {
		if len(list) == maxBlocks {
			return nil, fmt.Errorf("has more than %d armoured blocks", maxBlocks)
		}
		end := []byte("\n-----END ")
		at := bytes.Index(rest, end)
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) || at < 0 {
			return nil, errors.New("has something that is no armoured block")
		}
		stop := at + 1
		if line := bytes.IndexByte(rest[stop:], '\n'); line >= 0 {
			stop += line
		} else {
			stop = len(rest)
		}
		block, err := armor.Decode(bytes.NewReader(append(bytes.Clone(rest[:stop]), '\n')))
		if err != nil {
			return nil, errors.New("has an armoured block that cannot be read")
		}
		if !slices.Contains(types, block.Type) {
			return nil, fmt.Errorf("has a %q, wanted %s", block.Type, strings.Join(types, " or "))
		}
		body, err := io.ReadAll(block.Body)
		if err != nil {
			return nil, fmt.Errorf("has a %q that cannot be read", block.Type)
		}
		list, rest = append(list, body), bytes.TrimSpace(rest[stop:])
	}
	return list, nil
}

// Join returns a keyring with the keys of both.
func (k Keyring) Join(other Keyring) Keyring {
	return Keyring{append(append(openpgp.EntityList{}, k.list...), other.list...)}
}

// IDs are the fingerprints of the primary keys.
func (k Keyring) IDs() []string {
	var list []string
	for _, e := range k.list {
		list = append(list, fingerprint(e.PrimaryKey))
	}
	return list
}

// IsEmpty reports whether there is no key.
func (k Keyring) IsEmpty() bool { return len(k.list) == 0 }

func fingerprint(k *packet.PublicKey) string {
	return strings.ToUpper(hex.EncodeToString(k.Fingerprint))
}

// PGPSignature is a signature that a key of the keyring has made and that counts.
type PGPSignature struct {
	Primary string // fingerprint of the primary key, whichever subkey has signed
	Time    time.Time
}

// judge finds the key that has signed a text, and whether that counts at a time: the key
// may sign, and neither it nor its primary key, identity or signatures are expired or
// revoked.
func (k Keyring) judge(sig *packet.Signature, text []byte, now time.Time) (PGPSignature, error) {
	if sig.IssuerKeyId == nil {
		return PGPSignature{}, errors.New("names no key")
	}
	if name, weak := weakHash(sig); weak {
		return PGPSignature{}, fmt.Errorf("uses %s, wanted SHA-256, SHA-384 or SHA-512", name)
	}
	var by PGPSignature
	err := error(&UnknownKeyError{fmt.Sprintf("%016X", *sig.IssuerKeyId)})
	for _, key := range k.list.KeysById(*sig.IssuerKeyId) { // of several, one may have made it
		if sig.IssuerFingerprint != nil && !bytes.Equal(sig.IssuerFingerprint, key.PublicKey.Fingerprint) {
			continue
		}
		switch wrong := judgeWith(key, sig, text, now); {
		case wrong == nil:
			by = PGPSignature{fingerprint(key.Entity.PrimaryKey), sig.CreationTime.UTC()}
		case errors.Is(wrong, errRevoked): // whatever an older copy of the key says
			return PGPSignature{}, wrong
		default:
			err = wrong
		}
	}
	if by.Primary != "" {
		return by, nil
	}
	return by, err
}

// judgeWith does so for one key.
func judgeWith(key openpgp.Key, sig *packet.Signature, text []byte, now time.Time) error {
	if key.SelfSignature == nil || !key.SelfSignature.FlagsValid || !key.SelfSignature.FlagSign {
		return fmt.Errorf("is by the key %016X, which may not sign", key.PublicKey.KeyId)
	}
	if err := cmp.Or(strong(key.PublicKey), strong(key.Entity.PrimaryKey)); err != nil {
		return err
	}
	h, err := sig.PrepareVerify()
	if err != nil {
		return errors.New("uses a hash that this version does not know")
	}
	h.Write(text)
	if key.PublicKey.VerifySignature(h, sig) != nil {
		return errors.New("does not verify: what it signs is something else")
	}
	return current(key, sig, now)
}

// strong refuses keys of kinds and sizes that count no more.
func strong(k *packet.PublicKey) error {
	switch k.PubKeyAlgo {
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoEd25519, packet.PubKeyAlgoEd448:
		return nil
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := k.BitLength(); err != nil || bits < minRSA {
			return fmt.Errorf("is by an RSA key of %d bits, wanted at least %d", bits, minRSA)
		}
		return nil
	}
	return errors.New("is by a key of a kind that does not count, wanted RSA, ECDSA or EdDSA")
}

// skew is how far the clocks of two machines may differ.
const skew = 5 * time.Minute

// errRevoked is a signature by a key that counts no more.
var errRevoked = errors.New("is by a key that is revoked")

// current checks that everything a signature rests on is in force.
func current(key openpgp.Key, sig *packet.Signature, now time.Time) error {
	if late := sig.CreationTime.Sub(now); late > 0 && late <= skew {
		now = sig.CreationTime
	}
	e := key.Entity
	self, identity := e.PrimarySelfSignature()
	sub := key.PublicKey != e.PrimaryKey
	rests := []*packet.Signature{sig, self}
	if sub {
		rests = append(rests, key.SelfSignature)
	}
	switch {
	case sig.CreationTime.After(now):
		return errors.New("is from the future")
	case self == nil:
		return errors.New("is by a key without an identity of its own")
	case e.Revoked(now), sub && key.Revoked(now), identity != nil && identity.Revoked(now):
		return errRevoked
	case e.PrimaryKey.KeyExpired(self, now), sub && key.PublicKey.KeyExpired(key.SelfSignature, now):
		return errors.New("is by a key that has expired")
	case sig.CreationTime.Before(key.PublicKey.CreationTime):
		return errors.New("is older than its key")
	}
	for _, s := range rests {
		if s.SigExpired(now) {
			return errors.New("has expired")
		}
		for _, n := range s.Notations {
			if n.IsCritical {
				return fmt.Errorf("has a critical notation %q, which this version does not know", n.Name)
			}
		}
	}
	return nil
}
