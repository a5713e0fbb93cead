// SPDX-License-Identifier: BSD-2-Clause

package policy

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orlop/orlop/pkgdb/strict"
	"github.com/orlop/orlop/release/attest"
)

// Error is a policy that cannot be read or judged by. None of it counts then.
type Error struct {
	Where string // the path of a member; "" for the whole
	Err   error
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.Err.Error()
	}
	return e.Where + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Failed reports that this version cannot judge by the policy.
func (*Error) Failed() bool { return true }

// docker is the transport that is judged.
const docker = "docker"

// Types of requirements.
const (
	acceptAnything = "insecureAcceptAnything"
	reject         = "reject"
	signedBy       = "signedBy"
	sigstoreSigned = "sigstoreSigned"
)

// requirement is one that an image has to meet.
type requirement struct {
	kind     string
	form     attest.Form // of the signatures that may count; "" if none is looked at
	keys     []keySource // of signatures that count
	trust    attest.Trust
	identity identity
}

// Parse reads a policy, and with read the files with keys that it names, but for those of
// other transports than docker.
func Parse(text []byte, read func(path string) ([]byte, error)) (*Policy, error) {
	var all json.RawMessage
	if err := strict.Unmarshal(text, &all); err != nil {
		return nil, &Error{"", err}
	}
	top, err := parseObject("", all)
	if err == nil {
		err = top.only("default", "transports")
	}
	if err != nil {
		return nil, err
	}
	p := &Policy{}
	if p.fallback, err = top.requirements("default"); err != nil {
		return nil, err
	}
	if top.has("transports") {
		if p.docker, err = top.transports("transports"); err != nil {
			return nil, err
		}
	}
	if err := p.readKeys(read); err != nil {
		return nil, err
	}
	return p, nil
}

// transports reads what is required for all transports, and returns it for the one that is
// judged.
func (o object) transports(name string) (map[string][]requirement, error) {
	transports, err := o.object(name)
	if err != nil {
		return nil, err
	}
	var judged map[string][]requirement
	for _, transport := range transports.names() {
		scopes, err := transports.scopes(transport)
		if err != nil {
			return nil, err
		}
		if transport == docker {
			judged = scopes
		}
	}
	return judged, nil
}

// scopes reads what is required for a transport.
func (o object) scopes(transport string) (map[string][]requirement, error) {
	scopes, err := o.object(transport)
	if err != nil {
		return nil, err
	}
	all := map[string][]requirement{}
	for _, scope := range scopes.names() {
		if transport == docker && !isScope(scope) {
			return nil, &Error{scopes.place(scope), errors.New("no image has this scope, wanted a name in full, as in docker.io/library/x, or *.DOMAIN")}
		}
		if all[scope], err = scopes.requirements(scope); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// requirements reads a list of requirements.
func (o object) requirements(name string) ([]requirement, error) {
	raw, err := o.list(name)
	if err != nil {
		return nil, err
	}
	var list []requirement
	for i, each := range raw {
		r, err := parseRequirement(fmt.Sprintf("%s[%d]", o.place(name), i), each)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// parseRequirement reads a requirement, without the files that it names.
func parseRequirement(where string, raw json.RawMessage) (requirement, error) {
	o, err := parseObject(where, raw)
	if err != nil {
		return requirement{}, err
	}
	r := requirement{}
	if r.kind, err = o.text("type"); err != nil {
		return r, err
	}
	var keys []string
	switch r.kind {
	case acceptAnything, reject:
		return r, o.only("type")
	case signedBy:
		r.form, keys = attest.FormPGP, []string{"keyPath", "keyPaths", "keyData"}
		if err = o.only(append(keys, "type", "keyType", "signedIdentity")...); err == nil {
			err = o.isGPG("keyType")
		}
	case sigstoreSigned:
		r.form, keys = attest.FormCosign, []string{"keyPath", "keyPaths", "keyData", "keyDatas"}
		err = o.only(append(keys, "type", "signedIdentity")...)
	default:
		err = &Error{o.place("type"), fmt.Errorf("is %q, which this version does not know", r.kind)}
	}
	if err == nil {
		r.keys, err = o.keySources(keys)
	}
	if err == nil && o.has("signedIdentity") {
		r.identity, err = parseIdentity(o.place("signedIdentity"), o.members["signedIdentity"])
	}
	return r, err
}

// isGPG accepts the one type of keys that podman and skopeo implement.
func (o object) isGPG(name string) error {
	kind, err := o.text(name)
	if err == nil && kind != "GPGKeys" {
		err = &Error{o.place(name), fmt.Errorf("is %q, wanted %q", kind, "GPGKeys")}
	}
	return err
}
