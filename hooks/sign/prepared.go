// SPDX-License-Identifier: BSD-2-Clause

package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release/attest"
)

// A folder in which what is to be signed travels to the keys, and the signatures back. It
// has a list, and beside it files named by the sha256 of what they belong to: payloads
// for other programs to sign, and signatures.
const listName = "manifest.json"

// sigEnd is the ending of signatures in such a folder, whatever their form. Payloads end
// in their form.
const sigEnd = ".sig"

// payloadName is the name of the file with the very bytes of a message.
func payloadName(m signature.Message) string { return m.Sum() + "." + string(m.Form()) }

// preparedFormat is the version of the list.
const preparedFormat = 1

type preparedList struct {
	Format int              `json:"format"`
	Items  []signature.Item `json:"items"`
}

// Prepare writes a folder with the list of what is to be signed, and nothing else. The
// folder must not have anything in it.
func Prepare(ctx context.Context, dir string, items []signature.Item) error {
	if err := sweep(ctx, dir); err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fault.Usagef("--prepare: %s: has files, wanted an empty folder or none", dir)
	}
	var sorted []signature.Item
	for _, m := range signature.Messages(items) {
		sorted = append(sorted, m.Items...)
	}
	text, err := json.MarshalIndent(preparedList{preparedFormat, sorted}, "", "  ")
	if err != nil {
		return err
	}
	to, err := output.NewFolder(ctx, dir)
	if err != nil {
		return err
	}
	defer to.Remove()
	if err := to.Write(ctx, listName, append(text, '\n')); err != nil {
		return err
	}
	return to.Place(ctx)
}

// sweep removes what a killed run has left in a folder.
func sweep(ctx context.Context, dir string) error {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return nil // which others report
	}
	to, err := output.NewFolder(ctx, dir)
	if err == nil {
		to.Remove()
	}
	return err
}

// Prepared is such a folder, read: what is to be signed is made from the list anew.
type Prepared struct {
	Messages []signature.Message
	dir      string
}

// maxPrepared bounds the list, in bytes.
const maxPrepared = 16 << 20

// Load reads a folder. Nothing in it decides what is signed but the list, and nothing
// else may be in it than what belongs to the list.
func Load(ctx context.Context, dir string) (*Prepared, error) {
	if err := sweep(ctx, dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &fault.UnreadError{Path: dir, Err: err}
	}
	defer root.Close()
	text, err := readRegular(root, listName, maxPrepared)
	if err != nil {
		return nil, fault.Contentf("%s: %s: %w", dir, listName, err)
	}
	var doc preparedList
	known := json.NewDecoder(bytes.NewReader(text))
	known.DisallowUnknownFields()
	if err = strict.Unmarshal(text, &doc); err == nil {
		err = known.Decode(new(preparedList))
	}
	if err == nil && doc.Format != preparedFormat {
		return nil, fault.Unsupportedf("%s: %s: has format %d, wanted %d", dir, listName, doc.Format, preparedFormat)
	}
	if err == nil && len(doc.Items) == 0 {
		err = errors.New("has nothing that is to be signed")
	}
	for i, item := range doc.Items {
		if err == nil {
			err = fault.Within(fmt.Sprintf("item %d", i+1), item.Check())
		}
	}
	if err != nil {
		return nil, fault.Contentf("%s: %s: %w", dir, listName, err)
	}
	p := &Prepared{signature.Messages(doc.Items), dir}
	return p, p.checkFiles(root)
}

// checkFiles refuses what does not belong to the list, and payloads that are something
// else than what is to be signed.
func (p *Prepared) checkFiles(root *os.Root) error {
	belongs := map[string][]byte{listName: nil}
	for _, m := range p.Messages {
		belongs[payloadName(m)], belongs[m.Sum()+sigEnd] = m.Text, nil
	}
	folder, err := root.Open(".")
	if err != nil {
		return err
	}
	defer folder.Close()
	entries, err := folder.ReadDir(len(belongs) + 1)
	if err != nil && err != io.EOF {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		text, belong := belongs[e.Name()]
		switch {
		case !belong:
			return fault.Contentf("%s: has a file %q that does not belong to its list", p.dir, e.Name())
		case !e.Type().IsRegular():
			return fault.Contentf("%s: %s: is no regular file", p.dir, e.Name())
		}
		if text == nil {
			continue
		}
		if have, err := readRegular(root, e.Name(), int64(len(text))); err != nil || !bytes.Equal(have, text) {
			return fault.Contentf("%s: %s: is not what its name says", p.dir, e.Name())
		}
	}
	return nil
}

// readRegular reads a regular file in a folder, through no link.
func readRegular(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := store.OpenRegular(root, name)
	if err != nil {
		return nil, fault.Reason(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("has more than %d bytes", most)
	}
	return text, err
}

// Sign makes the signatures that the folder does not have yet, and writes them there.
func (p *Prepared) Sign(ctx context.Context, by signature.Signers) (files []string, err error) {
	if len(by.Keys) > 1 || len(by.PGP) > 1 {
		return nil, fault.Usagef("sign --prepared: found several keys of a kind, wanted one: a folder has one signature of each thing")
	}
	to, err := output.NewFolder(ctx, p.dir)
	if err != nil {
		return nil, err
	}
	defer to.Remove()
	for _, m := range p.Messages {
		list, err := by.Sign(ctx, m, p.signatures(m, by))
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			name, text := m.Sum()+sigEnd, s.Text
			if s.Form == attest.FormBundle || s.Form == attest.FormCosign {
				if text, err = rawSignature(s); err != nil {
					return nil, err
				}
			}
			if _, err := os.Lstat(filepath.Join(p.dir, name)); !errors.Is(err, fs.ErrNotExist) {
				return nil, fault.Contentf("%s: %s: is there and is no signature by this key", p.dir, name)
			}
			if err := to.Write(ctx, name, text); err != nil {
				return nil, err
			}
			files = append(files, name)
		}
	}
	return files, to.Place(ctx)
}

// rawSignature is the signature alone, in either of cosign's forms.
func rawSignature(s attest.Signature) ([]byte, error) {
	if s.Form == attest.FormCosign {
		return s.Sig, nil
	}
	e, err := attest.ParseBundle(s.Text)
	if err != nil {
		return nil, err
	}
	return e.Signatures[0], nil
}

// signatures reads the signatures of a message in the folder, by these keys or others.
func (p *Prepared) signatures(m signature.Message, by signature.Signers) []attest.Signature {
	text, err := readIn(p.dir, m.Sum()+sigEnd)
	if err != nil {
		return nil
	}
	switch m.Form() {
	case attest.FormList:
		return []attest.Signature{{Form: m.Form(), Text: text}}
	case attest.FormPGP:
		text, err := oneMessage(text)
		if err != nil {
			return nil
		}
		return []attest.Signature{{Form: m.Form(), Text: text}}
	}
	var list []attest.Signature
	for _, k := range by.Keys {
		list = append(list, m.WithKey(k.Key(), text))
	}
	return list
}

// readIn reads a small file in a folder.
func readIn(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Reason(err)
	}
	defer root.Close()
	return readRegular(root, name, maxPrepared)
}

// Show writes the very bytes that are to be signed into the folder, for other programs.
func (p *Prepared) Show(ctx context.Context) error {
	to, err := output.NewFolder(ctx, p.dir)
	if err != nil {
		return err
	}
	defer to.Remove()
	for _, m := range p.Messages {
		if err := to.Write(ctx, payloadName(m), m.Text); err != nil {
			return err
		}
	}
	return to.Place(ctx)
}
