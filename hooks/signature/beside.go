// SPDX-License-Identifier: BSD-2-Clause

package signature

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release/attest"
)

// Endings of the files beside an archive that have its signatures, one or several of a
// form.
var Endings = map[attest.Form]string{
	attest.FormBundle: ".sigstore.json", // bundles, one a line
	attest.FormCosign: ".cosign.json",   // as cosign download signature prints them
	attest.FormPGP:    ".pgp",           // armoured messages, one after the other
}

// LockPart is what the names of the files beside a lock have in addition.
const LockPart = ".lock"

// Bounds of such a file, and of a signature in it as text, in bytes.
const (
	maxValue = 2 * attest.MaxSignature
	maxFile  = Most * maxValue
)

// Beside reads the signatures beside an archive, given the archive's path without its
// ending.
func Beside(base string) ([]Found, error) {
	var found []Found
	var errs []error
	for _, form := range attest.Forms {
		file := base + Endings[form]
		text, err := store.ReadRegularFile(file, maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var list []Found
		if err == nil {
			list, err = parseFile(form, text)
		}
		if err == nil && len(list) > Most {
			err = fmt.Errorf("has more than %d signatures", Most)
		}
		if err != nil {
			errs = append(errs, fault.Contentf("%s: %w", file, fault.Reason(err)))
			continue
		}
		for _, f := range list {
			f.Where = filepath.Base(file)
			found = append(found, f)
		}
	}
	return found, errors.Join(errs...)
}

// parseFile reads a file of signatures of one form.
func parseFile(form attest.Form, text []byte) ([]Found, error) {
	var list []Found
	if form == attest.FormPGP {
		messages, err := attest.ParseArmour(text)
		for _, m := range messages {
			list = append(list, Found{Signature: attest.Signature{Form: form, Text: m}})
		}
		return list, err
	}
	values := json.NewDecoder(bytes.NewReader(text))
	for len(list) <= Most {
		var raw json.RawMessage
		err := values.Decode(&raw)
		if err == io.EOF {
			break
		}
		if err == nil && len(raw) > maxValue {
			err = fmt.Errorf("has a signature of %d bytes, wanted at most %d", len(raw), maxValue)
		}
		f := Found{Signature: attest.Signature{Form: form, Text: raw}, raw: raw}
		if err == nil && form == attest.FormCosign {
			f.Signature, err = parseDownloaded(raw)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// downloaded is a signature as cosign download signature prints it. A certificate and
// what logs say count for nothing.
type downloaded struct {
	Base64Signature string
	Payload         string // base64, too
}

func parseDownloaded(text []byte) (attest.Signature, error) {
	s := attest.Signature{Form: attest.FormCosign}
	var doc downloaded
	err := strict.Unmarshal(text, &doc)
	if err == nil {
		s.Text, err = base64.StdEncoding.DecodeString(doc.Payload)
	}
	if err == nil {
		s.Sig, err = base64.StdEncoding.DecodeString(doc.Base64Signature)
	}
	return s, err
}

// writeFile writes signatures of one form as a file has them. Those of others keep what
// they have besides.
func writeFile(form attest.Form, list []Found) ([]byte, error) {
	var out bytes.Buffer
	var messages [][]byte
	for _, f := range list {
		switch {
		case form == attest.FormPGP:
			messages = append(messages, f.Text)
		case f.raw != nil:
			out.Write(append(f.raw, '\n'))
		case form == attest.FormBundle:
			out.Write(append(bytes.Clone(f.Text), '\n'))
		case form == attest.FormCosign:
			b64 := base64.StdEncoding.EncodeToString
			fmt.Fprintf(&out, `{"Base64Signature":"%s","Payload":"%s"}`+"\n", b64(f.Sig), b64(f.Text))
		}
	}
	if form == attest.FormPGP {
		return attest.Armour(messages)
	}
	return out.Bytes(), nil
}

// Merge returns the files beside an archive with more signatures in them: by their
// endings, only those that change. Signatures that are there stay in front, but for those
// of what is there no more.
func Merge(there []Found, isThere func(digest.Digest) bool, more []attest.Signature) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, form := range attest.Forms {
		var list []Found
		changes := false
		for _, f := range there {
			digests := f.Claim().Digests
			switch {
			case f.Form != form:
			case len(digests) == 0 || slices.ContainsFunc(digests, isThere): // what cannot be read is not ours to remove
				list = append(list, f)
			default:
				changes = true
			}
		}
		for _, s := range more {
			if s.Form == form {
				list, changes = append(list, Found{Signature: s}), true
			}
		}
		if !changes {
			continue
		}
		if len(list) > Most {
			return nil, fault.Unsupportedf("there would be %d signatures of the form %s, the most that this version writes is %d", len(list), form, Most)
		}
		text, err := writeFile(form, list)
		if err != nil {
			return nil, err
		}
		files[Endings[form]] = text
	}
	return files, nil
}
