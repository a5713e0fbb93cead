// SPDX-License-Identifier: BSD-2-Clause

// Package keyring finds what a user has for a registry where podman and docker keep it.
package keyring

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
)

// Ring finds credentials where podman and docker keep them
// (containers-auth.json(5), docker's config.json).
type Ring struct {
	Files []File // the first that has something for a repository counts
	// Help asks the program docker-credential-NAME what it has for a server, and returns
	// what that prints; nil if no program may be asked.
	Help func(ctx context.Context, name, server string) ([]byte, error)
}

// File is a file with credentials.
type File struct {
	name string
	doc  keyDocument
}

// keyDocument is auth.json, or config.json, which has much else.
type keyDocument struct {
	Auths       map[string]keyEntry `json:"auths"`
	CredsStore  string              `json:"credsStore"`
	CredHelpers map[string]string   `json:"credHelpers"`
}

type keyEntry struct {
	Auth          string `json:"auth"` // base64 of USER:PASSWORD
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// ParseFile reads auth.json or config.json. The old .dockercfg has the entries
// alone. No error has a part of the text: it has secrets.
func ParseFile(name string, text []byte, old bool) (File, error) {
	f := File{name: name}
	var err error
	if old {
		err = json.Unmarshal(text, &f.doc.Auths)
	} else {
		err = json.Unmarshal(text, &f.doc)
	}
	if err != nil {
		return f, fault.Usagef("%s: is not a file of credentials: wanted JSON with auths, credHelpers or credsStore", name)
	}
	return f, nil
}

// HelperError is a credential helper that failed.
type HelperError struct {
	Name string // without docker-credential-
	Err  error
}

func (e *HelperError) Error() string { return "docker-credential-" + e.Name + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *HelperError) Unwrap() error { return e.Err }

// Failed reports that this machine cannot do it.
func (*HelperError) Failed() bool { return true }

// Find returns what the user has for a repository; the zero value for nothing.
func (k *Ring) Find(ctx context.Context, of registry.Reference) (registry.Credential, error) {
	for _, f := range k.Files {
		c, err := k.in(ctx, &f, of)
		if err != nil {
			return registry.Credential{}, fmt.Errorf("%s: %w", f.name, err)
		}
		if c != (registry.Credential{}) {
			return c, nil
		}
	}
	return registry.Credential{}, nil
}

// in looks into one file: the helper for the host, then the entry whose key is the
// longest part of the name, then the helper for all.
func (k *Ring) in(ctx context.Context, f *File, of registry.Reference) (registry.Credential, error) {
	for _, host := range slices.Sorted(maps.Keys(f.doc.CredHelpers)) {
		if keyName(host) == of.Registry {
			return k.help(ctx, f.doc.CredHelpers[host], host)
		}
	}
	entries := map[string]keyEntry{}
	for _, key := range slices.Sorted(maps.Keys(f.doc.Auths)) {
		if _, twice := entries[keyName(key)]; !twice || keyName(key) == key { // as it stands counts more
			entries[keyName(key)] = f.doc.Auths[key]
		}
	}
	for name := of.Name(); name != ""; name = name[:max(strings.LastIndexByte(name, '/'), 0)] {
		e, has := entries[name]
		if !has {
			continue
		}
		c, err := e.credential()
		if err != nil {
			return c, fault.Usagef("auths: %s: %w", name, err)
		}
		if c != (registry.Credential{}) {
			return c, nil
		}
	}
	if f.doc.CredsStore == "" {
		return registry.Credential{}, nil
	}
	server := of.Registry
	if server == registry.DockerHub {
		server = hubServer
	}
	return k.help(ctx, f.doc.CredsStore, server)
}

// hubServer is what docker's own programs call Docker Hub.
const hubServer = "https://index.docker.io/v1/"

// keyName returns the part of a registry, or one of its repositories, that a key
// means. An old key is a URL, whose path means nothing.
func keyName(key string) string {
	rest, https := strings.CutPrefix(key, "https://")
	rest, http := strings.CutPrefix(rest, "http://")
	if https || http {
		rest, _, _ = strings.Cut(rest, "/")
	}
	rest = strings.TrimRight(rest, "/")
	host, path, more := strings.Cut(rest, "/")
	switch host = strings.ToLower(host); host {
	case "index.docker.io", "registry-1.docker.io":
		host = registry.DockerHub
		if path == "v1" || path == "v2" {
			more = false
		}
	}
	if !more {
		return host
	}
	return host + "/" + path
}

// credential reads an entry. An empty one stands where a helper has the rest.
func (e keyEntry) credential() (registry.Credential, error) {
	c := registry.Credential{Username: e.Username, Password: e.Password, RefreshToken: e.IdentityToken, AccessToken: e.RegistryToken}
	if e.Auth == "" {
		return c, nil
	}
	text, err := base64.StdEncoding.DecodeString(e.Auth)
	user, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok {
		return registry.Credential{}, errors.New("auth is not the base64 of USER:PASSWORD")
	}
	c.Username, c.Password = user, strings.TrimRight(password, "\x00")
	return c, nil
}

// maxHelp bounds what a helper may print, in bytes.
const maxHelp = 1 << 20

// help asks a helper (docker-credential-helpers, protocol of get).
func (k *Ring) help(ctx context.Context, name, server string) (registry.Credential, error) {
	if k.Help == nil {
		return registry.Credential{}, &HelperError{name, errors.New("is not asked here")}
	}
	if name == "" || strings.ContainsAny(name, `/\`) {
		return registry.Credential{}, fault.Usagef("the name of a credential helper is %q, wanted the end of a program's name", name)
	}
	text, err := k.Help(ctx, name, server)
	var answer struct{ Username, Secret string }
	switch {
	case len(text) > maxHelp:
		return registry.Credential{}, &HelperError{name, fmt.Errorf("prints more than %d bytes", maxHelp)}
	case err != nil && strings.Contains(strings.ToLower(string(text)), "credentials not found"):
		return registry.Credential{}, nil
	case err != nil:
		return registry.Credential{}, &HelperError{name, err}
	case json.Unmarshal(text, &answer) != nil:
		return registry.Credential{}, &HelperError{name, errors.New("prints no JSON, wanted an object with Username and Secret")}
	}
	if answer.Username == "<token>" {
		return registry.Credential{RefreshToken: answer.Secret}, nil
	}
	return registry.Credential{Username: answer.Username, Password: answer.Secret}, nil
}
