// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"errors"
	"fmt"

	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// Parent is the image that the lowest layer of a lock stands on. Its documents lead to
// its layers, whose digests they have.
type Parent struct {
	Reference string `json:"reference"` // as in the definition; of one on disk the name of the file or folder
	Digest    string `json:"digest"`    // of the manifest
	Trust     Trust  `json:"trust"`
	Manifest  string `json:"manifest"` // the text
	Config    string `json:"config"`   // the text

	base *oci.Base // what the documents say, if they were read; nobody changes it
}

// Trust says why a parent was taken.
type Trust string

// Reasons to take a parent.
const (
	ByDigest Trust = "digest"   // the user gave it
	ByKey    Trust = "key"      // a key that the user gave has signed it
	OnDisk   Trust = "disk"     // the user named a file or folder
	Unsigned Trust = "unsigned" // the user took whatever a registry has
)

// ParentOn returns what a lock says of a parent that was read.
func ParentOn(reference string, trust Trust, base *oci.Base) Parent {
	return Parent{Reference: define.Portable(reference), Digest: base.Digest.String(), Trust: trust,
		Manifest: string(base.Manifest), Config: string(base.Config), base: base}
}

// Base returns the parent as one to stand on. Every digest was compared. Callers must
// not change it.
func (p *Parent) Base() (*oci.Base, error) {
	if p.base != nil {
		return p.base, nil
	}
	base, err := oci.ReadBase([]byte(p.Manifest), []byte(p.Config))
	if err == nil && base.Digest.String() != p.Digest {
		err = fmt.Errorf("its manifest has the digest %s, wanted %s", base.Digest, p.Digest)
	}
	return base, err
}

// check finds values that no build writes, and keeps what the documents say.
func (p *Parent) check() error {
	if !define.IsReference(p.Reference) || define.Portable(p.Reference) != p.Reference {
		return fmt.Errorf("reference %q is not one to an image, without folders", p.Reference)
	}
	switch p.Trust {
	case ByDigest, ByKey, Unsigned:
		if !define.Remote(p.Reference) {
			return fmt.Errorf("trust is %q, but %q is not in a registry", p.Trust, p.Reference)
		}
	case OnDisk:
		if define.Remote(p.Reference) {
			return fmt.Errorf("trust is %q, but %q is in a registry", p.Trust, p.Reference)
		}
	default:
		return fmt.Errorf("trust is %q, which is not known", p.Trust)
	}
	base, err := p.Base()
	if err != nil {
		return errors.New(err.Error()) // it is a fault of the lock
	}
	p.base = base
	return nil
}

// Below is how many layers of the image are the parent's.
func (l *Lock) Below() int {
	if l.Parent == nil {
		return 0
	}
	base, err := l.Parent.Base()
	if err != nil {
		return 0 // Parse has reported it
	}
	return len(base.Layers)
}
