// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/trust"
)

// asked is what decides which keys a repository needs.
type asked struct {
	repo     catalog.Repo
	insecure bool
	major    string // of FreeBSD; "" for unknown
}

func (in *Repositories) asked(repo catalog.Repo) asked {
	return asked{repo, in.InsecureUnsigned, in.major()}
}

// major is the major version of FreeBSD in the ABI, "" for unknown.
func (in *Repositories) major() string {
	if parts := strings.Split(in.ABI, ":"); len(parts) == 3 {
		return parts[1]
	}
	return ""
}

// trustOf reads the keys of a repository once.
func (in *Repositories) trustOf(repo catalog.Repo, src *store.Source) (trust.Trust, error) {
	by := in.asked(repo)
	if known, read := in.trusts[by]; read {
		return known, nil
	}
	believed, err := in.trust(repo, src.Remote())
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("repository %q: %w", repo.Name, err)}
	}
	in.trusts[by] = believed
	return believed, nil
}

// trust returns the keys that must sign a repository, nil for none. A repository on
// this machine may be unsigned; one over a network may not, unless the user says
// so.
func (in *Repositories) trust(repo catalog.Repo, remote bool) (trust.Trust, error) {
	if repo.Keys != "" {
		return in.keys(repo)
	}
	switch repo.Signature {
	case "none":
		if remote && !in.InsecureUnsigned {
			return nil, fmt.Errorf("%s: it comes over a network and signature_type is none; --insecure-unsigned accepts it anyway", repo.Where)
		}
	case "":
		if !remote || in.InsecureUnsigned {
			return nil, nil
		}
	}
	return in.keys(repo)
}

// keys returns the trusted keys of a repository, nil if its configuration says that
// it is unsigned. Without a configuration they are FreeBSD's own.
func (in *Repositories) keys(repo catalog.Repo) (trust.Trust, error) {
	if repo.Keys != "" {
		return trust.FreeBSD(repo.Keys)
	}
	switch repo.Signature {
	case "pubkey":
		return trust.ReadKey(repo.PubKey)
	case "fingerprints":
		return trust.ReadFingerprints(repo.Fingerprints)
	case "none":
		return nil, nil
	}
	names := []string{"pkg"}
	if major := in.major(); major != "" {
		names = append(names, "pkgbase-"+major)
	}
	return trust.FreeBSD(names...)
}
