// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/registry"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/secret"
	"github.com/orlop/orlop/release/oci"
)

// Scheme begins a reference where other kinds of name are possible, as for skopeo(1).
const Scheme = "docker://"

// Reference names a repository of a registry, and perhaps a manifest in it: by a
// tag, a digest, or both, of which the digest counts.
type Reference struct {
	Registry   string // host, perhaps with a port; docker.io for Docker Hub
	Repository string
	Tag        string
	Digest     digest.Digest
}

// DockerHub is the registry of names without one.
const DockerHub = "docker.io"

// maxName bounds REGISTRY/REPOSITORY, in bytes; most registries have no longer ones.
const maxName = 255

// ParseReference reads [docker://][REGISTRY/]REPOSITORY[:TAG][@DIGEST] and checks all
// that can be checked before anything is sent.
func ParseReference(text string) (Reference, error) {
	ref, err := split(strings.TrimPrefix(text, Scheme))
	if err == nil {
		err = ref.check()
	}
	if err != nil {
		return Reference{}, fault.Usagef("%s: %w", secret.CutText(text), err)
	}
	return ref, nil
}

// split takes a reference apart. As for docker and podman, the first part is a
// registry if it has a dot or a colon, or is localhost.
func split(text string) (Reference, error) {
	var ref Reference
	name, d, has := strings.Cut(text, "@")
	if ref.Digest = digest.Digest(d); has && d == "" {
		return ref, errors.New("has no digest after the @, wanted sha256:HEX")
	}
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		if name, ref.Tag = name[:at], name[at+1:]; ref.Tag == "" {
			return ref, errors.New("has no tag after the last colon")
		}
	}
	host, path, more := strings.Cut(name, "/")
	if more && (strings.ContainsAny(host, ".:") || strings.EqualFold(host, "localhost")) {
		ref.Registry, ref.Repository = strings.ToLower(host), path
	} else {
		ref.Registry, ref.Repository = DockerHub, name
	}
	switch ref.Registry {
	case "index.docker.io", "registry-1.docker.io":
		ref.Registry = DockerHub
	}
	if ref.Registry == DockerHub && !strings.Contains(ref.Repository, "/") {
		ref.Repository = "library/" + ref.Repository
	}
	return ref, nil
}

// check finds what no registry, or not this one, accepts.
func (r Reference) check() error {
	if !isHost(r.Registry) {
		return fmt.Errorf("registry %q: wanted a host, perhaps with a port", r.Registry)
	}
	if (registry.Reference{Repository: r.Repository}).ValidateRepository() != nil {
		return fmt.Errorf("repository %q: wanted parts of lower-case letters, digits and single . _ - between them, with / between parts", r.Repository)
	}
	if n := len(r.Name()); n > maxName {
		return fmt.Errorf("has a name of %d characters, wanted at most %d", n, maxName)
	}
	if r.Registry == DockerHub && strings.Count(r.Repository, "/") != 1 {
		return fmt.Errorf("repository %q: docker.io has names of two parts, as in freebsd/freebsd-runtime", r.Repository)
	}
	if r.Tag != "" {
		if err := CheckTag(r.Tag); err != nil {
			return err
		}
	}
	if r.Digest != "" {
		return oci.CheckDigest(r.Digest)
	}
	return nil
}

// hosts are names, or addresses of either kind, as docker and podman take them.
var hosts = regexp.MustCompile(`^(?:[a-z0-9]+(?:[.-]+[a-z0-9]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$`)

// isHost accepts a host, perhaps with a port.
func isHost(name string) bool {
	u, err := url.Parse("https://" + name)
	if err != nil || !hosts.MatchString(name) {
		return false
	}
	_, err = strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	return err == nil
}

// CheckTag accepts the name of a tag.
func CheckTag(tag string) error {
	if (registry.Reference{Reference: tag}).ValidateReferenceAsTag() != nil {
		return fault.Usagef("tag %q: wanted at most 128 letters, digits and _ . -, the first no . or -", tag)
	}
	return nil
}

// address returns where a registry is reached.
func address(name string) string {
	if name == DockerHub {
		return "registry-1.docker.io"
	}
	return name
}

// Name returns REGISTRY/REPOSITORY.
func (r Reference) Name() string { return r.Registry + "/" + r.Repository }

// String returns the reference in the form that podman(1) and skopeo(1) take, which is
// without the tag if there is a digest.
func (r Reference) String() string {
	s := r.Name()
	if r.Tag != "" && r.Digest == "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest.String()
	}
	return s
}

// manifest returns the part that names a manifest, for the registry: the digest if
// there is one.
func (r Reference) manifest() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}
