// SPDX-License-Identifier: BSD-2-Clause

// Package signature has the signatures of images: what is signed, who signs, and where
// signatures are kept — in a registry, beside archives, in a lookaside tree. What a
// signature is made of, release/attest knows.
package signature

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
)

// Item is something to be signed in one form. All that is signed follows from it.
type Item struct {
	Name     string        `json:"name"`     // as the archive has it; a lock's has a word behind it
	Version  string        `json:"version"`  // of FreeBSD's packages; "" if unknown
	Platform string        `json:"platform"` // "" for an index or a lock
	Digest   digest.Digest `json:"digest"`
	Identity string        `json:"identity"` // REGISTRY/PATH, or REGISTRY/PATH:TAG; "" where the form names none
	Form     attest.Form   `json:"form"`
}

// Subject is an image, an index of some, or a lock, that is to be signed.
type Subject struct {
	Name, Version, Platform string
	Digest                  digest.Digest
}

// Items lists what is to be signed of something in some forms. Where a form names a
// repository, that is the identity; without one the form is left out. In the form of
// podman there is one for the repository, and one for each tag in it, since podman asks
// for the name that was pulled.
func (s Subject) Items(identity string, tags []string, forms ...attest.Form) []Item {
	var list []Item
	for _, form := range forms {
		item := Item{s.Name, s.Version, s.Platform, s.Digest, "", form}
		if form == attest.FormBundle || form == attest.FormList {
			list = append(list, item)
			continue
		}
		if item.Identity = identity; identity == "" {
			continue
		}
		list = append(list, item)
		if form == attest.FormPGP {
			for _, tag := range tags {
				item.Identity = identity + ":" + tag
				list = append(list, item)
			}
		}
	}
	return list
}

// What an item may consist of. A name is printed, and stands in lists.
var (
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:+-]*( lock)?$`)
	versionForm  = regexp.MustCompile(`^[A-Za-z0-9._+,-]{0,64}$`)
	platformForm = regexp.MustCompile(`^([a-z0-9]+(/[a-z0-9]+){1,2})?$`)
)

// maxName bounds a name, in bytes.
const maxName = 255

// Check finds what must not be signed, whoever asks for it: a name could otherwise bring
// another line into a list.
func (i Item) Check() error {
	named := i.Form == attest.FormCosign || i.Form == attest.FormPGP
	switch {
	case !nameForm.MatchString(i.Name) || len(i.Name) > maxName:
		return fmt.Errorf("name is %q, wanted the name of an image: letters, digits and . _ : + -", i.Name)
	case !versionForm.MatchString(i.Version):
		return fmt.Errorf("version is %q", i.Version)
	case !platformForm.MatchString(i.Platform):
		return fmt.Errorf("platform is %q, wanted OS/ARCHITECTURE", i.Platform)
	case i.Digest.Validate() != nil || i.Digest.Algorithm() != digest.SHA256:
		return fmt.Errorf("digest is %q, wanted sha256:HEX", i.Digest)
	case named:
		return i.checkIdentity()
	case i.Form != attest.FormBundle && i.Form != attest.FormList:
		return fmt.Errorf("form is %q, wanted bundle, cosign, pgp or list", i.Form)
	case i.Identity != "":
		return fmt.Errorf("identity is %q in the form %s, which has none", i.Identity, i.Form)
	}
	return nil
}

// checkIdentity wants the name of a repository as a payload has it, with a tag only for
// podman.
func (i Item) checkIdentity() error {
	ref, err := registry.ParseReference(i.Identity)
	want := ref.Name()
	if ref.Tag != "" {
		want += ":" + ref.Tag
	}
	if err == nil && (ref.Digest != "" || want != i.Identity || i.Form == attest.FormCosign && ref.Tag != "") {
		err = errors.New("another form of it")
	}
	if err != nil {
		return fmt.Errorf("identity is %q, wanted REGISTRY/PATH", i.Identity)
	}
	return nil
}

// payload is what stands in the signature.
func (i Item) payload() []byte {
	switch i.Form {
	case attest.FormBundle:
		return attest.SignStatement(i.Digest)
	case attest.FormCosign:
		return attest.CosignPayload(i.Identity, i.Digest)
	}
	return attest.AtomicPayload(i.Identity, i.Digest)
}

// Message is what a key signs: an item, or a list of items as a whole.
type Message struct {
	Items []Item // in a list, all of it; else one image, perhaps under several names
	Text  []byte // the very bytes
}

// Form is the form of its items.
func (m Message) Form() attest.Form { return m.Items[0].Form }

// Sum is the sha256 of the bytes, in hex.
func (m Message) Sum() string { return sum.HexSHA256(m.Text) }

// Messages are what keys sign of some items, in an order that depends on these alone.
// The items of a list are one message.
func Messages(items []Item) []Message {
	items = slices.Clone(items)
	slices.SortFunc(items, compare)
	items = slices.Compact(items)
	var list []Message
	var lines []Item
	for _, i := range items {
		text := i.payload()
		switch i.Form {
		case attest.FormList:
			lines = append(lines, i)
			continue
		case attest.FormBundle:
			text = attest.PAE(attest.MediaTypeStatement, text)
		}
		if at := slices.IndexFunc(list, func(m Message) bool { return bytes.Equal(m.Text, text) }); at >= 0 {
			list[at].Items = append(list[at].Items, i) // the same image under another name
			continue
		}
		list = append(list, Message{[]Item{i}, text})
	}
	if len(lines) > 0 {
		list = append(list, Message{lines, listText(lines)})
	}
	return list
}

func compare(a, b Item) int {
	return cmp.Or(cmp.Compare(a.Form, b.Form), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Digest, b.Digest),
		cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Version, b.Version))
}

// listText is the list of digests, as container-image-MANIFESTS has them: images first.
func listText(items []Item) []byte {
	var images, locks []string
	for _, i := range items {
		line := release.ManifestLine(i.Name, i.Digest.Encoded()) + "\n"
		if strings.HasSuffix(i.Name, release.LockLine("")) {
			locks = append(locks, line)
		} else {
			images = append(images, line)
		}
	}
	slices.Sort(images)
	slices.Sort(locks)
	return []byte(strings.Join(slices.Compact(slices.Concat(images, locks)), ""))
}
